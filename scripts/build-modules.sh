#!/usr/bin/env bash
# Builds the sample modules into folders that `lilypad module publish` takes: $CARGO_TARGET_DIR/modules/<name>/
#   module.json   the manifest, with digests filled in
#   image.tar     (containers) an image archive as `docker save` writes it, made without a container engine
#   module.wasm   (WebAssembly)
# The same sources and compilers give the same bytes, and so the same digests.
#   build-modules.sh            builds what changed; prints the folder
#   build-modules.sh --check    builds everything twice elsewhere, compares, and compares with what is there
#   build-modules.sh --tests    the same as without, for the modules that only tests publish, into a folder of their own
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
if [[ -f $LILYPAD_CACHE/env.sh ]]; then load_env; fi

SOURCES=$REPO_ROOT/modules
TEST_SOURCES=$REPO_ROOT/tests/modules
OUT=${CARGO_TARGET_DIR:-$LILYPAD_CACHE/target}/modules
WARNINGS=(-std=c11 -Wall -Wextra -Wpedantic -Werror)
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=0

# compile_static SOURCE PROGRAM: a Linux program that needs nothing but the kernel.
compile_static() {
	musl-gcc "${WARNINGS[@]}" -O2 -static -s -Wl,--build-id=none -ffile-prefix-map="$SOURCES=." -o "$2" "$1"
}

# compile_wasm SOURCE MODULE: WebAssembly with WASI preview 1.
compile_wasm() {
	clang --target=wasm32-wasi "${WARNINGS[@]}" -O2 -Wl,--strip-all -ffile-prefix-map="$SOURCES=." -o "$2" "$1"
}

# pack FOLDER ARCHIVE [FIRST...]: a tar that depends on names and contents only.
pack() {
	(
		cd "$1"
		shopt -s dotglob
		tar --create --sort=name --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner --file "$2" -- *
	)
}

digest() { sha256sum "$1" | cut -d' ' -f1; }

