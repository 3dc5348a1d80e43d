#!/usr/bin/env bats
load ../lib

# Slow and large: only when asked for, with MQ_BIG=1.

setup() {
	[ -n "${MQ_BIG:-}" ] || skip "MQ_BIG=1 runs this"
	mq_setup
}

@test "5 GiB pass through, held nowhere in memory" {
	free=$(df --output=avail -B1G "$T" | tail -n 1)
	[ "$free" -ge 12 ] || skip "needs 12 GiB, there are $free"
	mq-create q
	truncate -s 5G in
	printf 'the end' >>in
	command time -f %M -o mem mq-send -q q <in
	lean 8192 mem
	same $((5 * 1024 * 1024 * 1024 + 7)) "$(mq-stat q | cut -f 7)"
	command time -f %M -o mem mq-recv -v 1h q >receipt
	lean 8192 mem
	command time -f %M -o mem mq-cat "$(cat receipt)" | cmp - in
	lean 8192 mem
	mq-nack -d 0 "$(cat receipt)"
	command time -f %M -o mem mq-recv -a q | tail -c 7 >end
	lean 8192 mem
	same 'the end' "$(cat end)"
	has q 0 0 0 0
	no_litter
}

@test "100,000 queues in a listing" {
	many_queues 100000
	command time -f %M -o mem mq-ls >got
	lean 8192 mem
	seq -f 'q%06g' 100000 | cmp - got
	command time -f %M -o mem mq-stat >got
	lean 8192 mem
	cut -f 1 got | cmp - <(seq -f 'q%06g' 100000)
}

@test "a million messages: the commands stay small" {
	mq-create q visibility=1h
	seq 1000000 | command time -f %M -o mem mq-send -q -l q
	lean 8192 mem
	for command in 'mq-send -q -b x q' 'mq-recv -a q' 'mq-stat q' 'mq-ls -n 5 q'; do
		# shellcheck disable=SC2086 # words
		command time -f %M -o mem $command >/dev/null
		lean 8192 mem
	done
	command time -f %M -o mem mq-recv -n 1000000 q >receipts
	lean 8192 mem
	same 1000000 "$(wc -l <receipts)"
	command time -f %M -o mem mq-ack - <receipts
	lean 8192 mem
	has q 0 0 0 0
}
