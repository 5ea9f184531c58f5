// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {State, Ticket} from "../Types.sol";
import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {Entry} from "../lib/Entry.sol";
import {Messages} from "../lib/Messages.sol";
import {GatewayStore} from "./GatewayStore.sol";
import {Treasury} from "./Treasury.sol";

/// @title The way out when the bridge is dead
/// @notice A refund needs the chain's word, and excludes an answer: so nobody is paid on both sides. When the chain's word can't be
/// had any more, because those who prove it are gone for good, pending requests can be taken back here. A job that was run and paid
/// on the chain, and whose answer never arrived, is then paid twice, out of the LP that backs the chain's: that is the price of
/// having this door, and why it opens so late. `docs/bridge-trust.md` says who bears it.
abstract contract Escape is Treasury {
    /// @inheritdoc ILilypadGateway
    function declareDead() external {
        uint256 deadFrom = uint256(_pulse.lastSeen) + ESCAPE_DELAY;
        if (block.timestamp < deadFrom) revert NotDead(deadFrom);
        if (_pulse.deadSince != 0) revert ExitNotYet(uint256(_pulse.deadSince) + EXIT_NOTICE);
        _pulse.deadSince = uint40(block.timestamp);
        emit DeclaredDead(block.timestamp + EXIT_NOTICE);
    }

    /// @inheritdoc ILilypadGateway
    function exit(Ticket calldata ticket) external {
        uint256 since = _pulse.deadSince;
        // Nobody but this gateway writes it.
        // slither-disable-next-line incorrect-equality
        if (since == 0) revert NotDead(uint256(_pulse.lastSeen) + ESCAPE_DELAY);
        if (block.timestamp < since + EXIT_NOTICE) revert ExitNotYet(since + EXIT_NOTICE);
        Entry entry = _entries[ticket.id];
        if (entry.state() != State.Pending) revert WrongState(entry.state());
        if (!entry.matches(Messages.ticket(ticket))) revert WrongTicket(ticket.id);

        _entries[ticket.id] = Entry.wrap(0).withState(State.Exited);
        emit Exited(ticket.id, ticket.refundTo, ticket.budget);
        // Not under the outflow cap: that is there against forged messages, and there is none here.
        _credit(ticket.refundTo, ticket.budget);
    }

    /// @notice When the bridge was declared dead; 0 if it lives.
    function deadSince() external view returns (uint256) {
        return _pulse.deadSince;
    }
}
