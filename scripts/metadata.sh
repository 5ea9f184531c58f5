#!/usr/bin/env bash
# Writes the runtime's metadata, as the typed client is generated from it, to a file (default client/metadata.scale).
#   metadata.sh [FILE]
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env
# shellcheck source=scripts/network.sh
. "$REPO_ROOT/scripts/network.sh"

FILE=${1:-$REPO_ROOT/client/metadata.scale}
# Version 15, as a SCALE-encoded u32: what runtime calls and view functions are described in.
VERSION=0x0f000000

main() {
	local hex
	binaries
	NETWORK_DIR=$(mktemp -d -t lilypad-network.XXXXXX)
	step "asking a dev chain for its metadata"
	start_validator
	hex=$(rpc state_call "[\"Metadata_metadata_at_version\", \"$VERSION\"]") ||
		die "the node does not tell its metadata" "see Metadata_metadata_at_version in the runtime's APIs"
	# An option (one byte) of a length (four bytes, compact, for anything from 16 KiB to 1 GiB) and the bytes themselves.
	[[ $hex == 0x01* ]] || die "the runtime does not offer this version of its metadata"
	hex=${hex:12}
	[[ $hex == 6d657461* ]] || die "this does not look like metadata: ${hex:0:16}"
	printf '%s' "$hex" | perl -e 'binmode STDOUT; print pack "H*", <STDIN>' >"$FILE.new"
	mv "$FILE.new" "$FILE"
	say "$(stat -c %s "$FILE") bytes in $FILE"
}

main
