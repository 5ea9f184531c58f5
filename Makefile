# Every target sets the machine up first (a second when it is already) and loads what the set-up found out.
# `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

RUN := scripts/with-env.sh
# The same profile and features everywhere, so that nothing is built twice.
BUILD := $(RUN) cargo build --workspace --bins

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what this machine lacks: system packages, the WASM target, a container engine
	@scripts/setup.sh

.PHONY: demo
demo: build ## the whole way once: a chain, a provider, a container, a cow
	@scripts/demo.sh

.PHONY: devnet
devnet: build ## a chain and a provider to try things on, until Ctrl-C
	@scripts/devnet.sh

.PHONY: demo-bridge
demo-bridge: build ## a Solidity contract buys a computation: an EVM chain, three relayers, a callback, a cow
	@scripts/demo-bridge.sh

.PHONY: devnet-bridge
devnet-bridge: build ## the same network, kept, with a page to ask from, until Ctrl-C
	@scripts/demo-bridge.sh --stay

.PHONY: build
build: setup ## the node and the command line
	@echo "==> building the node and the command line (the first time: about half an hour on two cores; then seconds)"
	@$(BUILD)

.PHONY: modules
modules: setup ## the sample modules, ready to publish
	@scripts/build-modules.sh

.PHONY: test
test: ## all tests, with a real node and a real container engine
	@scripts/setup.sh test
	@scripts/test.sh

.PHONY: test-verification
test-verification: ## cheating providers and mediators on a real network; prints who had what before and after
	@scripts/setup.sh test
	@scripts/test-verification.sh

.PHONY: test-bridge
test-bridge: ## the EVM bridge with relayers down, lying, killed; deep re-organisations, lost answers, 500 requests
	@scripts/setup.sh test
	@scripts/test-bridge.sh

.PHONY: contracts
contracts: ## the contracts of the EVM bridge (needs Node.js and npm only)
	@scripts/contracts.sh build

.PHONY: test-contracts
test-contracts: ## their tests: unit, fuzz, invariants, byte vectors, gas, and a round trip on a chain (anvil)
	@scripts/contracts.sh test

.PHONY: analyse-contracts
analyse-contracts: ## the static analyser over the contracts (slither, from PyPI; fails on any finding)
	@scripts/contracts.sh analyse

.PHONY: ci
ci: ## what must pass before a change is merged
	@bash .ci/run

.PHONY: bench
bench: build ## time from `lilypad run` to the result, 20 runs, next to bare `docker run`
	@scripts/bench.sh

.PHONY: fuzz
fuzz: setup ## a million random calls of many actors on the market, invariants checked (CALLS=1000000)
	@scripts/fuzz.sh

.PHONY: bench-market
bench-market: setup ## what matching and whole jobs cost: time, weight, reads and writes, jobs per block
	@scripts/bench-market.sh

.PHONY: bench-database
bench-database: setup ## what a read and a write of the chain's state take on this machine
	@SKIP_WASM_BUILD=1 $(RUN) cargo build --workspace --bin lilypad-database-bench
	@$(RUN) sh -c '"$$CARGO_TARGET_DIR/debug/lilypad-database-bench" $(ARGS)'

.PHONY: weights
weights: setup ## weights of the pallets, measured on this machine with the runtime's own code
	@scripts/weights.sh

.PHONY: simulate
simulate: setup ## what honest actors earn, and forging, colluding, self-dealing, baiting and grinding ones: docs/simulation.md
	@SKIP_WASM_BUILD=1 $(RUN) cargo build --workspace --example simulate
	@$(RUN) sh -c '"$$CARGO_TARGET_DIR/debug/examples/simulate" docs'

.PHONY: fmt
fmt: setup ## format the code
	@$(RUN) cargo fmt --all

.PHONY: clippy
clippy: setup ## lint the code; warnings are errors
	@SKIP_WASM_BUILD=1 $(RUN) cargo clippy --workspace --all-targets -- -D warnings

.PHONY: doc
doc: setup ## the API documentation; warnings are errors
	@RUSTDOCFLAGS='-D warnings' $(RUN) cargo doc --workspace --no-deps

.PHONY: deny
deny: ## licences, sources, duplicate versions and security advisories of the dependencies
	@scripts/setup.sh deny
	@$(RUN) cargo deny check

.PHONY: chain-spec
chain-spec: build ## refresh the files in chain-spec/
	@scripts/chain-spec.sh

.PHONY: clean
clean: ## remove what was built from this repository; built dependencies stay in the cache
	@$(RUN) bash -c 'cargo clean $$(cargo metadata --no-deps --format-version 1 | jq -r ".packages[] | \"-p \" + .name") \
		&& rm -rf "$$CARGO_TARGET_DIR"/modules "$$CARGO_TARGET_DIR"/*/wbuild'
	@echo "the dependencies' builds stay; to remove those too: rm -rf $${LILYPAD_CACHE:-$${XDG_CACHE_HOME:-~/.cache}/lilypad}"
