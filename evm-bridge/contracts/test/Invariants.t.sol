// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {LilypadGateway} from "../src/LilypadGateway.sol";
import {Answer, AnswerDelivery, Batch, Payout, PayoutDelivery, Request, State, Ticket} from "../src/Types.sol";
import {Messages} from "../src/lib/Messages.sol";
import {Base} from "./utils/Base.sol";
import {Burner, Listener, Reenterer, Refuser} from "./utils/Clients.sol";
import {vm} from "./utils/Vm.sol";

/// @dev Random calls of everybody: requesters friendly and hostile, depositors, a chain that answers and pays out, relayers who deliver
/// late, twice and in parts, people who withdraw, the owner, and time; long enough for the bridge to die and to be revived.
contract Handler is Base {
    struct Sent {
        Batch batch;
        AnswerDelivery[] answers;
        PayoutDelivery[] payouts;
    }

    Listener[] internal clients;
    Ticket[] internal tickets;
    Sent[] internal sent;
    uint64 internal nonce;
    uint256 internal answeredOnChain;

    Payout[] internal payouts;
    mapping(uint64 id => uint96) internal refunds;
    mapping(uint64 id => bool) internal seenSettled;
    mapping(uint64 nonce => bool) internal seenPaid;

    /// @dev What the model knows: LP that came in, and what each settled request and delivered payout is worth, once.
    uint256 public received;
    uint256 public credited;
    /// @dev Payouts and compensation less deposits, and its lowest point.
    int256 internal flow;
    int256 internal lowest;
    uint256 internal lowestAt;
    uint64 internal known;
    bool public capBroken;
    bool public exitedWhileAlive;
    bool public unsettled;

    constructor() {
        super.setUp();
        Refuser refuser = new Refuser(gateway);
        refuser.setBytes(50_000);
        clients = [new Listener(gateway), Listener(refuser), new Burner(gateway), new Reenterer(gateway)];
        for (uint256 i = 0; i < clients.length; ++i) {
            lp.transfer(address(clients[i]), 100_000 * uint256(LP));
        }
        lp.transfer(bob, 100_000 * uint256(LP));
        _approve(bob);
        lowestAt = block.timestamp;
    }

    function gatewayAddress() external view returns (LilypadGateway) {
        return gateway;
    }

    function token() external view returns (IERC20) {
        return lp;
    }

    function people() external view returns (address[] memory who) {
        who = new address[](clients.length + 3);
        for (uint256 i = 0; i < clients.length; ++i) {
            who[i] = address(clients[i]);
        }
        (who[clients.length], who[clients.length + 1], who[clients.length + 2]) = (alice, bob, mallory);
    }

    // -- Calls --------------------------------------------------------------------------------------------------------

    function ask(uint256 who, uint96 budget, uint32 callbackGas, bool other) external {
        budget = uint96(bound(budget, LP / 1000, MAX_DEPOSIT));
        Request memory request = _cowsay(budget);
        request.callbackGas = uint32(bound(callbackGas, 0, 300_000));
        if (other) request.refundTo = bob;
        address requester;
        uint64 id;
        if (who % 5 == 4) {
            requester = alice;
            vm.prank(alice);
            id = gateway.request(request);
        } else {
            requester = address(clients[who % 5]);
            id = clients[who % 5].ask(request);
        }
        tickets.push(this.ticketOf(id, requester, budget, request));
        (received, known) = (received + budget, known + 1);
        _sync();
    }

    function deposit(uint96 amount) external {
        amount = uint96(bound(amount, LP / 1000, MAX_DEPOSIT));
        vm.prank(bob);
        gateway.bridgeIn(bytes32(uint256(1)), amount);
        (received, known) = (received + amount, known + 1);
        _flow(-int256(uint256(amount)));
        _sync();
    }

    /// The chain ends some jobs and sends some LP, in one block; nothing is delivered yet.
    function chainSpeaks(uint256 answers, uint256 outs, uint96 amount, uint256 refund, uint8 status) external {
        answers = bound(answers, 0, 4);
        outs = bound(outs, 0, 2);
        if (answers > tickets.length - answeredOnChain) answers = tickets.length - answeredOnChain;
        Sent storage s = sent.push();
        bytes32[] memory messages = new bytes32[](answers + outs);
        for (uint256 i = 0; i < answers; ++i) {
            Ticket memory ticket = tickets[answeredOnChain++];
            // Sometimes with compensation.
            Answer memory answer = Answer({
                deal: uint64(i),
                status: status,
                exitCode: 0,
                root: bytes32(refund),
                cost: 0,
                refund: uint96(bound(refund, 0, uint256(ticket.budget) * 5 / 4))
            });
            messages[i] = this.answerHash(Messages.ticket(ticket), answer);
            refunds[ticket.id] = answer.refund;
            s.answers.push(AnswerDelivery(i, ticket, answer));
        }
        for (uint256 i = 0; i < outs; ++i) {
            Payout memory payout = Payout(nonce++, i == 0 ? bob : mallory, uint96(bound(amount, 0, CAP)));
            messages[answers + i] = this.payoutHash(payout);
            payouts.push(payout);
            s.payouts.push(PayoutDelivery(answers + i, payout));
        }
        Batch memory batch = _signed(messages, uint64(block.timestamp));
        (s.batch.set, s.batch.time, s.batch.messages, s.batch.proof) =
        (batch.set, batch.time, batch.messages, batch.proof);
    }

    /// A relayer delivers one of the batches, whole or in part, for the first time or not, with much gas or little.
    function deliver(uint256 which, uint256 part, uint256 gas_) external {
        if (sent.length == 0) return;
        Sent memory s = sent[which % sent.length];
        AnswerDelivery[] memory answers = part % 4 == 1 ? _noAnswers() : s.answers;
        PayoutDelivery[] memory outs = part % 4 == 2 ? _noPayouts() : s.payouts;
        if (part % 4 == 3 && answers.length > 1) {
            (answers[0], answers[1]) = (answers[1], answers[0]);
        }
        Reenterer(address(clients[3])).prepare(s.batch, s.answers);
        try gateway.deliver{gas: bound(gas_, 200_000, 6_000_000)}(s.batch, answers, outs) {} catch {}
        _sync();
    }

    function retry(uint256 which, bool willing) external {
        if (tickets.length == 0) return;
        Refuser(address(clients[1])).setWilling(willing);
        try gateway.retryCallback(tickets[which % tickets.length].id) {} catch {}
        _sync();
    }

    function withdraw(uint256 who) external {
        address[] memory all = this.people();
        try gateway.withdraw(all[who % all.length]) {} catch {}
        _sync();
    }

    function exit(uint256 which) external {
        if (tickets.length == 0) return;
        uint256 seen = gateway.lastSeen();
        try gateway.exit(tickets[which % tickets.length]) {
            if (block.timestamp < seen + 33 days) exitedWhileAlive = true;
        } catch {}
        _sync();
    }

    function declareDead() external {
        try gateway.declareDead() {} catch {}
    }

    function heartbeat() external {
        try this.beat() {} catch {}
    }

    function beat() external {
        _heartbeat();
    }

    function brake(uint256 which) external {
        vm.startPrank(owner);
        if (which % 4 == 0) gateway.pauseIntake();
        if (which % 4 == 1) gateway.resumeIntake();
        if (which % 4 == 2) {
            try gateway.pauseDelivery() {} catch {}
        }
        if (which % 4 == 3) gateway.resumeDelivery();
        vm.stopPrank();
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 20 days));
    }

    // -- Reading the gateway's state --------------------------------------------------------------------------------------

    /// @dev Counts what is settled now and was not before, at what the chain said it is worth. If the gateway credited anything
    /// twice, or anything else, its books would not agree with this.
    function _sync() private {
        for (uint256 i = 0; i < tickets.length; ++i) {
            uint64 id = tickets[i].id;
            State state = _state(id);
            bool settled = state != State.Pending;
            if (seenSettled[id] && !settled) unsettled = true;
            if (!settled || seenSettled[id]) continue;
            seenSettled[id] = true;
            uint96 budget = tickets[i].budget;
            uint96 worth = state == State.Exited ? budget : refunds[id];
            credited += worth;
            if (worth > budget) _flow(int256(uint256(worth - budget)));
        }
        for (uint256 i = 0; i < payouts.length; ++i) {
            uint64 number = payouts[i].nonce;
            bool paid = gateway.isPaidOut(number);
            if (seenPaid[number] && !paid) unsettled = true;
            if (!paid || seenPaid[number]) continue;
            seenPaid[number] = true;
            credited += payouts[i].amount;
            _flow(int256(uint256(payouts[i].amount)));
        }
        // A hostile client asks for jobs of its own in its callback, at 1 LP each.
        received += uint256(gateway.lastInbound() - known) * LP;
        known = gateway.lastInbound();
    }

    /// What left since the lowest point is never more than the cap and its share of the time since.
    function _flow(int256 out) private {
        flow += out;
        if (flow < lowest || block.timestamp >= lowestAt + 1 days) (lowest, lowestAt) = (flow, block.timestamp);
        uint256 allowed = CAP + CAP * (block.timestamp - lowestAt) / 1 days + 1;
        if (flow - lowest > int256(allowed)) capBroken = true;
    }
}

