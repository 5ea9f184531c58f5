// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Status} from "../src/Status.sol";
import {Answer, AnswerDelivery, Batch, Payout, PayoutDelivery, Request, Ticket} from "../src/Types.sol";
import {ILilypadClient} from "../src/interfaces/ILilypadClient.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Messages} from "../src/lib/Messages.sol";
import {Base} from "./utils/Base.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// The bytes that both sides of the bridge agree on, with fixed keys, in `test/vectors.json`: what other implementations are
/// tested against. Fails when the file is not what the contracts say now; `WRITE_VECTORS=true` rewrites it.
///
/// Every hash is checked against forge's own EIP-712 implementation, and every proof and delivery against the contracts.
contract VectorsTest is Base {
    string private constant FILE = "./test/vectors.json";
    string private constant FRESH = "./out/vectors.json";

    string private constant JOB = "Job(string module,string[] inputs,uint64 timeLimit,bytes32 delegate)";
    string private constant TICKET =
        "Ticket(uint64 id,address requester,address refundTo,uint96 budget,uint64 acceptBy,uint32 callbackGas,bytes32 job)";
    string private constant ANSWER =
        "Answer(bytes32 ticket,uint64 deal,uint8 status,int32 exitCode,bytes32 root,uint96 cost,uint96 refund)";
    string private constant PAYOUT = "Payout(uint64 nonce,address to,uint96 amount)";
    string private constant BATCH = "Batch(uint64 lane,uint64 set,uint64 time,bytes32[] messages)";
    string private constant ROTATE = "Rotate(uint64 lane,uint64 set,uint64 next,uint8 threshold,address[] members)";
    string private constant REPLACE = "ReplaceVerifier(uint64 lane,uint64 set,address current,address next)";

    function setUp() public override {
        vm.chainId(1337);
        super.setUp();
    }

    function test_vectors_are_those_of_the_file() public {
        vm.serializeString("all", "domain", _domain());
        vm.serializeString("all", "types", _types());
        vm.serializeString("all", "statuses", _statuses());
        vm.serializeString("all", "set", _set());
        vm.serializeString("all", "deposit", _deposit());
        (string memory request, Ticket memory ticket) = _requested();
        vm.serializeString("all", "request", request);
        vm.serializeString("all", "delivery", _delivery(ticket));
        vm.serializeString("all", "signOfLife", _batchOf(new bytes32[](0), "life"));
        vm.serializeString("all", "rotation", _rotation());
        vm.serializeString("all", "extremes", _extremes(ticket));
        vm.serializeString("all", "replacement", _replacement());
        string memory json = vm.serializeString("all", "exit", _exit());

        if (vm.envOr("WRITE_VECTORS", false)) vm.writeJson(json, FILE);
        vm.writeJson(json, FRESH);
        assertEq(vm.readFile(FRESH), vm.readFile(FILE));
    }

    function _domain() private returns (string memory) {
        vm.serializeString("domain", "name", "Lilypad Gateway");
        vm.serializeString("domain", "version", "1");
        vm.serializeUint("domain", "chainId", block.chainid);
        vm.serializeAddress("domain", "verifyingContract", address(gateway));
        vm.serializeUint("domain", "lane", LANE);
        return vm.serializeBytes32("domain", "separator", gateway.domainSeparator());
    }

    function _types() private returns (string memory json) {
        string[7] memory types = [JOB, TICKET, ANSWER, PAYOUT, BATCH, ROTATE, REPLACE];
        bytes32[7] memory hashes = [
            Messages.JOB_TYPE,
            Messages.TICKET_TYPE,
            Messages.ANSWER_TYPE,
            Messages.PAYOUT_TYPE,
            Messages.BATCH_TYPE,
            Messages.ROTATE_TYPE,
            Messages.REPLACE_TYPE
        ];
        for (uint256 i = 0; i < types.length; ++i) {
            assertEq(keccak256(bytes(types[i])), hashes[i]);
            json = vm.serializeBytes32("types", types[i], hashes[i]);
        }
    }

    /// @dev From the byte that stands for it to the name; up to the first that has none.
    function _statuses() private returns (string memory json) {
        string memory unknown = Status.name(255);
        for (uint8 i = 0; keccak256(bytes(Status.name(i))) != keccak256(bytes(unknown)); ++i) {
            json = vm.serializeUint("statuses", Status.name(i), i);
        }
    }

    function _set() private returns (string memory) {
        bytes32[] memory secrets = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            secrets[i] = bytes32(keys[i]);
        }
        vm.serializeUint("set", "number", 1);
        vm.serializeUint("set", "threshold", threshold);
        vm.serializeBytes32("set", "secretKeys", secrets);
        vm.serializeAddress("set", "members", _addresses(keys));
        vm.serializeBytes("set", "proofHead", _head(threshold, keys));
        assertEq(keccak256(abi.encodePacked(uint64(1), _head(threshold, keys))), bridge.setHash());
        return vm.serializeBytes32("set", "hash", bridge.setHash());
    }

    function _deposit() private returns (string memory) {
        bytes32 account = bytes32(uint256(0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d));
        vm.recordLogs();
        vm.prank(alice);
        uint64 id = gateway.bridgeIn(account, 123_456_789_012_345_678_901);
        vm.serializeUint("deposit", "id", id);
        vm.serializeAddress("deposit", "from", alice);
        vm.serializeBytes32("deposit", "account", account);
        vm.serializeString("deposit", "amount", _text(123_456_789_012_345_678_901));
        return vm.serializeString("deposit", "log", _log(ILilypadGateway.Deposited.selector, "deposit log"));
    }

    function _requested() private returns (string memory, Ticket memory ticket) {
        Request memory request = _cowsay(10 * LP);
        request.inputs = new string[](3);
        (request.inputs[0], request.inputs[1], request.inputs[2]) = (unicode"Message=müh", "Expr=a=b==c", "Empty=");
        request.timeLimit = 60_000;
        request.delegate = keccak256("delegate");
        request.refundTo = bob;
        vm.recordLogs();
        vm.prank(alice);
        uint64 id = gateway.request(request);
        string memory log = _log(ILilypadGateway.Requested.selector, "request log");
        ticket = this.ticketOf(id, alice, request.budget, request);
        assertEq(
            ticket.job,
            vm.eip712HashStruct(
                JOB, _dynamic(abi.encode(request.module, request.inputs, request.timeLimit, request.delegate))
            )
        );
        assertEq(Messages.ticket(ticket), vm.eip712HashStruct(TICKET, abi.encode(ticket)));

        vm.serializeString("request", "module", request.module);
        vm.serializeString("request", "inputs", request.inputs);
        vm.serializeUint("request", "timeLimit", request.timeLimit);
        vm.serializeBytes32("request", "delegate", request.delegate);
        vm.serializeString("request", "ticket", _ticket(ticket));
        vm.serializeBytes32("request", "ticketHash", Messages.ticket(ticket));
        vm.serializeBytes("request", "calldata", abi.encodeCall(ILilypadGateway.request, (request)));
        return (vm.serializeString("request", "log", log), ticket);
    }

    function _ticket(Ticket memory ticket) private returns (string memory) {
        vm.serializeUint("ticket", "id", ticket.id);
        vm.serializeAddress("ticket", "requester", ticket.requester);
        vm.serializeAddress("ticket", "refundTo", ticket.refundTo);
        vm.serializeString("ticket", "budget", _text(ticket.budget));
        vm.serializeUint("ticket", "acceptBy", ticket.acceptBy);
        vm.serializeUint("ticket", "callbackGas", ticket.callbackGas);
        return vm.serializeBytes32("ticket", "job", ticket.job);
    }

    function _delivery(Ticket memory ticket) private returns (string memory) {
        Answer memory answer = _done(4 * LP, 6 * LP);
        Payout memory payout = Payout(0, bob, 20 * LP);
        bytes32[] memory messages = new bytes32[](2);
        messages[0] = _answerHash(ticket, answer);
        messages[1] = this.payoutHash(payout);
        assertEq(messages[1], vm.eip712HashStruct(PAYOUT, abi.encode(payout)));

        AnswerDelivery[] memory answers = new AnswerDelivery[](1);
        answers[0] = AnswerDelivery(0, ticket, answer);
        PayoutDelivery[] memory payouts = new PayoutDelivery[](1);
        payouts[0] = PayoutDelivery(1, payout);
        Batch memory batch = _signed(messages, uint64(block.timestamp));
        gateway.deliver(batch, answers, payouts);

        vm.serializeString("delivery", "answer", _answer(answer, messages[0], "answer"));
        vm.serializeString("delivery", "payout", _payout(payout, messages[1]));
        vm.serializeString("delivery", "batch", _batchOf(messages, "batch"));
        vm.serializeBytes(
            "delivery", "callback", abi.encodeCall(ILilypadClient.onLilypadResult, (uint256(ticket.id), answer))
        );
        return
            vm.serializeBytes(
                "delivery", "calldata", abi.encodeCall(ILilypadGateway.deliver, (batch, answers, payouts))
            );
    }

    /// @dev The extremes: a negative exit code, and the largest numbers.
    function _extremes(Ticket memory ticket) private returns (string memory) {
        Answer memory answer = Answer(
            type(uint64).max, type(uint8).max, -2, bytes32(type(uint256).max), type(uint96).max, type(uint96).max
        );
        return _answer(answer, _answerHash(ticket, answer), "extremes");
    }

    function _answerHash(Ticket memory ticket, Answer memory answer) private view returns (bytes32 hash) {
        bytes32 ticketHash = Messages.ticket(ticket);
        hash = this.answerHash(ticketHash, answer);
        bytes memory encoded = abi.encode(
            ticketHash, answer.deal, answer.status, answer.exitCode, answer.root, answer.cost, answer.refund
        );
        assertEq(hash, vm.eip712HashStruct(ANSWER, encoded));
    }

    function _answer(Answer memory answer, bytes32 hash, string memory key) private returns (string memory) {
        vm.serializeString(key, "deal", _text(answer.deal));
        vm.serializeUint(key, "status", answer.status);
        vm.serializeInt(key, "exitCode", answer.exitCode);
        vm.serializeBytes32(key, "root", answer.root);
        vm.serializeString(key, "cost", _text(answer.cost));
        vm.serializeString(key, "refund", _text(answer.refund));
        return vm.serializeBytes32(key, "hash", hash);
    }

    function _payout(Payout memory payout, bytes32 hash) private returns (string memory) {
        vm.serializeUint("payout", "nonce", payout.nonce);
        vm.serializeAddress("payout", "to", payout.to);
        vm.serializeString("payout", "amount", _text(payout.amount));
        return vm.serializeBytes32("payout", "hash", hash);
    }

    function _batchOf(bytes32[] memory messages, string memory key) private returns (string memory) {
        Batch memory batch = _signed(messages, uint64(block.timestamp));
        bytes32 structHash = this.batchHash(LANE, 1, batch.time, messages);
        assertEq(structHash, vm.eip712HashStruct(BATCH, _dynamic(abi.encode(LANE, uint64(1), batch.time, messages))));
        vm.serializeUint(key, "lane", LANE);
        vm.serializeUint(key, "set", batch.set);
        vm.serializeUint(key, "time", batch.time);
        vm.serializeBytes32(key, "messages", messages);
        return _signedParts(key, structHash);
    }

    /// @dev Last, because time has to pass for it.
    function _exit() private returns (string memory) {
        Ticket memory ticket = _ask(alice, 7 * LP);
        vm.warp(block.timestamp + 30 days);
        gateway.declareDead();
        vm.warp(block.timestamp + 3 days);
        vm.recordLogs();
        gateway.exit(ticket);
        vm.serializeString("exit", "ticket", _ticket(ticket));
        vm.serializeBytes32("exit", "ticketHash", Messages.ticket(ticket));
        vm.serializeBytes("exit", "calldata", abi.encodeCall(ILilypadGateway.exit, (ticket)));
        return vm.serializeString("exit", "log", _log(ILilypadGateway.Exited.selector, "exit log"));
    }

    function _rotation() private returns (string memory) {
        address[] memory members = _addresses(_keys(4, "next"));
        bytes32 structHash = this.rotateHash(LANE, 1, 2, 3, members);
        bytes memory encoded = abi.encode(LANE, uint64(1), uint64(2), uint8(3), members);
        assertEq(structHash, vm.eip712HashStruct(ROTATE, _dynamic(encoded)));
        vm.serializeUint("rotation", "lane", LANE);
        vm.serializeUint("rotation", "set", 1);
        vm.serializeUint("rotation", "next", 2);
        vm.serializeUint("rotation", "threshold", 3);
        vm.serializeAddress("rotation", "members", members);
        return _signedParts("rotation", structHash);
    }

    function _replacement() private returns (string memory) {
        address next = _named("next verifier");
        bytes32 structHash = Messages.replace(LANE, 1, address(bridge), next);
        assertEq(structHash, vm.eip712HashStruct(REPLACE, abi.encode(LANE, uint64(1), address(bridge), next)));
        vm.serializeUint("replacement", "lane", LANE);
        vm.serializeUint("replacement", "set", 1);
        vm.serializeAddress("replacement", "current", address(bridge));
        vm.serializeAddress("replacement", "next", next);
        return _signedParts("replacement", structHash);
    }

    function _signedParts(string memory key, bytes32 structHash) private returns (string memory) {
        bytes32 digest = _digest(structHash);
        bytes[] memory signatures = new bytes[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            signatures[i] = _signature(keys[i], digest);
        }
        bytes memory proof = _proof(digest, threshold);
        bridge.verify(1, digest, proof);
        vm.serializeBytes32(key, "structHash", structHash);
        vm.serializeBytes32(key, "digest", digest);
        vm.serializeBytes(key, "signatures", signatures);
        return vm.serializeBytes(key, "proof", proof);
    }

    function _log(bytes32 topic, string memory key) private returns (string memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != topic) continue;
            vm.serializeBytes32(key, "topics", logs[i].topics);
            return vm.serializeBytes(key, "data", logs[i].data);
        }
        revert("no such log");
    }

    /// @dev What `abi.encode` makes of a struct with these fields, some of which are of no fixed length.
    function _dynamic(bytes memory fields) private pure returns (bytes memory) {
        return abi.encodePacked(uint256(32), fields);
    }

    /// @dev Amounts are texts: numbers of JSON are not exact beyond 2^53.
    function _text(uint256 amount) private pure returns (string memory) {
        return vm.toString(amount);
    }
}
