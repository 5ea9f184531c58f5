// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {Request, Ticket} from "../Types.sol";
import {pendingEntry} from "../lib/Entry.sol";
import {Inputs} from "../lib/Inputs.sol";
import {Messages} from "../lib/Messages.sol";
import {GatewayStore} from "./GatewayStore.sol";
import {Treasury} from "./Treasury.sol";

/// @title Requests and deposits
abstract contract Intake is Treasury {
    /// @inheritdoc ILilypadGateway
    function request(Request calldata request_) external nonReentrant returns (uint64 id) {
        Inputs.check(request_);
        if (request_.acceptBy <= block.timestamp || request_.acceptBy > block.timestamp + MAX_WINDOW) {
            revert BadAcceptBy(request_.acceptBy);
        }
        if (request_.callbackGas > MAX_CALLBACK_GAS) revert CallbackGasTooHigh(request_.callbackGas);
        address refundTo = request_.refundTo == address(0) ? msg.sender : request_.refundTo;
        if (refundTo == address(this)) revert BadAccount();

        uint96 budget;
        (id, budget) = _lock(request_.budget);
        bytes32 ticket = Messages.ticket(
            Ticket({
                id: id,
                requester: msg.sender,
                refundTo: refundTo,
                budget: budget,
                acceptBy: request_.acceptBy,
                callbackGas: request_.callbackGas,
                job: Messages.job(request_)
            })
        );
        _entries[id] = pendingEntry(ticket);
        _announce(id, ticket, refundTo, budget, request_);
    }

    /// @inheritdoc ILilypadGateway
    function bridgeIn(bytes32 account, uint96 amount) external nonReentrant returns (uint64 id) {
        return _bridgeIn(account, amount);
    }

    /// @inheritdoc ILilypadGateway
    function bridgeInWithPermit(bytes32 account, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint64 id)
    {
        // Somebody may have used the signature already, to make this fail: then the allowance is there, which is all that matters.
        try IERC20Permit(TOKEN).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _bridgeIn(account, amount);
    }

    /// @notice Number of the last request or deposit; they are numbered from 1 without gaps.
    function lastInbound() external view returns (uint64) {
        return _books.inbound;
    }

    function _bridgeIn(bytes32 account, uint96 amount) private returns (uint64 id) {
        if (account == 0) revert BadAccount();
        uint96 received;
        (id, received) = _lock(amount);
        _meterIn(received);
        emit Deposited(id, msg.sender, account, received);
    }

    /// @dev A function of its own because the event has many fields, and the EVM's stack few places.
    function _announce(uint64 id, bytes32 ticket, address refundTo, uint96 budget, Request calldata request_) private {
        emit Requested(
            id,
            msg.sender,
            ticket,
            refundTo,
            budget,
            request_.acceptBy,
            request_.timeLimit,
            request_.callbackGas,
            request_.delegate,
            request_.module,
            request_.inputs
        );
    }
}
