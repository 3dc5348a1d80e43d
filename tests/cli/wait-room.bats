#!/usr/bin/env bats
# Senders that wait for room
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
}

# ---- senders that wait for room -------------------------------------------------------------

# blocked COMMAND...: it sends to the full queue, and waits for room.
blocked() {
	start s "$@"
	sender=$pid
	soon asleep "$sender"
	runs "$sender"
}

let_in() {
	ends 0 "$sender"
	same '' "$(cat s.err)"
}

full() {
	mq-config q max-depth=1 "$@"
	mq-send -q -b 1 q
}

@test "a sender that waits is woken by an ack" {
	full
	receipt=$(mq-recv q)
	blocked mq-send -q -w 1h -b 2 q
	mq-ack "$receipt"
	let_in
	same '[2]' "$(drain q)"
}

@test "overflow=block: woken by an ack" {
	full overflow=block
	receipt=$(mq-recv q)
	blocked mq-send -q -b 2 q
	mq-ack "$receipt"
	let_in
	same '[2]' "$(drain q)"
}

@test "a sender that waits is woken by a higher limit" {
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-config q max-depth=2
	let_in
	has q 2 0 0 0
}

@test "a sender that waits is woken by another overflow setting" {
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-config q overflow=drop-head
	let_in
	same '[2]' "$(drain q)"
}

@test "a sender that waits is woken by a purge" {
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-purge q >/dev/null
	let_in
	same '[2]' "$(drain q)"
}

@test "a sender that waits is woken by a dead letter" {
	full overflow=block
	receipt=$(mq-recv q)
	blocked mq-send -q -b 2 q
	mq-nack -x "$receipt"
	let_in
}

@test "a sender that waits is woken by what expires" {
	mq-config q max-depth=1 overflow=block
	mq-send -q -t 1s -b 1 q
	start s mq-send -q -b 2 q
	sender=$pid
	let_in
	same '[2]' "$(drain q)"
}

@test "a sender that waits ends with its queue: 66" {
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-delete q
	ends 66 "$sender"
	[[ $(cat s.err) == 'mq-send: q: the queue was removed'* ]]
}

@test "MQ_POLL=1: senders are let in, a little later" {
	export MQ_POLL=1
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-recv -a q >/dev/null
	let_in
}

@test "MQ_POLL=1: senders are let in by a higher limit, a little later" {
	export MQ_POLL=1
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-config q max-depth=2
	let_in
}

@test "ten senders that wait: each in its turn, none forgotten" {
	full overflow=block
	pids=()
	for i in {1..10}; do
		start "s$i" mq-send -q -b "m$i" q
		pids+=("$pid")
	done
	got=
	for _ in {1..11}; do
		got+=$(mq-recv -a -w 30s q),
	done
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same "$(printf '%s\n' 1 m{1..10} | sort)" "$(tr , '\n' <<<"$got" | grep . | sort)"
}

# It looks twice a second, for what expires makes room without a word.
@test "a sender that waits looks twice a second, no more often" {
	full overflow=block
	blocked mq-send -q -b 2 q
	soon still "$sender" # its pauses, which grow, are long by now
	count_sleeps "$sender"
	before=${sleeps[0]}
	timed elsewhere
	count_sleeps "$sender"
	looks=$((sleeps[0] - before))
	echo "$looks looks in $took ms"
	((looks <= 2 + took / 250))
}
