#!/usr/bin/env bash
# Random calls of many actors on registry, market, deals, mediation and gateway in the real runtime, with all invariants checked on
# the way.
#   CALLS=1000000   how many calls in all
#   CHECK_EVERY=200 after how many calls the invariants are checked
#   SEED=…          repeats a run
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cd "$REPO_ROOT"
load_env
# Within the whole workspace, so that the dependencies have the features that they are built with anyway.
export CALLS=${CALLS:-1000000}
SKIP_WASM_BUILD=1 exec nice cargo test --workspace --test market -- \
	--ignored --exact --nocapture random::a_million_calls
