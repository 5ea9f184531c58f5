// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Answer} from "../Types.sol";

/// @title What a contract that asks for computation implements to be told of the outcome
interface ILilypadClient {
    /// @notice Called by the gateway once per request, whether the job succeeded or not, with the gas that the request named.
    /// If it reverts nothing is lost: the result stays readable at the gateway, and anybody may have it called again.
    /// @dev Check that the caller is the gateway. A refund has been credited already, and can be withdrawn.
    /// @param id The request.
    /// @param answer How it ended.
    function onLilypadResult(uint256 id, Answer calldata answer) external;
}
