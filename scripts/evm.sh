# shellcheck shell=bash
# EVM chains and the contracts on them: foundry, start_anvil, transact, ask_chain. Source scripts/lib.sh before this file.

CONTRACTS=$REPO_ROOT/evm-bridge/contracts
# The first of anvil's own accounts, which everybody knows.
ANVIL_KEY=0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80
# The chain that transact and ask_chain are about, and who pays there.
EVM_URL=
EVM_KEY=$ANVIL_KEY

evm_tools() {
	need_node "the contracts"
	npm_packages "$CONTRACTS"
	mkdir -p "$CONTRACTS/out"
}

# foundry PROGRAM ARGUMENT...: runs in the contracts' folder.
foundry() { "$CONTRACTS/tools/foundry" "$@"; }

# evm_answers: whether the chain is there.
evm_answers() { foundry cast chain-id --rpc-url "$EVM_URL"; }

# transact ADDRESS CALL...: sends it and waits; prints the receipt.
transact() { foundry cast send --json --rpc-url "$EVM_URL" --private-key "$EVM_KEY" "$@"; }

# ask_chain ADDRESS FUNCTION [ARGUMENT]...: prints what a view function answers, a line for each value.
ask_chain() { foundry cast call --rpc-url "$EVM_URL" "$@" | sed 's/ \[[^]]*\]$//'; }
