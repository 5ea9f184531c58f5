// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Request, State, Ticket} from "../src/Types.sol";
import {ILilypadGateway} from "../src/interfaces/ILilypadGateway.sol";
import {Inputs} from "../src/lib/Inputs.sol";
import {Messages} from "../src/lib/Messages.sol";
import {Base} from "./utils/Base.sol";
import {vm} from "./utils/Vm.sol";

/// Asking for computation.
contract RequestTest is Base {
    function test_request_works() public {
        Request memory request = _cowsay(10 * LP);
        request.refundTo = bob;
        request.delegate = bytes32(uint256(5));
        request.timeLimit = 60_000;
        bytes32 ticket = Messages.ticket(this.ticketOf(1, alice, 10 * LP, request));
        vm.expectEmit(address(gateway));
        emit ILilypadGateway.Requested(
            1,
            alice,
            ticket,
            bob,
            10 * LP,
            request.acceptBy,
            60_000,
            200_000,
            bytes32(uint256(5)),
            "cowsay:v0.0.1",
            request.inputs
        );
        _ask(alice, request);
        assertState(1, State.Pending);
        assertEq(gateway.locked(), 10 * LP);
        assertEq(lp.balanceOf(address(gateway)), 10 * LP);
    }

    function test_request_numbers_never_repeat_and_are_never_zero() public {
        for (uint64 i = 1; i < 5; ++i) {
            assertEq(_ask(alice, LP).id, i);
            vm.prank(alice);
            assertEq(gateway.bridgeIn(bytes32(uint256(1)), LP), ++i);
        }
        assertEq(gateway.lastInbound(), 4);
    }

    function test_request_pays_back_to_the_caller_by_default() public {
        Ticket memory ticket = _ask(alice, LP);
        assertEq(ticket.refundTo, alice);
        _deliver(ticket, _failed(11, LP));
        assertEq(gateway.creditOf(alice), LP);
    }

    function test_request_fails_when_paused() public {
        vm.prank(guardian);
        gateway.pauseIntake();
        _refused(_cowsay(LP), abi.encodeWithSelector(ILilypadGateway.IntakeIsPaused.selector));
    }

    function test_request_fails_when_the_amount_is_out_of_bounds() public {
        _refused(_cowsay(0), _badAmount(0));
        _refused(_cowsay(LP / 1000 - 1), _badAmount(LP / 1000 - 1));
        _refused(_cowsay(MAX_DEPOSIT + 1), _badAmount(MAX_DEPOSIT + 1));
    }

    function test_request_boundary_amounts() public {
        _ask(alice, LP / 1000);
        _ask(alice, MAX_DEPOSIT);
        assertSolvent();
    }

    function test_request_fails_when_the_gateway_is_full() public {
        vm.prank(owner);
        gateway.setLimits(MAX_DEPOSIT, 15 * LP, CAP);
        _ask(alice, 10 * LP);
        _refused(_cowsay(6 * LP), abi.encodeWithSelector(ILilypadGateway.GatewayFull.selector, 5 * LP));
        _ask(alice, 5 * LP);
    }

    function test_request_fails_when_accept_by_is_not_ahead_or_too_far() public {
        Request memory request = _cowsay(LP);
        request.acceptBy = uint64(block.timestamp);
        _refused(request, abi.encodeWithSelector(ILilypadGateway.BadAcceptBy.selector, request.acceptBy));
        request.acceptBy = uint64(block.timestamp + 7 days + 1);
        _refused(request, abi.encodeWithSelector(ILilypadGateway.BadAcceptBy.selector, request.acceptBy));
        request.acceptBy = uint64(block.timestamp + 7 days);
        _ask(alice, request);
    }

    function test_request_fails_when_callback_gas_is_too_high() public {
        Request memory request = _cowsay(LP);
        request.callbackGas = 1_000_001;
        _refused(request, abi.encodeWithSelector(ILilypadGateway.CallbackGasTooHigh.selector, 1_000_001));
    }

    function test_request_fails_when_refunds_would_stay_in_the_gateway() public {
        Request memory request = _cowsay(LP);
        request.refundTo = address(gateway);
        _refused(request, abi.encodeWithSelector(ILilypadGateway.BadAccount.selector));
    }

    function test_request_fails_when_not_approved() public {
        vm.prank(bob);
        vm.expectRevert();
        gateway.request(_cowsay(LP));
    }

    function test_request_fails_when_the_module_is_empty_or_too_long() public {
        Request memory request = _cowsay(LP);
        request.module = "";
        _refused(request, abi.encodeWithSelector(Inputs.BadModule.selector, 0));
        request.module = string(new bytes(97));
        _refused(request, abi.encodeWithSelector(Inputs.BadModule.selector, 97));
        request.module = string(new bytes(96));
        _ask(alice, request);
    }

    function test_request_fails_when_an_input_has_no_key() public {
        Request memory request = _cowsay(LP);
        string[4] memory bad = ["", "Message", "=moo", string.concat(_long(65), "=moo")];
        for (uint256 i = 0; i < bad.length; ++i) {
            request.inputs[0] = bad[i];
            _refused(request, abi.encodeWithSelector(Inputs.BadInput.selector, 0));
        }
    }

    function test_request_takes_values_with_equal_signs_and_empty_values() public {
        Request memory request = _cowsay(LP);
        string[4] memory good = ["Expr=a=b==c", "Empty=", "k==", string.concat(_long(64), "=moo")];
        for (uint256 i = 0; i < good.length; ++i) {
            request.inputs[0] = good[i];
            _ask(alice, request);
        }
    }

    function test_request_fails_when_there_are_too_many_inputs() public {
        Request memory request = _cowsay(LP);
        request.inputs = new string[](33);
        _refused(request, abi.encodeWithSelector(Inputs.TooManyInputs.selector, 33));
        request.inputs = new string[](32);
        for (uint256 i = 0; i < 32; ++i) {
            request.inputs[i] = "k=v";
        }
        _ask(alice, request);
    }

    function test_request_fails_when_inputs_are_too_long() public {
        Request memory request = _cowsay(LP);
        request.inputs[0] = string.concat("k=", _long(4095));
        _refused(request, abi.encodeWithSelector(Inputs.InputsTooLong.selector, 4097));
        request.inputs[0] = string.concat("k=", _long(4094));
        _ask(alice, request);
    }

    function testFuzz_every_part_of_a_request_is_in_its_ticket(Request memory a, uint256 which) public view {
        a.inputs = new string[](2);
        (a.inputs[0], a.inputs[1]) = ("a=b", "c=d");
        bytes32 before = Messages.ticket(this.ticketOf(1, alice, 1, a));
        which = bound(which, 0, 6);
        if (which == 0) a.module = string.concat(a.module, "x");
        if (which == 1) a.inputs[1] = "c=e";
        if (which == 2) (a.inputs[0], a.inputs[1]) = ("a=bc", "=d");
        if (which == 3) a.timeLimit ^= 1;
        if (which == 4) a.delegate ^= bytes32(uint256(1));
        if (which == 5) a.acceptBy ^= 1;
        if (which == 6) a.callbackGas ^= 1;
        assertTrue(before != Messages.ticket(this.ticketOf(1, alice, 1, a)));
    }

    function _refused(Request memory request, bytes memory why) private {
        vm.prank(alice);
        vm.expectRevert(why);
        gateway.request(request);
    }

    function _badAmount(uint256 amount) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILilypadGateway.BadAmount.selector, amount, LP / 1000, MAX_DEPOSIT);
    }

    function _long(uint256 length) private pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "x";
        }
        return string(text);
    }
}
