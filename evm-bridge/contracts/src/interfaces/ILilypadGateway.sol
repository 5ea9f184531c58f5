// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnswerDelivery, Batch, PayoutDelivery, Request, State, Ticket} from "../Types.sol";
import {IVerifier} from "./IVerifier.sol";

/// @title The gateway between contracts on this chain and the compute market
/// @notice A contract asks for computation and locks LP; what the market answers is delivered here, and what was not spent
/// can be withdrawn. People send LP to the market's chain and back.
interface ILilypadGateway {
    // -- What happened ------------------------------------------------------------------------------------------------

    /// @notice Somebody asked for computation. Everything that the chain needs to know is here.
    event Requested(
        uint64 indexed id,
        address indexed requester,
        bytes32 indexed ticket,
        address refundTo,
        uint96 budget,
        uint64 acceptBy,
        uint64 timeLimit,
        uint32 callbackGas,
        bytes32 delegate,
        string module,
        string[] inputs
    );
    /// @notice Somebody sent LP to an account of the chain. Shares its numbers with requests: a missing number is a log that
    /// was missed.
    event Deposited(uint64 indexed id, address indexed from, bytes32 indexed account, uint96 amount);
    /// @notice A batch was proven.
    event BatchProven(uint64 indexed set, uint64 time);
    /// @notice A request was answered; `refund` is `refundTo`'s to withdraw.
    event Answered(
        uint64 indexed id,
        address indexed requester,
        address indexed refundTo,
        bytes32 root,
        uint64 deal,
        uint8 status,
        int32 exitCode,
        uint96 cost,
        uint96 refund
    );
    /// @notice The requester took its answer.
    event CallbackSucceeded(uint64 indexed id);
    /// @notice The requester's callback reverted, with the first bytes of this; it can be tried again.
    event CallbackFailed(uint64 indexed id, bytes reason);
    /// @notice LP from the chain is `to`'s to withdraw.
    event PaidOut(uint64 indexed nonce, address indexed to, uint96 amount);
    /// @notice LP was withdrawn.
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    /// @notice Nothing was heard of the chain for `ESCAPE_DELAY`. Unless it is heard of, exits begin at this time.
    event DeclaredDead(uint256 exitsFrom);
    /// @notice The chain was heard of after all.
    event Revived(uint64 time);
    /// @notice A request was taken back because the bridge was dead; `amount` is `refundTo`'s to withdraw.
    event Exited(uint64 indexed id, address indexed refundTo, uint96 amount);
    /// @notice New requests and deposits are refused, or taken again.
    event IntakePaused(address indexed by, bool paused);
    /// @notice Deliveries are refused until this time.
    event DeliveryPaused(address indexed by, uint256 until);
    /// @notice Deliveries are taken again before the pause's end.
    event DeliveryResumed();
    /// @notice The limits are these from now on.
    event LimitsChanged(uint96 maxDeposit, uint96 maxLocked, uint96 outflowCap);
    /// @notice Who may pause, besides the owner.
    event GuardianChanged(address indexed previous, address indexed next);
    /// @notice What convinces this gateway, from now on.
    event VerifierReplaced(address indexed previous, address indexed next);

    // -- What can be wrong --------------------------------------------------------------------------------------------

