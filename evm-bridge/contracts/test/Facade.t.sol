// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {Answer, Request, State, Ticket} from "../src/Types.sol";
import {LilypadFacade} from "../src/facade/LilypadFacade.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Inputs} from "../src/lib/Inputs.sol";
import {Base} from "./utils/Base.sol";
import {FeeToken} from "./utils/Tokens.sol";
import {V2Client} from "./utils/V2Client.sol";
import {vm} from "./utils/Vm.sol";

/// Contracts written for Lilypad v2.
///
/// Properties:
/// - An unmodified client gets an answer for each job, success or failure, under the id that `runJob` returned.
/// - Nobody pays but who approved this client's façade, and no more than the deposit per job.
/// - What is not spent goes to who paid.
contract FacadeTest is Base {
    V2Client internal client;
    LilypadFacade internal facade;

    function setUp() public override {
        super.setUp();
        client = new V2Client();
        facade = new LilypadFacade(gateway, owner, address(client), _terms());
        client.setJobManagerAddress(address(facade));
        // As Lilypad's own scripts do: ask what it costs, and approve it for the controller.
        address controller = facade.getControllerAddress();
        uint256 deposit = facade.getRequiredDeposit();
        vm.prank(alice);
        lp.approve(controller, deposit);
    }

    function test_unmodified_client_works() public {
        assertEq(facade.getTokenAddress(), address(lp));
        assertEq(facade.getRequiredDeposit(), 2 * LP);
        string[] memory inputs = new string[](1);
        inputs[0] = "Message=moo";
        vm.expectEmit(address(facade));
        emit LilypadFacade.JobAdded(1, address(client), alice, "cowsay:v0.0.1", inputs);
        vm.prank(alice);
        client.runCowsay("moo");
        assertEq(client.lastId(), 1);

        Answer memory answer = _done(LP, LP);
        answer.root = hex"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        _deliver(_ticket(1, inputs, alice), answer);
        assertState(1, State.Told);
        assertEq(client.deals(1), "41");
        assertEq(client.results(1), "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
        // What was not spent is the payee's, and anybody may have it sent to him.
        gateway.withdraw(alice);
        assertEq(lp.balanceOf(alice), 100_000 * uint256(LP) - LP);
    }

    function test_failures_are_reported_with_their_reason() public {
        vm.prank(alice);
        client.runCowsay("moo");
        string[] memory inputs = new string[](1);
        inputs[0] = "Message=moo";
        _deliver(_ticket(1, inputs, alice), _failed(11, 2 * LP));
        assertEq(client.results(1), "error:no provider");
        assertEq(client.deals(1), "0");
        assertEq(gateway.creditOf(alice), 2 * LP);
    }

    function test_values_may_contain_equal_signs() public {
        string[] memory inputs = new string[](2);
        (inputs[0], inputs[1]) = ("Expr=a=b==c", "Url=https://x/?q=1&r=2");
        assertEq(client.runFor(inputs, alice), 1);
        _deliver(_ticket(1, inputs, alice), _done(LP, LP));
        assertState(1, State.Told);
    }

    function test_run_job_fails_when_an_input_has_no_key() public {
        string[] memory inputs = new string[](1);
        inputs[0] = "=moo";
        vm.expectRevert(abi.encodeWithSelector(Inputs.BadInput.selector, 0));
        client.runFor(inputs, alice);
    }

    function test_ids_never_clash_between_clients() public {
        (V2Client other, LilypadFacade front) = _another();
        vm.startPrank(alice);
        lp.approve(address(facade), 100 * LP);
        lp.approve(address(front), 100 * LP);
        uint256 last = 0;
        for (uint256 i = 0; i < 4; ++i) {
            V2Client who = i % 2 == 0 ? client : other;
            who.runCowsay("moo");
            assertEq(who.lastId(), ++last);
        }
        vm.stopPrank();
    }

    function test_run_job_fails_when_the_payee_did_not_approve() public {
        vm.prank(bob);
        vm.expectRevert();
        client.runCowsay("moo");
    }

    function test_run_job_fails_when_another_contract_names_the_payee() public {
        // Mallory's client has its own façade, for which Alice approved nothing.
        (V2Client thief,) = _another();
        vm.prank(mallory);
        vm.expectRevert();
        thief.runFor(new string[](0), alice);
        // And Alice's approval is not for callers who are not the client.
        thief.setJobManagerAddress(address(facade));
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(LilypadFacade.NotClient.selector, address(thief)));
        thief.runFor(new string[](0), alice);
    }

    function test_a_payee_never_pays_more_than_approved() public {
        vm.prank(alice);
        client.runCowsay("moo");
        vm.prank(alice);
        vm.expectRevert();
        client.runCowsay("moo");
        vm.prank(owner);
        facade.setTerms(LilypadFacade.Terms(50 * LP, 1 hours, 100_000));
        vm.prank(alice);
        lp.approve(address(facade), 50 * LP - 1);
        vm.prank(alice);
        vm.expectRevert();
        client.runCowsay("moo");
    }

    function test_results_are_taken_from_the_gateway_alone() public {
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(LilypadFacade.NotGateway.selector, mallory));
        facade.onLilypadResult(1, _done(0, 0));
    }

    function test_a_client_that_reverts_can_be_called_again() public {
        vm.prank(alice);
        client.runCowsay("moo");
        client.setJobManagerAddress(address(1));
        string[] memory inputs = new string[](1);
        inputs[0] = "Message=moo";
        _deliver(_ticket(1, inputs, alice), _done(LP, LP));
        assertState(1, State.CallbackFailed);
        client.setJobManagerAddress(address(facade));
        gateway.retryCallback(1);
        assertEq(client.deals(1), "41");
    }

    function test_client_can_be_bound_once_and_by_the_owner_alone() public {
        LilypadFacade late = new LilypadFacade(gateway, owner, address(0), _terms());
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, mallory));
        late.bind(mallory);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(LilypadFacade.CannotBind.selector, address(0)));
        late.bind(address(0));
        vm.expectEmit(address(late));
        emit LilypadFacade.ClientBound(address(client));
        late.bind(address(client));
        vm.expectRevert(abi.encodeWithSelector(LilypadFacade.CannotBind.selector, mallory));
        late.bind(mallory);
        vm.stopPrank();
    }

    function test_unbound_facade_serves_nobody() public {
        LilypadFacade late = new LilypadFacade(gateway, owner, address(0), _terms());
        vm.expectRevert(abi.encodeWithSelector(LilypadFacade.NotClient.selector, address(this)));
        late.runJob("cowsay:v0.0.1", new string[](0), alice);
    }

    function test_a_token_with_a_fee_pays_what_arrives() public {
        FeeToken token = new FeeToken();
        _deploy(address(token), 3, 2);
        facade = new LilypadFacade(gateway, owner, address(client), _terms());
        client.setJobManagerAddress(address(facade));
        token.approve(address(facade), 2 * LP);
        client.runCowsay("moo");
        // A tenth on the way to the façade, and a tenth of the rest on the way to the gateway.
        assertEq(gateway.locked(), 2 * uint256(LP) * 81 / 100);
    }

    function _terms() private pure returns (LilypadFacade.Terms memory) {
        return LilypadFacade.Terms({deposit: 2 * LP, window: 1 hours, callbackGas: 400_000});
    }

    function _another() private returns (V2Client other, LilypadFacade front) {
        other = new V2Client();
        front = new LilypadFacade(gateway, mallory, address(other), _terms());
        other.setJobManagerAddress(address(front));
    }

    function _ticket(uint64 id, string[] memory inputs, address payee) private view returns (Ticket memory) {
        Request memory request = _cowsay(2 * LP);
        request.inputs = inputs;
        request.refundTo = payee;
        request.callbackGas = 400_000;
        return this.ticketOf(id, address(facade), 2 * LP, request);
    }
}
