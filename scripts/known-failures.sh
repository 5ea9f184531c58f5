#!/usr/bin/env bash
# Checks docs/known-failures.md: that each failure has its tests, that every test that is named exists, and two things that no test
# of a single part can see.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cd "$REPO_ROOT"

TABLE=docs/known-failures.md
FAILURES=54

# Whether a file has a test of this name.
has_test() {
	local file=$1 name=$2
	[[ -f $file ]] || return 1
	case $file in
	*.rs) grep -qE "fn $name\(" "$file" ;;
	*.sol) grep -qE "function $name\(" "$file" ;;
	*.sh) grep -qE "^$name\(\)" "$file" ;;
	*.mjs) grep -qF "test('$name'" "$file" || grep -qF "test(\"$name\"" "$file" ;;
	*) return 1 ;;
	esac
}

every_failure_has_tests_that_exist() {
	local number row test bad=0
	for number in $(seq "$FAILURES"); do
		row=$(grep -E "^\| $number \|" "$TABLE" || true)
		if [[ $(grep -c . <<<"$row") != 1 || $row != *'::'* ]]; then
			warn "$TABLE: failure $number has not exactly one row with a test"
			bad=1
		fi
	done
	while IFS= read -r test; do
		has_test "${test%%::*}" "${test#*::}" && continue
		warn "$TABLE: there is no ${test#*::} in ${test%%::*}: name the test that took its place"
		bad=1
	done < <(grep -oE '`[^`]+::[^`]+`' "$TABLE" | tr -d '`')
	return "$bad"
}

# Failure 13: errors that nothing raised.
every_error_is_raised() {
	local pallet error bad=0
	for pallet in pallets/*/; do
		while IFS= read -r error; do
			grep -rqE "(Error::(<T>::)?|error::)$error\b" "$pallet/src" --include='*.rs' --exclude-dir=tests --exclude=mock.rs && continue
			warn "$pallet: nothing raises $error"
			bad=1
		done < <(find "$pallet/src" -name '*.rs' ! -name mock.rs ! -path '*/tests/*' -exec \
			awk '/pub enum Error<T>/ { inside = 1; next } inside && /^\t*}$/ { inside = 0 }
				inside && match($0, /^\t+[A-Z][A-Za-z]+/) { print substr($0, RSTART, RLENGTH) }' {} + | tr -d '\t')
	done
	return "$bad"
}

# Failure 40: `tx.origin` as authorisation.
no_contract_asks_for_the_origin() {
	if grep -rn 'tx\.origin' evm-bridge/contracts/src; then
		warn "contracts must ask for msg.sender: wallets that are contracts are people, too"
		return 1
	fi
}

failed=0
for check in every_failure_has_tests_that_exist every_error_is_raised no_contract_asks_for_the_origin; do
	"$check" || failed=1
done
((failed == 0)) || die "docs/known-failures.md and the tests disagree" "see the warnings above"
