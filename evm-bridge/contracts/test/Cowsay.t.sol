// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Status} from "../src/Status.sol";
import {Answer, Request, State, Ticket} from "../src/Types.sol";
import {LilypadClient} from "../src/client/LilypadClient.sol";
import {Cowsay} from "../src/examples/Cowsay.sol";
import {Base} from "./utils/Base.sol";
import {vm} from "./utils/Vm.sol";

/// The example client, and the token.
contract CowsayTest is Base {
    Cowsay internal cow;

    function setUp() public override {
        super.setUp();
        cow = new Cowsay(gateway, "cowsay:v0.0.1");
        vm.prank(alice);
        lp.approve(address(cow), type(uint256).max);
    }

    function test_the_cow_speaks() public {
        vm.expectEmit(address(cow));
        emit Cowsay.Asked(1, alice, "moo");
        vm.prank(alice);
        assertEq(cow.ask("moo", 3 * LP), 1);
        Ticket memory ticket = _ticket();
        vm.expectEmit(address(cow));
        emit Cowsay.Said(1, keccak256("output"), 0);
        _deliver(ticket, _done(LP, 2 * LP));
        assertState(1, State.Told);
        (address asker, bool answered, uint8 status,, bytes32 root) = cow.sayings(1);
        assertTrue(asker == alice && answered && status == 0 && root == keccak256("output"));
        gateway.withdraw(alice);
        assertEq(lp.balanceOf(alice), 100_000 * uint256(LP) - LP);
    }

    function test_the_cow_says_why_it_does_not() public {
        vm.prank(alice);
        cow.ask("moo", 3 * LP);
        vm.expectEmit(address(cow));
        emit Cowsay.Silent(1, Status.BUDGET_TOO_SMALL, "budget too small");
        _deliver(_ticket(), _failed(Status.BUDGET_TOO_SMALL, 3 * LP));
        assertState(1, State.Told);
    }

    function test_asking_with_a_permit_takes_one_transaction() public {
        (address carol, uint8 v, bytes32 r, bytes32 s) = _permit(address(cow), 3 * LP);
        vm.prank(carol);
        assertEq(cow.askWithPermit("moo", 3 * LP, type(uint256).max, v, r, s), 1);
        assertEq(lp.balanceOf(carol), 0);
        (address asker,,,,) = cow.sayings(1);
        assertEq(asker, carol);
    }

    function test_asking_with_a_permit_works_when_somebody_used_the_permit_first() public {
        (address carol, uint8 v, bytes32 r, bytes32 s) = _permit(address(cow), 3 * LP);
        vm.prank(mallory);
        lp.permit(carol, address(cow), 3 * LP, type(uint256).max, v, r, s);
        vm.prank(carol);
        assertEq(cow.askWithPermit("moo", 3 * LP, type(uint256).max, v, r, s), 1);
    }

    function test_asking_with_a_permit_fails_when_signed_by_another() public {
        (, uint8 v, bytes32 r, bytes32 s) = _permit(address(cow), 3 * LP);
        vm.prank(bob);
        vm.expectRevert();
        cow.askWithPermit("moo", 3 * LP, type(uint256).max, v, r, s);
    }

    function test_location_has_the_root_and_is_empty_before_the_answer() public {
        vm.prank(alice);
        cow.ask("moo", 3 * LP);
        assertEq(cow.location(1), "");
        Answer memory answer = _done(LP, 2 * LP);
        answer.root = hex"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        _deliver(_ticket(), answer);
        assertEq(cow.location(1), "/v1/results/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff/stdout");
    }

    function test_answers_are_taken_from_the_gateway_alone() public {
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(LilypadClient.NotGateway.selector, mallory));
        cow.onLilypadResult(1, _done(0, 0));
    }

    function test_statuses_have_the_chains_bytes_and_words() public pure {
        string[18] memory names = [
            "completed",
            "job error",
            "output limit exceeded",
            "memory limit exceeded",
            "disk limit exceeded",
            "time limit exceeded",
            "expired",
            "unknown module",
            "bad inputs",
            "budget too small",
            "refused",
            "no provider",
            "provider failed",
            "not fetchable",
            "cancelled",
            "overturned",
            "not deterministic",
            "unresolved"
        ];
        for (uint8 i = 0; i < names.length; ++i) {
            assertEq(Status.name(i), names[i]);
        }
        for (uint256 i = names.length; i < 256; ++i) {
            assertEq(Status.name(uint8(i)), "unknown status");
        }
    }

    function test_token_is_what_wallets_expect() public view {
        assertEq(lp.name(), "Lilypad");
        assertEq(lp.symbol(), "LP");
        assertEq(lp.decimals(), 18);
        assertEq(lp.totalSupply(), 10_000_000 * uint256(LP));
    }

    function _ticket() private view returns (Ticket memory) {
        Request memory request = _cowsay(3 * LP);
        request.refundTo = alice;
        request.callbackGas = cow.CALLBACK_GAS();
        return this.ticketOf(1, address(cow), 3 * LP, request);
    }
}
