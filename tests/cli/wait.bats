#!/usr/bin/env bats
# mq-wait: until a queue is drained, or messages are done
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
}

# ---- mq-wait -----------------------------------------------------------------------------------

@test "mq-wait: usage" {
	usage mq-wait
	for t in x '' -1; do
		usage mq-wait -w "$t" q
	done
}

@test "mq-wait: an empty queue is drained: 0 at once" {
	ok '' mq-wait q
	ok '' mq-wait -w 0 q
}

@test "mq-wait: gives up after that long: 1" {
	mq-send -q -b x q
	after 300 fails 1 '' mq-wait -w 300ms q
	after 300 fails 1 '' mq-wait --wait 300ms q "$(ids_of q)"
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
	ends 0 "$pid"
	same '' "$(cat w.out w.err)"
}

@test "mq-wait: dead letters are no part of it" {
	mq-send -q -b x q
	start w mq-wait q
	soon asleep "$pid"
	mq-nack -x "$(mq-recv q)"
	ends 0 "$pid"
	same 1 "$(mq-stat q | cut -f 5)"
	fails 1 '' mq-wait -w 200ms q/dlq
}

@test "mq-wait: what comes meanwhile is waited for as well" {
	mq-send -q -b 1 q
	start w mq-wait q
	soon asleep "$pid"
	mq-send -q -b 2 q
	mq-recv -a q >/dev/null
	soon asleep "$pid"
	mq-recv -a q >/dev/null
	ends 0 "$pid"
}

@test "mq-wait ID: when it is acked: 0; others do not matter" {
	id=$(mq-send -b mine q)
	mq-send -q -b other q
	mq-recv q >receipt
	start w mq-wait q "$id"
	soon asleep "$pid"
	mq-send -q -b third q
	mq-ack "$(cat receipt)"
	ends 0 "$pid"
	has q 2 0 0 0
}

@test "mq-wait ID: through nack, delay and lapse, until it is acked" {
	id=$(mq-send -d 300ms -b x q)
	start w mq-wait q "$id"
	soon asleep "$pid"
	receipt=$(mq-recv -w 30s q)
	mq-nack -d 300ms "$receipt"
	mq-recv -w 30s -v 300ms q >lapses
	receipt=$(mq-recv -w 30s q)
	soon asleep "$pid"
	runs "$pid"
	mq-ack "$receipt"
	ends 0 "$pid"
}

@test "mq-wait ID: dead: 2" {
	id=$(mq-send -b x q)
	start w mq-wait q "$id"
	soon asleep "$pid"
	mq-nack -x "$(mq-recv q)"
	ends 2 "$pid"
	try mq-wait q "$id"
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
	ends 2 "$pid"
	ok '' mq-wait q "${ids[@]:1}"
}

@test "mq-wait ID: one that is not known is done" {
	ok '' mq-wait q 1763681547123456789-1a2b3c4d
}

@test "mq-wait ID: redriven it is waited for again" {
	id=$(mq-send -b x q)
	mq-nack -x "$(mq-recv q)"
	mq-redrive q >/dev/null
	start w mq-wait q "$id"
	soon asleep "$pid"
	mq-recv -a q >/dev/null
	ends 0 "$pid"
}

@test "mq-wait -: ids from standard input" {
	seq 500 | mq-send -l q >ids
	start w sh -c 'exec mq-wait q - <ids'
	soon asleep "$pid"
	mq-recv -a -n 499 q >/dev/null
	soon asleep "$pid"
	runs "$pid"
	mq-recv -a q >/dev/null
	ends 0 "$pid"
	ok '' mq-wait q - </dev/null
}

@test "mq-wait -: as its page has it, behind mq-send" {
	start w mq-work -j1 q -- true
	seq 20 | mq-send -l q | mq-wait -w 30s q -
	has q 0 0 0 0
	kill "$pid"
	ends 0 "$pid"
}

@test "mq-wait: a queue removed meanwhile: 66" {
	mq-send -q -b x q
	start w mq-wait q
	soon asleep "$pid"
	mq-delete q
	ends 66 "$pid"
	[[ $(cat w.err) == 'mq-wait: q: the queue was removed'* ]]
}

# await_events PID...: none of them is in a pause, which on a busy machine may be long and is
# followed by another sleep
await_events() {
	local each where
	for each; do
		read -r where <"/proc/$each/wchan" || true # there is no newline
		[[ $where != *nanosleep* ]] || return
	done
}

@test "mq-wait sleeps while nothing happens in its queue" {
	id=$(mq-send -b x q)
	start w mq-wait q "$id"
	one=$pid
	start v mq-wait q
	soon asleep "$one" "$pid"
	soon still "$one" "$pid"
	soon await_events "$one" "$pid"
	count_sleeps "$one" "$pid"
	before=${sleeps[*]}
	elsewhere
	count_sleeps "$one" "$pid"
	same "$before" "${sleeps[*]}"
}

@test "mq-wait on a busy queue takes little from those who work" {
	seq 3000 | mq-send -q -l q
	start w mq-wait q
	mq-recv -a -n 3000 q >/dev/null
	ends 0 "$pid"
}

@test "MQ_POLL=1: mq-wait, a little later" {
	export MQ_POLL=1
	id=$(mq-send -b x q)
	start w mq-wait q "$id"
	one=$pid
	start v mq-wait q
	soon asleep "$one" "$pid"
	mq-recv -a q >/dev/null
	ends 0 "$one"
	ends 0 "$pid"
}

@test "mq-wait: interrupted" {
	mq-send -q -b x q
	start w mq-wait q
	soon asleep "$pid"
	kill -INT "$pid"
	ends 130 "$pid"
	has q 1 0 0 0
}
