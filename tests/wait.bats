#!/usr/bin/env bats
# wait.bats - waiting without looking: mq-recv -w, blocked senders, mq-wait
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load lib

setup() {
	mq_setup
	limit 60
	mq-create q backoff=0
}

# waiter: one that takes a message of q; it sleeps.
waiter() {
	start w mq-recv -a -w 20s q
	soon asleep "$pid"
}

# takes PAYLOAD [MILLISECONDS]: the waiter does, at once, or when they are over.
takes() {
	within "$((${AT_ONCE:-1000} + ${2:-0}))" ends 0 "$pid"
	same "$1" "$(cat w.out)"
	same '' "$(cat w.err)"
}

# by_polling TEST: the same without notifications.
by_polling() {
	MQ_POLL=1 AT_ONCE=4000
	export MQ_POLL
	"$@"
}

# ---- mq-recv -w ------------------------------------------------------------------

@test "-w: gives up after that long: 1, no word" {
	after 300 within 3000 fails 1 '' mq-recv -w 300ms q
	after 300 within 3000 fails 1 '' mq-recv --wait 300ms -a q
	mq-create other
	after 300 within 3000 fails 1 '' mq-recv -w 300ms q other
}

@test "-w 0: does not wait" {
	within 1000 fails 1 '' mq-recv -w 0 q
}

@test "-w: what is there is taken at once" {
	mq-send -q -b x q
	within 1000 ok x mq-recv -a -w 20s q
}

@test "-w: bad values" {
	for t in x '' -1 5x; do
		usage mq-recv -w "$t" q
	done
}

@test "-w waits for the first only, then takes what is there" {
	mq-config q paused=yes # so that all three are there when it looks
	start w mq-recv -a -n 10 -w 20s q
	soon asleep "$pid"
	seq 3 | mq-send -q -l q
	mq-config q paused=no
	takes 123
}

@test "-w: interrupted" {
	waiter
	kill -INT "$pid"
	ends 130 "$pid"
	mq-send -q -b x q
	same '[x]' "$(drain q)"
}

@test "-w: no such queue: 66 at once" {
	within 1000 fails 66 'mq-recv: nosuch: no such queue.*' mq-recv -w 20s nosuch
}

on_send() {
	waiter
	mq-send -q -b x q
	takes x
}

on_new_level() {
	waiter
	mq-send -q -p 9 -b urgent q
	takes urgent
	waiter
	mq-send -q -p 0 -b low q
	takes low
}

on_due() {
	mq-send -q -d 500ms -b early q
	waiter
	takes early 500
	# one that becomes due before what is known so far
	mq-send -q -d 1h -b late q
	waiter
	mq-send -q -d 400ms -b sooner q
	takes sooner 400
}

on_lapse() {
	mq-send -q -b x q
	mq-recv -v 600ms q >receipt
	waiter
	takes x 600
}

on_nack() {
	mq-send -q -b x q
	mq-recv q >receipt
	waiter
	mq-nack "$(cat receipt)"
	takes x
}

on_delayed_nack() {
	mq-send -q -b x q
	mq-recv q >receipt
	waiter
	mq-nack -d 400ms "$(cat receipt)"
	takes x 400
}

on_cut_short() {
	mq-send -q -b x q
	mq-recv -v 1h q >receipt
	waiter
	mq-extend -v 300ms "$(cat receipt)"
	takes x 300
}

on_resume() {
	mq-config q paused=yes
	mq-send -q -b x q
	waiter
	same '' "$(cat w.out)"
	mq-config q paused=no
	takes x
}

on_redrive() {
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	waiter
	mq-redrive q >/dev/null
	takes x
}

on_death() {
	mq-send -q -b x q
	mq-recv q >receipt
	start w mq-recv -a -w 20s q/dlq
	soon asleep "$pid"
	mq-nack -x "$(cat receipt)"
	takes x
}

on_delete() {
	waiter
	mq-delete q
	within "${AT_ONCE:-1000}" ends 66 "$pid"
	[[ $(cat w.err) == 'mq-recv: q: the queue was removed'* ]]
}

