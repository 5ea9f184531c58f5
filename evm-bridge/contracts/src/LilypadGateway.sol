// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {Delivery} from "./gateway/Delivery.sol";
import {Escape} from "./gateway/Escape.sol";
import {GatewayStore} from "./gateway/GatewayStore.sol";
import {Governance} from "./gateway/Governance.sol";
import {Intake} from "./gateway/Intake.sol";
import {ILilypadGateway} from "./interfaces/ILilypadGateway.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Messages} from "./lib/Messages.sol";

/// @title The gateway between contracts on this chain and the compute market
/// @notice One lane of the market's bridge: see `ILilypadGateway` for what it does, `docs/bridge-trust.md` for whom it trusts.
/// It can't be upgraded.
contract LilypadGateway is Intake, Delivery, Escape, Governance {
    /// @notice What the owner can change later, and the owner.
    struct Settings {
        address owner;
        address guardian;
        uint96 maxDeposit;
        uint96 maxLocked;
        uint96 outflowCap;
    }

    /// @param verifier_ Deployed before, for the address that this gateway gets.
    constructor(Constants memory constants, Settings memory settings, IVerifier verifier_)
        GatewayStore(constants)
        Ownable(settings.owner)
    {
        _pulse.lastSeen = uint40(block.timestamp);
        _pulse.levelAt = uint40(block.timestamp);
        guardian = settings.guardian;
        emit GuardianChanged(address(0), settings.guardian);
        _setLimits(settings.maxDeposit, settings.maxLocked, settings.outflowCap);
        _setVerifier(verifier_);
    }

    /// @inheritdoc ILilypadGateway
    function token() external view returns (address) {
        return TOKEN;
    }

    /// @inheritdoc ILilypadGateway
    function verifier() external view returns (IVerifier) {
        return _verifier;
    }

    /// @inheritdoc ILilypadGateway
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }

    /// @notice The EIP-712 domain of everything that is signed for this gateway.
    function domainSeparator() external view returns (bytes32) {
        return Messages.domain(address(this));
    }
}
