// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Calls into code that nobody vouches for
library BoundedCall {
    /// @notice Most bytes of a callee's answer that are looked at.
    uint256 internal constant MAX_REASON = 128;

    /// @notice Calls with a fixed amount of gas and copies at most `MAX_REASON` bytes of what comes back, however much that is:
    /// Solidity's own call would copy it all, at the caller's cost.
    /// @dev The caller has to see to it that there is enough gas (EIP-150 passes on at most 63/64 of what is left).
    /// @return ok Whether the call succeeded.
    /// @return reason What it reverted with, cut short; empty on success.
    function tryCall(address target, uint256 stipend, bytes memory data)
        internal
        returns (bool ok, bytes memory reason)
    {
        uint256 limit = MAX_REASON;
        assembly ("memory-safe") {
            ok := call(stipend, target, 0, add(data, 0x20), mload(data), 0, 0)
            reason := mload(0x40)
            let size := 0
            if iszero(ok) {
                size := returndatasize()
                if gt(size, limit) { size := limit }
            }
            mstore(reason, size)
            returndatacopy(add(reason, 0x20), 0, size)
            // Rounded up to whole words.
            mstore(0x40, add(add(reason, 0x20), and(add(size, 0x1f), not(0x1f))))
        }
    }
}
