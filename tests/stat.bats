#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load lib

setup() {
	mq_setup
	mq-create q
}

# fill: 3 visible, 2 in flight, 1 delayed, 1 dead in q; 30 bytes but the dead.
fill() {
	seq -f '%05g' 6 | mq-send -q -l q
	mq-recv -n 3 q >receipts
	mq-nack -x "$(tail -n 1 receipts)"
	mq-send -q -d 1h -b 12345 q
}

@test "piped: queue, visible, in flight, delayed, dead, oldest age, bytes, between tabs" {
	fill
	mq-stat q >got
	same 1 "$(wc -l <got)"
	[[ $(tr '\t' '|' <got) =~ ^'q|3|2|1|1|'[0-9]+\.[0-9]+'|30'$ ]]
}

@test "an empty queue" {
	mq-stat q >got
	[[ $(tr '\t' '|' <got) =~ ^'q|0|0|0|0|0'(\.0+)?'|0'$ ]]
}

@test "without a queue: all, sorted" {
	mq-create b
	mq-create a
	mq-send -q -b x b
	same $'a 0\nb 1\nq 0' "$(mq-stat | cut -f 1,2 | tr '\t' ' ')"
}

@test "no queue, no spool: 1" {
	mq-delete q
	fails 1 '' mq-stat
	MQ_SPOOL=$T/none fails 1 '' mq-stat
	[ ! -e "$T/none" ]
}

@test "several queues, in the order given; the rest is done when one fails" {
	mq-create b
	try mq-stat q nosuch b
	is 66 "$output" 'mq-stat: nosuch: no such queue.*'
	same 'q b' "$(mq-stat q b | cut -f 1 | xargs)"
	same 'q b' "$(cut -f 1 <<<"${output%$'\n'}" | xargs)"
}

@test "-j: numbers" {
	fill
	mq-stat -j q >got
	same 1 "$(wc -l <got)"
	same '["bytes","dead","delayed","in_flight","oldest_age","paused","queue","visible"]' "$(jq -c keys got)"
	same '{"bytes":30,"dead":1,"delayed":1,"in_flight":2,"paused":false,"queue":"q","visible":3}' "$(jq -cS 'del(.oldest_age)' got)"
	same number "$(jq -r '.oldest_age | type' got)"
	mq-config q paused=yes
	same true "$(mq-stat -j q | jq .paused)"
	mq-create b
	same 2 "$(mq-stat -j | jq -c .queue | wc -l)"
}

@test "oldest_age is that of what could be taken now" {
	mq-send -q -b x q
	age=$(later 100s mq-stat q | cut -f 6)
	[ "${age%.*}" -ge 100 ]
	[ "${age%.*}" -le 130 ]
	receipt=$(mq-recv q)
	same 0 "$(mq-stat -j q | jq .oldest_age)"
	mq-nack -d 0 "$receipt"
	age=$(later 100s mq-stat q | cut -f 6)
	[ "${age%.*}" -ge 100 ]
	[ "${age%.*}" -le 130 ]
}

@test "a message that becomes due, and one that expires, are counted as what they are" {
	mq-send -q -d 1m -b x q
	mq-send -q -t 2m -b y q
	has q 1 0 1 0
	same '2 0' "$(later 61s mq-stat q | cut -f 2,4 | tr '\t' ' ')"
	same '1 0' "$(later 121s mq-stat q | cut -f 2,4 | tr '\t' ' ')"
}

@test "figures are counted: they do not need stat/" {
	fill
	rm -rf "$MQ_SPOOL/q/q/stat"
	has q 3 2 1 1
	mq-send -q -b x q
	has q 4 2 1 1
}

@test "a dead-letter queue is a queue" {
	fill
	has q/dlq 1 0 0 0
	same q/dlq "$(mq-stat q/dlq | cut -f 1)"
	receipt=$(mq-recv q/dlq)
	has q/dlq 0 1 0 0
}

