#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

# fail_times N: receive and nack so often.
fail_times() {
	local i
	for ((i = 0; i < $1; i++)); do
		mq-nack "$(mq-recv q)"
	done
}

events() {
	jq -cS '[.history[] | {reason,queue}]' "$@"
}

@test "a message nacked max-receives times is dead" {
	mq-config q max-receives=3
	id=$(mq-send -b x q)
	fail_times 2
	has q 1 0 0 0
	fail_times 1
	has q 0 0 0 1
	mq-ls -j -S dead q >listed
	same "$id" "$(jq -r .id listed)"
	same '[{"queue":"q","reason":"max-receives"}]' "$(events listed)"
	fails 1 '' later 1d mq-recv q
	same '[x]' "$(drain q/dlq)"
}

@test "five is the default" {
	mq-send -q -b x q
	fail_times 4
	has q 1 0 0 0
	fail_times 1
	has q 0 0 0 1
}

@test "a message whose lease lapsed max-receives times is dead" {
	mq-config q max-receives=2
	mq-send -q -b x q
	mq-recv q
	same 2 "$(later 31s mq-recv -j q | jq .receives)"
	fails 1 '' later 62s mq-recv q
	same 1 "$(later 62s mq-stat q | cut -f 5)"
	same '[{"queue":"q","reason":"max-receives"}]' "$(later 62s mq-ls -j -S dead q | events)"
	same '[x]' "$(drain q/dlq 63s)"
}

@test "max-receives=1: one try" {
	mq-config q max-receives=1
	mq-send -q -b x q
	fail_times 1
	has q 0 0 0 1
}

@test "max-receives=0: no limit" {
	mq-config q max-receives=0
	mq-send -q -b x q
	fail_times 30
	has q 1 0 0 0
	same 31 "$(mq-recv -j q | jq .receives)"
}

@test "an ack on the last delivery is an ack" {
	mq-config q max-receives=2
	mq-send -q -b x q
	fail_times 1
	mq-ack "$(mq-recv q)"
	has q 0 0 0 0
}

@test "a poison message does not stop the others" {
	mq-config q max-receives=3
	mq-send -q -b poison q
	seq 3 | mq-send -q -l q
	done=
	while receipt=$(mq-recv q); do
		body=$(mq-cat "$receipt")
		if [ "$body" = poison ]; then
			mq-nack "$receipt"
		else
			mq-ack "$receipt"
			done+=$body
		fi
	done
	same 123 "$done"
	same '[poison]' "$(drain q/dlq)"
}

@test "why: each reason with its count, first and last" {
	mq-config q max-receives=4
	later 0 mq-send -q -b x q
	later 0 mq-nack -r timeout "$(later 0 mq-recv q)"
	later 10s mq-nack -r timeout "$(later 10s mq-recv q)"
	later 20s mq-nack -r 'no disk' "$(later 20s mq-recv q)"
	later 30s mq-nack "$(later 30s mq-recv q)"
	later 31s mq-ls -j -S dead q >listed
	same '[["timeout","q",2],["no disk","q",1],["max-receives","q",1]]' \
		"$(jq -c '[.history[] | [.reason,.queue,.count]]' listed)"
	first=$(date -u -d "$(jq -r '.history[0].first' listed)" +%s)
	last=$(date -u -d "$(jq -r '.history[0].last' listed)" +%s)
	[ "$((last - first))" -ge 9 ]
	[ "$((last - first))" -le 30 ]
	path=$(jq -r .path listed)
	mq-cat -H "$path" | grep '^Mq-History: ' >history
	same 3 "$(wc -l <history)"
	[[ $(sed -n 1p history) =~ ^'Mq-History: timeout; queue=q; count=2; first='$ISO_RE'; last='$ISO_RE$ ]]
	[[ $(sed -n 2p history) =~ ^'Mq-History: no disk; queue=q; count=1; first='$ISO_RE'; last='$ISO_RE$ ]]
	[[ $(sed -n 3p history) =~ ^'Mq-History: max-receives; queue=q; count=1; first='$ISO_RE'; last='$ISO_RE$ ]]
}

