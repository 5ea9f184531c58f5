// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Answer, Request} from "../Types.sol";
import {ILilypadClient} from "../interfaces/ILilypadClient.sol";
import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";

/// @title To inherit from: asks the gateway, and takes answers from nobody else
abstract contract LilypadClient is ILilypadClient {
    using SafeERC20 for IERC20;

    /// @notice The gateway.
    ILilypadGateway public immutable GATEWAY;

    /// @notice The caller is not the gateway.
    error NotGateway(address caller);

    constructor(ILilypadGateway gateway) {
        GATEWAY = gateway;
        IERC20(gateway.token()).forceApprove(address(gateway), type(uint256).max);
    }

    /// @inheritdoc ILilypadClient
    function onLilypadResult(uint256 id, Answer calldata answer) external {
        if (msg.sender != address(GATEWAY)) revert NotGateway(msg.sender);
        _onResult(id, answer);
    }

    /// @dev Asks for computation, paid by this contract's own LP.
    function _request(Request memory request) internal returns (uint256 id) {
        return GATEWAY.request(request);
    }

    /// @dev What to do with an answer. A revert costs nothing: anybody may have it called again.
    function _onResult(uint256 id, Answer calldata answer) internal virtual;
}
