// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.6;

// A contract as written for Lilypad v2, from its published interface alone: it knows nothing of the gateway or the façade, and
// imports nothing of ours.

interface IJobManager {
    function runJob(string memory module, string[] memory inputs, address payee) external returns (uint256);
}

interface IJobClient {
    function submitResults(uint256 id, string memory dealId, string memory dataId) external;
}

contract V2Client is IJobClient {
    IJobManager public manager;
    mapping(uint256 => string) public results;
    mapping(uint256 => string) public deals;
    uint256 public lastId;

    event JobCreated(uint256 id, string message);
    event JobCompleted(uint256 id, string dealId, string dataId);

    function setJobManagerAddress(address manager_) external {
        manager = IJobManager(manager_);
    }

    function runCowsay(string memory message) external {
        string[] memory inputs = new string[](1);
        inputs[0] = string(abi.encodePacked("Message=", message));
        lastId = manager.runJob("cowsay:v0.0.1", inputs, msg.sender);
        emit JobCreated(lastId, message);
    }

    /// @dev A client that is careless with whom it names.
    function runFor(string[] memory inputs, address payee) external returns (uint256) {
        return manager.runJob("cowsay:v0.0.1", inputs, payee);
    }

    function submitResults(uint256 id, string memory dealId, string memory dataId) external override {
        require(msg.sender == address(manager), "not the manager");
        results[id] = dataId;
        deals[id] = dealId;
        emit JobCompleted(id, dealId, dataId);
    }
}
