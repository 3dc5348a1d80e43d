#!/usr/bin/env bats
# Messages that are sent and received as a bundle: stopped at every step (crash.bash).
# shellcheck disable=SC2034 # what is set here is for crash.bash

load ../lib
load crash

ALL=$(seq -f '[%g]' 64 | tr -d '\n')

prepare_queue() {
	mq-create q backoff=0
}

prepare_bundle() {
	prepare_queue
	seq -f '[%g]' 64 | mq-send -q -l q
}

prepare_leased() {
	prepare_bundle
	mq-recv -n 64 q >receipts
}

prepare_ack() {
	prepare_leased
	cp receipts input
}

check_sent() {
	if [ "$1" = unharmed ] || [ -s out ]; then
		same "$ALL" "$(left_whole)"
	else
		one_of "$(left_whole)" '' "$ALL"
	fi
	all_well
}

check_all_left() {
	same "$ALL" "$(left_whole)"
	all_well
}

# What was not acked comes, and each once; of a fault any may be the one that was not.
check_acked() {
	local seen
	seen=$(left_whole)
	[ "$1" != unharmed ] || same '' "$seen"
	same '' "$(tr ']' '\n' <<<"$seen" | grep . | sort | uniq -d)"
	same '' "$(tr ']' '\n' <<<"$seen" | grep . | grep -vxF -f <(seq -f '[%g' 64) || true)"
	all_well
}

@test "mq-send -l of a bundle" {
	seq -f '[%g]' 64 >input
	crash prepare_queue check_sent mq-send -l q
}

@test "mq-recv -n of a bundle" {
	crash prepare_bundle check_all_left mq-recv -n 64 q
}

@test "mq-recv of one message of a bundle" {
	crash prepare_bundle check_all_left mq-recv q
}

@test "mq-recv that finds a lapsed bundle" {
	PASSED=31s
	crash prepare_leased check_all_left mq-recv -n 10 q
}

@test "mq-ack - of a bundle" {
	LINES_TOLD=70
	crash prepare_ack check_acked mq-ack -
}
