#!/usr/bin/env bash
# What matching and whole jobs cost, measured natively on the real runtime: times, declared weights, reads and writes of the
# state, jobs per block, and what settled jobs leave behind. KEYS=1 lists the keys that are written.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cd "$REPO_ROOT"
load_env
# Within the whole workspace, so that the dependencies have the features that they are built with anyway.
SKIP_WASM_BUILD=1 exec cargo test --quiet --workspace --test figures -- \
	--ignored --nocapture --test-threads 1
