// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {LeakyBucket} from "../lib/LeakyBucket.sol";
import {GatewayStore} from "./GatewayStore.sol";

/// @title Where LP comes in, changes hands inside, and goes out
/// @notice The only file that moves the token. `balance >= locked + owed` holds before and after every call.
/// @dev The guard is for tokens with hooks: nothing that moves the token can run inside a transfer. It does not cover
/// deliveries, so that a callback may ask for the next job or withdraw; deliveries write everything before they call anybody.
abstract contract Treasury is GatewayStore, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @inheritdoc ILilypadGateway
    function withdraw(address account) external nonReentrant returns (uint256 amount) {
        amount = _credits[account];
        _pay(account, account, amount);
    }

    /// @inheritdoc ILilypadGateway
    function withdrawTo(address to, uint256 amount) external nonReentrant {
        if (to == address(0) || to == address(this)) revert BadAccount();
        _pay(msg.sender, to, amount);
    }

    /// @notice LP that backs the chain's, and pending requests.
    function locked() external view returns (uint256) {
        return _books.locked;
    }

    /// @notice LP that is credited and not withdrawn.
    function owed() external view returns (uint256) {
        return _books.owed;
    }

    /// @notice What payouts and compensation could amount to now.
    function outflowRoom() external view returns (uint256) {
        (uint256 level, uint256 cap) = _outflowLevel();
        return level < cap ? cap - level : 0;
    }

    /// @dev Takes `amount` from the caller and locks what really arrived, which is less with a token that takes a fee. Called
    /// under the guard.
    function _lock(uint96 amount) internal returns (uint64 id, uint96 received) {
        IntakeRules memory rules = _intake;
        if (rules.paused) revert IntakeIsPaused();
        if (amount > rules.maxDeposit) revert BadAmount(amount, MIN_DEPOSIT, rules.maxDeposit);

        uint256 before = IERC20(TOKEN).balanceOf(address(this));
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), amount);
        received = (IERC20(TOKEN).balanceOf(address(this)) - before).toUint96();
        // A token could also send more than it was asked for; the limits are for what is really there.
        if (received < MIN_DEPOSIT || received > rules.maxDeposit) {
            revert BadAmount(received, MIN_DEPOSIT, rules.maxDeposit);
        }

        Books memory books = _books;
        uint256 held = uint256(books.locked) + received;
        if (held > rules.maxLocked) {
            revert GatewayFull(books.locked < rules.maxLocked ? rules.maxLocked - books.locked : 0);
        }
        id = ++books.inbound;
        books.locked = uint96(held);
        _books = books;
    }

    /// @dev Counts what leaves against the outflow cap.
    function _meterOut(uint256 amount) internal {
        (uint256 level, uint256 cap) = _outflowLevel();
        if (level + amount > cap) revert OutflowLimited(amount, level < cap ? cap - level : 0);
        _setOutflowLevel(level + amount);
    }

    /// @dev What comes back makes room again: sending the same LP to and fro uses nothing up, and so keeps nobody waiting.
    function _meterIn(uint256 amount) internal {
        (uint256 level,) = _outflowLevel();
        _setOutflowLevel(level > amount ? level - amount : 0);
    }

    /// @dev Makes locked LP withdrawable. The events of those who call this say whose, and why.
    function _credit(address to, uint96 amount) internal {
        Books memory books = _books;
        if (amount > books.locked) revert LaneShort(amount, books.locked);
        books.locked -= amount;
        books.owed += amount;
        _books = books;
        _credits[to] += amount;
    }

    function _pay(address account, address to, uint256 amount) private {
        uint256 credit = _credits[account];
        if (amount == 0 || amount > credit) revert NothingToWithdraw(account);
        _credits[account] = credit - amount;
        _books.owed -= amount.toUint96();
        emit Withdrawn(account, to, amount);
        IERC20(TOKEN).safeTransfer(to, amount);
    }

    function _setOutflowLevel(uint256 level) private {
        _pulse.level = level.toUint96();
        _pulse.levelAt = uint40(block.timestamp);
    }

    function _outflowLevel() private view returns (uint256 level, uint256 cap) {
        cap = _outflow.cap;
        level = LeakyBucket.leaked(_pulse.level, cap, block.timestamp - _pulse.levelAt, PERIOD);
    }
}
