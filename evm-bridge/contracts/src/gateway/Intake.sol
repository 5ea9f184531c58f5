// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {Request, Ticket} from "../Types.sol";
import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {pendingEntry} from "../lib/Entry.sol";
import {Inputs} from "../lib/Inputs.sol";
import {Messages} from "../lib/Messages.sol";
import {GatewayStore} from "./GatewayStore.sol";
import {Treasury} from "./Treasury.sol";

/// @title Requests and deposits
abstract contract Intake is Treasury {
    /// @inheritdoc ILilypadGateway
    function request(Request calldata wanted) external nonReentrant returns (uint64 id) {
        Inputs.check(wanted);
        if (wanted.acceptBy <= block.timestamp || wanted.acceptBy > block.timestamp + MAX_WINDOW) {
            revert BadAcceptBy(wanted.acceptBy);
        }
        if (wanted.callbackGas > MAX_CALLBACK_GAS) revert CallbackGasTooHigh(wanted.callbackGas);
        address refundTo = wanted.refundTo == address(0) ? msg.sender : wanted.refundTo;
        if (refundTo == address(this)) revert BadAccount();

        uint96 budget;
        (id, budget) = _lock(wanted.budget);
        bytes32 ticket = Messages.ticket(
            Ticket({
                id: id,
                requester: msg.sender,
                refundTo: refundTo,
                budget: budget,
                acceptBy: wanted.acceptBy,
                callbackGas: wanted.callbackGas,
                job: Messages.job(wanted)
            })
        );
        _entries[id] = pendingEntry(ticket);
        _announce(id, ticket, refundTo, budget, wanted);
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
        // slither-disable-next-line reentrancy-benign
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
    function _announce(uint64 id, bytes32 ticket, address refundTo, uint96 budget, Request calldata wanted) private {
        emit Requested(
            id,
            msg.sender,
            ticket,
            refundTo,
            budget,
            wanted.acceptBy,
            wanted.timeLimit,
            wanted.callbackGas,
            wanted.delegate,
            wanted.module,
            wanted.inputs
        );
    }
}