# root_fs FOLDER PROGRAM PATH: the whole file system of a container: one program, and places for files.
root_fs() {
	install -D -m 0755 "$2" "$1$3"
	mkdir -p "$1/etc" "$1/inputs" "$1/outputs" "$1/tmp"
	printf 'nobody:x:65534:65534:nobody:/:/sbin/nologin\n' >"$1/etc/passwd"
	printf 'nogroup:x:65534:\n' >"$1/etc/group"
	chmod 0644 "$1"/etc/*
	find "$1" -type d -exec chmod 0755 {} +
	# The program runs as nobody; the worker mounts the real folders here.
	chmod 1777 "$1/outputs" "$1/tmp"
}

# image WORK ROOT_FS ARCHIVE: prints the image's id, which is the digest of its configuration.
image() {
	local work=$1 layer config
	mkdir "$work/image"
	pack "$2" "$work/layer.tar"
	layer=$(digest "$work/layer.tar")
	jq --null-input --compact-output --sort-keys --join-output --arg layer "sha256:$layer" '{
		architecture: "amd64", os: "linux", created: "1970-01-01T00:00:00Z",
		config: { User: "65534:65534", WorkingDir: "/", Env: ["PATH=/usr/bin:/usr/games"] },
		rootfs: { type: "layers", diff_ids: [$layer] },
		history: [{ created: "1970-01-01T00:00:00Z", created_by: "build-modules.sh" }]
	}' >"$work/config.json"
	config=$(digest "$work/config.json")
	mv "$work/config.json" "$work/image/$config.json"
	mv "$work/layer.tar" "$work/image/$layer.tar"
	# No tag: a loaded archive must never move a name that the provider uses for something else.
	jq --null-input --compact-output --join-output --arg config "$config.json" --arg layer "$layer.tar" \
		'[{ Config: $config, RepoTags: null, Layers: [$layer] }]' >"$work/image/manifest.json"
	chmod 0644 "$work/image"/*
	pack "$work/image" "$3"
	echo "sha256:$config"
}

# blob FILE: its hash and size as the manifest wants them; null where b3sum is missing, and then publishing fills it in.
blob() {
	if have b3sum; then
		printf '{"hash":"%s","size":%d}' "$(b3sum --no-names "$1")" "$(stat -c %s "$1")"
	else
		printf 'null'
	fi
}

# container NAME SOURCE OUT
container() {
	local name=$1 work out=$3/$1 program_path id
	work=$(mktemp -d -p "$3" .work.XXXXXX)
	mkdir -p "$out" "$3/bin"
	program_path=$(jq -r '.entrypoint[0]' "$SOURCES/$name/module.json")
	compile_static "$SOURCES/$2" "$work/program"
	root_fs "$work/root" "$work/program" "$program_path"
	id=$(image "$work" "$work/root" "$out/image.tar")
	jq --arg id "$id" --argjson archive "$(blob "$out/image.tar")" \
		'.runtime.image = $id | .runtime.archive = $archive' "$SOURCES/$name/module.json" >"$out/module.json"
	mv "$work/program" "$3/bin/$name"
	rm -rf "$work"
}

# wasm NAME SOURCE OUT
wasm() {
	local name=$1 out=$3/$1
	mkdir -p "$out"
	compile_wasm "$SOURCES/$2" "$out/module.wasm"
	chmod 0644 "$out/module.wasm"
	jq --argjson code "$(blob "$out/module.wasm")" '.runtime.code = $code' "$SOURCES/$name/module.json" >"$out/module.json"
}

build_all() {
	if [[ $SOURCES == "$TEST_SOURCES" ]]; then
		container dice dice/dice.c "$1"
		return
	fi
	container cowsay cowsay/cowsay.c "$1"
	wasm cowsay-wasm cowsay/cowsay.c "$1"
	container kmers kmers/kmers.c "$1"
	container sleeper sleeper/sleeper.c "$1"
}

# Everything that the result depends on.
inputs() {
	sha256sum "$SOURCES"/*/*.c "$SOURCES"/*/module.json "${BASH_SOURCE[0]}"
	musl-gcc -dumpfullversion
	clang -dumpversion
	have b3sum && echo b3sum
	dpkg-query -W musl-dev wasi-libc 2>/dev/null
	true
}

require() {
	local tool
	for tool in musl-gcc clang wasm-ld jq; do
		have "$tool" || die "$tool is missing, which the sample modules are built with" "make setup"
	done
}

build() {
	local new wanted
	wanted=$(inputs)
	mkdir -p "$OUT"
	exec 7>"$OUT/.lock"
	flock 7
	if [[ ! -f $OUT/.inputs || $(<"$OUT/.inputs") != "$wanted" ]]; then
		step "building the sample modules"
		new=$(mktemp -d -p "$OUT" .new.XXXXXX)
		chmod 0755 "$new"
		build_all "$new"
		rm -f "$OUT/.inputs"
		local folder
		for folder in "$new"/*; do
			rm -rf "${OUT:?}/$(basename "$folder")"
			mv "$folder" "$OUT/"
		done
		rmdir "$new"
		printf '%s' "$wanted" >"$OUT/.inputs"
		for folder in "$OUT"/*/module.json; do
			say "$(jq -r '"\(.name):\(.tag)  \(.runtime.image // .runtime.code.hash // "")"' "$folder")"
		done
	fi
	echo "$OUT"
}

check() {
	local first second
	first=$(mktemp -d)
	second=$(mktemp -d)
	# shellcheck disable=SC2064  # these very folders
	trap "rm -rf '$first' '$second'" EXIT
	(umask 022 && build_all "$first")
	(umask 077 && build_all "$second")
	diff -r "$first" "$second" || die "two builds of the sample modules differ"
	if [[ -f $OUT/.inputs && $(<"$OUT/.inputs") == "$(inputs)" ]]; then
		diff -r --exclude '.*' "$first" "$OUT" || die "the sample modules in $OUT differ from a fresh build" "rm -rf $OUT"
	fi
	say "two builds of the sample modules are identical"
}

require
case ${1:-} in
	'') build ;;
	--check) check ;;
	--tests)
		SOURCES=$TEST_SOURCES
		OUT=$(dirname "$OUT")/test-modules
		build
		;;
	*) die "unknown option: $1" "build-modules.sh [--check | --tests]" ;;
esac
