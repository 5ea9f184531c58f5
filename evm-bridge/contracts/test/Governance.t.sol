// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {Batch, Ticket} from "../src/Types.sol";
import {GatewayStore} from "../src/gateway/GatewayStore.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {Messages} from "../src/lib/Messages.sol";
import {BridgeSet} from "../src/verifier/BridgeSet.sol";
import {Base} from "./utils/Base.sol";
import {vm} from "./utils/Vm.sol";

/// Brakes, limits and who may use them.
contract GovernanceTest is Base {
    function test_pauses_never_stop_withdrawals() public {
        _deliver(_ask(alice, 10 * LP), _failed(11, 10 * LP));
        vm.startPrank(owner);
        gateway.pauseIntake();
        gateway.pauseDelivery();
        vm.stopPrank();
        gateway.withdraw(alice);
        assertEq(lp.balanceOf(alice), 100_000 * uint256(LP));
    }

    function test_delivery_pause_ends_by_itself_and_can_not_be_renewed_at_once() public {
        vm.prank(guardian);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.DeliveryPaused(guardian, block.timestamp + 7 days);
        gateway.pauseDelivery();
        uint256 again = block.timestamp + 14 days;
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(i == 0 ? owner : guardian);
            vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.PauseNotYet.selector, again));
            gateway.pauseDelivery();
            vm.warp(again - 1);
        }
        vm.warp(again);
        vm.prank(guardian);
        gateway.pauseDelivery();
    }

    function test_resuming_early_does_not_allow_an_earlier_pause() public {
        uint256 again = block.timestamp + 14 days;
        vm.startPrank(owner);
        gateway.pauseDelivery();
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.DeliveryResumed();
        gateway.resumeDelivery();
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.PauseNotYet.selector, again));
        gateway.pauseDelivery();
        vm.stopPrank();
        _deliver(_ask(alice, LP), _done(0, LP));
    }

    function test_guardian_can_stop_and_not_start() public {
        vm.startPrank(guardian);
        gateway.pauseIntake();
        gateway.pauseDelivery();
        bytes memory why = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian);
        vm.expectRevert(why);
        gateway.resumeIntake();
        vm.expectRevert(why);
        gateway.resumeDelivery();
        vm.expectRevert(why);
        gateway.setLimits(LP, LP, CAP);
        vm.expectRevert(why);
        gateway.setGuardian(guardian);
        vm.expectRevert(why);
        gateway.replaceVerifier(bridge, 1, "");
        vm.stopPrank();
        vm.prank(owner);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.IntakePaused(owner, false);
        gateway.resumeIntake();
        _ask(alice, LP);
    }

    function test_strangers_can_not_pause() public {
        vm.startPrank(mallory);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NotGuardian.selector, mallory));
        gateway.pauseIntake();
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.NotGuardian.selector, mallory));
        gateway.pauseDelivery();
        vm.stopPrank();
    }

    function test_ownership_moves_in_two_steps_and_never_away() public {
        vm.prank(owner);
        gateway.transferOwnership(bob);
        assertEq(gateway.owner(), owner);
        vm.prank(bob);
        gateway.acceptOwnership();
        assertEq(gateway.owner(), bob);
        vm.prank(bob);
        vm.expectRevert(ILilypadGateway.OwnerNeeded.selector);
        gateway.renounceOwnership();
    }

    function test_limits_work_within_bounds() public {
        vm.startPrank(owner);
        gateway.setLimits(CAP / 2, 5 * LP, CAP);
        vm.expectRevert(ILilypadGateway.BadLimits.selector);
        gateway.setLimits(CAP / 2 + 1, 5 * LP, 3 * CAP);
        vm.expectRevert(ILilypadGateway.BadLimits.selector);
        gateway.setLimits(LP / 1000 - 1, 5 * LP, CAP);
        vm.expectRevert(ILilypadGateway.BadLimits.selector);
        gateway.setLimits(LP, 5 * LP, CAP - 1);
        vm.stopPrank();
        (uint96 maxDeposit, uint96 maxLocked, uint96 cap) = gateway.limits();
        assertTrue(maxDeposit == CAP / 2 && maxLocked == 5 * LP && cap == CAP);
    }

    function test_lowered_limits_strand_nothing() public {
        Ticket memory ticket = _ask(alice, MAX_DEPOSIT);
        vm.prank(owner);
        gateway.setLimits(LP, 0, CAP);
        _deliver(ticket, _failed(11, MAX_DEPOSIT));
        gateway.withdraw(alice);
    }

    function test_guardian_can_be_replaced() public {
        vm.prank(owner);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.GuardianChanged(guardian, bob);
        gateway.setGuardian(bob);
        vm.prank(guardian);
        vm.expectPartialRevert(ILilypadGateway.NotGuardian.selector);
        gateway.pauseIntake();
        vm.prank(bob);
        gateway.pauseIntake();
    }

    // -- Another verifier ---------------------------------------------------------------------------------------------

    function test_verifier_is_replaced_by_owner_and_quorum_together() public {
        uint256[] memory next = _keys(4, "another");
        BridgeSet other = new BridgeSet(address(gateway), LANE, 3, _addresses(next));
        bytes memory proof = _replacement(address(bridge), address(other));
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, mallory));
        gateway.replaceVerifier(other, 1, proof);

        vm.prank(owner);
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.VerifierReplaced(address(bridge), address(other));
        gateway.replaceVerifier(other, 1, proof);
        assertEq(address(gateway.verifier()), address(other));
        (keys, threshold) = (next, 3);
        _deliver(_ask(alice, LP), _done(0, LP));
    }

    function test_verifier_fails_to_be_replaced_by_the_owner_alone() public {
        BridgeSet other = new BridgeSet(address(gateway), LANE, 2, _addresses(_keys(3, "another")));
        bytes memory tooFew = _head(2, keys);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(BridgeSet.NoQuorum.selector, 0, 2));
        gateway.replaceVerifier(other, 1, tooFew);
        // A proof for another replacement is none for this one.
        bytes memory proof = _replacement(address(bridge), address(bridge));
        vm.prank(owner);
        vm.expectPartialRevert(BridgeSet.NotMember.selector);
        gateway.replaceVerifier(other, 1, proof);
    }

    function test_verifier_fails_when_of_another_gateway() public {
        BridgeSet other = new BridgeSet(address(this), LANE, 2, _addresses(keys));
        bytes memory proof = _replacement(address(bridge), address(other));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.BadVerifier.selector, address(other)));
        gateway.replaceVerifier(other, 1, proof);
        proof = _replacement(address(bridge), alice);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.BadVerifier.selector, alice));
        gateway.replaceVerifier(IVerifier(alice), 1, proof);
    }

    // -- Construction -------------------------------------------------------------------------------------------------

    function test_construction_fails_when_out_of_bounds() public {
        for (uint256 i = 0; i < 4; ++i) {
            GatewayStore.Constants memory c = _constants(address(lp));
            if (i == 0) c.token = alice;
            if (i == 1) c.escapeDelay = 30 days - 1;
            if (i == 2) c.minDeposit = 0;
            if (i == 3) c.capFloor = 2 * c.minDeposit - 1;
            vm.expectRevert(ILilypadGateway.BadConfiguration.selector);
            new LilypadGateway(c, _settings(), bridge);
        }
        vm.expectRevert(abi.encodeWithSelector(ILilypadGateway.BadVerifier.selector, address(bridge)));
        new LilypadGateway(_constants(address(lp)), _settings(), bridge);
    }

    function _replacement(address current, address next) private view returns (bytes memory) {
        return _proof(_digest(Messages.replace(LANE, 1, current, next)), 2);
    }
}
