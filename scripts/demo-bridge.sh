#!/usr/bin/env bash
# A Solidity contract buys a computation: an EVM chain (anvil) with the gateway's contracts, the market's chain with a provider, three
# relayers between them, one request from the transaction to the refund. Everything it starts, it stops.
#   demo-bridge.sh [MESSAGE]
#   demo-bridge.sh --stay      does the same, serves the example page, and runs until Ctrl-C
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env
# shellcheck source=scripts/network.sh
. "$REPO_ROOT/scripts/network.sh"
# shellcheck source=scripts/evm.sh
. "$REPO_ROOT/scripts/evm.sh"

STAY=
if [[ ${1:-} == --stay ]]; then
	STAY=1
	shift
fi
MESSAGE=${1:-moo}

# By its chain id, also the lane's number.
LANE=1337
MEMBERS=(//One //Two //Three)
BUDGET=2000000000000000000
ANSWER_LIMIT=180
DAPP=$REPO_ROOT/evm-bridge/example-dapp
# The market's audit pool, an account without a key that every chain has: what the levy goes to.
AUDIT_POOL=5EYCAe5hvpdTpG6hYF74C7TH16WHsvTy9HpLD59UTQdfA9DM

# -- Amounts, times ---------------------------------------------------------------------------------------------------------

# lp UNITS: as LP, with nine digits after the point. Bash's own numbers end at 9.2 LP.
lp() {
	local units sign=
	units=$1
	if [[ $units == -* ]]; then sign=- units=${units#-}; fi
	units=$(printf '%019s' "$units" | tr ' ' 0)
	printf '%s%s.%s' "$sign" "${units::-18}" "${units: -18:9}"
}

# minus A B: in units.
minus() { node -p "(BigInt('$1') - BigInt('$2')).toString()"; }

# units_of TEXT...: the sum, in units, of amounts as the command line writes them: "12.5 LP".
units_of() {
	node -e 'let sum = 0n;
		for (const text of process.argv.slice(1)) {
			const [whole, rest = ""] = text.replace(" LP", "").split(".");
			sum += BigInt(whole + rest.padEnd(18, "0"));
		}
		console.log(sum.toString());' -- "$@"
}

STAGES=()
stage() { STAGES+=("$(printf '%-38s %s' "$1" "$(took "$2")")"); }

# -- The EVM chain ----------------------------------------------------------------------------------------------------------

start_evm() {
	local port
	port=$(free_port)
	EVM_URL=http://127.0.0.1:$port
	# A block a second; final, by the chain's own tag, after two more.
	launch anvil "$CONTRACTS/tools/foundry" anvil --port "$port" --chain-id "$LANE" --block-time 1 --slots-in-an-epoch 1
	expect 30 anvil "waiting for the EVM chain" evm_answers
	say "chain id $LANE, at $EVM_URL"
}

# The members' public keys, and their addresses in ascending order.
bridge_set() {
	local suri key
	PUBLIC_KEYS=() ADDRESSES=()
	for suri in "${MEMBERS[@]}"; do
		key=$("$BIN/lilypad-relayer" key show --suri "$suri" --json)
		PUBLIC_KEYS+=(--member "$(jq -r .public_key <<<"$key")")
		ADDRESSES+=("$(jq -r .address <<<"$key")")
	done
	mapfile -t ADDRESSES < <(printf '%s\n' "${ADDRESSES[@]}" | sort -f)
}

deploy_contracts() {
	local address
	# Where forge may write.
	local file=./out/demo-$$.json
	DEPLOYMENT=$CONTRACTS/out/demo-$$.json
	RPC_URL=$EVM_URL PRIVATE_KEY=$ANVIL_KEY BRIDGE_MEMBERS=$(IFS=,; echo "${ADDRESSES[*]}") MODULE=$MODULE:v0.0.1 DEPLOYMENT=$file \
		logged "$NETWORK_DIR/deploy.log" "$REPO_ROOT/scripts/contracts.sh" deploy || fail "the contracts could not be deployed"
	mv "$DEPLOYMENT" "$NETWORK_DIR/deployment.json"
	DEPLOYMENT=$NETWORK_DIR/deployment.json
	GATEWAY=$(jq -r .gateway "$DEPLOYMENT") TOKEN=$(jq -r .token "$DEPLOYMENT") COW=$(jq -r .example "$DEPLOYMENT")
	USER_ADDRESS=$(foundry cast wallet address --private-key "$EVM_KEY")
	# Deliveries cost gas.
	for address in "${ADDRESSES[@]}"; do
		foundry cast rpc --rpc-url "$EVM_URL" anvil_setBalance "$address" 0x8ac7230489e80000 >/dev/null
	done
	say "gateway $GATEWAY, LP $TOKEN"
	say "the cow's contract, $COW, runs $MODULE:v0.0.1"
}

# -- The relayers -----------------------------------------------------------------------------------------------------------

_relaying() { grep -q "relaying lane=$LANE" "$NETWORK_DIR/$RELAYER.log"; }

start_relayers() {
	local number
	local -a pids=()
	cat >"$NETWORK_DIR/relayer.toml" <<-TOML
		urls = ["$RPC_URL"]
		[[lane]]
		id = $LANE
		rpc = ["$EVM_URL"]
		poll_ms = 500
		stagger_ms = 6000
	TOML
	for number in "${!MEMBERS[@]}"; do
		RELAYER=relayer-$number
		launch "$RELAYER" "$BIN/lilypad-relayer" run --suri "${MEMBERS[number]}" --config "$NETWORK_DIR/relayer.toml" \
			--data "$NETWORK_DIR/$RELAYER" --metrics "127.0.0.1:$(free_port)"
		pids+=("$WAITED_PID")
	done
	for number in "${!MEMBERS[@]}"; do
		RELAYER=relayer-$number WAITED_PID=${pids[number]}
		expect 60 "$RELAYER" "waiting for it to relay" _relaying
	done
}

# -- Who has what -----------------------------------------------------------------------------------------------------------

# ledger NAME: sets NAME[who] to units of LP.
ledger() {
	local -n book=$1
	local shown
	book[asker]=$(ask_chain "$TOKEN" 'balanceOf(address)(uint256)' "$USER_ADDRESS")
	book[locked]=$(ask_chain "$GATEWAY" 'locked()(uint256)')
	book[owed]=$(ask_chain "$GATEWAY" 'owed()(uint256)')
	shown=$(lilypad gateway show "$LANE" --json | jq -s last)
	book[minted]=$(minus "$(jq -r .books.minted <<<"$shown")" "$(jq -r .books.burned <<<"$shown")")
	book[provider]=$(USER_KEY=$PROVIDER_KEY on_chain)
	book[pool]=$(on_chain "$AUDIT_POOL")
}

# on_chain [ACCOUNT]: all that it has on the market's chain, held or not.
on_chain() {
	local -a amounts=()
	mapfile -t amounts < <(lilypad account balance "$@" --json | jq -rs 'last | .free, .held[].amount')
	units_of "${amounts[@]}"
}

print_ledger() {
	local who
	local -A names=(
		[asker]="who asked, on the EVM chain"
		[locked]="locked in the gateway"
		[owed]="owed by the gateway"
		[minted]="circulating for it at the market"
		[provider]="the provider, at the market"
		[pool]="the audit pool, at the market"
	)
	printf '    %-34s %21s %21s %14s\n' "LP" before after change >&2
	for who in asker locked owed minted provider pool; do
		printf '    %-34s %21s %21s %14s\n' "${names[$who]}" "$(lp "${BEFORE[$who]}")" "$(lp "${AFTER[$who]}")" \
			"$(lp "$(minus "${AFTER[$who]}" "${BEFORE[$who]}")")" >&2
	done
}

# -- One request ------------------------------------------------------------------------------------------------------------

fail() {
	KEEP_LOGS=1
	die "$1" "the logs are kept in $NETWORK_DIR"
}

ask_cow() {
	local receipt topic
	transact "$TOKEN" 'approve(address,uint256)' "$COW" "$BUDGET" >/dev/null
	SENT=$EPOCHREALTIME
	receipt=$(transact "$COW" 'ask(string,uint96)' "$MESSAGE" "$BUDGET") || fail "the contract could not be asked"
	stage "asked, in a block" "$SENT"
	topic=$(foundry cast keccak 'Asked(uint256,address,string)')
	REQUEST=$(jq -r --arg t "$topic" '.logs[] | select(.topics[0] == $t) | .topics[1]' <<<"$receipt")
	REQUEST=$((REQUEST))
	ASKED_BLOCK=$(($(jq -r .blockNumber <<<"$receipt")))
	say "request $REQUEST: transaction $(jq -r .transactionHash <<<"$receipt"), block $ASKED_BLOCK"
	say "gas $(($(jq -r .gasUsed <<<"$receipt"))), $(lp "$BUDGET") LP locked"
}

# watch_job: tells how the market gets on, until the contract was called back.
watch_job() {
	local told='' standing job status deadline=$((SECONDS + ANSWER_LIMIT)) mark=$EPOCHREALTIME
	JOB='' DEAL=''
	while [[ $(ask_chain "$COW" 'sayings(uint256)(address,bool,uint8,int32,bytes32)' "$REQUEST" | sed -n 2p) != true ]]; do
		((SECONDS < deadline)) || fail "the contract was not called back within $ANSWER_LIMIT s"
		standing=$(rpc lilypad_request "[$LANE,$REQUEST]" | jq -c .job) || standing=null
		if [[ $standing != null ]]; then
			JOB=$(jq -r .job <<<"$standing") status=$(jq -r .status <<<"$standing")
			job=$(jq -r '.deal.deal // .end.deal // empty' <<<"$standing")
			DEAL=${job:-$DEAL}
			if [[ -z $told ]]; then stage "taken up by the market" "$mark"; mark=$EPOCHREALTIME; fi
			if [[ $told != "$status" ]]; then
				told=$status
				say "job $JOB${DEAL:+, deal $DEAL}: $status"
				if [[ $status == ended ]]; then stage "matched, run, revealed, settled" "$mark"; mark=$EPOCHREALTIME; fi
			fi
		fi
		sleep 0.2
	done
	if [[ $told != ended ]]; then stage "matched, run, revealed, settled" "$mark"; mark=$EPOCHREALTIME; fi
	stage "signed, delivered, called back" "$mark"
	stage "from the transaction to the callback" "$SENT"
}

show_answer() {
	local log topic saying location
	topic=$(foundry cast keccak 'Answered(uint64,address,address,bytes32,uint64,uint8,int32,uint96,uint96)')
	log=$(foundry cast logs --json --rpc-url "$EVM_URL" --from-block "$ASKED_BLOCK" --address "$GATEWAY" "$topic" |
		jq -c "map(select((.topics[1] | ltrimstr(\"0x\") | ltrimstr(\"0\" * 48)) == \"$(printf '%016x' "$REQUEST")\"))[0]")
	DELIVERY=$(jq -r .transactionHash <<<"$log")
	mapfile -t saying < <(ask_chain "$COW" 'sayings(uint256)(address,bool,uint8,int32,bytes32)' "$REQUEST")
	ROOT=${saying[4]}
	location=$(ask_chain "$COW" 'location(uint256)(string)' "$REQUEST" | tr -d '"')
	say "transaction $DELIVERY, gas $(($(foundry cast receipt --rpc-url "$EVM_URL" "$DELIVERY" gasUsed)))"
	say "status ${saying[2]}, exit code ${saying[3]}"
	say "root ${ROOT}"
	say "location $location"
	[[ ${saying[2]} == 0 && ${saying[3]} == 0 ]] || fail "the job failed"
	LOCATION=$location
}

# From whoever serves it over HTTP, at the place that the contract names; and peer to peer, every byte verified. Both must agree.
fetch_output() {
	local begun=$EPOCHREALTIME folder
	curl --silent --show-error --fail --max-time 20 --noproxy '*' "http://$RESULTS$LOCATION" -o "$NETWORK_DIR/output" ||
		fail "the output could not be fetched from $RESULTS"
	lilypad job get "$JOB" --json --output "$NETWORK_DIR/result" >"$NETWORK_DIR/get.json" ||
		fail "the result of job $JOB could not be fetched and verified"
	folder=$(last_json "$NETWORK_DIR/get.json" | jq -r .output)
	[[ 0x$(last_json "$NETWORK_DIR/get.json" | jq -r '.root | ltrimstr("0x")') == "$ROOT" ]] ||
		fail "the contract was told another root than the command line has verified"
	cmp --silent "$folder/stdout" "$NETWORK_DIR/output" || fail "what is served over HTTP is not the result"
	stage "fetched and verified" "$begun"
	cat -- "$NETWORK_DIR/output"
}

take_refund() {
	local credit begun=$EPOCHREALTIME
	credit=$(ask_chain "$GATEWAY" 'creditOf(address)(uint256)' "$USER_ADDRESS")
	transact "$GATEWAY" 'withdraw(address)' "$USER_ADDRESS" >/dev/null || fail "the refund could not be withdrawn"
	stage "refund withdrawn" "$begun"
	say "$(lp "$credit") LP came back; the answer cost $(lp "$(minus "$BUDGET" "$credit")") LP"
}

# check_books: what circulates at the market for the gateway is what that has locked, and what the answer cost.
check_books() {
	local who earned=0
	for who in provider pool; do earned=$(minus "$earned" "$(minus "${BEFORE[$who]}" "${AFTER[$who]}")"); done
	[[ ${AFTER[locked]} == "${AFTER[minted]}" && ${AFTER[owed]} == 0 ]] || fail "the books of the two sides differ"
	[[ $(minus "${BEFORE[asker]}" "${AFTER[asker]}") == "$(minus "${AFTER[locked]}" "${BEFORE[locked]}")" ]] ||
		fail "who asked has paid something else than what stays locked"
	[[ $earned == "$(minus "${AFTER[minted]}" "${BEFORE[minted]}")" ]] || fail "provider and audit pool got something else than the answer cost"
	say "to the last unit: what was paid stays locked in the gateway, and is what provider and audit pool got at the market"
}

# -- Staying ----------------------------------------------------------------------------------------------------------------

serve_page() {
	npm_packages "$DAPP"
	logged "$NETWORK_DIR/vite.log" npm --prefix "$DAPP" run build || fail "the page could not be built"
	jq --arg evm "$EVM_URL" --arg node "${RPC_URL/#ws/http}" --arg results "http://$RESULTS" \
		'. + {chainName: "Anvil", rpcUrls: [$evm], node: $node, results: [$results]}' "$DEPLOYMENT" >"$DAPP/dist/config.json"
	launch page node "$DAPP/node_modules/vite/bin/vite.js" preview "$DAPP" --host 127.0.0.1 --port "${PAGE##*:}" --strictPort
	expect 20 page "waiting for the page" curl --silent --fail --noproxy '*' --max-time 2 "$PAGE/"
	step "ready; Ctrl-C stops it"
	say "page          $PAGE/"
	say "for a wallet  $ANVIL_KEY (all LP and ether here; everybody knows this key)"
	say "market        lilypad --url $RPC_URL gateway show $LANE"
	say "logs          $NETWORK_DIR/*.log"
	stay
}

main() {
	local begun=$EPOCHREALTIME mark modules line
	local -A BEFORE=() AFTER=()
	binaries lilypad-relayer
	evm_tools
	modules=$("$REPO_ROOT/scripts/build-modules.sh")
	step "looking for a container engine"
	choose_module
	RESULTS=127.0.0.1:$(free_port)
	PROVIDER_FLAGS=(--provider-http "$RESULTS")
	PAGE=http://127.0.0.1:$(free_port)
	# Only this page may ask the node: not whatever else is open in the same browser.
	VALIDATOR_FLAGS=(--rpc-cors "$PAGE")
	start_network
	step "publishing the module $MODULE:v0.0.1"
	publish_module "$modules/$MODULE"
	stage "the market, a provider, a module" "$begun"
	mark=$EPOCHREALTIME
	step "starting an EVM chain"
	start_evm
	step "deploying the gateway, its bridge set of ${#MEMBERS[@]}, LP, and a contract that asks cows"
	bridge_set
	deploy_contracts
	step "registering the gateway as lane $LANE of the market's chain"
	logged "$NETWORK_DIR/register.log" lilypad gateway register --deployment "$DEPLOYMENT" "${PUBLIC_KEYS[@]}" --finality finalized ||
		fail "the lane could not be registered"
	stage "an EVM chain, contracts, a lane" "$mark"
	step "starting ${#MEMBERS[@]} relayers, one for each member"
	mark=$EPOCHREALTIME
	start_relayers
	stage "relayers" "$mark"
	ledger BEFORE

	step "asking the contract for a cow that says \"$MESSAGE\""
	ask_cow
	step "the market"
	watch_job
	step "the callback"
	show_answer
	step "the output"
	fetch_output
	step "the refund"
	take_refund
	step "who has what"
	ledger AFTER
	print_ledger
	check_books
	step "times"
	for line in "${STAGES[@]}"; do say "$line"; done
	if [[ -n $STAY ]]; then
		serve_page
	fi
	note "stopping what was started"
	stop_network
	say "all of it took $(took "$begun"), starting and stopping included"
	note "next: \`make devnet-bridge\` keeps such a network running, with a page to ask from; docs/guide/solidity.md"
}

main
