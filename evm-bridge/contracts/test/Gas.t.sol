// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Answer, AnswerDelivery, Batch, Payout, PayoutDelivery, Request, Ticket} from "../src/Types.sol";
import {Cowsay} from "../src/examples/Cowsay.sol";
import {LilypadFacade} from "../src/facade/LilypadFacade.sol";
import {Messages} from "../src/lib/Messages.sol";
import {Base} from "./utils/Base.sol";
import {V2Client} from "./utils/V2Client.sol";
import {vm} from "./utils/Vm.sol";

/// What things cost. With `--isolate` each call is a transaction of its own, so that the figures in `snapshots/` are what a
/// receipt says: with the transaction's own 21,000 gas, its data, and cold storage.
contract GasTest is Base {
    function test_gas_of_a_request() public {
        // Somebody was here before: the first request of all writes slots that were never written.
        _ask(mallory, LP);
        Request memory request = _cowsay(10 * LP);
        vm.prank(alice);
        gateway.request(request);
        vm.snapshotGasLastCall("gateway", "request");
    }

    function test_gas_of_a_deposit() public {
        _ask(mallory, LP);
        vm.prank(alice);
        gateway.bridgeIn(bytes32(uint256(1)), LP);
        vm.snapshotGasLastCall("gateway", "bridge in");
    }

    function test_gas_of_deliveries_by_signers() public {
        uint8[5] memory quorums = [1, 2, 3, 7, 15];
        uint8[5] memory members = [1, 3, 4, 10, 22];
        for (uint256 i = 0; i < quorums.length; ++i) {
            _fresh(members[i], quorums[i]);
            (Batch memory batch, AnswerDelivery[] memory answers) = _one(_ask(alice, 10 * LP), _done(LP, 9 * LP));
            gateway.deliver(batch, answers, _noPayouts());
            vm.snapshotGasLastCall("gateway", string.concat("deliver one answer, signers ", vm.toString(quorums[i])));
        }
    }

    function test_gas_of_batches_by_signers() public {
        uint8[3] memory quorums = [3, 7, 15];
        uint8[3] memory members = [4, 10, 22];
        for (uint256 i = 0; i < quorums.length; ++i) {
            _fresh(members[i], quorums[i]);
            AnswerDelivery[] memory answers = new AnswerDelivery[](10);
            bytes32[] memory messages = new bytes32[](10);
            for (uint256 j = 0; j < 10; ++j) {
                Request memory request = _cowsay(10 * LP);
                request.refundTo = address(uint160(0x1000 + j));
                answers[j] = AnswerDelivery(j, _ask(alice, request), _done(LP, 9 * LP));
                messages[j] = this.answerHash(Messages.ticket(answers[j].ticket), answers[j].answer);
            }
            gateway.deliver(_signed(messages, uint64(block.timestamp)), answers, _noPayouts());
            vm.snapshotGasLastCall("gateway", string.concat("deliver ten answers, signers ", vm.toString(quorums[i])));
        }
    }

    function test_gas_of_a_delivery_without_refund_and_to_a_known_account() public {
        _fresh(4, 3);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(_ask(alice, 10 * LP), _done(10 * LP, 0));
        gateway.deliver(batch, answers, _noPayouts());
        vm.snapshotGasLastCall("gateway", "deliver one answer, signers 3, no refund");
        _deliver(_ask(alice, 10 * LP), _done(LP, 9 * LP));
        (batch, answers) = _one(_ask(alice, 10 * LP), _done(LP, 9 * LP));
        gateway.deliver(batch, answers, _noPayouts());
        vm.snapshotGasLastCall("gateway", "deliver one answer, signers 3, refund added to credit");
    }

    /// What the gateway itself costs when there is a callback.
    function test_gas_of_a_delivery_with_an_empty_callback() public {
        uint8[3] memory quorums = [3, 7, 15];
        uint8[3] memory members = [4, 10, 22];
        for (uint256 i = 0; i < quorums.length; ++i) {
            _fresh(members[i], quorums[i]);
            address who = address(uint160(0x2000 + i));
            lp.transfer(who, 10 * LP);
            _approve(who);
            (Batch memory batch, AnswerDelivery[] memory answers) = _one(_ask(who, 10 * LP), _done(LP, 9 * LP));
            // Code that does nothing but return.
            vm.etch(who, hex"00");
            gateway.deliver(batch, answers, _noPayouts());
            vm.snapshotGasLastCall(
                "gateway", string.concat("deliver one answer, empty callback, signers ", vm.toString(quorums[i]))
            );
        }
    }

    function test_gas_of_a_payout_and_its_withdrawal() public {
        _fresh(4, 3);
        _ask(alice, 20 * LP);
        _deliver(Payout(0, mallory, LP));
        (Batch memory batch, PayoutDelivery[] memory payouts) = _one(Payout(1, bob, LP));
        gateway.deliver(batch, _noAnswers(), payouts);
        vm.snapshotGasLastCall("gateway", "deliver one payout, signers 3");
        gateway.withdraw(bob);
        vm.snapshotGasLastCall("gateway", "withdraw");
    }

    function test_gas_of_a_sign_of_life_and_a_rotation() public {
        _fresh(4, 3);
        Batch memory batch = _signed(new bytes32[](0), uint64(block.timestamp + 1));
        gateway.deliver(batch, _noAnswers(), _noPayouts());
        vm.snapshotGasLastCall("gateway", "sign of life, signers 3");
        address[] memory members = _addresses(_keys(4, "next"));
        bytes memory proof = _proof(_digest(this.rotateHash(LANE, 1, 2, 3, members)), 3);
        bridge.rotate(3, members, proof);
        vm.snapshotGasLastCall("bridge set", "rotate, four members, signers 3");
    }

    function test_gas_of_the_round_trip_of_the_example() public {
        _fresh(4, 3);
        Cowsay cow = new Cowsay(gateway, "cowsay:v0.0.1");
        vm.prank(alice);
        lp.approve(address(cow), type(uint256).max);
        vm.prank(alice);
        cow.ask("moo", 10 * LP);
        vm.snapshotGasLastCall("example", "1 ask");
        Request memory request = _cowsay(10 * LP);
        request.refundTo = alice;
        request.callbackGas = cow.CALLBACK_GAS();
        Ticket memory ticket = this.ticketOf(2, address(cow), 10 * LP, request);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(LP, 9 * LP));
        gateway.deliver(batch, answers, _noPayouts());
        vm.snapshotGasLastCall("example", "2 deliver with callback, signers 3");
        gateway.withdraw(alice);
        vm.snapshotGasLastCall("example", "3 withdraw");
    }

    function test_gas_of_the_round_trip_of_a_v2_client() public {
        _fresh(4, 3);
        V2Client client = new V2Client();
        LilypadFacade facade =
            new LilypadFacade(gateway, owner, address(client), LilypadFacade.Terms(2 * LP, 1 hours, 400_000));
        client.setJobManagerAddress(address(facade));
        vm.prank(alice);
        lp.approve(address(facade), type(uint256).max);
        vm.prank(alice);
        client.runCowsay("moo");
        vm.snapshotGasLastCall("facade", "1 run job");
        Request memory request = _cowsay(2 * LP);
        request.refundTo = alice;
        request.callbackGas = 400_000;
        Ticket memory ticket = this.ticketOf(2, address(facade), 2 * LP, request);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(LP, LP));
        gateway.deliver(batch, answers, _noPayouts());
        vm.snapshotGasLastCall("facade", "2 deliver with callback, signers 3");
    }

    /// @dev A gateway that has been used before, and a set of its own.
    function _fresh(uint256 members, uint8 quorum) private {
        _deploy(address(lp), members, quorum);
        _approve(alice);
        _approve(mallory);
        _ask(mallory, 50 * LP);
        vm.warp(block.timestamp + 1);
    }
}
