#!/usr/bin/env bash
# Writes the specifications of the built-in chains into this folder, from the node's own presets:
#   generate.sh [NODE]
# NODE is the node's binary; by default the one that `make build` leaves behind.
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
TARGET=${CARGO_TARGET_DIR:-${LILYPAD_CACHE:-$HOME/.cache/lilypad}/target}
NODE=${1:-$TARGET/debug/lilypad-node}

if [[ ! -x $NODE ]]; then
	echo "There is no node at $NODE. Build it with: make build" >&2
	exit 1
fi

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

for chain in dev local; do
	"$NODE" export-chain-spec --chain "$chain" --output "$WORK/$chain.json" >/dev/null
	# From the file, so that both are of the same code for certain.
	"$NODE" export-chain-spec --chain "$WORK/$chain.json" --raw --output "$WORK/$chain-raw.json" >/dev/null
done
mv "$WORK"/*.json "$HERE/"
echo "Written to $HERE: dev.json, dev-raw.json, local.json, local-raw.json"
