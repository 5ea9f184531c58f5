// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title How a job ended: one byte, the same on both sides of the bridge
/// @notice 0 to 5 are the chain's own statuses of a result, in its order. The others say why there is no result. Bytes
/// that are not listed are passed on like the others, so that the chain can name new ones without locking anybody's LP.
library Status {
    /// @notice The program ran to its end, with whatever exit code.
    uint8 internal constant COMPLETED = 0;
    /// @notice The program could not be run: no such entry point, a trap.
    uint8 internal constant JOB_ERROR = 1;
    /// @notice It wrote more output than it may.
    uint8 internal constant OUTPUT_EXCEEDED = 2;
    /// @notice It used more memory than it may.
    uint8 internal constant MEMORY_EXCEEDED = 3;
    /// @notice It used more disk than it may.
    uint8 internal constant DISK_EXCEEDED = 4;
    /// @notice It ran longer than it may.
    uint8 internal constant TIME_EXCEEDED = 5;
    /// @notice The request reached the chain after its `acceptBy`.
    uint8 internal constant EXPIRED = 6;
    /// @notice There is no such module version, or it was withdrawn.
    uint8 internal constant UNKNOWN_MODULE = 7;
    /// @notice The module doesn't have such inputs, or not with such values.
    uint8 internal constant BAD_INPUTS = 8;
    /// @notice The budget is smaller than the least that such a job can cost.
    uint8 internal constant BUDGET_TOO_SMALL = 9;
    /// @notice The chain did not take the request for another reason: paused, or over the lane's limits.
    uint8 internal constant REFUSED = 10;
    /// @notice No provider took the job in time.
    uint8 internal constant UNMATCHED = 11;
    /// @notice Every provider that took the job failed it: absent, declined, or out of time.
    uint8 internal constant PROVIDER_FAILED = 12;
    /// @notice The image or the inputs were not to be had.
    uint8 internal constant UNFETCHABLE = 13;
    /// @notice The job was cancelled by its delegate.
    uint8 internal constant CANCELLED = 14;
    /// @notice Mediators found the result wrong or withheld.
    uint8 internal constant OVERTURNED = 15;
    /// @notice Honest runs of the module gave different results.
    uint8 internal constant NON_DETERMINISTIC = 16;
    /// @notice A challenge that too few mediators voted on.
    uint8 internal constant UNRESOLVED = 17;

    /// @notice The status in words, as the chain's own tools write it.
    function name(uint8 status) internal pure returns (string memory) {
        if (status == COMPLETED) return "completed";
        if (status == JOB_ERROR) return "job error";
        if (status == OUTPUT_EXCEEDED) return "output limit exceeded";
        if (status == MEMORY_EXCEEDED) return "memory limit exceeded";
        if (status == DISK_EXCEEDED) return "disk limit exceeded";
        if (status == TIME_EXCEEDED) return "time limit exceeded";
        if (status == EXPIRED) return "expired";
        if (status == UNKNOWN_MODULE) return "unknown module";
        if (status == BAD_INPUTS) return "bad inputs";
        if (status == BUDGET_TOO_SMALL) return "budget too small";
        if (status == REFUSED) return "refused";
        if (status == UNMATCHED) return "no provider";
        if (status == PROVIDER_FAILED) return "provider failed";
        if (status == UNFETCHABLE) return "not fetchable";
        if (status == CANCELLED) return "cancelled";
        if (status == OVERTURNED) return "overturned";
        if (status == NON_DETERMINISTIC) return "not deterministic";
        if (status == UNRESOLVED) return "unresolved";
        return "unknown status";
    }
}
