// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A limit on value per time
/// @notice What flows out fills a bucket of `cap`, which leaks evenly and is empty again after one period. So at most `cap` more
/// flows out than in at once, and at most twice `cap` in any one period.
library LeakyBucket {
    /// @notice What is left of `level` after `elapsed` seconds. Rounded up, so that the limit is never exceeded.
    function leaked(uint256 level, uint256 cap, uint256 elapsed, uint256 period) internal pure returns (uint256) {
        if (elapsed >= period) return 0;
        uint256 gone = cap * elapsed / period;
        return level > gone ? level - gone : 0;
    }
}
