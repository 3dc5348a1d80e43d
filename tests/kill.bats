#!/usr/bin/env bats
# Every command killed at every step (kill.bash).
# shellcheck disable=SC2034 # what is set here is for traced

load lib
load kill

setup() {
	mq_setup
	killing
}

teardown() {
	told_where
	mq_teardown
}

prepare_queue() {
	mq-create q backoff=0
}

prepare_one() {
	mq-create q backoff=0
	mq-send -b payload q >id
}

prepare_three() {
	mq-create q backoff=0
	printf '1\n2\n3\n' | mq-send -q -l q
}

prepare_lease() {
	prepare_one
	mq-recv q >receipt
}

prepare_batch() {
	prepare_three
	mq-recv -n 3 q >receipts
	sed -n 1p receipts >receipt
}

# ---- sending ---------------------------------------------------------------------

check_sent() {
	if [ "$1" = unharmed ] || [ -s out ]; then
		same '[payload]' "$(left)"
	else
		one_of "$(left)" '' '[payload]'
	fi
	all_well
}

@test "mq-send" {
	sweep prepare_queue check_sent mq-send -b payload q
}

@test "mq-send of standard input with properties" {
	echo payload >input
	sweep prepare_queue check_sent mq-send -p 9 -t 10h -H 'A: b' q
}

@test "mq-send with a delay" {
	sweep prepare_queue check_sent mq-send -d 1m -b payload q
}

check_bulk() {
	local accepted
	if [ "$1" = unharmed ]; then
		same '[1][2][3]' "$(left)"
	else
		accepted=$(wc -l <out)
		case $accepted in
		0) one_of "$(left)" '' '[1]' '[1][2]' '[1][2][3]' ;;
		1) one_of "$(left)" '[1]' '[1][2]' '[1][2][3]' ;;
		2) one_of "$(left)" '[1][2]' '[1][2][3]' ;;
		3) same '[1][2][3]' "$(left)" ;;
		esac
	fi
	all_well
}

@test "mq-send -l" {
	printf '1\n2\n3\n' >input
	sweep prepare_queue check_bulk mq-send -l q
}

@test "mq-send -j" {
	printf '{"body":"%s"}\n' 1 2 3 >input
	sweep prepare_queue check_bulk mq-send -j q
}

check_dedup() {
	local id
	id=$(mq-send -D key -b payload q)
	[ ! -s out ] || same "$(cat out)" "$id"
	same "$id" "$(mq-send -D key -b payload q)"
	same "$id" "$(ids_of q)"
	same '[payload]' "$(left)"
	all_well
}

@test "mq-send -D, then tried again" {
	sweep prepare_queue check_dedup mq-send -D key -b payload q
}

check_dedup_alone() {
	if [ "$1" = unharmed ] || [ -s out ]; then
		same '[payload]' "$(left)"
	else
		one_of "$(left)" '' '[payload]'
	fi
	all_well
}

@test "mq-send -D, never tried again" {
	sweep prepare_queue check_dedup_alone mq-send -D key -b payload q
}

prepare_full() {
	mq-create q backoff=0 max-depth=2 overflow=drop-head
	seq 2 | mq-send -q -l q
}

check_dropped() {
	if [ "$1" = unharmed ] || [ -s out ]; then
		same '[2][3]' "$(left)"
	else
		one_of "$(left)" '[1][2]' '[2]' '[2][3]' '[1][2][3]'
	fi
	all_well
}

@test "mq-send to a full queue, overflow=drop-head" {
	sweep prepare_full check_dropped mq-send -b 3 q
}

prepare_overflow() {
	mq-create q backoff=0 max-depth=1 overflow=dead-letter
	mq-send -q -b 1 q
}

check_overflow() {
	if [ "$1" = unharmed ] || [ -s out ]; then
		same '[2]' "$(left q/dlq)"
	else
		one_of "$(left q/dlq)" '' '[2]'
	fi
	same '[1]' "$(left)"
	all_well
}

@test "mq-send to a full queue, overflow=dead-letter" {
	sweep prepare_overflow check_overflow mq-send -b 2 q
}

# ---- receiving --------------------------------------------------------------------

check_one_left() {
	same '[payload]' "$(left)"
	all_well
}

@test "mq-recv" {
	sweep prepare_one check_one_left mq-recv q
}

check_three_left() {
	same '1 2 3' "$(left | sorted)"
	all_well
}

@test "mq-recv -n 3" {
	sweep prepare_three check_three_left mq-recv -n 3 q
}

check_taken() {
	if [ "$1" = unharmed ]; then
		same payload "$(cat out)"
		same '' "$(left)"
	elif [ -s out ]; then
		one_of "$(left)" '' '[payload]'
	else
		same '[payload]' "$(left)"
	fi
	all_well
}

@test "mq-recv -a" {
	sweep prepare_one check_taken mq-recv -a q
}

