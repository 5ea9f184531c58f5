// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title LP on this chain
/// @notice An ERC-20 with permits and 18 decimals, as on the market's own chain. All of it exists from the start: nobody can mint.
contract LilypadToken is ERC20, ERC20Permit {
    constructor(address holder, uint256 supply) ERC20("Lilypad", "LP") ERC20Permit("Lilypad") {
        _mint(holder, supply);
    }
}
