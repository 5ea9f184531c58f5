// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Answer, AnswerDelivery, Batch, Request, State, Ticket} from "../src/Types.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Messages} from "../src/lib/Messages.sol";
import {Base} from "./utils/Base.sol";
import {Burner, Listener, Reenterer, Refuser, Talker} from "./utils/Clients.sol";
import {vm} from "./utils/Vm.sol";

/// Telling those who asked, whoever they are.
///
/// Properties:
/// - A callback gets the gas that its request named, or is not made.
/// - Whatever a callback does, the delivery that makes it succeeds, its refund is credited, and what it can make the deliverer
///   pay is bounded by the gas that its request named.
/// - A callback that fails can be repeated until it succeeds, and is never made again after that.
/// - No callback is made for an answer that is not yet recorded.
contract CallbackTest is Base {
    function test_callback_works() public {
        Listener client = new Listener(gateway);
        Ticket memory ticket = _askBy(client, 10 * LP, 200_000);
        Answer memory answer = _done(4 * LP, 6 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, answer);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.CallbackSucceeded(1);
        gateway.deliver(batch, answers, _noPayouts());
        assertEq(client.calls(), 1);
        assertEq(client.lastId(), 1);
        (uint64 deal, uint8 status, int32 exitCode, bytes32 root, uint96 cost, uint96 refund) = client.last();
        assertEq(keccak256(abi.encode(deal, status, exitCode, root, cost, refund)), keccak256(abi.encode(answer)));
        // Who took the result keeps it: here it is not kept twice.
        (State state, uint8 kept,, bytes32 keptRoot) = gateway.resultOf(1);
        assertTrue(state == State.Told && kept == 0 && keptRoot == 0);
    }

    function test_callback_is_made_for_failures_too() public {
        Listener client = new Listener(gateway);
        _deliver(_askBy(client, 10 * LP, 200_000), _failed(7, 10 * LP));
        (, uint8 status,,,,) = client.last();
        assertEq(status, 7);
    }

    function test_callback_is_not_made_when_not_wanted() public {
        Listener client = new Listener(gateway);
        _deliver(_askBy(client, 10 * LP, 0), _done(0, 0));
        assertEq(client.calls(), 0);
        assertState(1, State.Answered);
        (,,, bytes32 root) = gateway.resultOf(1);
        assertEq(root, keccak256("output"));
    }

    function test_callback_to_an_account_without_code_is_passed_over() public {
        _deliver(_ask(alice, LP), _done(0, 0));
        assertState(1, State.Answered);
    }

    function test_callback_that_reverts_loses_nothing_and_can_be_repeated() public {
        Refuser client = new Refuser(gateway);
        Ticket memory ticket = _askBy(client, 10 * LP, 200_000);
        Answer memory answer = _done(4 * LP, 6 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, answer);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.CallbackFailed(1, abi.encodeWithSelector(Refuser.NotNow.selector, 1));
        gateway.deliver(batch, answers, _noPayouts());
        assertState(1, State.CallbackFailed);
        assertEq(gateway.creditOf(address(client)), 6 * LP);
        (,,, bytes32 root) = gateway.resultOf(1);
        assertEq(root, answer.root);

        // Delivering again is no way to repeat it.
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(batch, answers, _noPayouts());
        vm.expectPartialRevert(ILilypadGateway.CallbackFailedAgain.selector);
        gateway.retryCallback(1);
        assertState(1, State.CallbackFailed);

        client.setWilling(true);
        vm.prank(mallory);
        gateway.retryCallback(1);
        assertEq(client.calls(), 1);
        (uint64 deal, uint8 status, int32 exitCode, bytes32 root_, uint96 cost, uint96 refund) = client.last();
        assertEq(keccak256(abi.encode(deal, status, exitCode, root_, cost, refund)), keccak256(abi.encode(answer)));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongState.selector, State.Told));
        gateway.retryCallback(1);
        assertEq(gateway.creditOf(address(client)), 6 * LP);
    }

    function test_retry_fails_when_there_is_nothing_to_repeat() public {
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongState.selector, State.None));
        gateway.retryCallback(1);
        _ask(alice, LP);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongState.selector, State.Pending));
        gateway.retryCallback(1);
    }

    function test_retry_works_while_deliveries_and_intake_are_paused() public {
        Refuser client = new Refuser(gateway);
        _deliver(_askBy(client, 10 * LP, 200_000), _done(0, 10 * LP));
        vm.startPrank(guardian);
        gateway.pauseDelivery();
        gateway.pauseIntake();
        vm.stopPrank();
        client.setWilling(true);
        gateway.retryCallback(1);
        assertEq(client.calls(), 1);
    }

    function test_burning_gas_costs_the_deliverer_no_more_than_was_named() public {
        Burner client = new Burner(gateway);
        (Batch memory batch, AnswerDelivery[] memory answers) =
            _one(_askBy(client, 10 * LP, 1_000_000), _done(0, 10 * LP));
        uint256 before = gasleft();
        gateway.deliver(batch, answers, _noPayouts());
        vm.assertLe(before - gasleft(), 1_000_000 + 250_000, "gas");
        assertState(1, State.CallbackFailed);
        assertEq(gateway.creditOf(address(client)), 10 * LP);
    }

    function test_returning_megabytes_costs_the_deliverer_nothing() public {
        Refuser client = new Refuser(gateway);
        client.setBytes(350_000);
        Ticket memory ticket = _askBy(client, 10 * LP, 1_000_000);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(0, 10 * LP));
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.CallbackFailed(1, new bytes(128));
        uint256 before = gasleft();
        gateway.deliver(batch, answers, _noPayouts());
        vm.assertLe(before - gasleft(), 1_000_000 + 250_000, "gas");

        Talker talker = new Talker(gateway);
        _deliver(_askBy(talker, 10 * LP, 500_000), _done(0, 10 * LP));
        assertState(2, State.Told);

        // With all the gas of a retry it can say more; the gateway hears no more of it.
        client.setBytes(2_000_000);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.CallbackFailedAgain.selector, new bytes(128)));
        gateway.retryCallback(1);
    }

    function test_re_entering_gains_nothing() public {
        Reenterer client = new Reenterer(gateway);
        lp.transfer(address(client), 10 * LP);
        AnswerDelivery[] memory answers = new AnswerDelivery[](2);
        answers[0] = AnswerDelivery(0, _askBy(client, 10 * LP, 1_000_000), _done(0, 10 * LP));
        answers[1] = AnswerDelivery(1, _askBy(client, 10 * LP, 100_000), _done(0, 10 * LP));
        bytes32[] memory messages = new bytes32[](2);
        for (uint256 i = 0; i < 2; ++i) {
            messages[i] = this.answerHash(Messages.ticket(answers[i].ticket), answers[i].answer);
        }
        Batch memory batch = _signed(messages, uint64(block.timestamp));
        client.prepare(batch, answers);
        uint256 before = lp.balanceOf(address(client));
        gateway.deliver(batch, answers, _noPayouts());

        // It may deliver the other message, withdraw what is its own, and ask for the next job; it can't have anything twice.
        assertTrue(client.delivered() && client.withdrew() && client.asked());
        assertTrue(!client.retried() && !client.exited());
        assertEq(client.calls(), 2);
        gateway.withdraw(address(client));
        assertEq(lp.balanceOf(address(client)), before + 20 * LP - LP);
        assertEq(gateway.owed(), 0);
        assertEq(gateway.locked(), LP);
        assertSolvent();
    }

    /// One that burns, one that shouts, one that re-enters: and the one after them gets its answer, in the same delivery.
    function test_hostile_clients_block_nobody_in_their_batch() public {
        Refuser shouter = new Refuser(gateway);
        shouter.setBytes(200_000);
        Listener[4] memory clients =
            [new Burner(gateway), Listener(shouter), new Reenterer(gateway), new Listener(gateway)];
        AnswerDelivery[] memory answers = new AnswerDelivery[](4);
        bytes32[] memory messages = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            answers[i] = AnswerDelivery(i, _askBy(clients[i], 10 * LP, 500_000), _done(LP, 9 * LP));
            messages[i] = this.answerHash(Messages.ticket(answers[i].ticket), answers[i].answer);
        }
        gateway.deliver(_signed(messages, uint64(block.timestamp)), answers, _noPayouts());
        assertEq(clients[3].calls(), 1);
        for (uint256 i = 0; i < 4; ++i) {
            // One of them withdrew at once, and asked for its next job at 1 LP.
            uint96 spent = i == 2 ? LP : 0;
            assertEq(gateway.creditOf(address(clients[i])) + lp.balanceOf(address(clients[i])), 9 * LP - spent);
        }
        assertSolvent();
    }

    /// The limit that docs/bridge-messages.md gives relayers, less the transaction's own cost, with callbacks as dear as can be.
    function test_documented_gas_limit_suffices() public {
        for (uint256 n = 1; n < 6; ++n) {
            AnswerDelivery[] memory answers = new AnswerDelivery[](n);
            bytes32[] memory messages = new bytes32[](n);
            uint256 limit = 60_000 + 6_000 * uint256(threshold) - 21_000;
            for (uint256 i = 0; i < n; ++i) {
                Refuser shouter = new Refuser(gateway);
                shouter.setBytes(1_000);
                Listener client = i % 2 == 0 ? Listener(new Burner(gateway)) : Listener(shouter);
                answers[i] = AnswerDelivery(i, _askBy(client, 10 * LP, 300_000), _done(LP, 9 * LP));
                messages[i] = this.answerHash(Messages.ticket(answers[i].ticket), answers[i].answer);
                limit += 130_000 + uint256(300_000) * 64 / 63;
            }
            gateway.deliver{gas: limit}(_signed(messages, uint64(block.timestamp)), answers, _noPayouts());
            for (uint256 i = 0; i < n; ++i) {
                assertState(answers[i].ticket.id, State.CallbackFailed);
            }
        }
    }

    /// Whatever the gas of the transaction: the callback has all it was promised, or the delivery is as if it had not been.
    function testFuzz_a_delivery_with_too_little_gas_never_fails_a_callback(uint256 gas_) public {
        Listener client = new Listener(gateway);
        (Batch memory batch, AnswerDelivery[] memory answers) =
            _one(_askBy(client, 10 * LP, 300_000), _done(0, 10 * LP));
        gas_ = bound(gas_, 20_000, 700_000);
        try gateway.deliver{gas: gas_}(batch, answers, _noPayouts()) {
            assertState(1, State.Told);
            assertEq(client.calls(), 1);
        } catch {
            assertState(1, State.Pending);
            gateway.deliver(batch, answers, _noPayouts());
            assertEq(client.calls(), 1);
        }
    }

    /// The same for a callback that uses every bit of it: recording the failure must not run out of gas afterwards.
    function testFuzz_a_delivery_with_just_enough_gas_records_failures(uint256 gas_) public {
        Burner client = new Burner(gateway);
        (Batch memory batch, AnswerDelivery[] memory answers) =
            _one(_askBy(client, 10 * LP, 300_000), _done(0, 10 * LP));
        gas_ = bound(gas_, 300_000, 700_000);
        try gateway.deliver{gas: gas_}(batch, answers, _noPayouts()) {
            assertState(1, State.CallbackFailed);
        } catch (bytes memory why) {
            // Out of gas before the check, or by the check: never after the callback.
            assertTrue(why.length == 0 || bytes4(why) == ILilypadGateway.NotEnoughGas.selector);
            assertState(1, State.Pending);
        }
    }

    function _askBy(Listener client, uint96 budget, uint32 callbackGas) private returns (Ticket memory) {
        lp.transfer(address(client), budget);
        Request memory request = _cowsay(budget);
        request.callbackGas = callbackGas;
        uint64 id = client.ask(request);
        return this.ticketOf(id, address(client), budget, request);
    }
}
