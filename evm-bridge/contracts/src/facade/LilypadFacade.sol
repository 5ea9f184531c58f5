// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Status} from "../Status.sol";
import {Answer, Request} from "../Types.sol";
import {ILilypadClient} from "../interfaces/ILilypadClient.sol";
import {ILilypadGateway} from "../interfaces/ILilypadGateway.sol";
import {ILilypadJobClient, ILilypadJobManager} from "../interfaces/ILilypadV2.sol";
import {Roots} from "../lib/Roots.sol";

/// @title Lilypad's own job manager, in front of the gateway, for one client contract
/// @notice A contract written for Lilypad v2 works unmodified: it calls `runJob` here and is called back with `submitResults`.
///
/// One façade serves one client. Whoever pays (the `payee`) approves LP for the client's façade, and by that consents to what this
/// client asks for, and to nothing else: with one job manager for everybody, any contract could name any payee and spend whatever
/// that one had approved for another.
///
/// What differs from Lilypad v2, all for the better: the LP is taken when the job is asked for, so it can't fail later; what is
/// not spent, or everything if the job fails, can be withdrawn from the gateway by the payee (anybody may have it sent to him);
/// and a failed job is reported, with a data id that begins with `error:`.
contract LilypadFacade is ILilypadJobManager, ILilypadClient, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using Strings for uint256;

    /// @notice How jobs are asked for.
    /// @param deposit LP per job: what `getRequiredDeposit` answers. What is not spent comes back.
    /// @param window Seconds that the market has to take a job up.
    /// @param callbackGas Gas for the client's `submitResults`, and some 20,000 for the façade's own part.
    struct Terms {
        uint96 deposit;
        uint64 window;
        uint32 callbackGas;
    }

    /// @notice The gateway.
    ILilypadGateway public immutable GATEWAY;
    IERC20 private immutable TOKEN;

    /// @notice The only contract that may ask here; zero until it is named.
    address public client;
    /// @notice How jobs are asked for.
    Terms public terms;

    /// @notice A job was asked for. The event is Lilypad v2's.
    // slither-disable-next-line unindexed-event-address
    event JobAdded(uint256 id, address calling_contract, address payee, string module, string[] inputs);
    /// @notice The client is this contract, for good.
    event ClientBound(address indexed client);
    /// @notice Jobs are asked for like this, from now on.
    event TermsChanged(uint96 deposit, uint64 window, uint32 callbackGas);

    /// @notice The caller is not this façade's client.
    error NotClient(address caller);
    /// @notice The caller is not the gateway.
    error NotGateway(address caller);
    /// @notice There is a client already, or the new one is no address.
    error CannotBind(address client);

    /// @param client_ The client; zero to name it later, when its own constructor needs this address.
    constructor(ILilypadGateway gateway, address owner_, address client_, Terms memory terms_) Ownable(owner_) {
        GATEWAY = gateway;
        TOKEN = IERC20(gateway.token());
        _setTerms(terms_);
        if (client_ != address(0)) _bind(client_);
        TOKEN.forceApprove(address(gateway), type(uint256).max);
    }

    /// @notice Names the client, once.
    function bind(address client_) external onlyOwner {
        _bind(client_);
    }

    /// @notice Changes how jobs are asked for from now on. A payee is bound by no more than he approved.
    function setTerms(Terms calldata terms_) external onlyOwner {
        _setTerms(terms_);
    }

    /// @inheritdoc ILilypadJobManager
    function runJob(string memory module, string[] memory inputs, address payee)
        external
        nonReentrant
        returns (uint256 id)
    {
        if (msg.sender != client) revert NotClient(msg.sender);
        Terms memory terms_ = terms;
        uint256 before = TOKEN.balanceOf(address(this));
        // The payee consented by approving LP for this façade, which serves this client alone.
        // slither-disable-next-line arbitrary-send-erc20
        TOKEN.safeTransferFrom(payee, address(this), terms_.deposit);
        uint96 received = (TOKEN.balanceOf(address(this)) - before).toUint96();
        id = GATEWAY.request(
            Request({
                module: module,
                inputs: inputs,
                budget: received,
                acceptBy: uint64(block.timestamp) + terms_.window,
                timeLimit: 0,
                callbackGas: terms_.callbackGas,
                refundTo: payee,
                delegate: 0
            })
        );
        emit JobAdded(id, msg.sender, payee, module, inputs);
    }

    /// @inheritdoc ILilypadClient
    /// @dev Nothing is stored here: the gateway keys results by the id that `runJob` returned, before it calls this. A revert of
    /// the client reaches the gateway, where the call can be repeated.
    function onLilypadResult(uint256 id, Answer calldata answer) external {
        if (msg.sender != address(GATEWAY)) revert NotGateway(msg.sender);
        ILilypadJobClient(client).submitResults(id, uint256(answer.deal).toString(), dataId(answer));
    }

    /// @notice LP that a job takes from its payee, who approves it for this façade.
    function getRequiredDeposit() external view returns (uint256) {
        return terms.deposit;
    }

    /// @notice The token.
    function getTokenAddress() external view returns (address) {
        return address(TOKEN);
    }

    /// @notice Whom the payee's approval is for: this façade.
    function getControllerAddress() external view returns (address) {
        return address(this);
    }

    /// @notice The data id of an answer: the output root in hexadecimal, under which whoever serves results has it
    /// (`/v1/results/<data id>/`); or `error:` and why there is none, which is no data id anywhere, so a client that looks for the
    /// result finds the reason.
    function dataId(Answer calldata answer) public pure returns (string memory) {
        if (answer.status != Status.COMPLETED) return string.concat("error:", Status.name(answer.status));
        return Roots.text(answer.root);
    }

    function _bind(address client_) private {
        if (client != address(0) || client_ == address(0)) revert CannotBind(client_);
        client = client_;
        emit ClientBound(client_);
    }

    function _setTerms(Terms memory terms_) private {
        terms = terms_;
        emit TermsChanged(terms_.deposit, terms_.window, terms_.callbackGas);
    }
}