on_any_queue() {
	mq-create a
	mq-create b
	for each in b a q; do
		start w mq-recv -a -w 20s a q b
		soon asleep "$pid"
		mq-send -q -b "$each" "$each"
		takes "$each"
	done
}

on_dedup() {
	waiter
	mq-send -q -D id -b x q
	takes x
}

@test "woken by a message" {
	on_send
}

@test "woken by the first message of a priority level" {
	on_new_level
}

@test "woken when a delayed message becomes due" {
	on_due
}

@test "woken when a lease lapses" {
	on_lapse
}

@test "woken by a nack" {
	on_nack
}

@test "woken when a nacked message's delay is over" {
	on_delayed_nack
}

@test "woken when a lease was cut short" {
	on_cut_short
}

@test "woken by paused=no" {
	on_resume
}

@test "woken by a redrive" {
	on_redrive
}

@test "woken by a dead letter" {
	on_death
}

@test "woken by the end of the queue: 66" {
	on_delete
}

@test "woken by any of several queues" {
	on_any_queue
}

@test "woken by a message with a dedup id" {
	on_dedup
}

@test "MQ_POLL=1: all of these, a little later" {
	for event in on_send on_new_level on_due on_lapse on_nack on_delayed_nack on_cut_short on_resume on_redrive \
		on_death on_any_queue on_dedup on_delete; do
		by_polling "$event"
		mq-delete q 2>/dev/null || true
		mq-create q backoff=0
	done
}

