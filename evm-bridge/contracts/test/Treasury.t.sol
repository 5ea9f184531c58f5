// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Payout, Request, Ticket} from "../src/Types.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {LeakyBucket} from "../src/lib/LeakyBucket.sol";
import {Base} from "./utils/Base.sol";
import {BlockingToken, FeeToken, GenerousToken, HookToken, HookUser, SilentToken} from "./utils/Tokens.sol";
import {vm} from "./utils/Vm.sol";

/// Deposits, withdrawals, and tokens that are not as they should be.
contract TreasuryTest is Base {
    bytes32 private constant ACCOUNT = keccak256("an account of the chain");

    // -- Deposits -----------------------------------------------------------------------------------------------------

    function test_bridge_in_works() public {
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.Deposited(1, alice, ACCOUNT, 5 * LP);
        vm.prank(alice);
        gateway.bridgeIn(ACCOUNT, 5 * LP);
        assertEq(gateway.locked(), 5 * LP);
        assertSolvent();
    }

    function test_bridge_in_fails_when_for_nobody_or_paused_or_too_much() public {
        vm.startPrank(alice);
        vm.expectRevert(ILilypadGateway.BadAccount.selector);
        gateway.bridgeIn(0, LP);
        vm.expectPartialRevert(ILilypadGateway.BadAmount.selector);
        gateway.bridgeIn(ACCOUNT, 0);
        vm.expectPartialRevert(ILilypadGateway.BadAmount.selector);
        gateway.bridgeIn(ACCOUNT, MAX_DEPOSIT + 1);
        vm.stopPrank();
        vm.prank(guardian);
        gateway.pauseIntake();
        vm.prank(alice);
        vm.expectRevert(ILilypadGateway.IntakeIsPaused.selector);
        gateway.bridgeIn(ACCOUNT, LP);
    }

    function test_bridge_in_with_permit_works() public {
        (address carol, uint8 v, bytes32 r, bytes32 s) = _permit(address(gateway), 5 * LP);
        vm.prank(carol);
        gateway.bridgeInWithPermit(ACCOUNT, 5 * LP, type(uint256).max, v, r, s);
        assertEq(gateway.locked(), 5 * LP);
    }

    function test_bridge_in_with_permit_works_when_somebody_used_the_permit_first() public {
        (address carol, uint8 v, bytes32 r, bytes32 s) = _permit(address(gateway), 5 * LP);
        vm.prank(mallory);
        lp.permit(carol, address(gateway), 5 * LP, type(uint256).max, v, r, s);
        vm.prank(carol);
        gateway.bridgeInWithPermit(ACCOUNT, 5 * LP, type(uint256).max, v, r, s);
        assertEq(gateway.locked(), 5 * LP);
    }

    function test_bridge_in_with_permit_fails_when_signed_by_another() public {
        (, uint8 v, bytes32 r, bytes32 s) = _permit(address(gateway), 5 * LP);
        vm.prank(bob);
        vm.expectRevert();
        gateway.bridgeInWithPermit(ACCOUNT, 5 * LP, type(uint256).max, v, r, s);
    }

    // -- Withdrawals --------------------------------------------------------------------------------------------------

    function test_withdraw_works_for_anybody_and_pays_the_owner() public {
        _creditBob(5 * LP);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.Withdrawn(bob, bob, 5 * LP);
        vm.prank(mallory);
        assertEq(gateway.withdraw(bob), 5 * LP);
        assertEq(lp.balanceOf(bob), 5 * LP);
        assertEq(gateway.owed(), 0);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NothingToWithdraw.selector, bob));
        gateway.withdraw(bob);
    }

    function test_withdraw_to_works_in_parts() public {
        _creditBob(5 * LP);
        vm.startPrank(bob);
        gateway.withdrawTo(alice, 2 * LP);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NothingToWithdraw.selector, bob));
        gateway.withdrawTo(alice, 3 * LP + 1);
        gateway.withdrawTo(bob, 3 * LP);
        vm.expectRevert(ILilypadGateway.BadAccount.selector);
        gateway.withdrawTo(address(gateway), 1);
        vm.expectRevert(ILilypadGateway.BadAccount.selector);
        gateway.withdrawTo(address(0), 1);
        vm.stopPrank();
        assertEq(lp.balanceOf(bob), 3 * LP);
        assertSolvent();
    }

    function test_withdraw_to_fails_when_it_is_another_s() public {
        _creditBob(5 * LP);
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NothingToWithdraw.selector, mallory));
        gateway.withdrawTo(mallory, 1);
    }

    function test_payouts_and_refunds_add_up_and_are_withdrawn_together() public {
        _creditBob(5 * LP);
        Request memory request = _cowsay(3 * LP);
        request.refundTo = bob;
        _deliver(_ask(alice, request), _failed(11, 3 * LP));
        assertEq(gateway.withdraw(bob), 8 * LP);
    }

    // -- Strange tokens -----------------------------------------------------------------------------------------------

    function test_a_token_with_a_fee_is_counted_as_received() public {
        _use(new FeeToken());
        uint64 id = gateway.request(_cowsay(10 * LP));
        assertEq(gateway.locked(), 9 * LP);
        // The ticket says what arrived.
        Ticket memory ticket = this.ticketOf(id, address(this), 9 * LP, _cowsay(10 * LP));
        _deliver(ticket, _failed(11, 9 * LP));
        gateway.withdraw(address(this));
        assertEq(gateway.locked() + gateway.owed(), 0);
    }

    function test_a_token_with_a_fee_fails_when_too_little_arrives() public {
        _use(new FeeToken());
        vm.expectRevert(
            abi.encodeWithSelector(ILilypadGateway.BadAmount.selector, LP * 9 / 10_000, LP / 1000, MAX_DEPOSIT)
        );
        gateway.request(_cowsay(LP / 1000));
    }

    function test_a_generous_token_fails_when_more_arrives_than_allowed() public {
        _use(new GenerousToken());
        gateway.request(_cowsay(MAX_DEPOSIT / 2));
        assertEq(gateway.locked(), MAX_DEPOSIT);
        vm.expectPartialRevert(ILilypadGateway.BadAmount.selector);
        gateway.request(_cowsay(MAX_DEPOSIT / 2 + 1));
    }

    function test_a_token_that_says_no_is_believed() public {
        SilentToken token = new SilentToken();
        _use(token);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token));
        gateway.request(_cowsay(LP));
    }

    function test_a_blocked_account_keeps_its_credit_and_can_have_it_sent_elsewhere() public {
        BlockingToken token = new BlockingToken();
        _use(token);
        gateway.bridgeIn(ACCOUNT, 10 * LP);
        token.setBlocked(bob, true);
        // Being credited needs no transfer, so nobody's answer is held up.
        _deliver(Payout(0, bob, 3 * LP));
        _deliver(Payout(1, alice, 3 * LP));
        vm.expectRevert("blocked");
        gateway.withdraw(bob);
        gateway.withdraw(alice);
        assertEq(gateway.creditOf(bob), 3 * LP);
        vm.prank(bob);
        gateway.withdrawTo(alice, LP);
        token.setBlocked(bob, false);
        gateway.withdraw(bob);
        assertEq(gateway.owed(), 0);
    }

    function test_a_token_with_hooks_can_not_be_counted_twice() public {
        HookToken token = new HookToken();
        _use(token);
        HookUser user = new HookUser(gateway, token);
        token.hook(address(user));
        token.transfer(address(user), 100 * uint256(LP));
        Request memory request = _cowsay(10 * LP);
        user.ask(request);
        assertEq(gateway.locked(), 10 * LP);
        assertEq(token.balanceOf(address(gateway)), 10 * LP);
        assertEq(
            bytes32(bytes4(user.failure())), bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
    }

    function test_tokens_sent_without_a_call_are_nobodys() public {
        lp.transfer(address(gateway), 50 * LP);
        _ask(alice, LP);
        assertEq(gateway.locked(), LP);
        assertSolvent();
    }

    // -- Bucket -------------------------------------------------------------------------------------------------------

    function testFuzz_a_bucket_only_ever_leaks(uint96 level, uint96 cap, uint32 a, uint32 b) public pure {
        uint256 once = LeakyBucket.leaked(level, cap, uint256(a) + b, 1 days);
        uint256 twice = LeakyBucket.leaked(LeakyBucket.leaked(level, cap, a, 1 days), cap, b, 1 days);
        assertTrue(once <= level && twice <= level);
        // Looking more often never makes it leak faster.
        if (uint256(a) + b < 1 days) assertTrue(twice >= once);
    }

    function _use(ERC20 token) private {
        _deploy(address(token), 3, 2);
        token.approve(address(gateway), type(uint256).max);
    }

    function _creditBob(uint96 amount) private {
        vm.prank(alice);
        gateway.bridgeIn(ACCOUNT, amount);
        _deliver(Payout(0, bob, amount));
    }
}
