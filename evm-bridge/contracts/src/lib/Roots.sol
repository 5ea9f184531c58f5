// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

/// @title Output roots as texts
library Roots {
    /// @notice The root in 64 hexadecimal digits, as the market's tools write it: without `0x`.
    function text(bytes32 root) internal pure returns (string memory) {
        bytes memory prefixed = bytes(Strings.toHexString(uint256(root), 32));
        bytes memory digits = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            digits[i] = prefixed[i + 2];
        }
        return string(digits);
    }
}
