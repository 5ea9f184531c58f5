// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Entry} from "../lib/Entry.sol";

/// @title What a gateway remembers
/// @dev Each slot is one that the same call writes anyway: a request touches `_books`, `_intake` and its own entry; a delivery
/// touches its entry, `_books` and `_pulse`. Times are Unix seconds.
abstract contract GatewayStore is ILilypadGateway {
    /// @notice What never changes.
    /// @param token The ERC-20 LP.
    /// @param lane The chain's number of this gateway.
    /// @param escapeDelay Seconds without a sign of life after which the bridge can be declared dead: 30 days or more.
    /// @param minDeposit Least LP of a request or deposit.
    /// @param capFloor The outflow cap can't be set lower than this, and no deposit can be larger than half of it: so compensation
    /// of twice the budget, and a payout of twice the largest deposit, always fit through.
    struct Constants {
        address token;
        uint64 lane;
        uint40 escapeDelay;
        uint96 minDeposit;
        uint96 capFloor;
    }

    /// @dev `locked` backs LP on the chain and pending requests, `owed` is credited; together never more than is held.
    struct Books {
        uint64 inbound;
        uint96 locked;
        uint96 owed;
    }

    /// @dev `level` is what payouts and compensation lately exceeded deposits by: see `LeakyBucket`.
    struct Pulse {
        uint96 level;
        uint40 levelAt;
        uint40 lastSeen;
        uint40 deadSince;
        uint40 pausedUntil;
    }

    struct IntakeRules {
        uint96 maxDeposit;
        uint96 maxLocked;
        bool paused;
    }

    struct OutflowRules {
        uint96 cap;
        uint40 pausableFrom;
    }

    /// @dev What a second attempt at a callback needs, and nothing else does.
    struct Untold {
        uint64 deal;
        uint96 cost;
        uint96 refund;
    }

    /// @notice Time in which the outflow cap is used up or refilled.
    uint256 public constant PERIOD = 1 days;
    /// @notice Longest that deliveries can be paused; as long again, they can't be.
    uint40 public constant MAX_PAUSE = 7 days;
    /// @notice Latest `acceptBy`, from now.
    uint256 public constant MAX_WINDOW = 7 days;
    /// @notice Time between the declaration that the bridge is dead and the first exit.
    uint40 public constant EXIT_NOTICE = 3 days;
    /// @notice Least `ESCAPE_DELAY`.
    uint40 public constant MIN_ESCAPE_DELAY = 30 days;
    /// @notice How far the chain's clock may be ahead of this one's.
    uint256 public constant MAX_DRIFT = 15 minutes;
    /// @notice Most gas for a callback.
    uint256 public constant MAX_CALLBACK_GAS = 1_000_000;
    /// @notice Most messages in a batch.
    uint256 public constant MAX_MESSAGES = 32;

    address internal immutable TOKEN;
    /// @notice The chain's number of this gateway.
    uint64 public immutable LANE;
    /// @notice Seconds without a sign of life after which the bridge can be declared dead.
    uint40 public immutable ESCAPE_DELAY;
    /// @notice Least LP of a request or deposit.
    uint96 public immutable MIN_DEPOSIT;
    /// @notice Least outflow cap; twice the largest deposit that can ever be allowed.
    uint96 public immutable CAP_FLOOR;

    Books internal _books;
    Pulse internal _pulse;
    IntakeRules internal _intake;
    OutflowRules internal _outflow;
    IVerifier internal _verifier;
    /// @notice Who may pause, besides the owner.
    address public guardian;
    mapping(uint64 id => Entry) internal _entries;
    mapping(uint64 id => bytes32) internal _roots;
    mapping(uint64 id => Untold) internal _untold;
    mapping(address account => uint256) internal _credits;
    mapping(uint256 word => uint256) internal _paidOut;

    constructor(Constants memory constants) {
        if (
            constants.token.code.length == 0 || constants.escapeDelay < MIN_ESCAPE_DELAY || constants.minDeposit == 0
                || constants.capFloor / 2 < constants.minDeposit
        ) revert BadConfiguration();
        TOKEN = constants.token;
        LANE = constants.lane;
        ESCAPE_DELAY = constants.escapeDelay;
        MIN_DEPOSIT = constants.minDeposit;
        CAP_FLOOR = constants.capFloor;
    }
}
