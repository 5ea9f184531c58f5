#!/usr/bin/env bash
# Tests the sample modules: the programs themselves, that their builds repeat, and, where a container engine answers,
# the images in a container as locked down as a job's. Takes a few seconds.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

MODULES=$("$REPO_ROOT/scripts/build-modules.sh" 2>/dev/null) || die "the sample modules do not build" "scripts/build-modules.sh"
COWSAY=$MODULES/bin/cowsay
KMERS=$MODULES/bin/kmers
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failed=0

# same WHAT EXPECTED ACTUAL
same() {
	[[ $2 == "$3" ]] && return
	failed=1
	warn "$1"
	diff --label expected --label actual <(printf '%s\n' "$2") <(printf '%s\n' "$3") | cat -A | cut -c 1-160 | head -n 20 >&2 || true
}

# status WHAT EXPECTED COMMAND...: the exit code; output goes to $WORK/out and $WORK/err.
status() {
	local what=$1 wanted=$2 code=0
	shift 2
	"$@" >"$WORK/out" 2>"$WORK/err" || code=$?
	same "$what: exit code" "$wanted" "$code"
}

COW='        \   ^__^
         \  (oo)\_______
            (__)\       )\/\
                ||----w |
                ||     ||'

# The line or lines between the balloon's edges, without padding.
said() { sed -n -e '/^ -*$/q' -e '2,$p' | sed -E -e 's/^[<|\/\\] //' -e 's/ *.$//'; }

cowsay_moo_is_the_classic_cow() {
	same "${FUNCNAME[0]}" " _____
< moo >
 -----
$COW" "$("$@" moo)"
}

cowsay_lines_make_a_tall_balloon() {
	same "${FUNCNAME[0]}" ' ______
/ one  \
| two  |
\ four /
 ------' "$("$@" $'one\ntwo\nfour' | head -n 5)"
}

cowsay_wide_characters_count_twice() {
	same "${FUNCNAME[0]}" ' ________
< 日本🐮 >
 --------' "$("$@" '日本🐮' | head -n 3)"
}

# shellcheck disable=SC2016,SC1003  # hostile text must not be expanded
HOSTILE=('$(rm -rf /)' $'a\n\n"b" = \'$(c)\'\nd' '🐮👩‍🚀🇫🇷❤️é' "$(printf 'x=%.0s' {1..1024})" 'two words' '  inner   spaces'
	'K=V=W' '`id`; exit 1 | cat > /x &' '{{Message}} %s %n \n \t \\' '--help' '-n' '*' '~' '!!' '#' "'" '"')

# cowsay_repeats_its_argument_unchanged MESSAGES COMMAND...: tries the first so many of the hostile messages.
cowsay_repeats_its_argument_unchanged() {
	local message count=$1
	shift
	for message in "${HOSTILE[@]:0:count}"; do
		same "${FUNCNAME[0]} (${message:0:40})" "$message" "$("$@" "$message" | said)"
	done
}

cowsay_without_an_argument_says_how() {
	status "${FUNCNAME[0]}" 2 "$@"
	same "${FUNCNAME[0]}: stdout" '' "$(<"$WORK/out")"
	same "${FUNCNAME[0]}: stderr" 'usage: cowsay MESSAGE' "$(head -n 1 "$WORK/err")"
	status "${FUNCNAME[0]} (two)" 2 "$@" one two
}

test_cowsay() {
	cowsay_moo_is_the_classic_cow "$@"
	cowsay_lines_make_a_tall_balloon "$@"
	cowsay_wide_characters_count_twice "$@"
	cowsay_repeats_its_argument_unchanged "${#HOSTILE[@]}" "$@"
	cowsay_without_an_argument_says_how "$@"
}

# The WebAssembly twin, with Node's own WASI.
cowsay_wasm() {
	node --no-warnings -e '
		const { WASI } = require("node:wasi");
		const [file, ...args] = process.argv.slice(1);
		const wasi = new WASI({ version: "preview1", args: ["cowsay", ...args] });
		WebAssembly.instantiate(require("node:fs").readFileSync(file), wasi.getImportObject())
			.then(({ instance }) => process.exit(wasi.start(instance)));
	' -- "$MODULES/cowsay-wasm/module.wasm" "$@"
}

