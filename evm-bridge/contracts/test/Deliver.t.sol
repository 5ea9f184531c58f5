// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Answer, AnswerDelivery, Batch, Payout, PayoutDelivery, Request, State, Ticket} from "../src/Types.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Messages} from "../src/lib/Messages.sol";
import {BridgeSet} from "../src/verifier/BridgeSet.sol";
import {Base} from "./utils/Base.sol";
import {vm} from "./utils/Vm.sol";

/// Delivering answers and payouts, alone and together.
contract DeliverTest is Base {
    function test_answer_works() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(4 * LP, 6 * LP));
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.BatchProven(1, uint64(block.timestamp));
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.Answered(1, alice, alice, keccak256("output"), 41, 0, 0, 4 * LP, 6 * LP);
        vm.prank(mallory);
        gateway.deliver(batch, answers, _noPayouts());

        (State state, uint8 status, int32 exitCode, bytes32 root) = gateway.resultOf(1);
        assertTrue(state == State.Answered && status == 0 && exitCode == 0 && root == keccak256("output"));
        assertEq(gateway.creditOf(alice), 6 * LP);
        assertEq(gateway.locked(), 4 * LP);
        assertEq(gateway.owed(), 6 * LP);
        assertSolvent();
    }

    function testFuzz_a_result_reads_as_it_was_signed(uint8 status, int32 exitCode, bytes32 root, uint64 deal) public {
        Ticket memory ticket = _ask(alice, LP);
        _deliver(ticket, Answer(deal, status, exitCode, root, 0, 0));
        (State state, uint8 status_, int32 exitCode_, bytes32 root_) = gateway.resultOf(1);
        assertTrue(state == State.Answered);
        assertTrue(status_ == status && exitCode_ == exitCode && root_ == root);
    }

    function test_answer_fails_when_delivered_twice() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(4 * LP, 6 * LP));
        gateway.deliver(batch, answers, _noPayouts());
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(batch, answers, _noPayouts());
        // Nor does a second, different answer to the same request count.
        (batch, answers) = _one(ticket, _failed(11, 10 * LP));
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(batch, answers, _noPayouts());
        assertEq(gateway.creditOf(alice), 6 * LP);
    }

    function test_answer_fails_when_the_same_one_stands_twice_in_a_batch() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        Answer memory answer = _done(0, 10 * LP);
        bytes32[] memory messages = new bytes32[](2);
        messages[0] = messages[1] = this.answerHash(Messages.ticket(ticket), answer);
        AnswerDelivery[] memory answers = new AnswerDelivery[](2);
        answers[0] = AnswerDelivery(0, ticket, answer);
        answers[1] = AnswerDelivery(1, ticket, answer);
        gateway.deliver(_signed(messages, uint64(block.timestamp)), answers, _noPayouts());
        assertEq(gateway.creditOf(alice), 10 * LP);
    }

    function test_answer_fails_when_changed() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        for (uint256 i = 0; i < 6; ++i) {
            (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(4 * LP, 6 * LP));
            Answer memory a = answers[0].answer;
            if (i == 0) a.deal ^= 1;
            if (i == 1) a.status ^= 1;
            if (i == 2) a.exitCode ^= 1;
            if (i == 3) a.root ^= bytes32(uint256(1));
            if (i == 4) a.cost ^= 1;
            if (i == 5) a.refund ^= 1;
            vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NotInBatch.selector, 0));
            gateway.deliver(batch, answers, _noPayouts());
        }
    }

    function test_answer_fails_when_the_ticket_is_changed() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        for (uint256 i = 0; i < 6; ++i) {
            (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(4 * LP, 6 * LP));
            Ticket memory t = answers[0].ticket;
            if (i == 0) t.requester = mallory;
            if (i == 1) t.refundTo = mallory;
            if (i == 2) t.budget += 1;
            if (i == 3) t.acceptBy += 1;
            if (i == 4) t.callbackGas += 1;
            if (i == 5) t.job ^= bytes32(uint256(1));
            vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongTicket.selector, 1));
            gateway.deliver(batch, answers, _noPayouts());
        }
    }

    /// What a re-organisation does: the number is another request's now. The answer was to the first.
    function test_answer_fails_when_the_number_became_another_requests() public {
        Request memory gone = _cowsay(10 * LP);
        gone.inputs[0] = "Message=before";
        Ticket memory before = this.ticketOf(1, alice, 10 * LP, gone);
        _ask(alice, 10 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(before, _done(0, 10 * LP));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongTicket.selector, 1));
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_answer_fails_when_the_request_is_unknown() public {
        Ticket memory ticket = this.ticketOf(1, alice, LP, _cowsay(LP));
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(0, LP));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.UnknownRequest.selector, 1));
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_answer_fails_when_the_index_is_wrong() public {
        Ticket memory ticket = _ask(alice, LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(0, LP));
        answers[0].index = 1;
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NotInBatch.selector, 1));
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_an_answer_is_no_payout() public {
        Ticket memory ticket = _ask(alice, LP);
        (Batch memory batch,) = _one(ticket, _done(0, LP));
        PayoutDelivery[] memory payouts = new PayoutDelivery[](1);
        payouts[0] = PayoutDelivery(0, Payout(0, mallory, LP));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NotInBatch.selector, 0));
        gateway.deliver(batch, _noAnswers(), payouts);
    }

    function test_answer_with_compensation_comes_from_what_is_locked() public {
        _bridgeIn(mallory, 100 * LP);
        Ticket memory ticket = _ask(alice, 10 * LP);
        _deliver(ticket, _failed(15, 20 * LP));
        assertEq(gateway.creditOf(alice), 20 * LP);
        assertEq(gateway.locked(), 90 * LP);
        assertSolvent();
    }

    function test_answer_fails_when_the_lane_is_short() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _failed(15, 20 * LP));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.LaneShort.selector, 20 * LP, 10 * LP));
        gateway.deliver(batch, answers, _noPayouts());
        // It is not lost: when the lane has enough, it goes through.
        _bridgeIn(mallory, 10 * LP);
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_payout_works() public {
        _bridgeIn(alice, 50 * LP);
        (Batch memory batch, PayoutDelivery[] memory payouts) = _one(Payout(300, bob, 20 * LP));
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.PaidOut(300, bob, 20 * LP);
        gateway.deliver(batch, _noAnswers(), payouts);
        assertTrue(gateway.isPaidOut(300) && !gateway.isPaidOut(299) && !gateway.isPaidOut(44));
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(batch, _noAnswers(), payouts);
        gateway.withdraw(bob);
        assertEq(lp.balanceOf(bob), 20 * LP);
        assertSolvent();
    }

    function testFuzz_payouts_in_any_order_count_once(uint64[8] memory nonces) public {
        _bridgeIn(alice, MAX_DEPOSIT);
        uint256 different = 0;
        for (uint256 i = 0; i < nonces.length; ++i) {
            nonces[i] %= 600;
            (Batch memory batch, PayoutDelivery[] memory payouts) = _one(Payout(nonces[i], bob, LP));
            bool before = gateway.isPaidOut(nonces[i]);
            if (before) vm.expectRevert(ILilypadGateway.NothingNew.selector);
            else ++different;
            gateway.deliver(batch, _noAnswers(), payouts);
        }
        assertEq(gateway.creditOf(bob), different * LP);
    }

    function test_batch_works_whole_and_in_parts() public {
        (Batch memory batch, AnswerDelivery[] memory answers, PayoutDelivery[] memory payouts) = _mixed();
        // A part of it first, by somebody; then all of it: what is there is passed over.
        AnswerDelivery[] memory first = new AnswerDelivery[](1);
        first[0] = answers[1];
        gateway.deliver(batch, first, _noPayouts());
        assertState(answers[0].ticket.id, State.Pending);
        assertState(answers[1].ticket.id, State.Answered);
        gateway.deliver(batch, answers, payouts);
        assertState(answers[0].ticket.id, State.Answered);
        assertEq(gateway.creditOf(alice), 8 * LP + 9 * LP);
        assertEq(gateway.creditOf(bob), 7 * LP);
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(batch, answers, payouts);
        assertSolvent();
    }

    function test_batch_fails_when_too_large() public {
        Batch memory batch = _signed(new bytes32[](33), uint64(block.timestamp));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.BatchTooLarge.selector, 33));
        gateway.deliver(batch, _noAnswers(), _noPayouts());
        gateway.deliver(_signed(new bytes32[](32), uint64(block.timestamp + 1)), _noAnswers(), _noPayouts());
    }

    function test_batch_fails_when_a_message_was_added_or_removed() public {
        (Batch memory batch, AnswerDelivery[] memory answers,) = _mixed();
        bytes32[] memory fewer = new bytes32[](2);
        (fewer[0], fewer[1]) = (batch.messages[0], batch.messages[1]);
        batch.messages = fewer;
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_heartbeat_is_the_newest_batch() public {
        Batch memory old = _signed(new bytes32[](0), uint64(block.timestamp + 10));
        vm.warp(block.timestamp + 1 days);
        gateway.deliver(old, _noAnswers(), _noPayouts());
        assertEq(gateway.lastSeen(), block.timestamp - 1 days + 10);
        // The same again says nothing new, and neither does an older one.
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(old, _noAnswers(), _noPayouts());
        _heartbeat();
        assertEq(gateway.lastSeen(), block.timestamp);
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(old, _noAnswers(), _noPayouts());
    }

    function test_batch_fails_when_from_the_future() public {
        uint64 limit = uint64(block.timestamp + 15 minutes);
        Batch memory batch = _signed(new bytes32[](0), limit + 1);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.BatchFromTheFuture.selector, limit + 1));
        gateway.deliver(batch, _noAnswers(), _noPayouts());
        gateway.deliver(_signed(new bytes32[](0), limit), _noAnswers(), _noPayouts());
    }

    function test_delivery_fails_when_paused() public {
        (Batch memory batch, AnswerDelivery[] memory answers, PayoutDelivery[] memory payouts) = _mixed();
        vm.prank(guardian);
        gateway.pauseDelivery();
        bytes memory why = abi.encodeWithSelector(ILilypadGateway.DeliveryIsPaused.selector, block.timestamp + 7 days);
        vm.expectRevert(why);
        gateway.deliver(batch, answers, _noPayouts());
        vm.expectRevert(why);
        gateway.deliver(batch, _noAnswers(), payouts);
        vm.warp(block.timestamp + 7 days);
        gateway.deliver(batch, answers, payouts);
    }

    function test_outflow_cap_holds_payouts_back_and_lets_them_go_with_time() public {
        _fill(8);
        _deliver(Payout(0, bob, CAP - LP));
        (Batch memory batch, PayoutDelivery[] memory payouts) = _one(Payout(1, bob, 2 * LP));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.OutflowLimited.selector, 2 * LP, LP));
        gateway.deliver(batch, _noAnswers(), payouts);
        vm.warp(block.timestamp + 1 hours);
        gateway.deliver(batch, _noAnswers(), payouts);
    }

    function test_outflow_cap_never_holds_back_what_was_the_requesters_own() public {
        Ticket memory ticket = _ask(alice, MAX_DEPOSIT);
        _fill(8);
        _deliver(Payout(0, bob, CAP));
        assertEq(gateway.outflowRoom(), 0);
        _deliver(ticket, _failed(11, MAX_DEPOSIT));
        assertEq(gateway.creditOf(alice), MAX_DEPOSIT);
    }

    function test_outflow_cap_counts_compensation() public {
        Ticket memory ticket = _ask(alice, MAX_DEPOSIT);
        _fill(8);
        _deliver(Payout(0, bob, CAP));
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _failed(15, MAX_DEPOSIT + 1));
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.OutflowLimited.selector, 1, 0));
        gateway.deliver(batch, answers, _noPayouts());
    }

    function test_outflow_cap_is_not_used_up_by_sending_to_and_fro() public {
        _fill(4);
        _deliver(Payout(0, mallory, MAX_DEPOSIT));
        gateway.withdraw(mallory);
        _bridgeIn(mallory, MAX_DEPOSIT);
        assertEq(gateway.outflowRoom(), CAP);
    }

    /// In no span of time does more leave than the cap, and the cap's share of that time.
    function testFuzz_outflow_is_bounded(uint96[12] memory amounts, uint32[12] memory waits) public {
        _fill(20);
        uint256 start = block.timestamp;
        uint256 out = 0;
        for (uint64 i = 0; i < amounts.length; ++i) {
            vm.warp(block.timestamp + waits[i] % 12 hours);
            uint96 amount = uint96(bound(amounts[i], 1, CAP));
            (Batch memory batch, PayoutDelivery[] memory payouts) = _one(Payout(i, bob, amount));
            try gateway.deliver(batch, _noAnswers(), payouts) {
                out += amount;
            } catch {}
            vm.assertLe(out, CAP + CAP * (block.timestamp - start) / 1 days + 1, "cap");
        }
    }

    // -- Helpers ------------------------------------------------------------------------------------------------------

    function _bridgeIn(address from, uint96 amount) private {
        vm.prank(from);
        gateway.bridgeIn(bytes32(uint256(1)), amount);
    }

    /// @dev Locks LP by requests that stay pending, so that no deposit makes room under the cap.
    function _fill(uint256 times) private {
        for (uint256 i = 0; i < times; ++i) {
            _ask(alice, MAX_DEPOSIT);
        }
    }

    function _mixed()
        private
        returns (Batch memory batch, AnswerDelivery[] memory answers, PayoutDelivery[] memory payouts)
    {
        answers = new AnswerDelivery[](2);
        answers[0] = AnswerDelivery(0, _ask(alice, 10 * LP), _done(2 * LP, 8 * LP));
        answers[1] = AnswerDelivery(2, _ask(alice, 10 * LP), _done(LP, 9 * LP));
        _bridgeIn(alice, 20 * LP);
        payouts = new PayoutDelivery[](1);
        payouts[0] = PayoutDelivery(1, Payout(0, bob, 7 * LP));
        bytes32[] memory messages = new bytes32[](3);
        messages[0] = this.answerHash(Messages.ticket(answers[0].ticket), answers[0].answer);
        messages[1] = this.payoutHash(payouts[0].payout);
        messages[2] = this.answerHash(Messages.ticket(answers[1].ticket), answers[1].answer);
        batch = _signed(messages, uint64(block.timestamp));
    }
}
