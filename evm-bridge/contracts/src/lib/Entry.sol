// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {State} from "../Types.sol";

/// @notice One storage slot per request. The lowest byte is its `State`. While it is pending the other 31 bytes are the ticket's
/// hash without its last byte; afterwards: status in bits 8 to 15, exit code in 16 to 47, requester in 96 to 255.
type Entry is uint256;

using {state, matches, status, exitCode, requester, withState} for Entry global;

function pendingEntry(bytes32 ticket) pure returns (Entry) {
    return Entry.wrap((uint256(ticket) & ~uint256(0xff)) | uint256(uint8(State.Pending)));
}

function answeredEntry(State state_, address requester_, uint8 status_, int32 exitCode_) pure returns (Entry) {
    return Entry.wrap(
        (uint256(uint160(requester_)) << 96) | (uint256(uint32(exitCode_)) << 16) | (uint256(status_) << 8)
            | uint256(uint8(state_))
    );
}

function state(Entry entry) pure returns (State) {
    return State(uint8(Entry.unwrap(entry)));
}

/// @dev 248 bits of the hash: enough to find no other ticket for it.
function matches(Entry entry, bytes32 ticket) pure returns (bool) {
    return Entry.unwrap(entry) == Entry.unwrap(pendingEntry(ticket));
}

function status(Entry entry) pure returns (uint8) {
    return uint8(Entry.unwrap(entry) >> 8);
}

function exitCode(Entry entry) pure returns (int32) {
    return int32(uint32(Entry.unwrap(entry) >> 16));
}

function requester(Entry entry) pure returns (address) {
    return address(uint160(Entry.unwrap(entry) >> 96));
}

function withState(Entry entry, State state_) pure returns (Entry) {
    return Entry.wrap((Entry.unwrap(entry) & ~uint256(0xff)) | uint256(uint8(state_)));
}
