#!/usr/bin/env bash
# Finds a container engine (anything that speaks Docker's API), or starts one.
#   engine.sh find                  prints the endpoint of an engine that answers, e.g. unix:///var/run/docker.sock
#   engine.sh start [--for PID]     the same, but starts dockerd when none answers
#   engine.sh stop [--for PID]      stops what `start` started, unless another process still uses it
#   engine.sh status                says in words what there is
# With --for, the engine counts as used until that process ends or says stop. Without it, until a plain `stop`.
# Exit codes: 0 done; 3 no engine can be had; 4 there is one, but this user may not talk to it.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

NONE=3
FORBIDDEN=4
STATE=$LILYPAD_CACHE/engine
LOG=$LILYPAD_CACHE/logs/dockerd.log
SOCKET=/var/run/docker.sock
WAIT=${LILYPAD_ENGINE_WAIT:-60}

candidates() {
	local runtime=${XDG_RUNTIME_DIR:-/run/user/$EUID}
	if [[ -n ${DOCKER_HOST:-} ]]; then
		# Who names an engine means that one.
		echo "$DOCKER_HOST"
		return
	fi
	printf 'unix://%s\n' "$SOCKET" "$runtime/docker.sock" "$runtime/podman/podman.sock" /run/podman/podman.sock
}

# answers ENDPOINT: does Docker's API respond there within five seconds?
answers() {
	local -a curl=(curl --silent --fail --max-time 5 --noproxy '*')
	case $1 in
		unix://*) [[ -S ${1#unix://} ]] && "${curl[@]}" --unix-socket "${1#unix://}" http://localhost/_ping ;;
		tcp://*) "${curl[@]}" "http://${1#tcp://}/_ping" ;;
		http://* | https://*) "${curl[@]}" "${1%/}/_ping" ;;
		*) return 1 ;;
	esac >/dev/null 2>&1
}

find_engine() {
	local endpoint path forbidden=''
	while read -r endpoint; do
		if answers "$endpoint"; then
			echo "$endpoint"
			return
		fi
		path=${endpoint#unix://}
		if [[ -S $path && ! -w $path ]]; then forbidden=$path; fi
	done < <(candidates)
	if [[ -n $forbidden ]]; then
		warn "there is a container engine at $forbidden, but $(id -un) may not use it"
		say "next: sudo usermod -aG docker $(id -un), then log in again"
		return "$FORBIDDEN"
	fi
	return "$NONE"
}

# ours: prints the pid of the dockerd that `start` left behind, if it is still that very process.
ours() {
	local pid born
	[[ -f $STATE/started ]] || return 1
	read -r pid born <"$STATE/started" || return 1
	alive "$pid" && [[ $(born_at "$pid") == "$born" ]] || return 1
	echo "$pid"
}

# A pid alone may have been given to another process since; pid and start time together may not.
born_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# A pid file that outlived its process makes dockerd refuse to start, or wait for a containerd that is not there.
drop_stale_pid_files() {
	local file pid
	for file in /var/run/docker.pid:dockerd /var/run/docker/containerd/containerd.pid:containerd; do
		[[ -f ${file%:*} ]] || continue
		pid=$(<"${file%:*}")
		alive "$pid" && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "${file#*:}" ]] && continue
		note "removing the stale ${file%:*}"
		as_root rm -f "${file%:*}"
	done
}

mount_cgroups() {
	[[ -d /sys/fs/cgroup ]] || return 0
	grep -q ' /sys/fs/cgroup ' /proc/self/mounts && return
	as_root mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null ||
		warn "no control groups are mounted at /sys/fs/cgroup: limits on jobs will not work"
}

