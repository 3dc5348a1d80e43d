#!/usr/bin/env bats
# Dead letters come to where they are waited for, although nobody looks at the queue
# that they died in.
# shellcheck disable=SC2154 # pid, output and the like are set by the helpers

load ../lib

setup() {
	mq_setup
	mq-create q backoff=0 max-receives=1
}

shared() {
	mq-create dead
	mq-create r backoff=0 max-receives=1
	mq-config q dead-letter-to=dead
	mq-config r dead-letter-to=dead
}

@test "a look at the dead letters finds what has lapsed into them" {
	mq-send -q -b x q
	mq-recv -v 1s q >/dev/null
	ok x later 2s mq-recv -a q/dlq
}

@test "so does one at a queue that takes those of several" {
	shared
	for each in q r; do
		mq-send -q -b "$each" "$each"
		mq-recv -v 1s "$each" >/dev/null
	done
	ok qr later 2s mq-recv -a -n 2 dead
}

@test "who waits for dead letters is woken by a lease that lapses" {
	mq-send -q -b 1 q
	mq-recv -v 1500ms q >/dev/null
	start first mq-recv -a -w 1h q/dlq
	ends 0 "$pid"
	same 1 "$(cat first.out)"
}

@test "also one that was taken while it waited" {
	shared
	mq-config r visibility=1s
	start worker mq-work -n 1 dead -- cat
	soon asleep "$pid"
	mq-send -q -b 2 r
	mq-recv r >/dev/null
	ends 0 "$pid"
	same 2 "$(cat worker.out)"
}

@test "mq-stat names the sources" {
	shared
	same '["q","r"]' "$(mq-stat -j dead | jq -c .sources)"
	same '["q"]' "$(mq-stat -j q/dlq | jq -c .sources)"
	same '[]' "$(mq-stat -j q | jq -c .sources)"
	same 'takes the dead letters of q, r' \
		"$(mq-stat -j dead | jq -r '.findings[] | select(.code == "sources").words')"
	mq-config r dead-letter-to=
	same '["q"]' "$(mq-stat -j dead | jq -c .sources)"
	mq-delete q
	same '[]' "$(mq-stat -j dead | jq -c .sources)"
	mq-create s dead-letter-to=dead
	same '["s"]' "$(mq-stat -j dead | jq -c .sources)"
	mq-fsck -n
}

@test "a setting that was written by hand is learned with the first dead letter" {
	mq-create dead
	echo dead-letter-to=dead >>"$MQ_SPOOL/q/q/conf"
	same '[]' "$(mq-stat -j dead | jq -c .sources)"
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	same '["q"]' "$(mq-stat -j dead | jq -c .sources)"
}

@test "mq-redrive of a shared queue: each goes back to where it came from" {
	shared
	for each in q r; do
		mq-send -q -b "$each" "$each"
		mq-nack -x "$(mq-recv "$each")"
	done
	mq-send -q -b own dead
	same 2 "$(mq-ls -S dead dead | wc -l)"
	ok $'2\n' mq-redrive dead
	has q 1 0 0 0
	has r 1 0 0 0
	same '[own]' "$(drain dead)"
	same '[q]' "$(drain q)"
	same '[r]' "$(drain r)"
}