check_three_taken() {
	local i rest
	rest=$(left | sorted)
	one_of "$rest" '' 1 2 3 '1 2' '1 3' '2 3' '1 2 3'
	for i in 1 2 3; do
		[[ "$(cat out)$rest" == *$i* ]]
	done
	[ "$1" != unharmed ] || same '' "$rest"
	all_well
}

@test "mq-recv -a -n 3" {
	sweep prepare_three check_three_taken mq-recv -a -n 3 q
}

@test "mq-recv that finds a lapsed lease" {
	PASSED=31s
	sweep prepare_lease check_one_left mq-recv q
}

@test "mq-recv that finds a lapsed batch" {
	PASSED=31s
	sweep prepare_batch check_three_left mq-recv q
}

prepare_lapsing() {
	mq-create q backoff=10s
	mq-send -q -b payload q
	mq-recv q >receipt
	mq-send -q -p 0 -b other q
}

check_lapsing() {
	same 'other payload' "$(left | sorted)"
	all_well
}

@test "mq-recv that finds a lapsed lease and a backoff" {
	PASSED=31s
	sweep prepare_lapsing check_lapsing mq-recv q
}

prepare_last_try() {
	mq-create q backoff=0 max-receives=1
	mq-send -q -b payload q
	mq-send -q -b other q
	mq-recv q >receipt
}

check_last_try() {
	same 'other payload' "$({ left; left q/dlq; } | sorted)"
	all_well
}

@test "mq-recv that finds a lapsed lease at max-receives" {
	PASSED=31s
	sweep prepare_last_try check_last_try mq-recv -v 10m q
}

prepare_due() {
	mq-create q backoff=0
	mq-send -q -d 20s -b payload q
}

@test "mq-recv that finds a delayed message due" {
	PASSED=31s
	sweep prepare_due check_one_left mq-recv q
}

# ---- settling ---------------------------------------------------------------------

check_acked() {
	if [ "$1" = unharmed ]; then
		same '' "$(left)"
	else
		one_of "$(left)" '' '[payload]'
	fi
	all_well
}

@test "mq-ack" {
	sweep prepare_lease check_acked mq-ack @receipt
}

check_acked_of_batch() {
	if [ "$1" = unharmed ]; then
		same '2 3' "$(left | sorted)"
	else
		one_of "$(left | sorted)" '2 3' '1 2 3'
	fi
	all_well
}

@test "mq-ack of one of a batch" {
	sweep prepare_batch check_acked_of_batch mq-ack @receipt
}

prepare_extended() {
	prepare_batch
	mq-extend -v 1m "$(cat receipt)"
}

@test "mq-ack of one that was extended" {
	sweep prepare_extended check_acked_of_batch mq-ack @receipt
}

@test "mq-nack -d 0" {
	sweep prepare_lease check_one_left mq-nack -d 0 @receipt
}

@test "mq-nack with a delay" {
	sweep prepare_lease check_one_left mq-nack -d 1m @receipt
}

@test "mq-nack -r" {
	sweep prepare_lease check_one_left mq-nack -d 0 -r why @receipt
}

@test "mq-nack of one of a batch" {
	sweep prepare_batch check_three_left mq-nack -d 0 @receipt
}

check_rejected() {
	local dead
	dead=$(left q/dlq)
	if [ "$1" = unharmed ]; then
		same '[payload]' "$dead"
		same '' "$(left)"
	else
		same '[payload]' "$dead$(left)"
	fi
	all_well
}

@test "mq-nack -x" {
	sweep prepare_lease check_rejected mq-nack -x @receipt
}

@test "mq-nack -x -r" {
	sweep prepare_lease check_rejected mq-nack -x -r why @receipt
}

prepare_last_lease() {
	mq-create q backoff=0 max-receives=1
	mq-send -q -b payload q
	mq-recv q >receipt
}

check_last_nack() {
	same '[payload]' "$({ left q/dlq; mq-config q max-receives=5; left; })"
	all_well
}

@test "mq-nack at max-receives" {
	sweep prepare_last_lease check_last_nack mq-nack @receipt
}

check_extended() {
	if [ "$1" = unharmed ]; then
		try later 4m mq-recv q
		is 1 '' ''
	fi
	check_one_left
}

@test "mq-extend" {
	sweep prepare_lease check_extended mq-extend -v 5m @receipt
}

@test "mq-extend of one of a batch" {
	sweep prepare_batch check_three_left mq-extend -v 5m @receipt
}

# ---- dead letters -------------------------------------------------------------------

prepare_dead() {
	prepare_batch
	mq-nack -x - <receipts
}

check_redriven() {
	local back
	back=$(left)
	[ "$1" != unharmed ] || same '[1][2][3]' "$back"
	same '1 2 3' "$(printf '%s%s' "$back" "$(left q/dlq)" | sorted)"
	all_well
}

