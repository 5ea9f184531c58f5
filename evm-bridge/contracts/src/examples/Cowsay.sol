// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Status} from "../Status.sol";
import {Answer, Request} from "../Types.sol";
import {LilypadClient} from "../client/LilypadClient.sol";
import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {Roots} from "../lib/Roots.sol";

/// @title The smallest useful client: a cow says something, and the contract remembers where
/// @notice Whoever asks pays, with LP approved for this contract, and gets back what was not spent.
contract Cowsay is LilypadClient {
    using SafeERC20 for IERC20;

    /// @notice A question and its answer.
    /// @param asker Who asked; zero if nobody did.
    /// @param answered Whether the answer is there.
    /// @param status How it ended: one of `Status`.
    /// @param exitCode The program's exit code.
    /// @param root Identifies, verifies and fetches the output; zero if there is none.
    struct Saying {
        address asker;
        bool answered;
        uint8 status;
        int32 exitCode;
        bytes32 root;
    }

    /// @notice Gas for the answer: one slot is written, one updated, and an event.
    uint32 public constant CALLBACK_GAS = 100_000;
    /// @notice How long the market may take to take the job up.
    uint64 public constant WINDOW = 1 hours;

    /// @notice The module that is run.
    string public module;
    /// @notice Questions by their request's number.
    mapping(uint256 id => Saying) public sayings;

    /// @notice Somebody asked.
    event Asked(uint256 indexed id, address indexed asker, string message);
    /// @notice The cow spoke. `location` says where to read what.
    event Said(uint256 indexed id, bytes32 root, int32 exitCode);
    /// @notice The cow did not speak; the refund waits at the gateway for who asked.
    event Silent(uint256 indexed id, uint8 status, string reason);

    constructor(ILilypadGateway gateway, string memory module_) LilypadClient(gateway) {
        module = module_;
    }

    /// @notice Has the cow say something.
    /// @param message What.
    /// @param budget Most LP to spend; approved for this contract by the caller.
    /// @return id The request's number.
    function ask(string calldata message, uint96 budget) external returns (uint256 id) {
        return _ask(message, budget);
    }

    /// @notice As `ask`, with the approval as a signature: one transaction.
    function askWithPermit(string calldata message, uint96 budget, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 id)
    {
        // Somebody may have used the signature already, to make this fail: then the allowance is there, which is all that matters.
        // slither-disable-next-line reentrancy-benign,reentrancy-events
        try IERC20Permit(GATEWAY.token()).permit(msg.sender, address(this), budget, deadline, v, r, s) {} catch {}
        return _ask(message, budget);
    }

    /// @notice Where what the cow said can be read: this path, at any server of results. The root is part of it, so whoever
    /// reads can check what is served, and need not trust who serves it. Empty if the cow has not spoken.
    function location(uint256 id) external view returns (string memory) {
        bytes32 root = sayings[id].root;
        return root == 0 ? "" : string.concat("/v1/results/", Roots.text(root), "/stdout");
    }

    function _ask(string calldata message, uint96 budget) private returns (uint256 id) {
        IERC20(GATEWAY.token()).safeTransferFrom(msg.sender, address(this), budget);
        string[] memory inputs = new string[](1);
        inputs[0] = string.concat("Message=", message);
        // The number is only known afterwards, and the gateway calls nobody here.
        // slither-disable-next-line reentrancy-benign,reentrancy-events
        id = _request(
            Request({
                module: module,
                inputs: inputs,
                budget: budget,
                acceptBy: uint64(block.timestamp) + WINDOW,
                timeLimit: 0,
                callbackGas: CALLBACK_GAS,
                refundTo: msg.sender,
                delegate: 0
            })
        );
        sayings[id].asker = msg.sender;
        emit Asked(id, msg.sender, message);
    }

    function _onResult(uint256 id, Answer calldata answer) internal override {
        Saying storage saying = sayings[id];
        (saying.answered, saying.status, saying.exitCode) = (true, answer.status, answer.exitCode);
        if (answer.status == Status.COMPLETED) {
            saying.root = answer.root;
            emit Said(id, answer.root, answer.exitCode);
        } else {
            emit Silent(id, answer.status, Status.name(answer.status));
        }
    }
}
