// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IVerifier} from "../interfaces/IVerifier.sol";
import {Messages} from "../lib/Messages.sol";

/// @title The bridge set: known signers, a quorum of whom speaks for the chain
/// @notice Keeps one hash of the set in office, and takes the set itself from each proof. A proof is
/// `threshold (1 byte) | n (1 byte) | n addresses (20 bytes each, ascending) | signatures (65 bytes each: r, s, v)`, the
/// signatures in the order of their signers.
contract BridgeSet is IVerifier {
    /// @notice Most members.
    uint256 public constant MAX_MEMBERS = 32;

    /// @inheritdoc IVerifier
    address public immutable gateway;
    /// @notice The chain's number of the gateway.
    uint64 public immutable LANE;
    /// @notice Number of the set in office, from 1.
    uint64 public current;
    /// @notice Hash of the set in office: of its number, and of the first part of a proof.
    bytes32 public setHash;

    /// @notice A set came into office.
    event Rotated(uint64 indexed set, uint8 threshold, address[] members);

    /// @notice The members are none or too many, not ascending, or one is zero; or the quorum is not between two thirds of them and
    /// all of them.
    error BadSet();
    /// @notice The proof is too short, or has bytes left over.
    error BadProof();
    /// @notice The proof's set is not in office: have the message signed by the one that is.
    error WrongSet(uint64 set, uint64 current);
    /// @notice Fewer signatures than the quorum.
    error NoQuorum(uint256 signatures, uint256 threshold);
    /// @notice A signature that is none, or in a form that could be changed without the key.
    error BadSignature(uint256 index);
    /// @notice A signer is no member, stands out of order, or signed before.
    error NotMember(uint256 index, address signer);
    /// @notice There is no gateway at the address zero.
    error BadGateway();

    /// @param gateway_ The gateway's address; it may not exist yet.
    constructor(address gateway_, uint64 lane, uint8 threshold, address[] memory members) {
        if (gateway_ == address(0)) revert BadGateway();
        gateway = gateway_;
        LANE = lane;
        _seat(1, threshold, members);
    }

    /// @notice Puts the next set into office. Anybody may bring it; the set in office has signed it.
    function rotate(uint8 threshold, address[] calldata members, bytes calldata proof) external {
        uint64 set = current;
        bytes32 structHash = Messages.rotate(LANE, set, set + 1, threshold, members);
        verify(set, Messages.digest(Messages.domain(gateway), structHash), proof);
        _seat(set + 1, threshold, members);
    }

    /// @inheritdoc IVerifier
    function verify(uint64 set, bytes32 digest, bytes calldata proof) public view {
        if (proof.length < 2) revert BadProof();
        uint256 threshold = uint8(proof[0]);
        uint256 count = uint8(proof[1]);
        uint256 head = 2 + 20 * count;
        if (proof.length < head || (proof.length - head) % 65 != 0) revert BadProof();
        if (keccak256(abi.encodePacked(set, proof[:head])) != setHash) revert WrongSet(set, current);
        uint256 signatures = (proof.length - head) / 65;
        if (signatures < threshold) revert NoQuorum(signatures, threshold);
        _check(digest, proof[2:head], proof[head:]);
    }

    /// @dev Both lists ascend, so each member is looked at once, and nobody counts twice.
    function _check(bytes32 digest, bytes calldata members, bytes calldata signatures) private pure {
        uint256 next = 0;
        uint256 length = signatures.length;
        for (uint256 offset = 0; offset < length; offset += 65) {
            // The last byte of the word that ends with it.
            uint8 v = uint8(uint256(_word(signatures, offset + 33)));
            // The third value is only a detail of the problem.
            // slither-disable-next-line unused-return
            (address signer, ECDSA.RecoverError problem,) =
                ECDSA.tryRecover(digest, v, _word(signatures, offset), _word(signatures, offset + 32));
            if (problem != ECDSA.RecoverError.NoError) revert BadSignature(offset / 65);
            bool found = false;
            while (!found && next < members.length) {
                found = address(bytes20(_word(members, next))) == signer;
                next += 20;
            }
            if (!found) revert NotMember(offset / 65, signer);
        }
    }

    /// @dev Without a check of the bounds, which `verify` has made: all reads begin inside the proof, and what is read past an
    /// address is cut off.
    function _word(bytes calldata data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    function _seat(uint64 set, uint8 threshold, address[] memory members) private {
        uint256 count = members.length;
        if (count == 0 || count > MAX_MEMBERS || threshold > count || 3 * uint256(threshold) < 2 * count) {
            revert BadSet();
        }
        bytes memory head = abi.encodePacked(set, threshold, uint8(count));
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            if (members[i] <= previous) revert BadSet();
            previous = members[i];
            head = abi.encodePacked(head, members[i]);
        }
        current = set;
        setHash = keccak256(head);
        emit Rotated(set, threshold, members);
    }
}
