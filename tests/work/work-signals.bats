#!/usr/bin/env bats
# mq-work: signals, and jobs that misbehave
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

# ---- signals -------------------------------------------------------------------------

finishes_on() {
	printf '1\n2\n3\n' | mq-send -q -l q
	start w mq-work -j1 -l log q -- ./await go
	soon there running.1
	kill "-$1" "$pid"
	soon heeded "$pid"
	soon has q 2 1 0 0
	runs "$pid"
	touch go
	ends 0 "$pid"
	same 'ack 0' "$(verdicts log)"
	has q 2 0 0 0
	same '0 0' "$(receives)"
	same '' "$(cat w.err)"
}

@test "TERM: takes no more, finishes what runs, exit 0" {
	finishes_on TERM
}

@test "INT: takes no more, finishes what runs, exit 0" {
	finishes_on INT
}

@test "HUP: takes no more, finishes what runs, exit 0" {
	finishes_on HUP
}

@test "TERM gives back what was read ahead, uncounted" {
	seq 6 | mq-send -q -l q
	start w mq-work -j1 -P 10 q -- ./await go
	soon there running.1
	soon has q 0 6 0 0
	kill "$pid"
	soon has q 5 1 0 0
	runs "$pid"
	same '0 0 0 0 0' "$(receives | cut -d ' ' -f 1-5)"
	touch go
	ends 0 "$pid"
	same "$(seq 2 6 | xargs)" "$(drain q | sorted)"
}

kills_on() {
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -l log q -- sh -c './group & wait'
	soon there leader 1
	soon has q 0 2 0 0
	kill "-$1" "$pid"
	soon heeded "$pid"
	runs "$pid"
	kill "-$2" "$pid"
	ends "$3" "$pid"
	has q 2 0 0 0
	same '0 0' "$(receives)"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
	same 'returned' "$(cut -f 4 log | sort -u)"
}

@test "TERM twice: kills the groups, gives back uncounted, 143" {
	kills_on TERM TERM 143
}

@test "INT twice: kills the groups, gives back uncounted, 130" {
	kills_on INT INT 130
}

@test "TERM, then INT: 130" {
	kills_on TERM INT 130
}

@test "TERM while nothing runs: at once" {
	start w mq-work q -- true
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
	same '' "$(cat w.out w.err)"
}

@test "an inherited SIGCHLD that is ignored does not matter" {
	mq-config q max-receives=1
	printf 'good\nbad\n' | mq-send -q -l q
	ok '' env --ignore-signal=CHLD mq-work -j1 -e -l log q -- grep -q good
	same "ack 0
nack 1" "$(verdicts log)"
}

@test "an inherited mask of blocked signals does not matter" {
	mq-send -q -b x q
	ok '' env --block-signal=CHLD,TERM,INT,PIPE mq-work -j1 -e q -- sh -c 'grep SigBlk /proc/self/status >mask'
	[[ $(cat mask) =~ ^SigBlk:[[:space:]]+0+$ ]]
	start w env --block-signal=TERM mq-work q -- true
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
}

@test "children that mq-work did not start" {
	printf 'good\nbad\n' | mq-send -q -l q
	mq-config q max-receives=1
	ok '' bash -c 'sleep 0.2 & (exit 3) & exec mq-work -j1 -i 500ms -l log q -- grep -q good'
	same "ack 0
nack 1" "$(verdicts log)"
}

# ---- bad jobs ---------------------------------------------------------------------------------

@test "a job that closes its standard input at once" {
	head -c 3M /dev/zero | mq-send -q q
	head -c 3M /dev/zero | mq-send -q -H 'A: b' q
	ok '' mq-work -j1 -e -l log q -- sh -c 'exec <&-'
	same 'ack 0' "$(verdicts log | sort -u)"
	has q 0 0 0 0
}

@test "a job that writes gigabytes" {
	mq-send -q -b x q
	command time -f %M -o mem mq-work -j1 -e q -- head -c 3G /dev/zero >/dev/null
	has q 0 0 0 0
	# That is the peak of mq-work and of what it waited for.
	lean 8192 mem
}

@test "a job that forks and leaves: its exit status counts, the rest lives on" {
	mq-send -q -b x q
	mq-work -j1 -e -l log q -- sh -c 'sleep 3600 >/dev/null 2>&1 & echo $! >left'
	same 'ack 0' "$(verdicts log)"
	runs "$(cat left)"
	has q 0 0 0 0
}


@test "with standard input, output and error closed" {
	mq-send -q -b x q
	all_closed() { "$@" <&- >&- 2>&-; }
	try all_closed mq-work -j1 -e q -- sh -c 'cat >payload; ls /proc/self/fd >fds'
	same 0 "$status"
	same x "$(cat payload)"
	has q 0 0 0 0
}

grown() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "many jobs: each message once, no zombie, no growth" {
	seq 2000 | mq-send -q -l q
	start w mq-work -j4 -l log q -- awk 1
	for n in 500 1000 1500 2000; do # each of them soon enough
		soon grown w.out "$n"
	done
	there w.out 2000
	soon has q 0 0 0 0
	soon asleep "$pid"
	same '' "$(cat "/proc/$pid/task/$pid/children")"
	[ "$(compgen -G "/proc/$pid/fd/*" | wc -l)" -le 40 ]
	kill "$pid"
	ends 0 "$pid"
	same "$(seq 2000)" "$(sort -n w.out)"
	same 'ack 0' "$(verdicts log | sort -u)"
	no_litter
}
