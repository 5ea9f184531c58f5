// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Request} from "../Types.sol";

/// @title What a request must look like for the chain to be able to read it
library Inputs {
    /// @notice Longest `name:tag`, in bytes.
    uint256 internal constant MAX_MODULE = 96;
    /// @notice Most inputs.
    uint256 internal constant MAX_INPUTS = 32;
    /// @notice Longest key, in bytes.
    uint256 internal constant MAX_KEY = 64;
    /// @notice Most bytes of all inputs together.
    uint256 internal constant MAX_BYTES = 4096;

    /// @notice The module's name is empty or longer than `MAX_MODULE`.
    error BadModule(uint256 length);
    /// @notice More than `MAX_INPUTS` inputs.
    error TooManyInputs(uint256 count);
    /// @notice The inputs are longer than `MAX_BYTES` in all. Pass large data by reference.
    error InputsTooLong(uint256 length);
    /// @notice An input is not `Key=Value` with a key of 1 to `MAX_KEY` bytes.
    error BadInput(uint256 index);

    /// @notice Reverts unless module and inputs are well formed. Whether the module exists and takes such inputs, the chain
    /// finds out.
    function check(Request calldata request) internal pure {
        uint256 length = bytes(request.module).length;
        if (length == 0 || length > MAX_MODULE) revert BadModule(length);
        uint256 count = request.inputs.length;
        if (count > MAX_INPUTS) revert TooManyInputs(count);
        uint256 total = 0;
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata input = bytes(request.inputs[i]);
            total += input.length;
            if (!hasKey(input)) revert BadInput(i);
        }
        if (total > MAX_BYTES) revert InputsTooLong(total);
    }

    /// @dev The value may contain further `=`: only the first counts.
    function hasKey(bytes calldata input) private pure returns (bool) {
        uint256 end = input.length < MAX_KEY + 1 ? input.length : MAX_KEY + 1;
        for (uint256 i = 0; i < end; ++i) {
            if (input[i] == "=") return i != 0;
        }
        return false;
    }
}
