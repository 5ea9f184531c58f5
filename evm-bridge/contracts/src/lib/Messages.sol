// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Answer, Payout, Request, Ticket} from "../Types.sol";

/// @title The bytes that both sides of the bridge agree on
/// @notice EIP-712 throughout. `docs/bridge-messages.md` says the same in words, `test/vectors.json` in numbers; a change here
/// is a change of all three, and of the chain's side.
library Messages {
    bytes32 internal constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant JOB_TYPE =
        keccak256("Job(string module,string[] inputs,uint64 timeLimit,bytes32 delegate)");
    bytes32 internal constant TICKET_TYPE = keccak256(
        "Ticket(uint64 id,address requester,address refundTo,uint96 budget,uint64 acceptBy,uint32 callbackGas,bytes32 job)"
    );
    bytes32 internal constant ANSWER_TYPE = keccak256(
        "Answer(bytes32 ticket,uint64 deal,uint8 status,int32 exitCode,bytes32 root,uint96 cost,uint96 refund)"
    );
    bytes32 internal constant PAYOUT_TYPE = keccak256("Payout(uint64 nonce,address to,uint96 amount)");
    bytes32 internal constant BATCH_TYPE = keccak256("Batch(uint64 lane,uint64 set,uint64 time,bytes32[] messages)");
    bytes32 internal constant ROTATE_TYPE =
        keccak256("Rotate(uint64 lane,uint64 set,uint64 next,uint8 threshold,address[] members)");
    bytes32 internal constant REPLACE_TYPE =
        keccak256("ReplaceVerifier(uint64 lane,uint64 set,address current,address next)");

    bytes32 internal constant NAME = keccak256("Lilypad Gateway");
    bytes32 internal constant VERSION = keccak256("1");

    /// @notice The domain of everything that is signed for a gateway. Computed anew each time, so that it is right on both
    /// sides of a fork.
    function domain(address gateway) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, gateway));
    }

    /// @notice What is signed.
    function digest(bytes32 domain_, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain_, structHash));
    }

    /// @notice Hash of what is to be computed.
    function job(Request calldata request) internal pure returns (bytes32) {
        bytes32[] memory inputs = new bytes32[](request.inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            inputs[i] = keccak256(bytes(request.inputs[i]));
        }
        return keccak256(
            abi.encode(
                JOB_TYPE,
                keccak256(bytes(request.module)),
                keccak256(abi.encodePacked(inputs)),
                request.timeLimit,
                request.delegate
            )
        );
    }

    /// @notice Hash of a ticket.
    function ticket(Ticket memory t) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(TICKET_TYPE, t.id, t.requester, t.refundTo, t.budget, t.acceptBy, t.callbackGas, t.job)
            );
    }

    /// @notice Hash of an answer to the request with this ticket.
    function answer(bytes32 ticket_, Answer calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(ANSWER_TYPE, ticket_, a.deal, a.status, a.exitCode, a.root, a.cost, a.refund));
    }

    /// @notice Hash of a payout.
    function payout(Payout calldata p) internal pure returns (bytes32) {
        return keccak256(abi.encode(PAYOUT_TYPE, p.nonce, p.to, p.amount));
    }

    /// @notice Hash of a batch of messages.
    function batch(uint64 lane, uint64 set, uint64 time, bytes32[] calldata messages) internal pure returns (bytes32) {
        return keccak256(abi.encode(BATCH_TYPE, lane, set, time, keccak256(abi.encodePacked(messages))));
    }

    /// @notice Hash of a change of the bridge set.
    function rotate(uint64 lane, uint64 set, uint64 next, uint8 threshold, address[] calldata members)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(ROTATE_TYPE, lane, set, next, threshold, keccak256(abi.encodePacked(members))));
    }

    /// @notice Hash of a change of the verifier.
    function replace(uint64 lane, uint64 set, address current, address next) internal pure returns (bytes32) {
        return keccak256(abi.encode(REPLACE_TYPE, lane, set, current, next));
    }
}
