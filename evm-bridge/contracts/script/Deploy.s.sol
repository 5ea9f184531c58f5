// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {LilypadToken} from "../src/LilypadToken.sol";
import {Cowsay} from "../src/examples/Cowsay.sol";
import {GatewayStore} from "../src/gateway/GatewayStore.sol";
import {BridgeSet} from "../src/verifier/BridgeSet.sol";
import {vm} from "../test/utils/Vm.sol";

/// @title Deploys a gateway with its bridge set, and a token and an example where there are none
/// @notice Reads its settings from the environment, and writes addresses to `DEPLOYMENT` (JSON). All amounts are in the token's smallest
/// unit.
///
/// | variable | what | default |
/// |---|---|---|
/// | `BRIDGE_MEMBERS` | addresses of the bridge set, ascending, with commas | required |
/// | `BRIDGE_THRESHOLD` | the quorum | two thirds, rounded up |
/// | `LANE` | the chain's number of this gateway | the chain id |
/// | `OWNER`, `GUARDIAN` | who may brake; the owner should be a multisignature wallet | the deployer |
/// | `TOKEN` | an ERC-20; a new one is deployed if there is none | none |
/// | `TOKEN_SUPPLY` | of a new token, all for the deployer | 1,000,000,000 LP |
/// | `MIN_DEPOSIT`, `MAX_DEPOSIT`, `MAX_LOCKED`, `OUTFLOW_CAP` | limits | 0.001, 1,000, 1,000,000, 10,000 LP |
/// | `ESCAPE_DELAY` | seconds until the bridge can be declared dead | 30 days |
/// | `MODULE` | what the example runs; empty for no example | cowsay:v0.0.1 |
contract Deploy {
    bool public constant IS_SCRIPT = true;
    uint256 private constant LP = 1e18;

    error TooLarge(string name, uint256 value);

    function run() external {
        address[] memory members = vm.envAddress("BRIDGE_MEMBERS", ",");
        uint256 threshold = vm.envOr("BRIDGE_THRESHOLD", (2 * members.length + 2) / 3);
        uint64 lane = uint64(_env("LANE", block.chainid, type(uint64).max));

        vm.startBroadcast();
        (, address deployer,) = vm.readCallers();
        address token = vm.envOr("TOKEN", address(0));
        if (token == address(0)) {
            token = address(new LilypadToken(deployer, vm.envOr("TOKEN_SUPPLY", 1_000_000_000 * LP)));
        }
        // The set is for the address that the gateway gets with the transaction after it; both check the other.
        address expected = vm.computeCreateAddress(deployer, vm.getNonce(deployer) + 1);
        BridgeSet bridge = new BridgeSet(expected, lane, uint8(threshold), members);
        LilypadGateway gateway = new LilypadGateway(_constants(token, lane), _settings(deployer), bridge);
        string memory module = vm.envOr("MODULE", string("cowsay:v0.0.1"));
        address example = bytes(module).length == 0 ? address(0) : address(new Cowsay(gateway, module));
        vm.stopBroadcast();

        vm.serializeUint("deployment", "chainId", block.chainid);
        vm.serializeUint("deployment", "lane", lane);
        // Where to begin reading the gateway's events.
        vm.serializeUint("deployment", "fromBlock", block.number);
        vm.serializeAddress("deployment", "token", token);
        vm.serializeAddress("deployment", "bridgeSet", address(bridge));
        vm.serializeAddress("deployment", "gateway", address(gateway));
        vm.serializeAddress("deployment", "members", members);
        vm.serializeUint("deployment", "threshold", threshold);
        string memory json = vm.serializeAddress("deployment", "example", example);
        vm.writeJson(json, vm.envOr("DEPLOYMENT", string("./out/deployment.json")));
    }

    function _constants(address token, uint64 lane) private view returns (GatewayStore.Constants memory) {
        return GatewayStore.Constants({
            token: token,
            lane: lane,
            escapeDelay: uint40(_env("ESCAPE_DELAY", 30 days, type(uint40).max)),
            minDeposit: _amount("MIN_DEPOSIT", LP / 1000),
            // Limits can be lowered later down to these, and deposits never raised above half of it.
            capFloor: 2 * _amount("MAX_DEPOSIT", 1000 * LP)
        });
    }

    function _settings(address deployer) private view returns (LilypadGateway.Settings memory) {
        return LilypadGateway.Settings({
            owner: vm.envOr("OWNER", deployer),
            guardian: vm.envOr("GUARDIAN", deployer),
            maxDeposit: _amount("MAX_DEPOSIT", 1000 * LP),
            maxLocked: _amount("MAX_LOCKED", 1_000_000 * LP),
            outflowCap: _amount("OUTFLOW_CAP", 10_000 * LP)
        });
    }

    function _amount(string memory name, uint256 fallback_) private view returns (uint96) {
        return uint96(_env(name, fallback_, type(uint96).max / 2));
    }

    function _env(string memory name, uint256 fallback_, uint256 max) private view returns (uint256 value) {
        value = vm.envOr(name, fallback_);
        if (value > max) revert TooLarge(name, value);
    }
}
