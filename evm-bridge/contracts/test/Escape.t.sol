// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnswerDelivery, Batch, State, Ticket} from "../src/Types.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Base} from "./utils/Base.sol";
import {vm} from "./utils/Vm.sol";

/// The dead bridge's exit.
///
/// Properties:
/// - No exit while a quorum was heard of within `ESCAPE_DELAY` and `EXIT_NOTICE`.
/// - Exit and answer exclude each other, in either order.
contract EscapeTest is Base {
    function test_exit_works() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        _die();
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.Exited(1, alice, 10 * LP);
        vm.prank(mallory);
        gateway.exit(ticket);
        assertState(1, State.Exited);
        gateway.withdraw(alice);
        assertEq(gateway.locked(), 0);
        assertSolvent();
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongState.selector, State.Exited));
        gateway.exit(ticket);
    }

    function test_exit_fails_when_the_bridge_lives() public {
        Ticket memory ticket = _ask(alice, 10 * LP);
        vm.warp(block.timestamp + 365 days);
        vm.expectPartialRevert(ILilypadGateway.NotDead.selector);
        gateway.exit(ticket);
    }

    function test_declaring_fails_before_the_delay() public {
        uint256 deadFrom = block.timestamp + 30 days;
        vm.warp(deadFrom - 1);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NotDead.selector, deadFrom));
        gateway.declareDead();
        vm.warp(deadFrom);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.DeclaredDead(deadFrom + 3 days);
        gateway.declareDead();
    }

    function test_declaring_twice_does_not_put_exits_off() public {
        Ticket memory ticket = _ask(alice, LP);
        vm.warp(block.timestamp + 30 days);
        gateway.declareDead();
        uint256 exits = block.timestamp + 3 days;
        vm.warp(exits - 1);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.ExitNotYet.selector, exits));
        gateway.declareDead();
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.ExitNotYet.selector, exits));
        gateway.exit(ticket);
        vm.warp(exits);
        gateway.exit(ticket);
    }

    function test_heartbeats_keep_the_bridge_alive() public {
        for (uint256 i = 0; i < 5; ++i) {
            vm.warp(block.timestamp + 29 days);
            vm.expectPartialRevert(ILilypadGateway.NotDead.selector);
            gateway.declareDead();
            _heartbeat();
        }
    }

    function test_heartbeats_are_taken_while_deliveries_are_paused() public {
        vm.prank(guardian);
        gateway.pauseDelivery();
        vm.warp(block.timestamp + 1 days);
        _heartbeat();
        assertEq(gateway.lastSeen(), block.timestamp);
    }

    function test_old_signatures_keep_no_dead_bridge_alive() public {
        vm.warp(block.timestamp + 1);
        Ticket memory ticket = _ask(alice, LP);
        (Batch memory kept, AnswerDelivery[] memory answers) = _one(_ask(alice, LP), _done(0, LP));
        vm.warp(block.timestamp + 30 days);
        // Somebody held it back until now. It counts from when it was made.
        gateway.deliver(kept, answers, _noPayouts());
        gateway.declareDead();
        vm.warp(block.timestamp + 3 days);
        gateway.exit(ticket);
    }

    function test_a_sign_of_life_ends_the_exits() public {
        Ticket memory ticket = _ask(alice, LP);
        _die();
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.Revived(uint64(block.timestamp));
        _heartbeat();
        assertEq(gateway.deadSince(), 0);
        vm.expectPartialRevert(ILilypadGateway.NotDead.selector);
        gateway.exit(ticket);
        _deliver(ticket, _done(0, LP));
    }

    /// A declaration that was wrong, because the chain had spoken and nobody had brought it yet, ends as well.
    function test_an_older_sign_of_life_ends_the_exits_if_it_falls_within_the_delay() public {
        vm.warp(block.timestamp + 1);
        Batch memory early = _signed(new bytes32[](0), uint64(block.timestamp - 1));
        Batch memory late = _signed(new bytes32[](0), uint64(block.timestamp));
        Ticket memory ticket = _ask(alice, LP);
        vm.warp(block.timestamp + 30 days - 1);
        gateway.declareDead();
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(early, _noAnswers(), _noPayouts());
        gateway.deliver(late, _noAnswers(), _noPayouts());
        assertEq(gateway.deadSince(), 0);
        vm.warp(block.timestamp + 1);
        gateway.declareDead();
        vm.warp(block.timestamp + 3 days);
        gateway.exit(ticket);
    }

    function test_answer_excludes_exit() public {
        Ticket memory ticket = _ask(alice, LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(0, LP));
        _die();
        gateway.deliver(batch, answers, _noPayouts());
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongState.selector, State.Answered));
        gateway.exit(ticket);
        assertEq(gateway.creditOf(alice), LP);
    }

    function test_exit_excludes_answer() public {
        Ticket memory ticket = _ask(alice, LP);
        (Batch memory batch, AnswerDelivery[] memory answers) = _one(ticket, _done(0, LP));
        _die();
        gateway.exit(ticket);
        vm.expectRevert(ILilypadGateway.NothingNew.selector);
        gateway.deliver(batch, answers, _noPayouts());
        assertEq(gateway.creditOf(alice), LP);
    }

    function test_exit_fails_when_the_ticket_is_changed() public {
        Ticket memory ticket = _ask(alice, LP);
        _ask(alice, 5 * LP);
        _die();
        ticket.budget = 5 * LP;
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongTicket.selector, 1));
        gateway.exit(ticket);
        ticket.budget = LP;
        ticket.refundTo = mallory;
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongTicket.selector, 1));
        gateway.exit(ticket);
        ticket.id = 9;
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.WrongState.selector, State.None));
        gateway.exit(ticket);
    }

    function test_no_pause_stops_an_exit() public {
        Ticket memory ticket = _ask(alice, LP);
        _die();
        vm.startPrank(owner);
        gateway.pauseIntake();
        gateway.pauseDelivery();
        vm.stopPrank();
        gateway.exit(ticket);
        gateway.withdraw(alice);
    }

    function test_pausing_can_not_make_a_living_bridge_look_dead() public {
        // Whoever may pause does so whenever possible; the relayers only get through in between.
        uint256 end = block.timestamp + 120 days;
        Ticket memory ticket = _ask(alice, LP);
        vm.prank(guardian);
        gateway.pauseDelivery();
        while (block.timestamp < end) {
            vm.warp(block.timestamp + 10 days);
            _heartbeat();
            vm.prank(guardian);
            try gateway.pauseDelivery() {} catch {}
            vm.expectPartialRevert(ILilypadGateway.NotDead.selector);
            gateway.declareDead();
        }
        vm.warp(block.timestamp + 7 days);
        _deliver(ticket, _done(0, LP));
    }

    function _die() private {
        vm.warp(block.timestamp + 30 days);
        gateway.declareDead();
        vm.warp(block.timestamp + 3 days);
    }
}
