#!/usr/bin/env bash
# The contracts of the EVM bridge (evm-bridge/contracts). Needs Node.js 20 or newer with npm, and nothing else of this project.
#   contracts.sh build       compiles them and shows their sizes
#   contracts.sh test        formatting, all tests, gas against the figures in the repository, and a round trip on a chain of its own
#   contracts.sh gas         writes new gas figures
#   contracts.sh vectors     writes new byte vectors for the chain's side
#   contracts.sh deploy      deploys to $RPC_URL with the key in $PRIVATE_KEY; see script/Deploy.s.sol for the settings
#   contracts.sh analyse     the static analyser (slither, from PyPI, in an environment of its own)
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/steps.sh
. "$REPO_ROOT/scripts/steps.sh"
# shellcheck source=scripts/evm.sh
. "$REPO_ROOT/scripts/evm.sh"

SLITHER_VERSION=0.11.6
cd "$CONTRACTS"

# The tests whose gas is compared: fuzz tests' gas follows their inputs.
FIXED_GAS=(--no-match-test 'testFuzz|invariant')

# The figures in snapshots/ are compared while the tests run, those in .gas-snapshot afterwards.
tests() { FORGE_SNAPSHOT_CHECK=true foundry forge test; }
gas_check() { foundry forge snapshot --check "${FIXED_GAS[@]}" >/dev/null; }

# What the documents say it costs is what was measured.
figures() {
	local file wrong=0
	for file in docs/bridge-trust.md docs/guide/solidity.md; do
		comm -23 <(sed -n '/^## What it costs/,/^## /p' "$REPO_ROOT/$file" | grep '^|' | grep -oE '[0-9]{2,3},[0-9]{3}' | tr -d , | sort -u) \
			<(jq -r '.[]' snapshots/*.json | sort -u) | sed "s|^|$file has a figure that no snapshot has: |" | grep . >&2 && wrong=1
	done
	return "$wrong"
}

# A chain, the contracts on it, and one job from question to refund.
round_trip() {
	local port status=0
	port=$(free_port)
	"$CONTRACTS/tools/foundry" anvil --port "$port" --chain-id 1337 >out/anvil.log 2>&1 &
	ANVIL=$!
	EVM_URL=http://127.0.0.1:$port
	PRIVATE_KEY=$ANVIL_KEY
	DEPLOYMENT=./out/round-trip.json
	export PRIVATE_KEY DEPLOYMENT
	wait_until 30 "waiting for the chain" evm_answers && there_and_back || status=1
	stop_anvil
	return "$status"
}

stop_anvil() {
	[[ -n ${ANVIL:-} ]] || return 0
	kill "$ANVIL" 2>/dev/null || true
	wait "$ANVIL" 2>/dev/null || true
	ANVIL=
}

there_and_back() {
	local -a keys=()
	mapfile -t keys < <(development_keys)
	BRIDGE_MEMBERS=$(IFS=,; echo "${keys[*]#* }")
	BRIDGE_KEYS=$(IFS=,; echo "${keys[*]% *}")
	export BRIDGE_MEMBERS BRIDGE_KEYS
	logged out/deploy.log script Deploy || return 1
	[[ $(jq -r .chainId "$DEPLOYMENT") == 1337 ]] || return 1
	ask || return 1
	logged out/round-trip.log script RoundTrip || return 1
	say "a job went to and fro; what it did not cost came back"
}

# What a wallet would do; the rest of the way is the script's.
ask() {
	local token example block
	token=$(jq -r .token "$DEPLOYMENT")
	example=$(jq -r .example "$DEPLOYMENT")
	transact "$token" 'approve(address,uint256)' "$example" 3000000000000000000 >/dev/null || return 1
	block=$(transact "$example" 'ask(string,uint96)' moo 3000000000000000000 | jq -r .blockNumber) || return 1
	ASKED_AT=$(foundry cast block "$((block))" --rpc-url "$EVM_URL" --field timestamp) || return 1
	export ASKED_AT
}

# development_keys: three keys of no value, "KEY ADDRESS", ascending by address.
development_keys() {
	local i key
	for i in 1 2 3; do
		key=$(foundry cast keccak "a key of no value $i")
		printf '%s %s\n' "$key" "$(foundry cast wallet address --private-key "$key")"
	done | sort -f -k2
}

# With gas to spare: a delivery must have what its callback may use, whether or not the callback does.
script() {
	foundry forge script "script/$1.s.sol" --target-contract "$1" --rpc-url "$EVM_URL" \
		--private-key "${PRIVATE_KEY:?the key that pays}" --broadcast --slow --gas-estimate-multiplier 300
}

deploy() {
	EVM_URL=${RPC_URL:?the address of the chain to deploy to}
	script Deploy
	say "written to evm-bridge/contracts/${DEPLOYMENT:-out/deployment.json}"
}

analyse() {
	local venv=$LILYPAD_CACHE/slither-$SLITHER_VERSION
	if [[ ! -x $venv/bin/slither ]]; then
		have python3 || die "the analyser needs Python 3" "install python3 and python3-venv"
		if ! python3 -m venv "$venv" || ! "$venv/bin/pip" install --quiet "slither-analyzer==$SLITHER_VERSION"; then
			rm -rf "$venv"
			die "slither could not be installed" "see the messages above"
		fi
	fi
	PATH=$(echo "$PWD"/node_modules/@foundry-rs/forge-*/bin):$PATH "$venv/bin/slither" . --foundry-out-directory out --fail-pedantic
}

main() {
	evm_tools
	case ${1:-} in
		build) foundry forge build --sizes ;;
		test)
			trap 'stop_anvil; timings' EXIT
			timed "contracts: formatting" foundry forge fmt --check
			timed "contracts: tests" tests
			timed "contracts: gas" gas_check
			timed "contracts: figures in the documents" figures
			timed "contracts: round trip on a chain" round_trip
			;;
		gas)
			foundry forge test --match-contract GasTest
			foundry forge snapshot "${FIXED_GAS[@]}"
			;;
		vectors) WRITE_VECTORS=true foundry forge test --match-contract VectorsTest ;;
		deploy) deploy ;;
		analyse) analyse ;;
		*) die "unknown command: ${1:-none}" "one of: build, test, gas, vectors, deploy, analyse" ;;
	esac
}

main "$@"
