// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {LilypadGateway} from "../../src/LilypadGateway.sol";
import {Answer, AnswerDelivery, Batch, PayoutDelivery, Request} from "../../src/Types.sol";
import {ILilypadClient} from "../../src/interfaces/ILilypadClient.sol";

/// @dev Remembers what it is told.
contract Listener is ILilypadClient {
    LilypadGateway public immutable gateway;
    uint256 public calls;
    uint256 public lastId;
    Answer public last;

    constructor(LilypadGateway gateway_) {
        gateway = gateway_;
        IERC20(gateway_.token()).approve(address(gateway_), type(uint256).max);
    }

    function ask(Request calldata request) external returns (uint64) {
        return gateway.request(request);
    }

    function onLilypadResult(uint256 id, Answer calldata answer) external virtual {
        (calls, lastId, last) = (calls + 1, id, answer);
        _then(id);
    }

    function _then(uint256 id) internal virtual {}
}

/// @dev Refuses until it is told not to, with as much as it can say.
contract Refuser is Listener {
    bool public willing;
    uint256 public bytesToReturn;

    error NotNow(uint256 id);

    constructor(LilypadGateway gateway_) Listener(gateway_) {}

    function setWilling(bool willing_) external {
        willing = willing_;
    }

    function setBytes(uint256 count) external {
        bytesToReturn = count;
    }

    function _then(uint256 id) internal view override {
        if (willing) return;
        uint256 size = bytesToReturn;
        if (size == 0) revert NotNow(id);
        assembly {
            // Beyond what is in use, so that it is all zeros.
            revert(0x10000, size)
        }
    }
}

/// @dev Burns whatever gas it gets.
contract Burner is Listener {
    constructor(LilypadGateway gateway_) Listener(gateway_) {}

    function _then(uint256) internal pure override {
        while (true) {}
    }
}

/// @dev Succeeds with a huge answer.
contract Talker is Listener {
    constructor(LilypadGateway gateway_) Listener(gateway_) {}

    function _then(uint256) internal pure override {
        assembly {
            return(0, 100000)
        }
    }
}

/// @dev Uses the callback to try everything again.
contract Reenterer is Listener {
    Batch private batch;
    AnswerDelivery[] private answers;
    bool public delivered;
    bool public retried;
    bool public withdrew;
    bool public exited;
    bool public asked;

    constructor(LilypadGateway gateway_) Listener(gateway_) {}

    function prepare(Batch calldata batch_, AnswerDelivery[] calldata answers_) external {
        batch = batch_;
        delete answers;
        for (uint256 i = 0; i < answers_.length; ++i) {
            answers.push(answers_[i]);
        }
    }

    function _then(uint256 id) internal override {
        if (calls % 2 == 0) return;
        try gateway.retryCallback(uint64(id)) {
            retried = true;
        } catch {}
        if (answers.length != 0) {
            try gateway.exit(answers[0].ticket) {
                exited = true;
            } catch {}
        }
        try gateway.withdraw(address(this)) {
            withdrew = true;
        } catch {}
        try gateway.deliver(batch, answers, new PayoutDelivery[](0)) {
            delivered = true;
        } catch {}
        string[] memory inputs = new string[](0);
        Request memory next = Request("next:v1", inputs, 1e18, uint64(block.timestamp + 60), 0, 0, address(0), 0);
        try gateway.request(next) {
            asked = true;
        } catch {}
    }
}
