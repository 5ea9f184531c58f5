// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a caller asks for.
/// @param module `name:tag`, at most 96 bytes.
/// @param inputs Texts `Key=Value`; the first `=` ends the key. At most 32, and 4,096 bytes in all.
/// @param budget Most LP to spend, in its smallest unit. All of it is taken now; what is not spent comes back.
/// @param acceptBy Unix time in seconds after which the chain no longer takes the request up, and gives everything back.
/// @param timeLimit Longest run to pay for, in milliseconds; 0 is the module's own limit.
/// @param callbackGas Gas for the caller's `onLilypadResult`; 0 for no call.
/// @param refundTo Who may withdraw what comes back; 0 for the caller.
/// @param delegate Account on the chain that may accept or challenge the result; 0 for nobody.
struct Request {
    string module;
    string[] inputs;
    uint96 budget;
    uint64 acceptBy;
    uint64 timeLimit;
    uint32 callbackGas;
    address refundTo;
    bytes32 delegate;
}

/// @notice What the gateway remembers of a request: it keeps the hash, and whoever delivers brings the ticket along.
/// @param id The request.
/// @param requester Who asked.
/// @param refundTo Who may withdraw what comes back.
/// @param budget LP that was received and locked.
/// @param acceptBy Unix time in seconds after which the chain no longer takes the request up.
/// @param callbackGas Gas for the callback.
/// @param job Hash of module, inputs, time limit and delegate.
struct Ticket {
    uint64 id;
    address requester;
    address refundTo;
    uint96 budget;
    uint64 acceptBy;
    uint32 callbackGas;
    bytes32 job;
}

/// @notice How a request ended, as the chain says.
/// @param deal The chain's number of the deal; 0 if there was none.
/// @param status One of `Status`.
/// @param exitCode The program's exit code; 0 unless `Status.COMPLETED`.
/// @param root BLAKE3 root of the outputs; 0 if there are none.
/// @param cost LP that was spent.
/// @param refund LP that comes back: what was not spent, and compensation.
struct Answer {
    uint64 deal;
    uint8 status;
    int32 exitCode;
    bytes32 root;
    uint96 cost;
    uint96 refund;
}

/// @notice LP that somebody on the chain sends to somebody here.
/// @param nonce The lane's number of the payout, from 0.
/// @param to Who may withdraw it.
/// @param amount How much.
struct Payout {
    uint64 nonce;
    address to;
    uint96 amount;
}

/// @notice What the chain approves: all messages of one of its blocks. Without messages it is a sign of life.
/// @param set The authority set that approved it.
/// @param time Unix time in seconds of the chain's block.
/// @param messages Struct hashes of the messages, at most 32.
/// @param proof What the verifier asks for.
struct Batch {
    uint64 set;
    uint64 time;
    bytes32[] messages;
    bytes proof;
}

/// @notice An answer of a batch, and the ticket it belongs to.
/// @param index Where in the batch its hash stands.
struct AnswerDelivery {
    uint256 index;
    Ticket ticket;
    Answer answer;
}

/// @notice A payout of a batch.
/// @param index Where in the batch its hash stands.
struct PayoutDelivery {
    uint256 index;
    Payout payout;
}

/// @notice Where a request stands.
/// @custom:value None There is no such request.
/// @custom:value Pending Waits for its answer.
/// @custom:value Answered Answered; the result is kept here, because the caller wanted no callback or has no code.
/// @custom:value Told Answered; the caller took the result in its callback.
/// @custom:value CallbackFailed Answered; the caller's callback reverted, and can be tried again. The result is kept here.
/// @custom:value Exited Taken back because the bridge was dead.
enum State {
    None,
    Pending,
    Answered,
    Told,
    CallbackFailed,
    Exited
}