@test "mq-redrive" {
	sweep prepare_dead check_redriven mq-redrive q
}

# ---- queues ---------------------------------------------------------------------------

prepare_purge() {
	prepare_three
	mq-recv q >receipt
	mq-send -q -d 1h -b 4 q
}

check_purged() {
	local again
	mq-ack "$(cat receipt)"
	again=$(mq-purge q)
	[ "$again" -ge 0 ] && [ "$again" -le 3 ]
	[ "$1" != unharmed ] || same 0 "$again"
	same '' "$(left)"
	all_well
}

@test "mq-purge" {
	sweep prepare_purge check_purged mq-purge q
}

check_deleted() {
	[ "$1" != unharmed ] || same '' "$(mq-ls)"
	if [ -n "$(mq-ls)" ]; then
		same q "$(mq-ls)"
		mq-delete q
	fi
	mq-create q
	same '' "$(left)"
	all_well
}

@test "mq-delete" {
	sweep prepare_purge check_deleted mq-delete q
}

check_created() {
	if [ "$1" = unharmed ] || [ -n "$(mq-ls)" ]; then
		grep -qx visibility=7s <(mq-config q)
	fi
	mq-create q visibility=7s backoff=0
	grep -qx visibility=7s <(mq-config q)
	all_well
}

@test "mq-create of the first queue" {
	sweep : check_created mq-create q visibility=7s
}

prepare_other() {
	mq-create other
}

check_beside() {
	mq-create q backoff=0
	same 'other q' "$(mq-ls | xargs)"
	all_well
}

@test "mq-create of another queue" {
	sweep prepare_other check_beside mq-create q
}

check_configured() {
	one_of "$(mq-config q | grep -E '^(visibility|max-depth)=' | xargs)" \
		'visibility=30s max-depth=0' 'visibility=7s max-depth=9'
	same 15 "$(mq-config q | wc -l)"
	[ "$1" != unharmed ] || grep -qx visibility=7s <(mq-config q)
	mq-config q visibility=8s max-depth=0
	same '[payload]' "$(left)"
	all_well
}

@test "mq-config" {
	sweep prepare_one check_configured mq-config q visibility=7s max-depth=9
}

@test "what killed commands were building goes after a day" {
	mq-create q max-receives=0
	mq-send -q -b kept q
	mkdir "$MQ_SPOOL/tmp/0123456789abcdef"
	touch "$MQ_SPOOL/tmp/0123456789abcdef/part" "$MQ_SPOOL/q/q/tmp/0123456789abcdef" "$MQ_SPOOL/q/q/tmp/fresh"
	touch -d '-25 hours' "$MQ_SPOOL/tmp/0123456789abcdef" "$MQ_SPOOL/q/q/tmp/0123456789abcdef"
	for ((i = 1; i < 3000; i++)); do
		[ -e "$MQ_SPOOL/tmp/0123456789abcdef" ] || [ -e "$MQ_SPOOL/q/q/tmp/0123456789abcdef" ] || break
		later "$((i * 2))s" mq-nack -d 0 "$(later "$((i * 2))s" mq-recv q)"
	done
	[ ! -e "$MQ_SPOOL/tmp/0123456789abcdef" ]
	[ ! -e "$MQ_SPOOL/q/q/tmp/0123456789abcdef" ]
	[ -e "$MQ_SPOOL/q/q/tmp/fresh" ]
}

# ---- at any moment -----------------------------------------------------------------------

# A client: sends, then takes a few.
client() {
	local round=$1 n receipt body
	for n in 1 2 3; do
		mq-send -q -b "$round.$n" q || return
		echo "$round.$n" >>accepted
	done
	seq -f "$round.%g" 4 30 | mq-send -q -l q || return
	seq -f "$round.%g" 4 30 >>accepted
	for n in {1..20}; do
		receipt=$(mq-recv q) || return
		body=$(mq-cat "$receipt") || return
		echo "$body" >>held
		mq-ack "$receipt" || return
	done
}

@test "clients killed at any time: what was accepted comes, once more at most, and whole" {
	RANDOM=7
	mq-create q backoff=0 max-receives=0
	touch held accepted
	export -f client
	for round in {1..40}; do
		setsid bash -c "client $round" >/dev/null 2>&1 3>&- &
		victim=$!
		for ((turn = RANDOM % 60; turn > 0; turn--)); do
			mq-stat q >/dev/null
		done
		kill -9 -- "-$victim" 2>/dev/null || true
		wait "$victim" 2>/dev/null || true
	done
	drain q 1h 2>errors | tr ']' '\n' | tr -d '[' >rest
	same '' "$(cat errors)"
	same '' "$(sort held rest | uniq | comm -13 - <(sort accepted))"
	same '' "$(sort rest | uniq -d)"
	same '' "$(grep -vhE '^[0-9]+\.[0-9]+$' rest held)"
	all_well
}