# A second opinion on k-mers, slow and simple: awk over FILE, one record a line.
reference() {
	awk -v k="$1" '{ for (i = 1; i + k - 1 <= length($0); i++) { w = substr($0, i, k); if (w !~ /[^ACGT]/) n[w]++ } }
		END { for (w in n) print w "\t" n[w] }' "$2" | LC_ALL=C sort
}

# count K CANONICAL INPUT [PROGRAM]: prints the table without its heading.
count() {
	rm -rf "$WORK/outputs"
	mkdir "$WORK/outputs"
	"${4:-$KMERS}" --k "$1" --canonical "$2" "$3" "$WORK/outputs" >"$WORK/stdout"
	tail -n +2 "$WORK/outputs/kmers.tsv"
}

kmers_agree_with_a_simple_count() {
	local k
	printf '>one\nACGTACGTNNACGTTTGCA\nACGRACGT\n>two\r\nGATTACA\r\n' >"$WORK/in.fa"
	printf 'ACGTACGTNNACGTTTGCAACGRACGT\nGATTACA\n' >"$WORK/in.lines"
	for k in 1 3 5 12 13; do
		same "${FUNCNAME[0]} (k=$k)" "$(reference "$k" "$WORK/in.lines")" "$(count "$k" false "$WORK/in.fa")"
	done
	printf '@r1\nACGTACGTNNACGTTTGCAACGRACGT\n+\n@@@@>>>>++++@@@@>>>>++++@@@\n@r2\nGATTACA\n+r2\n+>@@>>>\n' >"$WORK/in.fq"
	same "${FUNCNAME[0]} (FASTQ)" "$(reference 3 "$WORK/in.lines")" "$(count 3 false "$WORK/in.fq")"
	printf 'acguacgunnacguuugcaacgracgu' >"$WORK/in.txt"
	same "${FUNCNAME[0]} (plain RNA)" "$(head -n 1 "$WORK/in.lines" >"$WORK/one" && reference 3 "$WORK/one")" \
		"$(count 3 false "$WORK/in.txt")"
}

kmers_and_their_reverse_complements_count_as_one() {
	printf 'AACGTT' >"$WORK/palindrome"
	same "${FUNCNAME[0]}" $'AAC\t2\nACG\t2' "$(count 3 true "$WORK/palindrome")"
}

kmers_in_several_passes_are_those_of_one() {
	musl-gcc -std=c11 -O2 -static -DCAPACITY=64u -DDIRECT_K=0 -o "$WORK/tiny" "$REPO_ROOT/modules/kmers/kmers.c"
	"$REPO_ROOT/modules/kmers/sample.sh" 1 >"$WORK/large.fa"
	head -n 60 "$WORK/large.fa" >"$WORK/small.fa"
	local k
	for k in 2 6 15 31; do
		same "${FUNCNAME[0]} (k=$k)" "$(count "$k" true "$WORK/small.fa")" "$(count "$k" true "$WORK/small.fa" "$WORK/tiny")"
	done
}

kmers_of_a_large_file_are_quick_and_repeat() {
	local first
	[[ -f $MODULES/bin/.sample.fa ]] || "$REPO_ROOT/modules/kmers/sample.sh" >"$MODULES/bin/.sample.fa"
	first=$(count 8 true "$MODULES/bin/.sample.fa" | sha256sum)
	same "${FUNCNAME[0]}: totals" '12000240 12000156 32896' \
		"$(jq -r '"\(.bases) \(.kmers) \(.distinct)"' "$WORK/outputs/summary.json")"
	same "${FUNCNAME[0]}: stdout" '12000240 letters in 12 records (fasta): 12000156 8-mers, 32896 different' "$(<"$WORK/stdout")"
	same "${FUNCNAME[0]}: the table" "$first" "$(count 8 true "$MODULES/bin/.sample.fa" | sha256sum)"
}