@test "a dead letter keeps what belongs to it" {
	id=$(mq-send -p 7 -H 'A: b' -R r -C c -b 'the body' q)
	mq-nack -x "$(mq-recv q)"
	mq-ls -j -S dead q >listed
	same "$id dead 7 8 b r c" "$(jq -r '"\(.id) \(.state) \(.priority) \(.size) \(.headers.A) \(.reply_to) \(.correlation_id)"' listed)"
	ok 'the body' mq-cat "$(jq -r .path listed)"
	same "$id the body" "$(mq-recv -j q/dlq | jq -r '.id + " " + .body')"
}

@test "dead letters from a bulk are the right slices" {
	seq -f 'message %g' 50 | mq-send -q -l -H 'A: b' q
	mq-recv -n 50 q >receipts
	sed -n '1p;25p;50p' receipts | mq-nack -x -
	sed '1d;25d;50d' receipts | mq-ack -
	same '[message 1][message 25][message 50]' "$(drain q/dlq)"
	has q 0 0 0 0
}

@test "dead letters come out in the order of their death" {
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	for i in 2 0 1; do
		mq-nack -x "${r[i]}"
	done
	same '[3][1][2]' "$(drain q/dlq)"
}

@test "the dead-letter queue is a queue: receive, nack, ack" {
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	for i in 1 2 3 4 5 6 7; do
		mq-nack -d 0 "$(mq-recv q/dlq)"
	done
	has q 0 0 0 1
	mq-ack "$(mq-recv q/dlq)"
	has q 0 0 0 0
}

@test "the names of dead-letter queues before there is a dead letter" {
	ok '' mq-ls q/dlq
	fails 1 '' mq-recv q/dlq
	has q/dlq 0 0 0 0
	ok $'0\n' mq-purge q/dlq
	fails 66 'mq-recv: nosuch/dlq: no such queue.*' mq-recv nosuch/dlq
	same q "$(mq-ls)"
}

@test "dead-letter-to: another queue takes them" {
	mq-create graves
	mq-config q dead-letter-to=graves max-receives=1
	id=$(mq-send -H 'A: b' -b x q)
	fail_times 1
	has graves 1 0 0 0
	has q/dlq 0 0 0 0
	mq-recv -j graves >got
	same "$id x b" "$(jq -r '"\(.id) \(.body) \(.headers.A)"' got)"
	[[ $(mq-cat -H "$(jq -r .receipt got)" | tail -n 1) =~ ^'Mq-History: max-receives; queue=q; count=1; first=' ]]
	mq-ack "$(jq -r .receipt got)"
	has graves 0 0 0 0
}

@test "dead-letter-to a queue that is gone: nothing is lost" {
	mq-create graves
	mq-config q dead-letter-to=graves
	mq-delete graves
	mq-send -q -b x q
	receipt=$(mq-recv q)
	try mq-nack -x "$receipt"
	mq-create graves
	later 31s mq-recv -a q >got || true
	later 31s mq-recv -a graves >>got || true
	later 31s mq-recv -a q/dlq >>got || true
	same x "$(cat got)"
}

@test "nothing is dropped when many die while others are received" {
	mq-config q max-receives=1
	seq 400 | mq-send -q -l q
	for i in 1 2 3 4; do
		(
			while mq-recv -n 7 q >"r$i"; do
				if [ "$i" -le 2 ]; then mq-nack - <"r$i"; else mq-ack - <"r$i"; fi || exit
				[ "$i" -le 2 ] || cat "r$i" >>"acked$i"
			done
		) 2>"err$i" 3>&- &
	done
	wait
	same '' "$(cat err*)"
	acked=$(cat acked* 2>/dev/null | wc -l)
	has q 0 0 0 "$((400 - acked))"
	same "$((400 - acked))" "$(mq-recv -n 500 -j q/dlq | jq -r .body | sort -u | wc -l)"
}
