// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Status} from "../src/Status.sol";
import {Request, State, Ticket} from "../src/Types.sol";
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
