// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {LilypadGateway} from "../../src/LilypadGateway.sol";
import {Request} from "../../src/Types.sol";

abstract contract Minted is ERC20 {
    constructor() ERC20("Strange", "STR") {
        _mint(msg.sender, 1_000_000e18);
    }
}

/// @dev Keeps a tenth of each transfer.
contract FeeToken is Minted {
    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        super._update(from, address(0xfee), value / 10);
        super._update(from, to, value - value / 10);
    }
}

/// @dev Sends more than it was asked to.
contract GenerousToken is Minted {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0)) super._update(address(0), to, value);
    }
}

/// @dev Refuses to serve some accounts.
contract BlockingToken is Minted {
    mapping(address => bool) public blocked;

    function setBlocked(address who, bool blocked_) external {
        blocked[who] = blocked_;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[from] && !blocked[to], "blocked");
        super._update(from, to, value);
    }
}

/// @dev Says no instead of reverting, and moves nothing.
contract SilentToken is Minted {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @dev Calls the sender in the middle of a transfer, as tokens with hooks do.
contract HookToken is Minted {
    mapping(address => bool) public hooked;

    function hook(address who) external {
        hooked[who] = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (hooked[from]) HookUser(from).onSend();
        super._update(from, to, value);
    }
}

/// @dev Tries to have one transfer counted as two.
contract HookUser {
    LilypadGateway public immutable gateway;
    uint256 public depth;
    bytes public failure;

    constructor(LilypadGateway gateway_, ERC20 token) {
        gateway = gateway_;
        token.approve(address(gateway_), type(uint256).max);
    }

    function ask(Request calldata request) external {
        gateway.request(request);
    }

    function onSend() external {
        if (++depth > 1) return;
        try gateway.bridgeIn(bytes32(uint256(1)), 1e18) {}
        catch (bytes memory why) {
            failure = why;
        }
    }
}
