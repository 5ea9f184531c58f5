// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What convinces a gateway that the chain said something
/// @notice The seam behind which a set of signers can be replaced by a proof of the chain's own finality: the gateway
/// knows nothing of signatures, only of digests that were proven or not.
interface IVerifier {
    /// @notice The only gateway whose messages this verifies; it is part of every digest's domain.
    function gateway() external view returns (address);

    /// @notice Returns if `proof` shows that the chain approved `digest` under its authority set `set`; reverts otherwise,
    /// saying why.
    /// @param set The number of the authority set, as the digest itself names it. Sets that are not in office are refused.
    /// @param digest EIP-712 digest of the message.
    /// @param proof Whatever this verifier needs: signatures, or a commitment and a Merkle path.
    function verify(uint64 set, bytes32 digest, bytes calldata proof) external view;
}
