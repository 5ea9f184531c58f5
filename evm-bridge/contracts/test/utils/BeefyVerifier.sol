// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {BridgeSet} from "../../src/verifier/BridgeSet.sol";

/// @title What would verify the chain's own finality, were it told by BEEFY
/// @notice For measuring: it shows what such a proof costs, and that a gateway takes it without a change. The chain does not run
/// BEEFY, and changes of the validator set are left out.
///
/// A proof is `commitment | leaf | path in the MMR | path in the outbox | what the bridge set takes`. The commitment, in SCALE as
/// the validators sign it, names the root of the chain's Merkle mountain range; the leaf is a block's, and ends with the root of its
/// outbox, whose leaves are digests. A path is `length (1 byte) | sides (4 bytes, a bit for each step) | nodes`.
contract BeefyVerifier is IVerifier {
    uint256 private constant COMMITMENT = 48;
    uint256 private constant LEAF = 113;

    /// @inheritdoc IVerifier
    address public immutable gateway;
    BridgeSet private immutable VALIDATORS;

    error WrongSet(uint64 set);
    error NotInRange();
    error NotInOutbox();

    constructor(address gateway_, BridgeSet validators) {
        gateway = gateway_;
        VALIDATORS = validators;
    }

    /// @inheritdoc IVerifier
    function verify(uint64 set, bytes32 digest, bytes calldata proof) external view {
        bytes calldata commitment = proof[:COMMITMENT];
        if (_littleEndian(commitment[40:]) != set) revert WrongSet(set);
        bytes calldata leaf = proof[COMMITMENT:COMMITMENT + LEAF];
        bytes calldata rest = proof[COMMITMENT + LEAF:];
        bytes32 root;
        (root, rest) = _climb(keccak256(leaf), rest);
        if (root != bytes32(commitment[4:36])) revert NotInRange();
        (root, rest) = _climb(digest, rest);
        if (root != bytes32(leaf[LEAF - 32:])) revert NotInOutbox();
        VALIDATORS.verify(set, keccak256(commitment), rest);
    }

    /// @dev The root above a node, and what follows its path.
    function _climb(bytes32 node, bytes calldata path) private pure returns (bytes32, bytes calldata) {
        uint256 length = uint8(path[0]);
        uint256 sides = uint32(bytes4(path[1:5]));
        uint256 end = 5 + 32 * length;
        for (uint256 i = 5; i < end; i += 32) {
            bytes32 other = bytes32(path[i:i + 32]);
            node = sides & 1 == 0 ? keccak256(abi.encodePacked(node, other)) : keccak256(abi.encodePacked(other, node));
            sides >>= 1;
        }
        return (node, path[end:]);
    }

    function _littleEndian(bytes calldata bytes_) private pure returns (uint64 value) {
        for (uint256 i = 0; i < 8; ++i) {
            value |= uint64(uint8(bytes_[i])) << uint64(8 * i);
        }
    }
}
