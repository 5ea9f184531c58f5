// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What contracts written for Lilypad v2 call
interface ILilypadJobManager {
    /// @notice Runs a module.
    /// @param module `name:tag`.
    /// @param inputs Texts `Key=Value`.
    /// @param payee Who pays.
    /// @return The job's id.
    function runJob(string memory module, string[] memory inputs, address payee) external returns (uint256);
}

/// @title What contracts written for Lilypad v2 are called with
interface ILilypadJobClient {
    /// @notice A job has ended.
    /// @param id As `runJob` returned it.
    /// @param dealId The market's deal.
    /// @param dataId Where the result is.
    function submitResults(uint256 id, string memory dealId, string memory dataId) external;
}