    /// @notice New requests and deposits are paused.
    error IntakeIsPaused();
    /// @notice Deliveries are paused until this time.
    error DeliveryIsPaused(uint256 until);
    /// @notice Less than `MIN_DEPOSIT`, or more than the limit `maxDeposit`.
    error BadAmount(uint256 amount, uint256 min, uint256 max);
    /// @notice The gateway holds as much as it may: wait, or ask for less.
    error GatewayFull(uint256 room);
    /// @notice `acceptBy` is not between now and `MAX_WINDOW` from now.
    error BadAcceptBy(uint256 acceptBy);
    /// @notice More gas than `MAX_CALLBACK_GAS`.
    error CallbackGasTooHigh(uint256 gas);
    /// @notice LP can't be sent to this account.
    error BadAccount();
    /// @notice The batch's block is more than `MAX_DRIFT` after this chain's: wait.
    error BatchFromTheFuture(uint256 time);
    /// @notice More than `MAX_MESSAGES` messages.
    error BatchTooLarge(uint256 count);
    /// @notice Everything in it was delivered before.
    error NothingNew();
    /// @notice There is no such request.
    error UnknownRequest(uint64 id);
    /// @notice The ticket is not that of the request.
    error WrongTicket(uint64 id);
    /// @notice The batch doesn't have this message at this index.
    error NotInBatch(uint256 index);
    /// @notice The gateway does not hold this much for the chain.
    error LaneShort(uint256 wanted, uint256 locked);
    /// @notice More than may leave now: `room` is left, and grows with time.
    error OutflowLimited(uint256 wanted, uint256 room);
    /// @notice The transaction's gas does not suffice for the callback: send at least this much more.
    error NotEnoughGas(uint256 needed, uint256 left);
    /// @notice The request is not in the state that this call needs.
    error WrongState(State state);
    /// @notice The callback failed again, with this.
    error CallbackFailedAgain(bytes reason);
    /// @notice There is nothing to withdraw.
    error NothingToWithdraw(address account);
    /// @notice The bridge is not dead before this time.
    error NotDead(uint256 deadFrom);
    /// @notice Exits begin at this time.
    error ExitNotYet(uint256 from);
    /// @notice Neither owner nor guardian.
    error NotGuardian(address caller);
    /// @notice Deliveries can't be paused again before this time.
    error PauseNotYet(uint256 from);
    /// @notice The limits contradict each other or the gateway's fixed bounds.
    error BadLimits();
    /// @notice The verifier belongs to another gateway.
    error BadVerifier(address verifier);
    /// @notice The owner can't leave the gateway without one: pauses could never be lifted.
    error OwnerNeeded();
    /// @notice A parameter of the constructor is out of bounds.
    error BadConfiguration();

    // -- Asking and sending -------------------------------------------------------------------------------------------

    /// @notice Asks for computation. Takes `wanted.budget` LP, which the caller has approved.
    /// @return id The request's number: never 0, never used again.
    function request(Request calldata wanted) external returns (uint64 id);

    /// @notice Sends LP, which the caller has approved, to an account of the chain.
    /// @param account The account's 32 bytes.
    /// @return id The deposit's number.
    function bridgeIn(bytes32 account, uint96 amount) external returns (uint64 id);

    /// @notice As `bridgeIn`, with the approval as a signature.
    function bridgeInWithPermit(bytes32 account, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint64 id);

    // -- Delivering ---------------------------------------------------------------------------------------------------

    /// @notice Delivers messages of a batch. Anybody may. What was delivered before is passed over; without messages the batch
    /// counts as a sign of life.
    function deliver(Batch calldata batch, AnswerDelivery[] calldata answers, PayoutDelivery[] calldata payouts)
        external;

    /// @notice Calls the requester back once more, with all the gas that the transaction has left. Anybody may.
    function retryCallback(uint64 id) external;

    // -- Money --------------------------------------------------------------------------------------------------------

    /// @notice Sends `account` all that it has to its credit. Anybody may; no pause can stop it.
    function withdraw(address account) external returns (uint256 amount);

    /// @notice Sends part of the caller's credit to another address.
    function withdrawTo(address to, uint256 amount) external;

    // -- When the bridge is dead --------------------------------------------------------------------------------------

    /// @notice Declares the bridge dead, when nothing was heard of the chain for `ESCAPE_DELAY`. Anybody may.
    function declareDead() external;

    /// @notice Takes back a request that was never answered. Anybody may; the LP is credited to its `refundTo`.
    function exit(Ticket calldata ticket) external;

    // -- Reading ------------------------------------------------------------------------------------------------------

    /// @notice Where a request stands; `status` and `exitCode` once it is answered.
    /// @return state Where it stands.
    /// @return status One of `Status`.
    /// @return exitCode The program's exit code.
    /// @return root The outputs; 0 if the requester took it in its callback: who took it keeps what it wants, and need not pay for
    /// it to be kept here as well.
    function resultOf(uint64 id) external view returns (State state, uint8 status, int32 exitCode, bytes32 root);

    /// @notice LP that an account can withdraw.
    function creditOf(address account) external view returns (uint256);

    /// @notice The token.
    function token() external view returns (address);

    /// @notice What convinces this gateway.
    function verifier() external view returns (IVerifier);
}
