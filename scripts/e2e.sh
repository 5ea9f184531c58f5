# shellcheck shell=bash
# What end-to-end tests need: binaries, modules, a container engine. Source scripts/lib.sh and scripts/steps.sh before this
# file, and call clean_up_at_exit first.

finish() {
	stop_beside
	"$REPO_ROOT/scripts/engine.sh" stop --for $$ || true
	timings
}

clean_up_at_exit() {
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	# Where the tests find what they run.
	export LILYPAD_BIN=$CARGO_TARGET_DIR/debug LILYPAD_MISBEHAVE=$CARGO_TARGET_DIR/misbehave
}

build_modules() {
	LILYPAD_MODULES=$("$REPO_ROOT/scripts/build-modules.sh") || return 1
	LILYPAD_TEST_MODULES=$("$REPO_ROOT/scripts/build-modules.sh" --tests) || return 1
	export LILYPAD_MODULES LILYPAD_TEST_MODULES
}

# What the bridge's tests deploy, and the chains that they deploy it to.
build_contracts() { logged "$REPO_ROOT/evm-bridge/contracts/out/build.log" "$REPO_ROOT/scripts/contracts.sh" build; }

# These tests are about real containers; passing without an engine would say nothing.
start_engine() {
	local endpoint
	endpoint=$("$REPO_ROOT/scripts/engine.sh" start --for $$) || return 1
	export DOCKER_HOST=$endpoint
}

# Within the whole workspace, so that the dependencies have the same features as ever and are built once. The ordinary
# binaries must be built afterwards: both kinds are left in the same place.
build_misbehaving() {
	cargo build --workspace --bin lilypad --features lilypad-cli/misbehave || return 1
	mkdir -p "$LILYPAD_MISBEHAVE" || return 1
	cmp --silent "$LILYPAD_BIN/lilypad" "$LILYPAD_MISBEHAVE/lilypad" ||
		cp "$LILYPAD_BIN/lilypad" "$LILYPAD_MISBEHAVE/lilypad"
}

# What people use must not be able to cheat.
build_binaries() {
	cargo build --workspace --bins || return 1
	local name
	for name in lilypad lilypad-node; do
		if grep --quiet --text 'this worker cheats' "$LILYPAD_BIN/$name"; then
			warn "$LILYPAD_BIN/$name was built with the feature misbehave"
			return 1
		fi
	done
}
