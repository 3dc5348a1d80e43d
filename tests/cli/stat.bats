#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

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

@test "piped: queue, visible, in flight, delayed, dead, oldest age, bytes, rates, latencies, failures, between tabs" {
	fill
	mq-stat q >got
	same 1 "$(wc -l <got)"
	[[ $(tr '\t' '|' <got) =~ ^'q|3|2|1|1|'[0-9]+\.[0-9]+'|30|0.1'[0-9]+'|0|-|-|-|1'$ ]]
}

@test "an empty queue" {
	mq-stat q >got
	[[ $(tr '\t' '|' <got) =~ ^'q|0|0|0|0|0'(\.0+)?'|0|0|0|-|-|-|0'$ ]]
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
	same 'queue visible in_flight delayed dead oldest_age bytes in_rate out_rate latency_p50 latency_p95 latency_p99 failed lag sent received acked nacked lapsed died expired paused sources findings' \
		"$(jq -r 'keys_unsorted[]' got | xargs)"
	same '{"bytes":30,"dead":1,"delayed":1,"in_flight":2,"paused":false,"queue":"q","visible":3}' \
		"$(jq -cS '{bytes, dead, delayed, in_flight, paused, queue, visible}' got)"
	same '[7,3,0,1,0,1,0]' "$(jq -c '[.sent, .received, .acked, .nacked, .lapsed, .died, .expired]' got)"
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
	need_terminal
	fill
	on_terminal 'stty cols 200; mq-stat' >got
	same 'QUEUE VISIBLE IN_FLIGHT DELAYED DEAD OLDEST_AGE BYTES IN/S OUT/S P50 P95 P99 FAILED' "$(sed -n 1p got | xargs)"
	[[ $(sed -n 2p got) =~ ^q\ +3\ +2\ +1\ +1\ +[0-9] ]]
	same 0 "$(grep -c $'\t' got)"
	# and in words, what they point at
	same '' "$(sed -n 3p got)"
	same 'q: 1 died in the last minute, 1 dead letter is here, mostly by: rejected (1)' "$(sed -n '4,$p' got)"
}

@test "a table that fits into the terminal" {
	need_terminal
	local columns
	fill
	for columns in 80 100 120; do
		on_terminal "stty cols $columns; mq-stat" | sed -n 1,2p >got
		same 2 "$(awk -v most="$columns" 'length <= most' got | wc -l)"
		grep -q 'VISIBLE.*IN_FLIGHT.*DEAD.*OLDEST_AGE' got
	done
}

@test "unknown queues and bad names: 66; bad options: 64" {
	harmless 66 'mq-stat: nosuch: no such queue.*' mq-stat nosuch
	harmless 66 "mq-stat: a b: $BAD_NAME" mq-stat 'a b'
	usage mq-stat --nosuch q
}

@test "output that cannot be written: 74" {
	fails 74 'mq-stat: .+' to_full mq-stat
	fails 74 'mq-stat: .+' to_closed mq-stat q
	fails 74 'mq-stat: .+' to_broken mq-stat -j q
}

# ---- flow ---------------------------------------------------------------------

# flow FILTER: of queue q
flow() {
	mq-stat -j q | jq -c "$1"
}

@test "what expires is counted, wherever it is met" {
	expired() {
		same "$2 0" "$(later 10m mq-stat -j "$1" | jq -r '"\(.expired) \(.died)"')"
	}
	# in its line, and as one of many that are taken together
	mq-create line
	mq-send -q -t 1m -b x line
	fails 1 '' later 2m mq-recv line
	expired line 1
	mq-create bundle
	seq 100 | mq-send -q -t 1m -l bundle
	fails 1 '' later 2m mq-recv -n 1000 bundle
	expired bundle 100
	# in flight, when it is returned or its lease lapses
	mq-create flight max-receives=2
	mq-send -q -t 1m -b x flight
	mq-send -q -t 1m -b y flight
	receipt=$(mq-recv -v 1h flight)
	mq-recv -v 90s flight >/dev/null
	later 2m mq-nack "$receipt"
	expired flight 2
	# first in its group, and in flight
	mq-create group
	mq-send -q -t 1m -g a -b x group
	mq-send -q -t 1m -g b -b y group
	receipt=$(mq-recv -v 1h group)
	later 2m mq-nack "$receipt"
	fails 1 '' later 2m mq-recv group
	expired group 2
	# by retention: when it becomes visible, and in its line by who comes by
	mq-create late retention=1m
	mq-send -q -d 5m -b x late
	fails 1 '' later 6m mq-recv late
	expired late 1
	mq-create old retention=1m
	mq-send -q -b x old
	mq-send -q -b y old
	later 2m mq-send -q -b new old
	expired old 2
}