# launch FLAG...: starts dockerd in its own session and waits until it answers.
launch() {
	local pid
	drop_stale_pid_files
	# shellcheck disable=SC2016  # the inner shell expands these
	pid=$(as_root bash -c '
		log=$1; shift
		umask 022
		setsid "$@" </dev/null >"$log" 2>&1 &
		echo $!' _ "$LOG" dockerd --host "unix://$SOCKET" --group "$(id -gn)" "$@")
	wait_gone() { ! alive "$pid"; }
	if ! wait_until "$WAIT" "waiting for dockerd" answers "unix://$SOCKET"; then
		if alive "$pid"; then end_process "$pid"; fi
		return 1
	fi
	echo "$pid $(born_at "$pid")" >"$STATE/started"
}

start_dockerd() {
	local storage=overlay2 reason
	local -a network=()
	have dockerd || {
		say "dockerd is not installed"
		return 1
	}
	if ((EUID != 0)) && ! have sudo; then
		say "dockerd must be started by root, and there is no sudo"
		return 1
	fi
	mount_cgroups
	while true; do
		step "starting dockerd (storage: $storage${network:+, without a network of its own})"
		launch --storage-driver="$storage" "${network[@]}" && return
		reason=$(grep -Eo 'failed to start daemon.*|Error .*' "$LOG" | tail -n1 | head -c 300) || true
		note "that did not work: ${reason:-no answer within $WAIT s}"
		if [[ $storage == overlay2 && $reason == *graphdriver* ]]; then
			# Needs nothing of the kernel, but copies every layer.
			storage=vfs
		elif ((${#network[@]} == 0)) && [[ $reason =~ network|iptables|bridge ]]; then
			# Jobs have no network anyway.
			network=(--bridge=none --iptables=false --ip-masq=false)
		else
			break
		fi
	done
	tail_of "$LOG"
	return 1
}

start_service() {
	[[ -d /run/systemd/system ]] && systemctl cat docker.service >/dev/null 2>&1 || return 1
	step "starting the docker service"
	as_root systemctl start docker || return 1
	wait_until "$WAIT" "waiting for docker" answers "unix://$SOCKET" || return 1
	echo systemd >"$STATE/started"
}

start() {
	local endpoint status=0
	mkdir -p "$STATE/users" "$LILYPAD_CACHE/logs"
	exec 8>"$STATE/lock"
	flock 8
	endpoint=$(find_engine) || status=$?
	if ((status == 0)); then
		# Found, not started: only an engine of ours is counted as used.
		if [[ -f $STATE/started ]]; then : >"$STATE/users/$1"; fi
		echo "$endpoint"
		return
	fi
	((status == NONE)) || return "$status"
	if [[ -n ${DOCKER_HOST:-} ]]; then
		warn "nothing answers at DOCKER_HOST=$DOCKER_HOST"
		say "next: start that engine, or unset DOCKER_HOST"
		return "$NONE"
	fi
	rm -rf "$STATE/started" "$STATE/users"
	mkdir -p "$STATE/users"
	# The daemon must not inherit the lock.
	if ! start_service 8>&- && ! start_dockerd 8>&-; then
		warn "no container engine can be had on this machine"
		say "next: install one (apt-get install docker.io iptables) or start it; the log is $LOG"
		return "$NONE"
	fi
	: >"$STATE/users/$1"
	echo "unix://$SOCKET"
}

end_process() {
	local pid=$1
	as_root kill -TERM "$pid" 2>/dev/null || return 0
	_ended() { ! alive "$pid"; }
	unset -f wait_gone
	wait_until 30 "waiting for dockerd to end" _ended || as_root kill -KILL "$pid" 2>/dev/null || true
}

# still_used: forgets users that ended; true when one is left.
still_used() {
	local file user
	for file in "$STATE"/users/*; do
		[[ -e $file ]] || continue
		user=$(basename "$file")
		if [[ $user == manual ]] || alive "$user"; then return 0; fi
		rm -f "$file"
	done
	return 1
}

stop() {
	local pid
	[[ -f $STATE/started ]] || return 0
	exec 8>"$STATE/lock"
	flock 8
	rm -f "$STATE/users/$1"
	if still_used; then
		[[ $1 != manual ]] || note "the container engine stays: another process uses it"
		return 0
	fi
	if [[ $(<"$STATE/started") == systemd ]]; then
		as_root systemctl stop docker.service docker.socket
	elif pid=$(ours); then
		end_process "$pid"
	fi
	rm -f "$STATE/started"
}

status() {
	local endpoint code=0
	endpoint=$(find_engine) || code=$?
	case $code in
		0) say "a container engine answers at $endpoint$(ours >/dev/null && echo ' (started by this project)')" ;;
		"$NONE") say "no container engine answers; \`scripts/engine.sh start\` would try to start one" ;;
	esac
	return "$code"
}

main() {
	local verb=${1:-status} user=manual
	if [[ ${2:-} == --for ]]; then
		user=${3:?--for needs a pid}
		[[ $user =~ ^[0-9]+$ ]] || die "--for needs a pid, not $user"
	fi
	case $verb in
		find) find_engine || exit ;;
		start) start "$user" || exit ;;
		stop) stop "$user" ;;
		status) status || exit ;;
		*) die "unknown command: $verb" "one of: find, start, stop, status" ;;
	esac
}

main "$@"
