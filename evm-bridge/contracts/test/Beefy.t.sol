// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {AnswerDelivery, Batch, State, Ticket} from "../src/Types.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {Messages} from "../src/lib/Messages.sol";
import {BridgeSet} from "../src/verifier/BridgeSet.sol";
import {Base} from "./utils/Base.sol";
import {BeefyVerifier} from "./utils/BeefyVerifier.sol";
import {vm} from "./utils/Vm.sol";

/// Properties: a gateway takes a proof of the chain's finality instead of a quorum's word without a change; every byte of such a proof
/// counts. And what it costs: figures for the decision between both.
contract BeefyTest is Base {
    /// A year's blocks of two seconds make a tree of this height.
    uint256 private constant RANGE = 24;
    /// Digests of eight lanes.
    uint256 private constant OUTBOX = 3;

    IVerifier private verifier;

    function test_gas_of_deliveries_by_a_finality_proof() public {
        uint8[3] memory quorums = [3, 7, 15];
        uint8[3] memory members = [4, 10, 22];
        for (uint256 i = 0; i < quorums.length; ++i) {
            _deployWithProofs(members[i], quorums[i]);
            Ticket memory ticket = _ask(alice, 10 * LP);
            (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(LP, 9 * LP));
            batch.proof = _finality(_digestOf(batch));
            gateway.deliver(batch, answers, _noPayouts());
            vm.snapshotGasLastCall("beefy", string.concat("deliver one answer, signers ", vm.toString(quorums[i])));
            (State state,,,) = gateway.resultOf(ticket.id);
            require(state == State.Answered, "not delivered");
        }
    }

    function testFuzz_every_byte_of_a_finality_proof_counts(uint256 place, uint8 change) public {
        _deployWithProofs(4, 3);
        bytes32 digest = keccak256("digest");
        bytes memory proof = _finality(digest);
        verifier.verify(setId, digest, proof);
        place %= proof.length;
        // Of the four bytes of sides those beyond the path's length say nothing.
        if (_isUnusedSide(place) || change == 0) return;
        proof[place] = bytes1(uint8(proof[place]) ^ change);
        vm.expectRevert();
        verifier.verify(setId, digest, proof);
    }

    function test_a_finality_proof_of_another_digest_or_set_is_refused() public {
        _deployWithProofs(4, 3);
        bytes memory proof = _finality(keccak256("digest"));
        vm.expectRevert(BeefyVerifier.NotInOutbox.selector);
        verifier.verify(setId, keccak256("another"), proof);
        vm.expectRevert(abi.encodeWithSelector(BeefyVerifier.WrongSet.selector, setId + 1));
        verifier.verify(setId + 1, keccak256("digest"), proof);
    }

    function _deployWithProofs(uint256 members, uint8 threshold_) private {
        keys = _keys(members, "validators");
        (threshold, setId) = (threshold_, 1);
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        BridgeSet validators = new BridgeSet(expected, LANE, threshold_, _addresses(keys));
        verifier = new BeefyVerifier(expected, validators);
        gateway = new LilypadGateway(_constants(address(lp)), _settings(), verifier);
        _approve(alice);
        // The first answer of all writes slots that were never written.
        Ticket memory first = _ask(alice, 10 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(first, _done(10 * LP, 0));
        batch.proof = _finality(_digestOf(batch));
        gateway.deliver(batch, answers, _noPayouts());
    }

    function _digestOf(Batch memory batch) private view returns (bytes32) {
        return _digest(this.batchHash(LANE, batch.set, batch.time, batch.messages));
    }

    /// @dev A proof that the chain's block had this digest in its outbox.
    function _finality(bytes32 digest) private view returns (bytes memory) {
        (bytes32 outbox, bytes memory below) = _path(digest, OUTBOX, 5);
        // Version, the parent's number and hash, the next set's number, size and root, and the outbox.
        bytes memory leaf =
            abi.encodePacked(uint8(0), uint32(9), keccak256("parent"), uint64(2), uint32(4), keccak256("set"), outbox);
        (bytes32 root, bytes memory above) = _path(keccak256(leaf), RANGE, 0xa5a5a5);
        // One entry, "mh": 32 bytes; the block's number; the set's, below 64.
        bytes memory commitment = abi.encodePacked(hex"04", "mh", hex"80", root, uint32(10), uint8(setId), bytes7(0));
        return abi.encodePacked(commitment, leaf, above, below, _proof(keccak256(commitment), threshold));
    }

    function _path(bytes32 node, uint256 height, uint32 sides) private pure returns (bytes32 root, bytes memory path) {
        path = abi.encodePacked(uint8(height), sides);
        root = node;
        for (uint256 i = 0; i < height; ++i) {
            bytes32 other = keccak256(abi.encode(i));
            path = abi.encodePacked(path, other);
            root = (sides >> i) & 1 == 0
                ? keccak256(abi.encodePacked(root, other))
                : keccak256(abi.encodePacked(other, root));
        }
    }

    function _isUnusedSide(uint256 place) private pure returns (bool) {
        uint256 range = 48 + 113;
        uint256 outbox = range + 5 + 32 * RANGE;
        return place == range + 1 || (place > outbox && place <= outbox + 4);
    }
}
