#!/usr/bin/env bats
# Waiting without looking: mq-recv -w, and what wakes it
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
}

# waiter: one that takes a message of q; it sleeps, unless it has one already.
waiter() {
	start w mq-recv -a -w 1h q
	soon sleeps_or_ended
}

sleeps_or_ended() {
	gone "$pid" || asleep "$pid"
}

# takes PAYLOAD: the waiter does, soon.
takes() {
	ends 0 "$pid"
	same "$1" "$(cat w.out)"
	same '' "$(cat w.err)"
}

# by_polling TEST: the same without notifications.
by_polling() {
	export MQ_POLL=1
	"$@"
}

# ---- mq-recv -w ------------------------------------------------------------------

@test "-w: gives up after that long: 1, no word" {
	after 300 fails 1 '' mq-recv -w 300ms q
	after 300 fails 1 '' mq-recv --wait 300ms -a q
	mq-create other
	after 300 fails 1 '' mq-recv -w 300ms q other
}

@test "-w 0: does not wait" {
	fails 1 '' mq-recv -w 0 q
}

@test "-w: what is there is taken at once" {
	mq-send -q -b x q
	ok x mq-recv -a -w 1h q
}

@test "-w: bad values" {
	for t in x '' -1 5x; do
		usage mq-recv -w "$t" q
	done
}

@test "-w waits for the first only, then takes what is there" {
	mq-config q paused=yes # so that all three are there when it looks
	start w mq-recv -a -n 10 -w 1h q
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
	fails 66 'mq-recv: nosuch: no such queue.*' mq-recv -w 1h nosuch
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
	takes early
	# one that becomes due before what is known so far
	mq-send -q -d 1h -b late q
	waiter
	mq-send -q -d 400ms -b sooner q
	takes sooner
}

on_lapse() {
	mq-send -q -b x q
	mq-recv -v 600ms q >receipt
	waiter
	takes x
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
	takes x
}

on_cut_short() {
	mq-send -q -b x q
	mq-recv -v 1h q >receipt
	waiter
	mq-extend -v 300ms "$(cat receipt)"
	takes x
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
	start w mq-recv -a -w 1h q/dlq
	soon asleep "$pid"
	mq-nack -x "$(cat receipt)"
	takes x
}

on_delete() {
	waiter
	mq-delete q
	ends 66 "$pid"
	[[ $(cat w.err) == 'mq-recv: q: the queue was removed'* ]]
}

on_any_queue() {
	mq-create a
	mq-create b
	for each in b a q; do
		start w mq-recv -a -w 1h a q b
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
	after 400 ok x mq-recv -a -w 1h q
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
		start w unshare -Ur sh -c "echo 0 >/proc/sys/user/$limit"' && exec mq-recv -a -w 1h q'
		soon asleep "$pid"
		mq-send -q -b x q
		takes x
		after 300 fails 1 '' without "$limit" mq-recv -w 300ms q
	done
}
