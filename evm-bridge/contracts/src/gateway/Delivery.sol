// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Answer, AnswerDelivery, Batch, Payout, PayoutDelivery, State, Ticket} from "../Types.sol";
import {ILilypadClient} from "../interfaces/ILilypadClient.sol";
import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {BoundedCall} from "../lib/BoundedCall.sol";
import {Entry, answeredEntry} from "../lib/Entry.sol";
import {Messages} from "../lib/Messages.sol";
import {GatewayStore} from "./GatewayStore.sol";
import {Treasury} from "./Treasury.sol";

/// @title What the chain says, and telling those who asked
/// @dev For every message: is it new, is it in the batch, then all effects, then the callback. A callback that re-enters finds
/// its message delivered, and whatever it delivers itself is passed over here afterwards.
abstract contract Delivery is Treasury {
    /// @dev What may still be needed after a callback that used all its gas: recording that it failed, and the event.
    uint256 private constant RESERVE = 60_000;

    /// @inheritdoc ILilypadGateway
    function deliver(Batch calldata batch, AnswerDelivery[] calldata answers, PayoutDelivery[] calldata payouts)
        external
    {
        bool news = _prove(batch);
        if (answers.length + payouts.length != 0) {
            uint256 until = _pulse.pausedUntil;
            if (block.timestamp < until) revert DeliveryIsPaused(until);
            news = false;
            for (uint256 i = 0; i < payouts.length; ++i) {
                if (_payOut(batch, payouts[i])) news = true;
            }
            for (uint256 i = 0; i < answers.length; ++i) {
                if (_answer(batch, answers[i])) news = true;
            }
        }
        // So that a relayer who comes second learns it from the estimate, before paying.
        if (!news) revert NothingNew();
    }

    /// @inheritdoc ILilypadGateway
    function retryCallback(uint64 id) external {
        Entry entry = _entries[id];
        if (entry.state() != State.CallbackFailed) revert WrongState(entry.state());
        Untold memory untold = _untold[id];
        _entries[id] = entry.withState(State.Told);
        delete _untold[id];
        Answer memory answer = Answer({
            deal: untold.deal,
            status: entry.status(),
            exitCode: entry.exitCode(),
            root: _roots[id],
            cost: untold.cost,
            refund: untold.refund
        });
        // Emitted first, because the callback may lead to further events; a failure takes it back.
        emit CallbackSucceeded(id);
        (bool ok, bytes memory reason) = BoundedCall.tryCall(
            entry.requester(), gasleft(), abi.encodeCall(ILilypadClient.onLilypadResult, (id, answer))
        );
        if (!ok) revert CallbackFailedAgain(reason);
    }

    /// @inheritdoc ILilypadGateway
    function resultOf(uint64 id) external view returns (State state, uint8 status, int32 exitCode, bytes32 root) {
        Entry entry = _entries[id];
        state = entry.state();
        if (state == State.Answered || state == State.Told || state == State.CallbackFailed) {
            (status, exitCode, root) = (entry.status(), entry.exitCode(), _roots[id]);
        }
    }

    /// @notice Whether the payout with this number was delivered.
    function isPaidOut(uint64 nonce) external view returns (bool) {
        return _paidOut[nonce >> 8] & (1 << (nonce & 0xff)) != 0;
    }

    /// @notice When the chain was last heard of: the time of the newest block of which a batch was proven.
    function lastSeen() external view returns (uint256) {
        return _pulse.lastSeen;
    }

    /// @dev Checks the proof, and notes the sign of life. A batch's own time counts, not the delivery's: so repeating an old one
    /// keeps no dead bridge alive.
    /// @return later Whether this batch is the newest seen.
    function _prove(Batch calldata batch) private returns (bool later) {
        if (batch.messages.length > MAX_MESSAGES) revert BatchTooLarge(batch.messages.length);
        if (batch.time > block.timestamp + MAX_DRIFT) revert BatchFromTheFuture(batch.time);
        bytes32 structHash = Messages.batch(LANE, batch.set, batch.time, batch.messages);
        _verifier.verify(batch.set, Messages.digest(Messages.domain(address(this)), structHash), batch.proof);

        later = batch.time > _pulse.lastSeen;
        if (later) {
            _pulse.lastSeen = uint40(batch.time);
            // The chain lived within the delay before the declaration, so that was wrong, or it lives again.
            uint256 since = _pulse.deadSince;
            if (since != 0 && uint256(batch.time) + ESCAPE_DELAY > since) {
                _pulse.deadSince = 0;
                emit Revived(batch.time);
            }
        }
        emit BatchProven(batch.set, batch.time);
    }

    /// @return Whether it was new.
    function _payOut(Batch calldata batch, PayoutDelivery calldata delivery) private returns (bool) {
        Payout calldata payout = delivery.payout;
        uint256 word = payout.nonce >> 8;
        uint256 bit = 1 << (payout.nonce & 0xff);
        uint256 done = _paidOut[word];
        if (done & bit != 0) return false;
        _included(batch, delivery.index, Messages.payout(payout));

        _paidOut[word] = done | bit;
        emit PaidOut(payout.nonce, payout.to, payout.amount);
        if (payout.amount != 0) {
            _meterOut(payout.amount);
            _credit(payout.to, payout.amount);
        }
        return true;
    }

    /// @return Whether it was new.
    function _answer(Batch calldata batch, AnswerDelivery calldata delivery) private returns (bool) {
        Ticket calldata ticket = delivery.ticket;
        Answer calldata answer = delivery.answer;
        Entry entry = _entries[ticket.id];
        State state = entry.state();
        if (state == State.None) revert UnknownRequest(ticket.id);
        if (state != State.Pending) return false;
        bytes32 ticketHash = Messages.ticket(ticket);
        // The answer is to this very request: after a re-organisation its number may be another's.
        if (!entry.matches(ticketHash)) revert WrongTicket(ticket.id);
        _included(batch, delivery.index, Messages.answer(ticketHash, answer));

        // Whoever has no code can't be called, and reads.
        bool call = ticket.callbackGas != 0 && ticket.requester.code.length != 0;
        entry = answeredEntry(call ? State.Told : State.Answered, ticket.requester, answer.status, answer.exitCode);
        _entries[ticket.id] = entry;
        if (!call && answer.root != 0) _roots[ticket.id] = answer.root;
        emit Answered(
            ticket.id,
            ticket.requester,
            ticket.refundTo,
            answer.root,
            answer.deal,
            answer.status,
            answer.exitCode,
            answer.cost,
            answer.refund
        );
        if (answer.refund != 0) {
            // A requester's own LP comes back whatever else flows out: nobody can use up the cap to keep others waiting for theirs.
            if (answer.refund > ticket.budget) _meterOut(answer.refund - ticket.budget);
            _credit(ticket.refundTo, answer.refund);
        }
        if (call) _callBack(entry, ticket, answer);
        return true;
    }

    function _callBack(Entry entry, Ticket calldata ticket, Answer calldata answer) private {
        bytes memory data = abi.encodeCall(ILilypadClient.onLilypadResult, (ticket.id, answer));
        // EIP-150: a call gets at most 63/64 of what is left. Nobody shall make a callback fail by delivering it with too little.
        uint256 needed = uint256(ticket.callbackGas) * 64 / 63 + RESERVE;
        if (gasleft() < needed) revert NotEnoughGas(needed, gasleft());
        (bool ok, bytes memory reason) = BoundedCall.tryCall(ticket.requester, ticket.callbackGas, data);
        if (ok) {
            emit CallbackSucceeded(ticket.id);
        } else {
            _entries[ticket.id] = entry.withState(State.CallbackFailed);
            if (answer.root != 0) _roots[ticket.id] = answer.root;
            _untold[ticket.id] = Untold({deal: answer.deal, cost: answer.cost, refund: answer.refund});
            emit CallbackFailed(ticket.id, reason);
        }
    }

    function _included(Batch calldata batch, uint256 index, bytes32 message) private pure {
        if (index >= batch.messages.length || batch.messages[index] != message) revert NotInBatch(index);
    }
}