@test "priorities and returned messages all count" {
	mq-config q backoff=0
	for p in {0..9}; do
		mq-send -q -b x -p "$p" q
	done
	mq-recv -n 4 q | mq-nack -
	has q 10 0 0 0
	same 10 "$(mq-stat q | cut -f 7)"
}

@test "-c: false checks are silent, 0" {
	fill
	ok '' mq-stat -c 'visible>3' -c 'dead > 1' -c 'in_flight!=2' -c 'oldest_age>5m' -c 'bytes>=1K' q
}

@test "-c: a true check is named, 2" {
	fill
	fails 2 'mq-stat: q: visible is 3: visible>2' mq-stat -c 'visible>2' q
	fails 2 'mq-stat: q: dead is 1: dead>0' mq-stat --check 'dead>0' q
	try mq-stat -c 'dead>0' -c 'visible>1000' -c 'bytes>10' q
	is 2 '' $'mq-stat: q: dead is 1: dead>0\nmq-stat: q: bytes is 30: bytes>10'
}

@test "-c: the operators" {
	fill
	for check in 'visible>2' 'visible>=3' 'visible<4' 'visible<=3' 'visible=3' 'visible!=2' 'visible > 2' 'visible >= 3'; do
		try mq-stat -c "$check" q
		is 2 '' 'mq-stat: q: visible is 3: visible.*'
	done
	for check in 'visible>3' 'visible>=4' 'visible<3' 'visible<=2' 'visible=2' 'visible!=3'; do
		ok '' mq-stat -c "$check" q
	done
}

@test "-c: durations and sizes" {
	mq-send -q -b "$(head -c 2048 /dev/zero | tr '\0' x)" q
	fails 2 'mq-stat: q: bytes is .*: bytes>=2K' mq-stat -c 'bytes>=2K' q
	ok '' mq-stat -c 'bytes>2K' q
	ok '' later 4m mq-stat -c 'oldest_age>5m' q
	fails 2 'mq-stat: q: oldest_age is 3[0-9][0-9].*: oldest_age>5m' later 301s mq-stat -c 'oldest_age>5m' q
	ok '' later 90m mq-stat -c 'oldest_age>1.6h' q
}

@test "-c: one queue of all is enough, and only it is named" {
	mq-create b
	mq-create c
	mq-send -q -b x b
	fails 2 'mq-stat: b: visible is 1: visible>0' mq-stat -c 'visible>0'
	fails 2 'mq-stat: b: visible is 1: visible>0' mq-stat -c 'visible>0' q b
}

@test "-c: malformed checks: 64" {
	for check in '' visible 'visible>' '>3' 'colour>3' 'visible=>3' 'visible>x' 'visible>-1' 'visible 3' 'oldest_age>soon'; do
		usage mq-stat -c "$check" q
	done
}

@test "a table with a header on a terminal" {
	fill
	script -qec 'mq-stat' /dev/null | tr -d '\r' >got
	same 2 "$(wc -l <got)"
	[[ $(sed -n 1p got) =~ ^QUEUE\ +VISIBLE\ +IN_FLIGHT\ +DELAYED\ +DEAD\ +OLDEST_AGE\ +BYTES$ ]]
	[[ $(sed -n 2p got) =~ ^q\ +3\ +2\ +1\ +1\ +[0-9] ]]
	same 0 "$(grep -c $'\t' got)"
}

@test "unknown queues and bad names: 66; bad options: 64" {
	harmless 66 'mq-stat: nosuch: no such queue.*' mq-stat nosuch
	harmless 66 "mq-stat: a b: $BAD_NAME" mq-stat 'a b'
	usage mq-stat -p q
	usage mq-stat --nosuch q
}

@test "output that cannot be written: 74" {
	fails 74 'mq-stat: .+' to_full mq-stat
	fails 74 'mq-stat: .+' to_closed mq-stat q
	fails 74 'mq-stat: .+' to_broken mq-stat -j q
}