kmers_refuses_what_it_cannot_read() {
	mkdir -p "$WORK/refused"
	printf '@r1\nACGT\n+\n@@\n' >"$WORK/bad.fq"
	status "${FUNCNAME[0]} (quality)" 1 "$KMERS" --k 3 --canonical true "$WORK/bad.fq" "$WORK/refused"
	same "${FUNCNAME[0]} (quality)" 'kmers: malformed FASTQ: record 1: sequence and quality differ in length' "$(<"$WORK/err")"
	status "${FUNCNAME[0]} (missing)" 1 "$KMERS" --k 3 --canonical true "$WORK/absent" "$WORK/refused"
	: >"$WORK/empty"
	status "${FUNCNAME[0]} (empty)" 1 "$KMERS" --k 3 --canonical true "$WORK/empty" "$WORK/refused"
	status "${FUNCNAME[0]} (k)" 2 "$KMERS" --k 32 --canonical true "$WORK/in.fa" "$WORK/refused"
	status "${FUNCNAME[0]} (usage)" 2 "$KMERS"
}

# in_container NAME [FLAG]... -- ARGUMENT...: as locked down as a job.
in_container() {
	local name=$1 id
	local -a flags=()
	shift
	while [[ $1 != -- ]]; do
		flags+=("$1")
		shift
	done
	shift
	id=$(jq -r .runtime.image "$MODULES/$name/module.json")
	docker run --rm --network none --read-only --user 65534:65534 --cap-drop ALL --security-opt no-new-privileges \
		--memory 256m --pids-limit 16 "${flags[@]}" "$id" "$@"
}

# The folders that the worker would prepare: nobody may write to the outputs.
prepare_mounts() {
	mkdir -p "$WORK/inputs" "$WORK/mounted"
	cp "$WORK/in.fa" "$WORK/inputs/sequence"
	chmod 0711 "$WORK"
	chmod 0777 "$WORK/mounted"
}

cowsay_container() { in_container cowsay -- /usr/games/cowsay "$@"; }

test_containers() {
	local name id loaded
	for name in cowsay kmers; do
		id=$(jq -r .runtime.image "$MODULES/$name/module.json")
		loaded=$(docker load --quiet --input "$MODULES/$name/image.tar")
		same "the archive of $name carries the image that its manifest names" "Loaded image ID: $id" "$loaded"
	done
	cowsay_moo_is_the_classic_cow cowsay_container
	cowsay_repeats_its_argument_unchanged 4 cowsay_container
	prepare_mounts
	in_container kmers --volume "$WORK/inputs:/inputs:ro" --volume "$WORK/mounted:/outputs" -- \
		/usr/bin/kmers --k 3 --canonical false /inputs/sequence /outputs >/dev/null
	same "k-mers counted in a container" "$(reference 3 "$WORK/in.lines")" "$(tail -n +2 "$WORK/mounted/kmers.tsv")"
}

main() {
	step "testing cowsay"
	test_cowsay "$COWSAY"
	if [[ $(node -p 'typeof require("node:wasi").WASI.prototype.getImportObject' 2>/dev/null) == function ]]; then
		step "testing cowsay as WebAssembly"
		test_cowsay cowsay_wasm
	fi
	step "testing kmers"
	kmers_agree_with_a_simple_count
	kmers_and_their_reverse_complements_count_as_one
	kmers_in_several_passes_are_those_of_one
	kmers_of_a_large_file_are_quick_and_repeat
	kmers_refuses_what_it_cannot_read
	step "comparing two builds"
	"$REPO_ROOT/scripts/build-modules.sh" --check || failed=1
	if have docker && "$REPO_ROOT/scripts/engine.sh" find >/dev/null 2>&1; then
		step "testing the images"
		test_containers
	else
		warn "no container engine answers: the images were not tried"
	fi
	((failed == 0)) || die "the sample modules are not right"
	say "the sample modules are right"
}

main
