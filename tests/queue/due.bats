#!/usr/bin/env bats
# What becomes due: looked for before anything younger is delivered, moved in order,
# and never forgotten.

load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

young() {
	seq -f 'young %g' 5 | mq-send -q -l q
	same 'young 1' "$(mq-recv -a q)"
}

# at_its_time WHAT SECONDS: it comes first as soon as so much time has gone by, although
# somebody has looked half a second before (on a slow machine that may see it, too)
at_its_time() {
	local before
	before=$(later "$(($2 * 1000 - 500))ms" mq-recv -a q)
	[ "$before" = "$1" ] || same "$1" "$(later "$2s" mq-recv -a q)"
}

@test "a delayed message that is due comes before younger ones, at once" {
	mq-send -q -d 10s -b due q
	young
	same 'young 2' "$(later 3s mq-recv -a q)"
	at_its_time due 10
}

@test "so does one whose lease has lapsed" {
	mq-send -q -b due q
	mq-recv -v 10s q
	young
	same 'young 2' "$(later 3s mq-recv -a q)"
	at_its_time due 10
}

@test "so does one whose lease was cut short" {
	mq-send -q -b due q
	mq-recv -v 1h q >receipt
	mq-extend -v 10s "$(cat receipt)"
	young
	at_its_time due 10
}

@test "so does one that was given back with a delay" {
	mq-send -q -b due q
	mq-nack -d 10s "$(mq-recv q)"
	young
	at_its_time due 10
}

@test "an urgent one that is due comes before what is less urgent" {
	mq-send -q -p 9 -d 10s -b urgent q
	young
	at_its_time urgent 10
}

@test "what is due later is looked for at its time, too" {
	mq-send -q -d 20s -b second q
	mq-send -q -d 10s -b first q
	young
	at_its_time first 10
	at_its_time second 20
}

# ---- order ---------------------------------------------------------------------

@test "messages that lapse into the dead letters keep their order" {
	mq-config q max-receives=1
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		mq-send -q -b "$i" q
		mq-recv -v 1h q >/dev/null
	done
	later 2h mq-ls q >/dev/null
	same '[1][2][3][4][5][6][7][8][9][10][11][12]' "$(drain q/dlq)"
}

@test "so do those that were received together, from bundles and alone" {
	mq-config q max-receives=1
	seq 70 | mq-send -q -l q
	seq 71 80 | mq-send -q -l q
	mq-recv -n 80 -v 1h q >/dev/null
	later 2h mq-ls q >/dev/null
	same "$(seq 80 | tr -d "\n")" "$(mq-recv -a -n 100 q/dlq)"
}

@test "more of them than one look moves keep their order" {
	seq 1000 5999 | mq-send -q -l q
	for i in 1 2 3 4 5; do
		mq-recv -n 1000 -v 1h q >/dev/null
	done
	later 2h mq-ls q >/dev/null
	for i in 1 2 3 4 5; do
		mq-recv -a -n 1000 q
	done >got
	same "$(seq 1000 5999 | tr -d "\n")" "$(cat got)"
}

# ---- none is forgotten ------------------------------------------------------------

@test "of 600 leases that were cut short none stays" {
	mq-config q visibility=1h
	seq 600 | mq-send -q -l q
	mq-recv -n 600 q >receipts
	xargs mq-extend -v 1s <receipts
	later 40s mq-ls q >/dev/null
	has q 600 0 0 0
}
