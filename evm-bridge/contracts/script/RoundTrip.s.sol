// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {LilypadToken} from "../src/LilypadToken.sol";
import {Answer, AnswerDelivery, Batch, PayoutDelivery, Request, State, Ticket} from "../src/Types.sol";
import {Cowsay} from "../src/examples/Cowsay.sol";
import {Messages} from "../src/lib/Messages.sol";
import {vm} from "../test/utils/Vm.sol";

/// @dev A contract of its own, because a script may not call itself, and the hashes are of calldata, as at the gateway.
contract Hasher {
    function job(Request calldata request) external pure returns (bytes32) {
        return Messages.job(request);
    }

    function answer(bytes32 ticket, Answer calldata what) external pure returns (bytes32) {
        return Messages.answer(ticket, what);
    }

    function batch(uint64 lane, uint64 time, bytes32[] calldata messages) external pure returns (bytes32) {
        return Messages.batch(lane, 1, time, messages);
    }
}

/// @title The second half of a round trip on a development chain, with the market played by this script
/// @notice Answers what the example was asked: signs as the bridge set would, delivers, and withdraws the refund. What shows that a
/// deployment works before any relayer runs.
///
/// `DEPLOYMENT` is what `Deploy` wrote; `REQUEST` and `ASKED_AT` the request's number and its block's time; `BRIDGE_KEYS` the set's
/// secret keys, ascending by address: for development only.
contract RoundTrip {
    bool public constant IS_SCRIPT = true;

    uint96 private constant BUDGET = 3e18;
    uint96 private constant COST = 1e18;
    bytes32 private constant ROOT = keccak256("what the cow said");

    error Failed(string what);

    LilypadGateway private gateway;
    Cowsay private cow;

    function run() external {
        string memory deployment = vm.readFile(vm.envOr("DEPLOYMENT", string("./out/deployment.json")));
        gateway = LilypadGateway(vm.parseJsonAddress(deployment, ".gateway"));
        cow = Cowsay(vm.parseJsonAddress(deployment, ".example"));
        LilypadToken token = LilypadToken(gateway.token());
        Ticket memory ticket = _ticket();
        (Batch memory batch, AnswerDelivery[] memory answers) = _answered(ticket);
        uint256 before = token.balanceOf(ticket.refundTo);

        vm.startBroadcast();
        gateway.deliver(batch, answers, new PayoutDelivery[](0));
        gateway.withdraw(ticket.refundTo);
        vm.stopBroadcast();

        (State state,,,) = gateway.resultOf(ticket.id);
        (,,,, bytes32 root) = cow.sayings(ticket.id);
        if (state != State.Told || root != ROOT) revert Failed("callback");
        if (token.balanceOf(ticket.refundTo) - before != BUDGET - COST) revert Failed("refund");
    }

    function _ticket() private returns (Ticket memory) {
        uint64 id = uint64(vm.envOr("REQUEST", uint256(1)));
        (address asker,,,,) = cow.sayings(id);
        string[] memory inputs = new string[](1);
        inputs[0] = "Message=moo";
        uint64 acceptBy = uint64(vm.envOr("ASKED_AT", uint256(0))) + cow.WINDOW();
        Request memory request = Request(cow.module(), inputs, BUDGET, acceptBy, 0, cow.CALLBACK_GAS(), asker, 0);
        bytes32 job = new Hasher().job(request);
        return Ticket(id, address(cow), asker, BUDGET, acceptBy, request.callbackGas, job);
    }

    function _answered(Ticket memory ticket) private returns (Batch memory batch, AnswerDelivery[] memory answers) {
        Hasher hasher = new Hasher();
        answers = new AnswerDelivery[](1);
        answers[0] = AnswerDelivery(0, ticket, Answer(1, 0, 0, ROOT, COST, BUDGET - COST));
        batch.messages = new bytes32[](1);
        batch.messages[0] = hasher.answer(Messages.ticket(ticket), answers[0].answer);
        (batch.set, batch.time) = (1, uint64(block.timestamp));
        bytes32 structHash = hasher.batch(gateway.LANE(), batch.time, batch.messages);
        batch.proof = _proof(Messages.digest(gateway.domainSeparator(), structHash));
    }

    function _proof(bytes32 digest) private view returns (bytes memory proof) {
        uint256[] memory keys = vm.envUint("BRIDGE_KEYS", ",");
        uint8 threshold = uint8((2 * keys.length + 2) / 3);
        proof = abi.encodePacked(threshold, uint8(keys.length));
        for (uint256 i = 0; i < keys.length; ++i) {
            proof = abi.encodePacked(proof, vm.addr(keys[i]));
        }
        for (uint256 i = 0; i < threshold; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            proof = abi.encodePacked(proof, r, s, v);
        }
    }
}