watches() {
	grep -qs '^inotify wd' "/proc/$1"/fdinfo/*
}

@test "MQ_POLL=0 and nothing are no wish to poll" {
	mq-config q visibility=1h
	for value in 0 ''; do
		export MQ_POLL=$value
		waiter
		watches "$pid"
		mq-send -q -b x q
		takes x
	done
	export MQ_POLL=1
	waiter
	run ! watches "$pid"
}

@test "a message that is delayed is not taken early" {
	mq-send -q -d 600ms -b x q
	after 400 ok x mq-recv -a -w 20s q
}

# without LIMIT COMMAND...: where none of these may be made.
without() {
	local limit=$1
	shift
	unshare -Ur sh -c "echo 0 >/proc/sys/user/$limit" 2>/dev/null || skip "cannot lower $limit"
	unshare -Ur sh -c "echo 0 >/proc/sys/user/$limit"' && exec "$@"' sh "$@"
}

@test "no inotify instance, or no watch, to be had: it works, a little later" {
	for limit in max_inotify_instances max_inotify_watches; do
		without "$limit" true
		start w unshare -Ur sh -c "echo 0 >/proc/sys/user/$limit"' && exec mq-recv -a -w 20s q'
		soon asleep "$pid"
		mq-send -q -b x q
		AT_ONCE=4000 takes x
		after 300 fails 1 '' without "$limit" mq-recv -w 300ms q
	done
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
		ok '' mq-wait -w 10s q
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
	ok '' mq-wait -w 10s q
	for i in {151..170}; do
		mq-send -q -b "$i" q
		ok '' mq-wait -w 5s q
	done
	mq-delete q
	wait
	cat c?.got | fold -w 3 | sort | cmp - <(seq -f '%03g' 170)
}

@test "a message sent between the look and the sleep" {
	for i in {1..60}; do
		start w mq-recv -a -w 10s q
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
	grep -H '^voluntary' "${pids[@]/%//status}" 2>/dev/null || true
}

@test "100 idle waiters use no processor time, and one message wakes one of them" {
	pids=()
	for i in {1..100}; do
		start "w$i" mq-recv -a -w 60s q
		pids+=("$pid")
	done
	soon there_are 100 "$MQ_SPOOL/q/q/waiting/*"
	soon asleep "${pids[@]:90}"
	before=$(ticks "${pids[@]}")
	sleep 3 # the time that is measured
	same "$before" "$(ticks "${pids[@]}")"
	cd /proc
	sleeps >"$T/before"
	mq-send -q -b x q
	soon some_ended
	for _ in {1..20}; do
		pause
	done
	sleeps >"$T/after"
	cd "$T"
	same x "$(cat w*.out)"
	same 100 "$(wc -l <before)"
	same 99 "$(wc -l <after)"
	# Of the others the next in line was let up to the head of it; few have looked
	# around for reasons of their own, nobody for the message.
	woken=$(comm -13 before after | wc -l)
	echo "woken besides: $woken"
	[ "$woken" -le 6 ]
}

@test "30 waiters, 30 messages: one each" {
	line 30 mq-recv -a -w 20s q
	seq -f '%02g' 30 | mq-send -q -l q
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	cat w*.out | fold -w 2 | sort | cmp - <(seq -f '%02g' 30)
}

@test "the first in line dies: the next takes over at once" {
	line 4 mq-recv -a -w 20s q
	for victim in 0 1 2; do
		kill -9 "${pids[victim]}"
		wait "${pids[victim]}" || true
	done
	mq-send -q -b x q
	pid=${pids[3]}
	within 1000 ends 0 "$pid"
	same x "$(cat w4.out)"
}

@test "the first in line is killed while a message comes: it is not lost" {
	for i in {1..10}; do
		mq-delete q
		mq-create q backoff=0 visibility=500ms
		line 2 mq-recv -a -w 20s q
		mq-send -q -b "$i" q
		kill -9 "${pids[0]}" 2>/dev/null || true
		wait "${pids[0]}" 2>/dev/null || true
		# If it got it, another one comes; if it only took it, the same, when that lapses.
		[ "$(cat w1.out)" != "$i" ] || mq-send -q -b "$i" q
		within 3000 ends 0 "${pids[1]}"
		same "$i" "$(cat w2.out)"
	done
}

@test "one in the middle of the line dies: nobody is forgotten" {
	line 5 mq-recv -a -w 20s q
	kill -9 "${pids[2]}"
	wait "${pids[2]}" || true
	seq 4 | mq-send -q -l q
	for i in 0 1 3 4; do
		within 2000 ends 0 "${pids[i]}"
	done
	same 1234 "$(cat w*.out | fold -w 1 | sort | tr -d '\n')"
}

@test "the first in line gives up: the next takes over" {
	start first mq-recv -a -w 1s q
	first=$pid
	soon asleep "$first"
	line 2 mq-recv -a -w 20s q
	ends 1 "$first"
	mq-send -q -b x q
	within 1000 soon some_ended
	same x "$(cat w*.out)"
}

@test "the first in line is stopped: a message waits for another no longer than the visibility timeout" {
	mq-config q visibility=1s
	line 3 mq-recv -a -w 20s q
	kill -STOP "${pids[0]}"
	soon has_state "${pids[0]}" T
	mq-send -q -b x q
	within 2500 soon some_ended
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
	line 3 mq-recv -a -w 20s q
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
	line 2 mq-recv -a -w 20s q
	kill -9 "${pids[@]}"
	wait "${pids[@]}" || true
	fails 1 '' mq-recv -w 100ms q
	left=$(find "$MQ_SPOOL" | grep -vE '/stat/' | sort)
	# but for a file or two that is made once
	[ "$(comm -13 <(echo "$before") <(echo "$left") | wc -l)" -le 3 ]
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
	within "${AT_ONCE:-1000}" ends 0 "$sender"
	same '' "$(cat s.err)"
}

full() {
	mq-config q max-depth=1 "$@"
	mq-send -q -b 1 q
}

@test "a sender that waits is woken by an ack" {
	full
	receipt=$(mq-recv q)
	blocked mq-send -q -w 20s -b 2 q
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
	blocked mq-send -q -b 2 q
	AT_ONCE=2500 let_in
	same '[2]' "$(drain q)"
}

@test "a sender that waits ends with its queue: 66" {
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-delete q
	within 1000 ends 66 "$sender"
	[[ $(cat s.err) == 'mq-send: q: the queue was removed'* ]]
}

@test "MQ_POLL=1: senders are let in, a little later" {
	export MQ_POLL=1 AT_ONCE=4000
	full overflow=block
	blocked mq-send -q -b 2 q
	mq-recv -a q >/dev/null
	let_in
}

@test "MQ_POLL=1: senders are let in by a higher limit, a little later" {
	export MQ_POLL=1 AT_ONCE=4000
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
		got+=$(within 2000 mq-recv -a -w 10s q),
	done
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same "$(printf '%s\n' 1 m{1..10} | sort)" "$(tr , '\n' <<<"$got" | grep . | sort)"
}

# It looks twice a second, for what expires makes room without a word: at most one
# of two hundred ticks may fall on it.
@test "a sender that waits uses hardly any processor time" {
	full overflow=block
	blocked mq-send -q -b 2 q
	before=$(ticks "$sender")
	sleep 2 # the time that is measured
	(($(ticks "$sender") - before <= 1))
}

# ---- mq-wait -----------------------------------------------------------------------------------

@test "mq-wait: usage" {
	usage mq-wait
	for t in x '' -1; do
		usage mq-wait -w "$t" q
	done
}

@test "mq-wait: an empty queue is drained: 0 at once" {
	within 1000 ok '' mq-wait q
	within 1000 ok '' mq-wait -w 0 q
}

@test "mq-wait: gives up after that long: 1" {
	mq-send -q -b x q
	after 300 within 3000 fails 1 '' mq-wait -w 300ms q
	after 300 within 3000 fails 1 '' mq-wait --wait 300ms q "$(ids_of q)"
	fails 1 '' mq-wait -w 0 q
}

@test "mq-wait: no such queue: 66" {
	fails 66 'mq-wait: nosuch: no such queue.*' mq-wait nosuch
	fails 66 'mq-wait: nosuch: no such queue.*' mq-wait nosuch 1763681547123456789-1a2b3c4d
}

@test "mq-wait: malformed ids: 65" {
	for id in x 1763681547123456789 1763681547123456789-1a2b3c4 1763681547123456789-1a2b3c4g ../x; do
		fails 65 'mq-wait: .+' mq-wait -w 0 q "$id"
	done
	try mq-wait -w 0 q - <<<'no id'
	is 65 '' 'mq-wait: .+'
}

@test "mq-wait: until the queue is drained: visible, delayed and in flight" {
	mq-send -q -b 1 q
	mq-recv q >receipt
	mq-send -q -b 2 q
	mq-send -q -d 1h -b 3 q
	start w mq-wait q
	soon asleep "$pid"
	mq-recv -a q >/dev/null
	soon asleep "$pid"
	mq-ack "$(cat receipt)"
	soon asleep "$pid"
	mq-purge q >/dev/null
	within 1000 ends 0 "$pid"
	same '' "$(cat w.out w.err)"
}

@test "mq-wait: dead letters are no part of it" {
	mq-send -q -b x q
	start w mq-wait q
	soon asleep "$pid"
	mq-nack -x "$(mq-recv q)"
	within 1000 ends 0 "$pid"
	same 1 "$(mq-stat q | cut -f 5)"
	within 1000 fails 1 '' mq-wait -w 200ms q/dlq
}

@test "mq-wait: what comes meanwhile is waited for as well" {
	mq-send -q -b 1 q
	start w mq-wait q
	soon asleep "$pid"
	mq-send -q -b 2 q
	mq-recv -a q >/dev/null
	soon asleep "$pid"
	mq-recv -a q >/dev/null
	within 1000 ends 0 "$pid"
}

@test "mq-wait ID: when it is acked: 0; others do not matter" {
	id=$(mq-send -b mine q)
	mq-send -q -b other q
	mq-recv q >receipt
	start w mq-wait q "$id"
	soon asleep "$pid"
	mq-send -q -b third q
	mq-ack "$(cat receipt)"
	within 1000 ends 0 "$pid"
	has q 2 0 0 0
}

@test "mq-wait ID: through nack, delay and lapse, until it is acked" {
	id=$(mq-send -d 300ms -b x q)
	start w mq-wait q "$id"
	soon asleep "$pid"
	receipt=$(mq-recv -w 5s q)
	mq-nack -d 300ms "$receipt"
	mq-recv -w 5s -v 300ms q >lapses
	receipt=$(mq-recv -w 5s q)
	soon asleep "$pid"
	runs "$pid"
	mq-ack "$receipt"
	within 1000 ends 0 "$pid"
}

@test "mq-wait ID: dead: 2" {
	id=$(mq-send -b x q)
	start w mq-wait q "$id"
	soon asleep "$pid"
	mq-nack -x "$(mq-recv q)"
	within 1000 ends 2 "$pid"
	within 1000 try mq-wait q "$id"
	same 2 "$status"
}

@test "mq-wait ID...: some acked, some dead: 2 when all of them are done" {
	mq-send -l q < <(seq 4) >ids
	mapfile -t ids <ids
	mq-nack -x "$(mq-recv q)"
	start w mq-wait q "${ids[@]}"
	soon asleep "$pid"
	mq-recv -a -n 2 q >/dev/null
	soon asleep "$pid"
	runs "$pid"
	mq-recv -a q >/dev/null
	within 1000 ends 2 "$pid"
	within 1000 ok '' mq-wait q "${ids[@]:1}"
}

@test "mq-wait ID: one that is not known is done" {
	within 1000 ok '' mq-wait q 1763681547123456789-1a2b3c4d
}

@test "mq-wait ID: redriven it is waited for again" {
	id=$(mq-send -b x q)
	mq-nack -x "$(mq-recv q)"
	mq-redrive q >/dev/null
	start w mq-wait q "$id"
	soon asleep "$pid"
	mq-recv -a q >/dev/null
	within 1000 ends 0 "$pid"
}

@test "mq-wait -: ids from standard input" {
	seq 500 | mq-send -l q >ids
	start w sh -c 'exec mq-wait q - <ids'
	soon asleep "$pid"
	mq-recv -a -n 499 q >/dev/null
	soon asleep "$pid"
	runs "$pid"
	mq-recv -a q >/dev/null
	within 1000 ends 0 "$pid"
	ok '' mq-wait q - </dev/null
}

@test "mq-wait -: as its page has it, behind mq-send" {
	start w mq-work -j1 q -- true
	seq 20 | mq-send -l q | mq-wait -w 10s q -
	has q 0 0 0 0
	kill "$pid"
	ends 0 "$pid"
}

@test "mq-wait: a queue removed meanwhile: 66" {
	mq-send -q -b x q
	start w mq-wait q
	soon asleep "$pid"
	mq-delete q
	within 2000 ends 66 "$pid"
	[[ $(cat w.err) == 'mq-wait: q: the queue was removed'* ]]
}

@test "mq-wait uses no processor time" {
	id=$(mq-send -b x q)
	start w mq-wait q "$id"
	one=$pid
	start v mq-wait q
	soon asleep "$one" "$pid"
	before=$(ticks "$one" "$pid")
	sleep 2 # the time that is measured
	same "$before" "$(ticks "$one" "$pid")"
}

@test "mq-wait on a busy queue takes little from those who work" {
	seq 3000 | mq-send -q -l q
	start w mq-wait q
	mq-recv -a -n 3000 q >/dev/null
	within 2000 ends 0 "$pid"
}

@test "MQ_POLL=1: mq-wait, a little later" {
	export MQ_POLL=1
	id=$(mq-send -b x q)
	start w mq-wait q "$id"
	one=$pid
	start v mq-wait q
	soon asleep "$one" "$pid"
	mq-recv -a q >/dev/null
	within 4000 ends 0 "$one"
	within 4000 ends 0 "$pid"
}

@test "mq-wait: interrupted" {
	mq-send -q -b x q
	start w mq-wait q
	soon asleep "$pid"
	kill -INT "$pid"
	ends 130 "$pid"
	has q 1 0 0 0
}