@test "what happens to messages is counted" {
	mq-config q backoff=0 max-receives=2
	seq 10 | mq-send -q -l q
	mq-recv -a -n 4 q >/dev/null
	receipts=$(mq-recv -n 3 q)
	mq-nack -d 0 "$(sed -n 1p <<<"$receipts")"
	mq-nack -x "$(sed -n 2p <<<"$receipts")"
	same '[10,7,4,2,0,1,0]' "$(flow '[.sent, .received, .acked, .nacked, .lapsed, .died, .expired]')"
	later 1m mq-stat q >/dev/null # the third lapses
	same '[10,7,4,2,1,1,0]' "$(flow '[.sent, .received, .acked, .nacked, .lapsed, .died, .expired]')"
	mq-send -q -t 1s -b x q
	later 1m mq-recv -a -n 10 q >/dev/null
	same '[11,12,9,2,1,1,1]' "$(flow '[.sent, .received, .acked, .nacked, .lapsed, .died, .expired]')"
}

@test "rates are those of the last minute" {
	seq 610 | mq-send -q -l q
	mq-recv -a -n 305 q >/dev/null
	same true "$(flow '.in_rate > 9.4 and .in_rate < 10.2 and .out_rate > 4.7 and .out_rate < 5.1')"
	same true "$(flow '.lag > 59 and .lag < 66')"
	same '[0,0,null]' "$(later 2m mq-stat -j q | jq -c '[.in_rate, .out_rate, .lag]')"
	fails 2 'mq-stat: q: in_rate is (9|10)\.[0-9]+: in_rate>5' mq-stat -c 'in_rate>5' q
	ok '' mq-stat -c 'in_rate>10.5' q
	fails 2 'mq-stat: q: lag is infs: lag>1h' later 2m mq-stat -c 'lag>1h' q
}

@test "latencies are from send to ack" {
	seq 100 | mq-send -q -l q
	later 10s mq-recv -a -n 90 q >/dev/null
	later 100s mq-recv -a -n 10 q >/dev/null
	same true "$(later 100s mq-stat -j q | jq '.latency_p50 > 9 and .latency_p50 < 25 and .latency_p95 > 90 and .latency_p95 < 135')"
	same null "$(later 1h mq-stat -j q | jq .latency_p50)"
	fails 2 'mq-stat: q: latency_p99 is (9|1[0-4])[0-9]\..*: latency_p99>1m' later 100s mq-stat -c 'latency_p99>1m' q
	ok '' later 1h mq-stat -c 'latency_p99>=0' q # nothing was measured
}

@test "the counters of all hosts are added up" {
	seq 10 | mq-send -q -l q
	cp "$MQ_SPOOL/q/q/stat/$(uname -n)" "$MQ_SPOOL/q/q/stat/another"
	same 20 "$(flow .sent)"
	echo short >"$MQ_SPOOL/q/q/stat/another"
	mkdir "$MQ_SPOOL/q/q/stat/directory"
	same 10 "$(flow .sent)"
	rm -r "$MQ_SPOOL/q/q/stat"
	same '0 10' "$(flow '.sent, .visible' | xargs)"
}

# ---- in words -------------------------------------------------------------------

# finds CODE WORDS-REGEX [COMMAND...]: that is found in queue q, and nothing else
finds() {
	local code=$1 words=$2 got
	shift 2
	got=$("${@:-mq-stat}" -j q)
	same "$code" "$(jq -r '.findings[].code' <<<"$got" | xargs)"
	[[ $(jq -r '.findings[].words' <<<"$got") =~ ^$words$ ]] || {
		jq -r '.findings[].words' <<<"$got"
		return 1
	}
}

@test "words: nothing to say of a queue that does well" {
	finds '' ''
	seq 100 | mq-send -q -l q
	mq-recv -a -n 99 q >/dev/null
	finds '' ''
}

@test "words: more come than go" {
	seq 100 | mq-send -q -l q
	mq-recv -a -n 10 q >/dev/null
	finds growing '90 wait; 1\.[56].*/s come, 0\.1.*/s go: too few consumers, or slow ones'
}

@test "words: nobody receives, or it is paused" {
	seq 100 | mq-send -q -l q
	finds no-consumers '100 wait, the oldest for 5m[0-5][0-9]s, and nobody receives' later 5m mq-stat
	mq-config q paused=yes
	finds paused 'paused, and 100 wait' later 5m mq-stat
}

@test "words: one that is passed by" {
	mq-send -q -b old -p 0 q
	# seven in the 60 to 64 seconds that are counted: 0.117 to 0.109 a second
	for _ in {1..7}; do
		later 1h mq-send -q -b new q
		later 1h mq-recv -a q >/dev/null
	done
	finds stuck 'the oldest waits for 1h00m though only 1 wait and 0\.1.*/s go: .*' later 1h mq-stat
}

