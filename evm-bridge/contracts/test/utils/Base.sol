// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LilypadGateway} from "../../src/LilypadGateway.sol";
import {LilypadToken} from "../../src/LilypadToken.sol";
import {Answer, AnswerDelivery, Batch, Payout, PayoutDelivery, Request, State, Ticket} from "../../src/Types.sol";
import {GatewayStore} from "../../src/gateway/GatewayStore.sol";
import {ILilypadGateway} from "../../src/interfaces/ILilypadGateway.sol";
import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Messages} from "../../src/lib/Messages.sol";
import {BridgeSet} from "../../src/verifier/BridgeSet.sol";
import {vm} from "./Vm.sol";

/// @dev A gateway with a bridge set of three, of whom two are a quorum, and the words to say what happens to it.
abstract contract Base {
    bool public constant IS_TEST = true;

    uint64 internal constant LANE = 7;
    uint96 internal constant LP = 1e18;
    uint96 internal constant MAX_DEPOSIT = 1000 * LP;
    uint96 internal constant CAP = 2000 * LP;
    uint96 internal constant MAX_LOCKED = 1_000_000 * LP;

    address internal owner = _named("owner");
    address internal guardian = _named("guardian");
    address internal alice = _named("alice");
    address internal bob = _named("bob");
    address internal mallory = _named("mallory");

    LilypadToken internal lp;
    LilypadGateway internal gateway;
    BridgeSet internal bridge;

    /// @dev The set in office, ascending by address.
    uint256[] internal keys;
    uint8 internal threshold;
    uint64 internal setId;

    function setUp() public virtual {
        vm.warp(1_760_000_000);
        lp = new LilypadToken(address(this), 10_000_000 * uint256(LP));
        _deploy(address(lp), 3, 2);
        lp.transfer(alice, 100_000 * uint256(LP));
        lp.transfer(mallory, 100_000 * uint256(LP));
        _approve(alice);
        _approve(mallory);
    }

    // -- Set-up -------------------------------------------------------------------------------------------------------

    function _deploy(address token, uint256 members, uint8 threshold_) internal {
        keys = _keys(members, "genesis");
        (threshold, setId) = (threshold_, 1);
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        bridge = new BridgeSet(expected, LANE, threshold_, _addresses(keys));
        gateway = new LilypadGateway(_constants(token), _settings(), bridge);
        require(address(gateway) == expected, "address");
    }

    function _constants(address token) internal pure returns (GatewayStore.Constants memory) {
        return
            GatewayStore.Constants({
                token: token, lane: LANE, escapeDelay: 30 days, minDeposit: LP / 1000, capFloor: CAP
            });
    }

    function _settings() internal view returns (LilypadGateway.Settings memory) {
        return LilypadGateway.Settings({
            owner: owner, guardian: guardian, maxDeposit: MAX_DEPOSIT, maxLocked: MAX_LOCKED, outflowCap: CAP
        });
    }

    function _approve(address who) internal {
        vm.prank(who);
        lp.approve(address(gateway), type(uint256).max);
    }

    /// @dev Somebody new who has `amount`, and signs that `spender` may take it.
    function _permit(address spender, uint256 amount) internal returns (address carol, uint8 v, bytes32 r, bytes32 s) {
        uint256 key = uint256(keccak256("carol"));
        carol = vm.addr(key);
        lp.transfer(carol, amount);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                carol,
                spender,
                amount,
                0,
                type(uint256).max
            )
        );
        (v, r, s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", lp.DOMAIN_SEPARATOR(), structHash)));
    }

    function _named(string memory name) internal returns (address who) {
        who = address(uint160(uint256(keccak256(bytes(name)))));
        vm.label(who, name);
    }

    /// @dev Keys whose addresses ascend.
    function _keys(uint256 count, string memory seed) internal pure returns (uint256[] memory sorted) {
        sorted = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode(seed, i)));
            uint256 place = i;
            for (; place > 0 && vm.addr(sorted[place - 1]) > vm.addr(key); --place) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = key;
        }
    }

    function _addresses(uint256[] memory from) internal pure returns (address[] memory to) {
        to = new address[](from.length);
        for (uint256 i = 0; i < from.length; ++i) {
            to[i] = vm.addr(from[i]);
        }
    }

    // -- Requests -----------------------------------------------------------------------------------------------------

    function _cowsay(uint96 budget) internal view returns (Request memory request) {
        string[] memory inputs = new string[](1);
        inputs[0] = "Message=moo";
        request = Request({
            module: "cowsay:v0.0.1",
            inputs: inputs,
            budget: budget,
            acceptBy: uint64(block.timestamp + 1 hours),
            timeLimit: 0,
            callbackGas: 200_000,
            refundTo: address(0),
            delegate: 0
        });
    }

    /// @dev Asks, and returns the ticket.
    function _ask(address who, Request memory request) internal returns (Ticket memory) {
        vm.prank(who);
        uint64 id = gateway.request(request);
        return this.ticketOf(id, who, request.budget, request);
    }

    function _ask(address who, uint96 budget) internal returns (Ticket memory) {
        return _ask(who, _cowsay(budget));
    }

    function ticketOf(uint64 id, address who, uint96 budget, Request calldata request)
        external
        pure
        returns (Ticket memory)
    {
        return Ticket({
            id: id,
            requester: who,
            refundTo: request.refundTo == address(0) ? who : request.refundTo,
            budget: budget,
            acceptBy: request.acceptBy,
            callbackGas: request.callbackGas,
            job: Messages.job(request)
        });
    }

    function answerHash(bytes32 ticket, Answer calldata answer) external pure returns (bytes32) {
        return Messages.answer(ticket, answer);
    }

    function payoutHash(Payout calldata payout) external pure returns (bytes32) {
        return Messages.payout(payout);
    }

    function batchHash(uint64 lane, uint64 set, uint64 time, bytes32[] calldata messages)
        external
        pure
        returns (bytes32)
    {
        return Messages.batch(lane, set, time, messages);
    }

    function rotateHash(uint64 lane, uint64 set, uint64 next, uint8 threshold_, address[] calldata members)
        external
        pure
        returns (bytes32)
    {
        return Messages.rotate(lane, set, next, threshold_, members);
    }

    function _done(uint96 cost, uint96 refund) internal pure returns (Answer memory) {
        return Answer({deal: 41, status: 0, exitCode: 0, root: keccak256("output"), cost: cost, refund: refund});
    }

    function _failed(uint8 status, uint96 refund) internal pure returns (Answer memory) {
        return Answer({deal: 0, status: status, exitCode: 0, root: 0, cost: 0, refund: refund});
    }

    // -- What the chain says ------------------------------------------------------------------------------------------

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return Messages.digest(Messages.domain(address(gateway)), structHash);
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _head(uint8 threshold_, uint256[] memory members) internal pure returns (bytes memory head) {
        head = abi.encodePacked(threshold_, uint8(members.length));
        for (uint256 i = 0; i < members.length; ++i) {
            head = abi.encodePacked(head, vm.addr(members[i]));
        }
    }

    /// @dev A proof by the first `signers` of the set in office.
    function _proof(bytes32 digest, uint256 signers) internal view returns (bytes memory proof) {
        proof = _head(threshold, keys);
        for (uint256 i = 0; i < signers; ++i) {
            proof = abi.encodePacked(proof, _signature(keys[i], digest));
        }
    }

    function _signed(bytes32[] memory messages, uint64 time) internal view returns (Batch memory batch) {
        bytes32 digest = _digest(this.batchHash(LANE, setId, time, messages));
        batch = Batch({set: setId, time: time, messages: messages, proof: _proof(digest, threshold)});
    }

    function _signed(bytes32 message) internal view returns (Batch memory) {
        bytes32[] memory messages = new bytes32[](1);
        messages[0] = message;
        return _signed(messages, uint64(block.timestamp));
    }

    function _one(Ticket memory ticket, Answer memory answer)
        internal
        view
        returns (Batch memory batch, AnswerDelivery[] memory answers)
    {
        batch = _signed(this.answerHash(Messages.ticket(ticket), answer));
        answers = new AnswerDelivery[](1);
        answers[0] = AnswerDelivery({index: 0, ticket: ticket, answer: answer});
    }

    function _one(Payout memory payout) internal view returns (Batch memory batch, PayoutDelivery[] memory payouts) {
        batch = _signed(this.payoutHash(payout));
        payouts = new PayoutDelivery[](1);
        payouts[0] = PayoutDelivery({index: 0, payout: payout});
    }

    function _deliver(Ticket memory ticket, Answer memory answer) internal {
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, answer);
        gateway.deliver(batch, answers, _noPayouts());
    }

    function _deliver(Payout memory payout) internal {
        (Batch memory batch, PayoutDelivery[] memory payouts) = _one(payout);
        gateway.deliver(batch, _noAnswers(), payouts);
    }

    function _heartbeat() internal {
        gateway.deliver(_signed(new bytes32[](0), uint64(block.timestamp)), _noAnswers(), _noPayouts());
    }

    function _noAnswers() internal pure returns (AnswerDelivery[] memory) {
        return new AnswerDelivery[](0);
    }

    function _noPayouts() internal pure returns (PayoutDelivery[] memory) {
        return new PayoutDelivery[](0);
    }

    // -- Claims -------------------------------------------------------------------------------------------------------

    function _state(uint64 id) internal view returns (State state) {
        (state,,,) = gateway.resultOf(id);
    }

    function assertState(uint64 id, State expected) internal view {
        vm.assertEq(uint256(uint8(_state(id))), uint256(uint8(expected)), "state");
    }

    function assertEq(uint256 a, uint256 b) internal pure {
        vm.assertEq(a, b, "");
    }

    function assertEq(address a, address b) internal pure {
        vm.assertEq(a, b, "");
    }

    function assertEq(bytes32 a, bytes32 b) internal pure {
        vm.assertEq(a, b, "");
    }

    function assertEq(string memory a, string memory b) internal pure {
        vm.assertEq(a, b, "");
    }

    function assertTrue(bool condition) internal pure {
        vm.assertTrue(condition, "");
    }

    /// @dev The first property of the whole gateway.
    function assertSolvent() internal view {
        vm.assertGe(lp.balanceOf(address(gateway)), gateway.locked() + gateway.owed(), "holds less than it owes");
    }

    function bound(uint256 x, uint256 min, uint256 max) internal pure returns (uint256) {
        return min + x % (max - min + 1);
    }
}
