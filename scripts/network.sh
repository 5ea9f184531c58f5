# shellcheck shell=bash
# A small network in a temporary folder, for the demo, the benchmark and whoever wants to try things:
# start_network, choose_module, publish_module, lilypad, stop_network. Source scripts/lib.sh before this file.
#
# What it starts is remembered and stopped by pid; nothing else is touched.

CHAIN=${LILYPAD_CHAIN:-dev}
# Development keys: the validator, the machine's owner, and the one who publishes modules and posts jobs.
VALIDATOR_FLAG=--alice
PROVIDER_KEY=//Bob
USER_KEY=//Alice
# More flags of the two nodes.
VALIDATOR_FLAGS=()
PROVIDER_FLAGS=()
# What the provider's log says once its machine stands in the market.
PROVIDER_READY='ready for jobs'

NETWORK_PIDS=()
NETWORK_DIR=
RPC_URL=
ENGINE=

# Whatever ends the script stops what it started; a signal ends the script.
trap stop_network EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# binaries [NAME]...: finds node and command line, and these.
binaries() {
	BIN=${CARGO_TARGET_DIR:-$LILYPAD_CACHE/target}/debug
	local name
	for name in lilypad-node lilypad "$@"; do
		[[ -x $BIN/$name ]] || die "$BIN/$name is not built" "make build"
	done
}

# rpc METHOD [PARAMS]: prints the result; fails when the node does not answer or answers with an error.
rpc() {
	local url=${RPC_URL/#ws/http} answer
	answer=$(curl --silent --fail --max-time 5 --noproxy '*' -H 'content-type: application/json' \
		-d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":${2:-[]}}" "$url") || return 1
	jq --exit-status --raw-output '.result // empty' <<<"$answer"
}

# launch NAME COMMAND...: in the background, with its own log.
launch() {
	local name=$1
	shift
	"$@" >"$NETWORK_DIR/$name.log" 2>&1 </dev/null &
	NETWORK_PIDS+=("$!")
	WAITED_PID=$!
}

# expect SECONDS NAME WHAT COMMAND...: waits for a process to get somewhere; shows its log when it does not.
expect() {
	local limit=$1 name=$2 what=$3 status=0
	shift 3
	# shellcheck disable=SC2317  # wait_until calls it
	wait_gone() { ! alive "$WAITED_PID"; }
	wait_until "$limit" "$what" "$@" || status=$?
	case $status in
		0) return ;;
		2) warn "the $name ended unexpectedly while $what" ;;
		*) warn "the $name did not get there within $limit s: $what" ;;
	esac
	KEEP_LOGS=1
	tail_of "$NETWORK_DIR/$name.log" 30
	die "the network could not be started" "the logs are kept in $NETWORK_DIR"
}

_has_blocks() {
	local header
	header=$(rpc chain_getHeader) && [[ $(jq -r .number <<<"$header") != 0x0 ]]
}
_provider_ready() { grep -q "$PROVIDER_READY" "$NETWORK_DIR/provider.log"; }

start_validator() {
	local rpc_port p2p_port
	rpc_port=$(free_port)
	p2p_port=$(free_port)
	RPC_URL=ws://127.0.0.1:$rpc_port
	launch validator "$BIN/lilypad-node" --chain "$CHAIN" "$VALIDATOR_FLAG" --base-path "$NETWORK_DIR/validator" \
		--rpc-port "$rpc_port" --port "$p2p_port" --no-mdns --no-prometheus --no-telemetry "${VALIDATOR_FLAGS[@]}"
	expect 90 validator "waiting for the first block" _has_blocks
	BOOTNODE=/ip4/127.0.0.1/tcp/$p2p_port/p2p/$(rpc system_localPeerId) || die "the node does not tell its peer id"
}

start_provider() {
	launch provider "$BIN/lilypad-node" --chain "$CHAIN" --provider --provider-suri "$PROVIDER_KEY" \
		--base-path "$NETWORK_DIR/provider" --rpc-port "$(free_port)" --port "$(free_port)" \
		--bootnodes "$BOOTNODE" --no-mdns --no-prometheus --no-telemetry "${PROVIDER_FLAGS[@]}"
	expect 120 provider "waiting for the provider's offer" _provider_ready
}

# lilypad ARGUMENT...: the command line, on this network and for its user.
lilypad() { env -u WEB3_PRIVATE_KEY "$BIN/lilypad" --url "$RPC_URL" --suri "$USER_KEY" "$@"; }

# last_json FILE: with --json a command prints one value a stage; the last is the outcome.
last_json() { jq --slurp --compact-output 'last' "$1"; }

# publish_module FOLDER
publish_module() {
	logged "$NETWORK_DIR/publish.log" lilypad module publish "$1" --yes || {
		KEEP_LOGS=1
		die "the module in $1 could not be published" "the logs are kept in $NETWORK_DIR"
	}
}

# use_engine: finds or starts a container engine; leaves ENGINE empty when none can be had.
use_engine() {
	ENGINE=$("$REPO_ROOT/scripts/engine.sh" start --for $$) || ENGINE=
	if [[ -n $ENGINE ]]; then export DOCKER_HOST=$ENGINE; fi
}

# choose_module: looks for an engine; MODULE is the cow that can run here.
choose_module() {
	use_engine
	if [[ -n $ENGINE ]]; then
		MODULE=cowsay
		say "jobs run in containers, by the engine at $ENGINE"
	else
		MODULE=cowsay-wasm
		say "no container engine can be had here: the same program runs on the embedded WebAssembly executor instead"
	fi
}

start_network() {
	NETWORK_DIR=$(mktemp -d -t lilypad-network.XXXXXX)
	step "starting a one-validator $CHAIN chain"
	start_validator
	say "its RPC is at $RPC_URL"
	step "starting a provider node${ENGINE:+, whose jobs run in containers}"
	start_provider
}

# stay: until something that was started ends, or a signal comes.
stay() {
	local pid
	while true; do
		for pid in "${NETWORK_PIDS[@]}"; do
			alive "$pid" || {
				KEEP_LOGS=1
				die "a process ended unexpectedly" "see the logs in $NETWORK_DIR"
			}
		done
		sleep 1
	done
}

stop_network() {
	local pid
	trap '' INT TERM HUP
	trap - EXIT
	# The provider first: it says goodbye on the chain.
	for ((i = ${#NETWORK_PIDS[@]} - 1; i >= 0; i--)); do
		pid=${NETWORK_PIDS[i]}
		kill -TERM "$pid" 2>/dev/null || continue
		unset -f wait_gone
		# shellcheck disable=SC2317  # wait_until calls it
		_ended() { ! alive "$pid"; }
		wait_until 15 "stopping" _ended || kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	NETWORK_PIDS=()
	if [[ -n $ENGINE ]]; then "$REPO_ROOT/scripts/engine.sh" stop --for $$ || true; fi
	if [[ -n $NETWORK_DIR && -z ${KEEP_LOGS:-} ]]; then rm -rf "$NETWORK_DIR"; fi
}