@test "words: leases lapse" {
	mq-config q visibility=1s backoff=0
	seq 20 | mq-send -q -l q
	mq-recv -n 20 q >/dev/null
	later 5s mq-recv -a -n 20 q >/dev/null
	finds short-timeout '20 leases lapsed, of 40 deliveries, 20 of which were acked: .*' later 5s mq-stat
}

@test "words: failures, and why they died" {
	seq 30 | mq-send -q -l q
	for _ in {1..7}; do mq-nack -x -r 'no such user' "$(mq-recv q)"; done
	for _ in {1..3}; do mq-nack -x "$(mq-recv q)"; done
	mq-recv -a -n 20 q >/dev/null
	finds 'failing dying' $'10 of 30 deliveries were returned .*\n10 died in the last minute, 10 dead letters are here, mostly by: no such user \\(7\\), rejected \\(3\\)'
}

# ---- Prometheus -------------------------------------------------------------------

@test "-p: what promtool accepts, with the figures" {
	fill
	mq-create empty
	mq-recv -a q >/dev/null
	mq-stat -p >got
	same 2 "$(grep -c '^mq_paused' got)"
	for line in 'mq_messages{queue="q",state="visible"} 2' 'mq_messages{queue="q",state="dead"} 1' \
		'mq_messages{queue="empty",state="visible"} 0' 'mq_payload_bytes{queue="q"} 25' \
		'mq_sent_total{queue="q"} 7' 'mq_acked_total{queue="q"} 1' 'mq_latency_seconds_count{queue="q"} 1' \
		'mq_latency_seconds{queue="empty",quantile="0.99"} NaN'; do
		grep -qxF "$line" got || {
			echo "missing: $line"
			return 1
		}
	done
	command -v promtool >/dev/null || skip "no promtool"
	ok '' promtool check metrics <got
}

@test "-p: the alerts and the dashboard name metrics that there are" {
	local top=$BATS_TEST_DIRNAME/../..
	mq-stat -p | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' >metrics
	grep -ohE '\bmq_[a-z_]+' "$top"/examples/* | sort -u >named
	same '' "$(grep -vxF -f metrics named)"
	[ -s named ]
	jq -e '.panels | length > 4' "$top/examples/mq.dashboard.json"
	command -v promtool >/dev/null || skip "no promtool"
	promtool check rules "$top/examples/mq.rules.yml"
}

# ---- what is remembered of the last count -------------------------------------------

# known FILE: a count by which segments are remembered
known() {
	later 10s mq-stat q >/dev/null
	[ -s "$MQ_SPOOL/q/q/counts" ]
}

@test "counts that are remembered are as good as new ones" {
	mq-config q visibility=1h
	seq 1000 | mq-send -q -l q
	known
	has q 1000 0 0 0
	mq-recv -n 10 q >receipts
	has q 990 10 0 0
	later 20s mq-recv -a -n 500 q >/dev/null
	has q 490 10 0 0
	same '490 1482' "$(later 30s mq-stat q | cut -f 2,7 | tr '\t' ' ')"
	mq-ack - <receipts
	seq 100 | later 40s mq-send -q -l q
	has q 590 0 0 0
	mq-purge q >/dev/null
	has q 0 0 0 0
}

@test "what expires is not counted, though it was remembered" {
	seq 600 | mq-send -q -l -t 1h q
	seq 600 | mq-send -q -l q
	known
	same 1200 "$(later 59m mq-stat q | cut -f 2)"
	same 600 "$(later 61m mq-stat q | cut -f 2)"
	mq-config q retention=2h
	same 600 "$(later 61m mq-stat q | cut -f 2)"
	same 0 "$(later 3h mq-stat q | cut -f 2)"
}

@test "a broken or strange file of counts is as good as none" {
	local n
	seq 1000 | mq-send -q -l q
	known
	cp "$MQ_SPOOL/q/q/counts" counts
	for n in 0 1 31 32 33 100 150; do
		head -c "$n" counts >"$MQ_SPOOL/q/q/counts"
		has q 1000 0 0 0
		cp counts "$MQ_SPOOL/q/q/counts"
		printf '\377' | dd of="$MQ_SPOOL/q/q/counts" bs=1 seek="$n" conv=notrunc 2>/dev/null
		has q 1000 0 0 0
	done
	rm "$MQ_SPOOL/q/q/counts"
	ln -s /dev/zero "$MQ_SPOOL/q/q/counts"
	has q 1000 0 0 0
	rm "$MQ_SPOOL/q/q/counts"
	mkfifo "$MQ_SPOOL/q/q/counts"
	has q 1000 0 0 0
	rm "$MQ_SPOOL/q/q/counts"
	mkdir -p "$MQ_SPOOL/q/q/counts/x"
	later 10s mq-stat q >/dev/null
	has q 1000 0 0 0
	no_litter
}
