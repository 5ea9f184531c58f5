#!/usr/bin/env bash
# Runs a command with what setup.sh found out about this machine: scripts/with-env.sh cargo build
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env
exec "$@"
