// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {LilypadToken} from "../src/LilypadToken.sol";
import {Answer, AnswerDelivery, Batch, PayoutDelivery, Request, State, Ticket} from "../src/Types.sol";
import {Cowsay} from "../src/examples/Cowsay.sol";
import {Messages} from "../src/lib/Messages.sol";
import {vm} from "../test/utils/Vm.sol";

/// @title One round trip on a development chain, with the market played by this script
/// @notice Asks the example for a cow, signs the answer as the bridge set would, delivers it and withdraws the refund: what shows that
/// a deployment works before any relayer runs. `BRIDGE_KEYS` are the set's secret keys, ascending by address: for development only.
contract RoundTrip {
    bool public constant IS_SCRIPT = true;

    uint96 private constant BUDGET = 3e18;
    uint96 private constant COST = 1e18;

    LilypadGateway private gateway;
    Cowsay private cow;

    error Failed(string what);

    function run() external {
        string memory deployment = vm.readFile(vm.envOr("DEPLOYMENT", string("./out/deployment.json")));
        gateway = LilypadGateway(vm.parseJsonAddress(deployment, ".gateway"));
        cow = Cowsay(vm.parseJsonAddress(deployment, ".example"));
        LilypadToken token = LilypadToken(gateway.token());

        vm.startBroadcast();
        (, address me,) = vm.readCallers();
        uint256 before = token.balanceOf(me);
        token.approve(address(cow), BUDGET);
        uint64 acceptBy = uint64(block.timestamp) + cow.WINDOW();
        uint64 id = uint64(cow.ask("moo", BUDGET));
        Ticket memory ticket = this.ticketOf(id, me, acceptBy);
        _deliver(ticket, Answer(1, 0, 0, keccak256("what the cow said"), COST, BUDGET - COST));
        gateway.withdraw(me);
        vm.stopBroadcast();

        (State state,,,) = gateway.resultOf(id);
        (,,,, bytes32 root) = cow.sayings(id);
        if (state != State.Told || root != keccak256("what the cow said")) revert Failed("callback");
        if (before - token.balanceOf(me) != COST) revert Failed("refund");
    }

    /// @dev External, so that the request is calldata, as at the gateway.
    function ticketOf(uint64 id, address me, uint64 acceptBy) external view returns (Ticket memory) {
        string[] memory inputs = new string[](1);
        inputs[0] = "Message=moo";
        Request memory request = Request(cow.module(), inputs, BUDGET, acceptBy, 0, cow.CALLBACK_GAS(), me, 0);
        return Ticket(id, address(cow), me, BUDGET, acceptBy, request.callbackGas, this.jobOf(request));
    }

    function jobOf(Request calldata request) external pure returns (bytes32) {
        return Messages.job(request);
    }

    function answerOf(bytes32 ticket, Answer calldata answer) external pure returns (bytes32) {
        return Messages.answer(ticket, answer);
    }

    function batchOf(uint64 time, bytes32[] calldata messages) external view returns (bytes32) {
        return Messages.digest(gateway.domainSeparator(), Messages.batch(gateway.LANE(), 1, time, messages));
    }

    function _deliver(Ticket memory ticket, Answer memory answer) private {
        uint256[] memory keys = vm.envUint("BRIDGE_KEYS", ",");
        bytes32[] memory messages = new bytes32[](1);
        messages[0] = this.answerOf(Messages.ticket(ticket), answer);
        uint64 time = uint64(block.timestamp);
        bytes32 digest = this.batchOf(time, messages);
        uint8 threshold = uint8((2 * keys.length + 2) / 3);
        bytes memory proof = abi.encodePacked(threshold, uint8(keys.length));
        for (uint256 i = 0; i < keys.length; ++i) {
            proof = abi.encodePacked(proof, vm.addr(keys[i]));
        }
        for (uint256 i = 0; i < threshold; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            proof = abi.encodePacked(proof, r, s, v);
        }
        AnswerDelivery[] memory answers = new AnswerDelivery[](1);
        answers[0] = AnswerDelivery(0, ticket, answer);
        gateway.deliver(Batch(1, time, messages, proof), answers, new PayoutDelivery[](0));
    }
}
