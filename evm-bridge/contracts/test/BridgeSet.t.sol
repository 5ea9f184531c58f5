// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {Answer, AnswerDelivery, Batch, Ticket} from "../src/Types.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Messages} from "../src/lib/Messages.sol";
import {BridgeSet} from "../src/verifier/BridgeSet.sol";
import {Base} from "./utils/Base.sol";
import {vm} from "./utils/Vm.sol";

/// Signatures of the bridge set.
///
/// Properties:
/// - No signature made for another chain, gateway, set, lane or message is accepted.
/// - No proof with fewer different members' signatures than the quorum is accepted: neither duplicates nor the other form of a
///   signature count twice.
/// - Only the set in office can put the next one into office, once.
contract BridgeSetTest is Base {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 private constant DIGEST = keccak256("a message");

    function test_quorum_works_with_any_two_of_three() public view {
        for (uint256 skip = 0; skip < 3; ++skip) {
            bytes memory proof = _head(2, keys);
            for (uint256 i = 0; i < 3; ++i) {
                if (i != skip) proof = abi.encodePacked(proof, _signature(keys[i], DIGEST));
            }
            bridge.verify(1, DIGEST, proof);
        }
        bridge.verify(1, DIGEST, _proof(DIGEST, 3));
    }

    function testFuzz_any_quorum_of_any_set_works(uint256 members, uint256 seed) public {
        members = bound(members, 1, 32);
        uint8 quorum = uint8((2 * members + 2) / 3);
        _deploy(address(lp), members, quorum);
        bytes memory proof = _head(quorum, keys);
        uint256 left = quorum;
        for (uint256 i = 0; i < members; ++i) {
            bool must = members - i == left;
            seed = uint256(keccak256(abi.encode(seed)));
            if (left != 0 && (must || seed & 1 == 1)) {
                proof = abi.encodePacked(proof, _signature(keys[i], DIGEST));
                --left;
            }
        }
        bridge.verify(1, DIGEST, proof);
    }

    function test_proof_fails_when_below_the_quorum() public {
        _refused(_proof(DIGEST, 1), abi.encodeWithSelector(BridgeSet.NoQuorum.selector, 1, 2));
        _refused(_proof(DIGEST, 0), abi.encodeWithSelector(BridgeSet.NoQuorum.selector, 0, 2));
    }

    function test_proof_fails_when_one_signs_twice() public {
        bytes memory one = _signature(keys[0], DIGEST);
        _refused(
            abi.encodePacked(_head(2, keys), one, one),
            abi.encodeWithSelector(BridgeSet.NotMember.selector, 1, vm.addr(keys[0]))
        );
    }

    function test_proof_fails_when_signatures_are_out_of_order() public {
        bytes memory proof = abi.encodePacked(_head(2, keys), _signature(keys[2], DIGEST), _signature(keys[0], DIGEST));
        _refused(proof, abi.encodeWithSelector(BridgeSet.NotMember.selector, 1, vm.addr(keys[0])));
    }

    function test_proof_fails_when_a_signature_is_malleated() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[1], DIGEST);
        bytes memory other = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        bytes memory proof = abi.encodePacked(_head(2, keys), _signature(keys[0], DIGEST), other);
        _refused(proof, abi.encodeWithSelector(BridgeSet.BadSignature.selector, 1));
        // Nor next to its first form.
        proof = abi.encodePacked(_head(2, keys), _signature(keys[1], DIGEST), other);
        _refused(proof, abi.encodeWithSelector(BridgeSet.BadSignature.selector, 1));
    }

    function test_proof_fails_when_v_is_not_27_or_28() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], DIGEST);
        for (uint256 i = 0; i < 3; ++i) {
            uint8 bad = [v - 27, v + 8, uint8(0xff)][i];
            bytes memory proof =
                abi.encodePacked(_head(2, keys), abi.encodePacked(r, s, bad), _signature(keys[1], DIGEST));
            _refused(proof, abi.encodeWithSelector(BridgeSet.BadSignature.selector, 0));
        }
    }

    function test_proof_fails_when_the_zero_address_is_recovered() public {
        bytes memory proof = abi.encodePacked(_head(2, keys), new bytes(65), _signature(keys[1], DIGEST));
        _refused(proof, abi.encodeWithSelector(BridgeSet.BadSignature.selector, 0));
        proof = abi.encodePacked(
            _head(2, keys), abi.encodePacked(bytes32(0), bytes32(0), uint8(27)), _signature(keys[1], DIGEST)
        );
        _refused(proof, abi.encodeWithSelector(BridgeSet.BadSignature.selector, 0));
    }

    function test_proof_fails_when_a_stranger_signs() public {
        uint256 stranger = uint256(keccak256("stranger"));
        bytes memory proof = abi.encodePacked(_head(2, keys), _signature(keys[0], DIGEST), _signature(stranger, DIGEST));
        _refused(proof, abi.encodeWithSelector(BridgeSet.NotMember.selector, 1, vm.addr(stranger)));
    }

    function test_proof_fails_when_it_brings_its_own_set() public {
        uint256[] memory own = _keys(3, "mine");
        bytes memory proof = abi.encodePacked(_head(2, own), _signature(own[0], DIGEST), _signature(own[1], DIGEST));
        _refused(proof, abi.encodeWithSelector(BridgeSet.WrongSet.selector, 1, 1));
        // Nor its own quorum.
        proof = abi.encodePacked(_head(1, keys), _signature(keys[0], DIGEST));
        _refused(proof, abi.encodeWithSelector(BridgeSet.WrongSet.selector, 1, 1));
    }

    function test_proof_fails_when_cut_short_or_padded() public {
        bytes memory good = _proof(DIGEST, 2);
        bytes[4] memory bad = [bytes(""), abi.encodePacked(uint8(2)), _head(2, keys), abi.encodePacked(good, uint8(0))];
        bytes memory why = abi.encodeWithSelector(BridgeSet.BadProof.selector);
        _refused(bad[0], why);
        _refused(bad[1], why);
        _refused(bad[2], abi.encodeWithSelector(BridgeSet.NoQuorum.selector, 0, 2));
        _refused(bad[3], why);
    }

    function testFuzz_no_other_message_passes(bytes32 digest) public {
        vm.assume(digest != DIGEST);
        bytes memory proof = _proof(DIGEST, 2);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        bridge.verify(1, digest, proof);
    }

    function testFuzz_no_flipped_bit_passes(uint256 bit) public {
        bytes memory proof = _proof(DIGEST, 2);
        bit = bound(bit, 0, proof.length * 8 - 1);
        proof[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert();
        bridge.verify(1, DIGEST, proof);
    }

    // -- Of another chain, gateway, lane, set -----------------------------------------------------------------------------

    function test_delivery_fails_when_signed_for_another_chain() public {
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(_ask(alice, LP), _done(0, LP));
        vm.chainId(4242);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_delivery_fails_when_signed_for_another_gateway() public {
        Ticket memory ticket = _ask(alice, LP);
        LilypadGateway first = gateway;
        // The same lane, set, chain and request, and another address.
        _deploy(address(lp), 3, 2);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(0, LP));
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        first.deliver(batch, answers, _noPayouts());
    }

    function test_delivery_fails_when_signed_for_another_lane() public {
        Ticket memory ticket = _ask(alice, LP);
        Answer memory answer = _done(0, LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, answer);
        bytes32 digest = _digest(this.batchHash(LANE + 1, 1, batch.time, batch.messages));
        batch.proof = _proof(digest, 2);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_delivery_fails_when_signed_for_another_set() public {
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(_ask(alice, LP), _done(0, LP));
        for (uint64 other = 0; other < 4; ++other) {
            if (other == 1) continue;
            batch.set = other;
            vm.expectRevert(abi.encodeWithSelector(BridgeSet.WrongSet.selector, other, 1));
            gateway.deliver(batch, answers, _noPayouts());
        }
        // And the set in office, with another number in what was signed.
        batch.set = 1;
        batch.proof = _proof(_digest(this.batchHash(LANE, 2, batch.time, batch.messages)), 2);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_delivery_fails_when_the_time_is_changed() public {
        Batch memory batch = _signed(new bytes32[](0), uint64(block.timestamp + 1));
        batch.time += 1;
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        gateway.deliver(batch, _noAnswers(), _noPayouts());
    }

    // -- Rotation -----------------------------------------------------------------------------------------------------

    function test_rotation_works() public {
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(_ask(alice, LP), _done(0, LP));
        uint256[] memory next = _keys(5, "next");
        address[] memory members = _addresses(next);
        bytes memory proof = _rotation(1, 4, members);
        vm.expectEmit(address(bridge));
        emit BridgeSet.Rotated(2, 4, members);
        vm.prank(mallory);
        bridge.rotate(4, members, proof);
        assertEq(bridge.current(), 2);

        // What the old set signed is void: the new one signs it again.
        vm.expectRevert(abi.encodeWithSelector(BridgeSet.WrongSet.selector, 1, 2));
        gateway.deliver(batch, answers, _noPayouts());
        (keys, threshold, setId) = (next, 4, 2);
        _deliver(answers[0].ticket, answers[0].answer);
    }

    function test_rotation_fails_when_repeated() public {
        address[] memory same = _addresses(keys);
        bytes memory proof = _rotation(1, 2, same);
        bridge.rotate(2, same, proof);
        // The same members, and another number in what they would have to sign.
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        bridge.rotate(2, same, proof);
    }

    function test_rotation_fails_when_signed_by_the_next_set() public {
        uint256[] memory next = _keys(3, "next");
        address[] memory members = _addresses(next);
        keys = next;
        bytes memory proof = _rotation(1, 2, members);
        vm.expectPartialRevert(BridgeSet.WrongSet.selector);
        bridge.rotate(2, members, proof);
    }

    function test_rotation_fails_when_changed() public {
        address[] memory members = _addresses(_keys(3, "next"));
        bytes memory proof = _rotation(1, 2, members);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        bridge.rotate(3, members, proof);
        members[2] = address(type(uint160).max);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        bridge.rotate(2, members, proof);
    }

    function test_a_delivery_is_no_rotation() public {
        address[] memory members = _addresses(_keys(3, "next"));
        bytes32[] memory messages = new bytes32[](1);
        messages[0] = this.rotateHash(LANE, 1, 2, 2, members);
        Batch memory batch = _signed(messages, uint64(block.timestamp + 1));
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        bridge.rotate(2, members, batch.proof);
    }

    function test_set_fails_when_malformed() public {
        address[] memory three = _addresses(keys);
        _noSet(0, new address[](0));
        _noSet(1, three);
        _noSet(4, three);
        _noSet(33, _addresses(_keys(33, "many")));
        (three[0], three[1]) = (three[1], three[0]);
        _noSet(2, three);
        three[0] = three[1];
        _noSet(2, three);
        three[0] = address(0);
        _noSet(2, three);
        vm.expectRevert(BridgeSet.BadGateway.selector);
        new BridgeSet(address(0), LANE, 2, _addresses(keys));
    }

    function _noSet(uint8 quorum, address[] memory members) private {
        vm.expectRevert(BridgeSet.BadSet.selector);
        new BridgeSet(address(gateway), LANE, quorum, members);
    }

    function _rotation(uint64 set, uint8 quorum, address[] memory members) private view returns (bytes memory) {
        return _proof(_digest(this.rotateHash(LANE, set, set + 1, quorum, members)), threshold);
    }

    function _refused(bytes memory proof, bytes memory why) private {
        vm.expectRevert(why);
        bridge.verify(1, DIGEST, proof);
    }
}