/// Properties, after any sequence of calls:
/// 1. The gateway holds exactly what it has locked and what it owes, and what it owes is the sum of everybody's credit.
/// 2. What was credited, withdrawn or not, is what the settled requests and the delivered payouts are worth, each once: nothing is
///    settled twice by whatever mixture of answers, exits, repetitions and re-entrance, and nothing settled becomes unsettled.
/// 3. Payouts and compensation never exceed deposits by more than the cap, and its share of the time.
/// 4. Nobody exits from a bridge that lives.
/// 5. Everything credited can be withdrawn at once, whatever is paused.
contract InvariantsTest {
    bool public constant IS_TEST = true;
    Handler internal handler;
    LilypadGateway internal gateway;

    function setUp() external {
        handler = new Handler();
        gateway = handler.gatewayAddress();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](14);
        selectors[0] = Handler.ask.selector;
        selectors[1] = Handler.deposit.selector;
        selectors[2] = Handler.chainSpeaks.selector;
        selectors[3] = Handler.deliver.selector;
        selectors[4] = Handler.retry.selector;
        selectors[5] = Handler.withdraw.selector;
        selectors[6] = Handler.exit.selector;
        selectors[7] = Handler.declareDead.selector;
        selectors[8] = Handler.heartbeat.selector;
        selectors[9] = Handler.brake.selector;
        selectors[10] = Handler.wait.selector;
        // What happens most often in life.
        selectors[11] = Handler.deliver.selector;
        selectors[12] = Handler.ask.selector;
        selectors[13] = Handler.chainSpeaks.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// One campaign for all properties: they are about the same calls, and each says by its word which one is broken.
    function invariant_books_and_brakes_hold() external view {
        _holds_what_it_locks_and_owes();
        _nothing_counts_twice();
        vm.assertTrue(!handler.capBroken(), "more than the cap flowed out");
        vm.assertTrue(!handler.exitedWhileAlive(), "an exit from a living bridge");
    }

    function _holds_what_it_locks_and_owes() private view {
        uint256 held = handler.token().balanceOf(address(gateway));
        vm.assertEq(held, gateway.locked() + gateway.owed(), "books");
        vm.assertEq(gateway.locked(), handler.received() - handler.credited(), "locked");
    }

    function _nothing_counts_twice() private view {
        address[] memory people = handler.people();
        uint256 sum = 0;
        for (uint256 i = 0; i < people.length; ++i) {
            sum += gateway.creditOf(people[i]);
        }
        vm.assertEq(gateway.owed(), sum, "credits");
        uint256 withdrawn = handler.received() - handler.token().balanceOf(address(gateway));
        vm.assertEq(sum + withdrawn, handler.credited(), "credited");
        vm.assertTrue(!handler.unsettled(), "something settled became unsettled");
    }

    function afterInvariant() external {
        address[] memory people = handler.people();
        for (uint256 i = 0; i < people.length; ++i) {
            if (gateway.creditOf(people[i]) != 0) gateway.withdraw(people[i]);
        }
        vm.assertEq(gateway.owed(), uint256(0), "not all could be withdrawn");
        vm.assertEq(handler.token().balanceOf(address(gateway)), gateway.locked(), "left over");
    }
}
