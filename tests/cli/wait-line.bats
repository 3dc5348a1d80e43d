#!/usr/bin/env bats
# No wake-up is missed, and waiters stand in line
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
}

# ---- nothing is missed ---------------------------------------------------------------

# consume NAME: what it takes goes to NAME.got; waits long for each, so that a
# wake-up that is missed shows.
consume() {
	while mq-recv -a -n "$2" -w 30s q >>"$1.got"; do :; done
}

@test "thousands of messages through rotation: no wake-up is missed" {
	for i in 1 2 3; do
		consume "c$i" "$((i * 40))" 3>&- &
	done
	for ((round = 0; round < 40; round++)); do
		seq -f '%05g' "$((round * 250 + 1))" "$((round * 250 + 250))" | mq-send -q -l q
		ok '' mq-wait -w 20s q
	done
	mq-delete q
	wait
	cat c?.got | fold -w 5 | sort | cmp - <(seq -f '%05g' 10000)
}

@test "messages one by one while waiters come and go: none is left lying" {
	for i in 1 2 3 4; do
		consume "c$i" 1 3>&- &
	done
	for i in {1..150}; do
		mq-send -q -p "$((i % 10))" -b "$(printf %03d "$i")" q
	done
	ok '' mq-wait -w 20s q
	for i in {151..170}; do
		mq-send -q -b "$i" q
		ok '' mq-wait -w 20s q
	done
	mq-delete q
	wait
	cat c?.got | fold -w 3 | sort | cmp - <(seq -f '%03g' 170)
}

@test "a message sent between the look and the sleep" {
	for i in {1..60}; do
		start w mq-recv -a -w 1h q
		mq-send -q -b "$i" q
		ends 0 "$pid"
		same "$i" "$(cat w.out)"
	done
}

# ---- the line of waiters ----------------------------------------------------------------

# line N COMMAND...: so many of it; their pids are ${pids[@]}, in order.
line() {
	local i n=$1
	shift
	pids=()
	for ((i = 1; i <= n; i++)); do
		start "w$i" "$@"
		pids+=("$pid")
		soon asleep "$pid"
	done
}

some_ended() {
	local each
	for each in "${pids[@]}"; do
		! gone "$each" || return 0
	done
	return 1
}

# How often each of them has gone to sleep.
sleeps() {
	(cd /proc && grep -H '^voluntary' "${pids[@]/%//status}") 2>/dev/null || true
}

# few_woke: of 100, between `before` and `after`: each looks around once in 30
# seconds, and few do for other reasons.
few_woke() {
	local woken
	woken=$(comm -13 before after | wc -l)
	echo "$woken woke in $took ms"
	((woken <= 6 + took / 300))
}

@test "100 idle waiters sleep, and one message wakes one of them" {
	pids=()
	for i in {1..100}; do
		start "w$i" mq-recv -a -w 1h q
		pids+=("$pid")
	done
	soon there_are 100 "$MQ_SPOOL/q/q/waiting/*"
	soon asleep "${pids[@]:90}"
	sleeps >before
	timed elsewhere
	sleeps >after
	few_woke
	sleeps >before
	one_goes() {
		mq-send -q -b x q
		soon some_ended
		for _ in {1..20}; do
			pause
		done
	}
	timed one_goes
	sleeps >after
	same x "$(cat w*.out)"
	same 100 "$(wc -l <before)"
	same 99 "$(wc -l <after)"
	# Of the others the next in line was let up to the head of it.
	few_woke
}

@test "30 waiters, 30 messages: one each" {
	line 30 mq-recv -a -w 1h q
	seq -f '%02g' 30 | mq-send -q -l q
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	cat w*.out | fold -w 2 | sort | cmp - <(seq -f '%02g' 30)
}

@test "the first in line dies: the next takes over at once" {
	line 4 mq-recv -a -w 1h q
	for victim in 0 1 2; do
		run ! watches "${pids[victim + 1]}"
		kill -9 "${pids[victim]}"
		wait "${pids[victim]}" || true
		soon watches "${pids[victim + 1]}"
	done
	mq-send -q -b x q
	pid=${pids[3]}
	ends 0 "$pid"
	same x "$(cat w4.out)"
}

@test "the first in line is killed while a message comes: it is not lost" {
	for i in {1..10}; do
		mq-delete q
		mq-create q backoff=0 visibility=500ms
		line 2 mq-recv -a -w 1h q
		mq-send -q -b "$i" q
		kill -9 "${pids[0]}" 2>/dev/null || true
		wait "${pids[0]}" 2>/dev/null || true
		# If it got it, another one comes; if it only took it, the same, when that lapses.
		[ "$(cat w1.out)" != "$i" ] || mq-send -q -b "$i" q
		ends 0 "${pids[1]}"
		same "$i" "$(cat w2.out)"
	done
}

@test "one in the middle of the line dies: nobody is forgotten" {
	line 5 mq-recv -a -w 1h q
	kill -9 "${pids[2]}"
	wait "${pids[2]}" || true
	seq 4 | mq-send -q -l q
	all_end() {
		for i in 0 1 3 4; do
			ends 0 "${pids[i]}"
		done
	}
	timed all_end
	((took < 25000)) # in 30 seconds each looks for itself
	same 1234 "$(cat w*.out | fold -w 1 | sort | tr -d '\n')"
}

@test "the first in line gives up: the next takes over" {
	start first mq-recv -a -w 3s q
	first=$pid
	soon asleep "$first"
	line 2 mq-recv -a -w 1h q
	ends 1 "$first"
	soon watches "${pids[0]}"
	mq-send -q -b x q
	soon some_ended
	same x "$(cat w*.out)"
}

@test "the first in line is stopped: a message waits for another no longer than the visibility timeout" {
	mq-config q visibility=1s
	line 3 mq-recv -a -w 1h q
	kill -STOP "${pids[0]}"
	soon has_state "${pids[0]}" T
	mq-send -q -b x q
	soon some_ended
	same x "$(cat w2.out w3.out)"
	kill -CONT "${pids[0]}"
	seq 2 | mq-send -q -l q
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same 12x "$(cat w*.out | fold -w 1 | sort | tr -d '\n')"
	has q 0 0 0 0
}

@test "all in line are stopped and go on" {
	line 3 mq-recv -a -w 1h q
	kill -STOP "${pids[@]}"
	seq 3 | mq-send -q -l q
	kill -CONT "${pids[@]}"
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same 123 "$(cat w*.out | fold -w 1 | sort | tr -d '\n')"
}

@test "waiters leave nothing behind" {
	mq-send -q -b x q
	mq-recv -a q >/dev/null
	before=$(find "$MQ_SPOOL" | grep -vE '/stat/' | sort)
	line 5 mq-recv -a -w 3s q
	for pid in "${pids[@]}"; do
		ends 1 "$pid"
	done
	line 2 mq-recv -a -w 1h q
	kill -9 "${pids[@]}"
	wait "${pids[@]}" || true
	fails 1 '' mq-recv -w 100ms q
	left=$(find "$MQ_SPOOL" | grep -vE '/stat/' | sort)
	# but for a file or two that is made once
	[ "$(comm -13 <(echo "$before") <(echo "$left") | wc -l)" -le 3 ]
}
