#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

@test "delete removes a queue with all that is in it" {
	mq-create other
	seq 300 | mq-send -q -l q
	mq-send -q -d 1h -b later q
	mq-recv -n 3 q >receipts
	mq-nack -x "$(head -n 1 receipts)"
	ok '' mq-delete q
	ok $'other\n' mq-ls
	[ ! -e "$MQ_SPOOL/q/q" ]
	no_litter
	fails 66 'mq-stat: q: no such queue.*' mq-stat q
}

@test "a queue made again after its deletion is empty" {
	mq-send -q -b old q
	mq-config q visibility=5s
	mq-delete q
	mq-create q
	has q 0 0 0 0
	grep -qx visibility=30s <(mq-config q)
	mq-send -q -b new q
	same '[new]' "$(drain q)"
}

@test "receipts of a deleted queue: 66" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-delete q
	fails 66 'mq-ack: .+' mq-ack "$receipt"
	fails 66 'mq-nack: .+' mq-nack "$receipt"
	fails 66 'mq-extend: .+' mq-extend "$receipt"
	mq-create q
	fails 3 'mq-ack: .+' mq-ack "$receipt"
	has q 0 0 0 0
}

@test "delete of what is not there: 66" {
	harmless 66 'mq-delete: nosuch: no such queue.*' mq-delete nosuch
	harmless 66 "mq-delete: \.\.: $BAD_NAME" mq-delete ..
	usage mq-delete ''
	usage mq-delete
}

@test "delete never leaves the spool: .. and symlinks" {
	mkdir precious
	touch precious/file
	ln -s "$T/precious" "$MQ_SPOOL/q/link"
	try mq-delete link
	[ "$status" -ne 0 ]
	fails 66 'mq-delete: .+' mq-delete ../../precious
	[ -e precious/file ]
}

@test "one of several that delete a queue at once succeeds" {
	seq 100 | mq-send -q -l q
	for i in {1..8}; do
		tell "rc$i" mq-delete q 2>/dev/null 3>&- &
	done
	wait
	same $'0\n66\n66\n66\n66\n66\n66\n66' "$(cat rc* | sort -n)"
	no_litter
}

@test "purge drops what is visible or delayed and prints how many" {
	seq 3 | mq-send -q -l q
	mq-send -q -d 1h -b late q
	mq-send -q -p 9 -b urgent q
	ok $'5\n' mq-purge q
	has q 0 0 0 0
	fails 1 '' later 2h mq-recv q
	no_litter
}

@test "purge of an empty queue prints 0" {
	ok $'0\n' mq-purge q
}

@test "purge lets leases be" {
	seq 3 | mq-send -q -l q
	receipt=$(mq-recv q)
	ok $'2\n' mq-purge q
	has q 0 1 0 0
	ok 1 mq-cat "$receipt"
	ok '' mq-ack "$receipt"
	has q 0 0 0 0
}

@test "a lease that outlived a purge comes back when it lapses" {
	mq-config q backoff=0
	mq-send -q -b x q
	mq-recv q >receipt
	ok $'0\n' mq-purge q
	same '[x]' "$(drain q 31s)"
}

@test "purge drops returned messages too" {
	mq-config q backoff=0
	mq-send -q -b x q
	mq-nack "$(mq-recv q)"
	ok $'1\n' mq-purge q
	has q 0 0 0 0
}

@test "a queue is removed while its dlq is made: there is no such queue" {
	need_strace
	mq-create r
	tell rc strace -qq -o trace -e trace=renameat,renameat2 \
		-e inject=renameat,renameat2:delay_exit=6s:when=1 mq-recv r/dlq 2>err 3>&- &
	soon test -d "$MQ_SPOOL/q/r/dlq"
	mq-delete r
	wait
	same 66 "$(cat rc)"
	grep -Ex 'mq-recv: .*r/dlq: no such queue.*' err
	no_litter
}

@test "purge of a queue leaves its dead letters, purge of its dlq drops them" {
	seq 3 | mq-send -q -l q
	mq-recv -n 2 q | mq-nack -x -
	ok $'1\n' mq-purge q
	has q 0 0 0 2
	ok $'2\n' mq-purge q/dlq
	has q 0 0 0 0
}

@test "a queue is as good as new after a purge" {
	seq 3000 | mq-send -q -l q
	ok $'3000\n' mq-purge q
	mq-send -q -b a q
	seq 300 | mq-send -q -l q
	same "a
$(seq 300)" "$(mq-recv -j -n 1000 q | jq -r .body)"
}

@test "purge beside a sender: what was sent was purged or is there" {
	seq 1 20000 | mq-send -l q >ids 3>&- &
	sender=$!
	purged=0
	while kill -0 "$sender" 2>/dev/null; do
		n=$(mq-purge q)
		purged=$((purged + n))
	done
	wait "$sender"
	left=$(mq-stat q | cut -f 2)
	same 20000 "$((purged + left))"
	same "$left" "$(mq-purge q)"
	has q 0 0 0 0
	no_litter
}

# id KEY [OPTION]...: that of what is sent to q under a deduplication id.
id() {
	mq-send "${@:2}" -D "$1" -b "$1" q
}

@test "purge forgets the deduplication ids of what it drops, and no others" {
	mq-config q backoff=0
	for key in ready delayed back grouped leased acked dead; do
		case $key in
		delayed) id $key -d 1h ;;
		grouped) id $key -g g ;;
		*) id $key ;;
		esac >"$key"
		case $key in
		back) mq-recv -n 9 q | grep "$(<back)" | mq-nack - ;;
		leased) mq-recv -n 9 q | grep "$(<leased)" >receipt ;;
		acked) mq-recv -n 9 q | grep "$(<acked)" | mq-ack - ;;
		dead) mq-recv -n 9 q | grep "$(<dead)" | mq-nack -x - ;;
		esac
		mq-ls -S leased q | cut -f 7 | grep -v "$(cat leased 2>/dev/null || echo none)" | mq-nack -d 0 - || true
	done
	has q 3 1 1 1
	ok $'4\n' mq-purge q
	for key in ready delayed back grouped; do
		[ "$(id $key)" != "$(<$key)" ]
	done
	for key in leased acked dead; do
		same "$(<$key)" "$(id $key)"
	done
	has q 4 1 0 1
	# and again, of those that came since
	ok $'4\n' mq-purge q
	id ready >/dev/null
	has q 1 1 0 1
	ok '' mq-fsck q
}

@test "purge forgets what came back under another key, and what is dead when that is dropped" {
	mq-config q max-receives=1
	one=$(id one)
	mq-nack -x "$(mq-recv q)"
	ok $'1\n' mq-redrive q
	two=$(id two)
	mq-nack -x "$(mq-recv q)"
	same "$one" "$(id one)"
	same "$two" "$(id two)"
	ok $'1\n' mq-purge q
	ok $'1\n' mq-purge q/dlq
	[ "$(id one)" != "$one" ]
	[ "$(id two)" != "$two" ]
	has q 2 0 0 0
}

@test "purge of what is not there: 66" {
	harmless 66 'mq-purge: nosuch: no such queue.*' mq-purge nosuch
	harmless 66 "mq-purge: a b: $BAD_NAME" mq-purge 'a b'
	usage mq-purge
}
