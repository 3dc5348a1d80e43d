#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

# bury QUEUE BODY [send option]...: a dead letter; prints its id.
bury() {
	local q=$1 body=$2
	shift 2
	mq-send "$@" -b "$body" "$q"
	mq-nack -x "$(mq-recv "$q")"
}

@test "redrive puts dead letters back and prints how many" {
	for i in 1 2 3; do
		bury q "$i" >>ids
	done
	ok $'3\n' mq-redrive q
	has q 3 0 0 0
	same "$(cat ids)" "$(ids_of q)"
	same '[1][2][3]' "$(drain q)"
	no_litter
}

@test "counts are reset" {
	mq-config q max-receives=2
	mq-send -q -b x q
	mq-nack "$(mq-recv q)"
	mq-nack "$(mq-recv q)"
	has q 0 0 0 1
	mq-redrive q
	same 0 "$(mq-ls -j q | jq .receives)"
	mq-recv -j q >got
	same 1 "$(jq .receives got)"
	mq-nack "$(jq -r .receipt got)"
	has q 1 0 0 0
	mq-nack "$(mq-recv q)"
	has q 0 0 0 1
}

@test "a message keeps what belongs to it" {
	id=$(bury q 'the body' -p 7 -H 'A: b' -R r -C c)
	mq-redrive q
	mq-recv -j q >got
	same "$id the body 7 b r c" \
		"$(jq -r '"\(.id) \(.body) \(.priority) \(.headers.A) \(.reply_to) \(.correlation_id)"' got)"
	same "$(sent_at "$id")" "$(jq -r .sent got)"
}

@test "from a bulk: each is the right slice" {
	seq -f 'message %g' 20 | mq-send -q -l q
	mq-recv -n 20 q >receipts
	sed -n '3p;7p;19p' receipts | mq-nack -x -
	ok $'3\n' mq-redrive q
	same '[message 3][message 7][message 19]' "$(drain q)"
}

@test "Q/dlq names the same" {
	bury q x
	ok $'1\n' mq-redrive q/dlq
	same '[x]' "$(drain q)"
}

@test "-n: so many, the oldest first" {
	for i in 1 2 3; do
		bury q "$i"
	done
	ok $'2\n' mq-redrive -n 2 q
	has q 2 0 0 1
	same '[1][2]' "$(drain q)"
	ok $'1\n' mq-redrive --max 5 q
	same '[3]' "$(drain q)"
}

@test "-N prints how many it would be, and does nothing" {
	for i in 1 2 3; do
		bury q "$i"
	done
	local before after
	census before
	ids_of q -S dead >ids
	ok "$(sed "s/\$/\tq/" ids)"$'\n3\n' mq-redrive -N q
	ok "$(sed "s/\$/\tq/; 2q" ids)"$'\n2\n' mq-redrive --dry-run -n 2 q
	census after
	same "$before" "$after"
}

@test "-i: those" {
	for i in 1 2 3; do
		bury q "$i" >>ids
	done
	ok $'1\n' mq-redrive -i "$(sed -n 2p ids)" q
	same '[2]' "$(drain q)"
	ok $'2\n' mq-redrive --id "$(sed -n 3p ids)" -i "$(sed -n 1p ids)" q
	same '[1][3]' "$(drain q)"
}

@test "-i of what is not there" {
	bury q x
	try mq-redrive -i 1763681547123456789-1a2b3c4d q
	is 1 $'0\n' ''
	has q 0 0 0 1
}

@test "-m: those whose header matches the pattern" {
	bury q 1 -H 'Kind: invoice-7'
	bury q 2 -H 'Kind: letter'
	bury q 3
	bury q 4 -H 'kind: invoice-9'
	try mq-redrive -N -m 'Kind: nothing*' q
	is 1 $'0\n' ''
	ok $'2\n' mq-redrive --match 'Kind: invoice-*' q
	same '[1][4]' "$(drain q)"
	has q 0 0 0 2
}

@test "-t: to another queue" {
	mq-create r
	bury q x
	ok $'1\n' mq-redrive -t r q
	has q 0 0 0 0
	same '[x]' "$(drain r)"
	bury q y
	harmless 66 'mq-redrive: nosuch: no such queue.*' mq-redrive --to nosuch q
	has q 0 0 0 1
}

@test "-r: at a rate" {
	for i in {1..6}; do
		bury q "$i"
	done
	began=${EPOCHREALTIME/./}
	ok $'6\n' mq-redrive --rate 20 q
	took=$((${EPOCHREALTIME/./} - began))
	[ "$took" -ge 240000 ]
	same '[1][2][3][4][5][6]' "$(drain q)"
}

@test "nothing dead: 1" {
	try mq-redrive q
	is 1 $'0\n' ''
	mq-send -q -b x q
	try mq-redrive q
	is 1 $'0\n' ''
	has q 1 0 0 0
}

@test "leased dead letters stay where they are" {
	bury q 1
	bury q 2
	receipt=$(mq-recv q/dlq)
	ok $'1\n' mq-redrive q
	ok '' mq-ack "$receipt"
	same '[2]' "$(drain q)"
	has q 0 0 0 0
}

@test "dead-letter-to: those in the other queue that came from here" {
	mq-create graves
	mq-create other dead-letter-to=graves
	mq-config q dead-letter-to=graves
	bury q mine
	bury other theirs
	mq-send -q -b own graves
	has graves 3 0 0 0
	ok $'1\n' mq-redrive q
	same '[mine]' "$(drain q)"
	ok $'1\n' mq-redrive other
	same '[theirs]' "$(drain other)"
	same '[own]' "$(drain graves)"
}

@test "dead letters of before dead-letter-to was set are redriven too" {
	mq-create graves
	bury q old
	mq-config q dead-letter-to=graves
	bury q new
	ok $'2\n' mq-redrive q
	same '[old][new]' "$(drain q)"
}

@test "redriven messages are visible at once and do not expire by an old TTL" {
	bury q x -t 1h
	ok $'1\n' mq-redrive q
	has q 1 0 0 0
}

@test "dead again after a redrive: the history goes on" {
	bury q x
	mq-redrive q
	mq-nack -x "$(mq-recv q)"
	has q 0 0 0 1
	same 2 "$(mq-ls -j -S dead q | jq '[.history[].count] | add')"
}

@test "two redrives at once: each dead letter comes back once" {
	seq 200 | mq-send -q -l q
	mq-recv -n 200 q | mq-nack -x -
	for i in 1 2 3 4; do
		mq-redrive q >"n$i" 2>"err$i" 3>&- &
	done
	wait
	same '' "$(cat err*)"
	same 200 "$(($(cat n1) + $(cat n2) + $(cat n3) + $(cat n4)))"
	same "$(seq 200 | sort)" "$(mq-recv -n 500 -j q | jq -r .body | sort)"
	has q 0 200 0 0
}

@test "unknown queues and bad names: 66; bad options: 64" {
	harmless 66 'mq-redrive: nosuch: no such queue.*' mq-redrive nosuch
	harmless 66 "mq-redrive: \.\.: $BAD_NAME" mq-redrive ..
	usage mq-redrive
	usage mq-redrive -n x q
	usage mq-redrive -r x q
	usage mq-redrive -r 0 q
	usage mq-redrive -m 'no colon' q
	usage mq-redrive --nosuch q
}

@test "the count that cannot be printed: 74" {
	bury q x
	fails 74 'mq-redrive: .+' to_closed mq-redrive -N q
	fails 74 'mq-redrive: .+' to_full mq-redrive q
	has q 1 0 0 0
}
