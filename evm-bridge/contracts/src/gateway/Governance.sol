// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IVerifier} from "../interfaces/IVerifier.sol";
import {Messages} from "../lib/Messages.sol";
import {GatewayStore} from "./GatewayStore.sol";

/// @title Brakes, and who may use them
/// @notice The owner is meant to be a multisignature wallet or a timelock. It can slow the gateway down, for a time; it can't move
/// anybody's LP, and can't replace the verifier without the chain's consent. Neither pause stops withdrawals, repeated callbacks,
/// signs of life or the dead bridge's exits.
abstract contract Governance is GatewayStore, Ownable2Step {
    modifier onlyGuard() {
        if (msg.sender != guardian && msg.sender != owner()) revert NotGuardian(msg.sender);
        _;
    }

    /// @notice Stops new requests and deposits.
    function pauseIntake() external onlyGuard {
        _intake.paused = true;
        emit IntakePaused(msg.sender, true);
    }

    /// @notice Takes requests and deposits again.
    function resumeIntake() external onlyOwner {
        _intake.paused = false;
        emit IntakePaused(msg.sender, false);
    }

    /// @notice Stops deliveries for `MAX_PAUSE`: time to look into messages that should not exist. Afterwards deliveries can't be
    /// stopped for as long again, so this delays and never prevents.
    function pauseDelivery() external onlyGuard {
        uint40 from = _outflow.pausableFrom;
        if (block.timestamp < from) revert PauseNotYet(from);
        uint40 until = uint40(block.timestamp) + MAX_PAUSE;
        _pulse.pausedUntil = until;
        _outflow.pausableFrom = until + MAX_PAUSE;
        emit DeliveryPaused(msg.sender, until);
    }

    /// @notice Takes deliveries again before the pause ends.
    function resumeDelivery() external onlyOwner {
        _pulse.pausedUntil = 0;
        emit DeliveryResumed();
    }

    /// @notice Sets the limits.
    /// @param maxDeposit Most LP of one request or deposit: at most half of `CAP_FLOOR`.
    /// @param maxLocked Most LP that the gateway takes in. Lowering it below what is held stops the intake, nothing else.
    /// @param outflowCap Most LP by which payouts and compensation may exceed deposits at once, and again per period: at
    /// least `CAP_FLOOR`.
    function setLimits(uint96 maxDeposit, uint96 maxLocked, uint96 outflowCap) external onlyOwner {
        _setLimits(maxDeposit, maxLocked, outflowCap);
    }

    /// @notice Names who may pause, besides the owner; zero for nobody.
    // slither-disable-next-line missing-zero-check
    function setGuardian(address next) external onlyOwner {
        emit GuardianChanged(guardian, next);
        guardian = next;
    }

    /// @notice Replaces what convinces this gateway. Needs the owner and the chain, as the present verifier knows it: neither can
    /// do it alone.
    function replaceVerifier(IVerifier next, uint64 set, bytes calldata proof) external onlyOwner {
        IVerifier current = _verifier;
        bytes32 structHash = Messages.replace(LANE, set, address(current), address(next));
        current.verify(set, Messages.digest(Messages.domain(address(this)), structHash), proof);
        _setVerifier(next);
    }

    /// @notice Not possible: pauses could never be lifted.
    function renounceOwnership() public pure override {
        revert OwnerNeeded();
    }

    /// @notice The limits.
    function limits() external view returns (uint96 maxDeposit, uint96 maxLocked, uint96 outflowCap) {
        return (_intake.maxDeposit, _intake.maxLocked, _outflow.cap);
    }

    /// @notice Whether requests and deposits are refused, and until when deliveries are.
    function pauses() external view returns (bool intakePaused, uint256 deliveryPausedUntil) {
        return (_intake.paused, _pulse.pausedUntil);
    }

    function _setLimits(uint96 maxDeposit, uint96 maxLocked, uint96 outflowCap) internal {
        if (maxDeposit < MIN_DEPOSIT || maxDeposit > CAP_FLOOR / 2 || outflowCap < CAP_FLOOR) revert BadLimits();
        (_intake.maxDeposit, _intake.maxLocked, _outflow.cap) = (maxDeposit, maxLocked, outflowCap);
        emit LimitsChanged(maxDeposit, maxLocked, outflowCap);
    }

    function _setVerifier(IVerifier next) internal {
        if (address(next).code.length == 0 || next.gateway() != address(this)) revert BadVerifier(address(next));
        emit VerifierReplaced(address(_verifier), address(next));
        _verifier = next;
    }
}
