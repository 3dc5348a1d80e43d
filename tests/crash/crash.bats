#!/usr/bin/env bats
# Messages without a group, and queues: stopped at every step (crash.bash).
# shellcheck disable=SC2034,SC2154 # what is set here is for crash.bash, or set by it

load ../lib
load crash

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

# ---- the test itself ----------------------------------------------------------------

# Whatever the command does, the check fails in the middle.
check_in_vain() {
	false
	true
}

check_but_for_kills() {
	[ "$1" = unharmed ]
	true
}

# crash, which is to fail; in a process of its own, where set -e counts.
crash_in_vain() {
	local failed=0 CRASH_TALLY='' BATS_FILE_TMPDIR=$T
	(crash "$@") >report &
	wait "$!" || failed=$?
	[ "$failed" -ne 0 ]
}

@test "a check that fails is heeded" {
	crash_in_vain prepare_one check_in_vain mq-recv q
	grep -q 'left in peace' report
	crash_in_vain prepare_one check_but_for_kills mq-recv q
	grep -q 'killed before' report
}

@test "a fault that is told as something else is noticed" {
	CRASH_EVERY=1
	STATUS=1 # as if that were right
	crash_in_vain prepare_queue : mq-send -b payload q
	grep -q 'left in peace' report
}

@test "a command is killed before the call, and fails at it, and no other" {
	local want hit
	prepare_queue
	traced -k symlinkat:1 -- mq-send -D key -b payload q
	same 137 "$rc"
	[ ! -s out ]
	[ -n "$(find "$MQ_SPOOL/q/q/dedup/pending" -type f)" ]

	traced -f openat2:1:EACCES -- mq-recv q
	same 77 "$rc"
	read -r want hit <report
	same 77 "$want"
	[[ $hit == 'openat2('* ]]

	traced -f write:1:EIO -- mq-ls
	read -r want hit <report
	same '74 74' "$rc $want"
	[[ $hit == 'write(1<'* ]]

	# only the kinds of calls that may have the error, and as many calls as there are
	traced -f renameat:1:EINTR -- mq-send -b payload q
	same 0 "$rc"
	[ ! -s report ]
	traced -k renameat:1000 -- mq-send -b payload q
	same 0 "$rc"
}

@test "a command that hangs is ended" {
	prepare_queue
	PATIENCE=1
	traced -f write:1000:EIO -- mq-recv -w 600 q
	same 124 "$rc"
	mq-send -q -b payload q
	# it waits for its job, and is killed for that
	# shellcheck disable=SC2016 # of the job
	traced -f write:1000:EIO -- mq-work q -- sh -c 'echo $PPID >worker; exec sleep 600'
	same 124 "$rc"
	gone "$(cat worker)"
}

# unwell REGEX: what is wrong with the queue is told.
unwell() {
	local rc=0
	: >drain.err
	ask well q "${litter:-3}" || rc=$?
	[ "$rc" -ne 1 ] || ! grep -qE "$1" <<<"$answer$(<drain.err)" || return 0
	echo "$rc: $answer"
	return 1
}

@test "what is left behind is noticed" {
	local each
	prepare_queue
	ask well q 3
	same '' "$answer"
	mq-send -q -b payload q
	unwell 'there is still: payload'
	later 10d mq-send -q -d 11d -b payload q
	unwell '0 visible, 0 in flight, 1 delayed'
	later 22d mq-recv -v 30d q
	unwell '0 visible, 1 in flight, 0 delayed'
	later 60d mq-purge q
	same '[payload]' "$(later 60d mq-recv -a q | sed 's/.*/[&]/')"
	for each in leased/1 delayed/1 bad/1 dedup/pending/1 turns/1,1 groups/1,1; do
		prepare_empty_spool
		mkdir -p "$MQ_SPOOL/q/q/${each%/*}"
		touch "$MQ_SPOOL/q/q/$each"
		unwell 'left behind: '
	done
	prepare_empty_spool
	touch "$MQ_SPOOL/tmp/"{1,2,3}
	ask well q 3
	same '' "$answer"
	litter=2 unwell '3 pieces of litter'
	mq-config q paused=yes
	unwell 'what is sent does not come'
	rm -r "$MQ_SPOOL"
	unwell 'look: .*no such queue'
}

prepare_empty_spool() {
	rm -rf "$MQ_SPOOL"
	prepare_queue
}

@test "a spool is restored with its links, modes and times" {
	prepare_lease
	mkfifo -m 600 "$MQ_SPOOL/pipe"
	ln "$MQ_SPOOL/pipe" "$MQ_SPOOL/other"
	ask restore "$MQ_SPOOL" copy
	mkdir old
	touch old/file
	ask restore "$MQ_SPOOL" old
	cp -a "$MQ_SPOOL" reference
	for each in reference copy old; do
		diff -r --no-dereference "$MQ_SPOOL/q" "$each/q"
		(cd "$each" && find . -printf '%P %y %m %s %T@ %n %l\n' | sort) >"$each.list"
		cmp reference.list "$each.list"
	done
	ask restore nothing old
	[ ! -e old ]
}

# ---- sending ---------------------------------------------------------------------

check_sent() {
	sent "$1" '' '[payload]'
	all_well
}

@test "mq-send" {
	crash prepare_queue check_sent mq-send -b payload q
}

@test "mq-send of standard input with properties" {
	echo payload >input
	crash prepare_queue check_sent mq-send -p 9 -t 10h -H 'A: b' q
}

@test "mq-send with a delay" {
	crash prepare_queue check_sent mq-send -d 1m -b payload q
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
	crash prepare_queue check_bulk mq-send -l q
}

@test "mq-send -0" {
	printf '1\0002\0003\000' >input
	crash prepare_queue check_bulk mq-send -0 q
}

@test "mq-send -j" {
	printf '{"body":"%s"}\n' 1 2 3 >input
	crash prepare_queue check_bulk mq-send -j q
}

@test "mq-send -j with properties, delays and times to live" {
	printf '{"body":"%s","headers":{"A":"b"},"correlation_id":"c","delay":%s,"ttl":36000}\n' 1 0 2 1 3 2 >input
	crash prepare_queue check_bulk_at_last mq-send -j q
}

check_bulk_at_last() {
	local seen
	seen=$(left -s q)
	one_of "$seen" '' 1 '1 2' '1 2 3'
	[ "$(wc -w <<<"$seen")" -ge "$(wc -l <out)" ]
	[ "$1" != unharmed ] || same '1 2 3' "$seen"
	all_well
}

prepare_files() {
	prepare_queue
	for each in 1 2 3; do
		printf %s "$each" >"file$each"
	done
}

# What is wrong with one file does not keep the others from being sent.
check_files() {
	local seen
	seen=$(left)
	one_of "$seen" '' '[1]' '[2]' '[3]' '[1][2]' '[1][3]' '[2][3]' '[1][2][3]'
	[ "$(tr -dc ']' <<<"$seen" | wc -c)" -ge "$(wc -l <out)" ]
	[ "$1" != unharmed ] || same '[1][2][3]' "$seen"
	all_well
}

@test "mq-send of three files" {
	LINES_TOLD=3
	crash prepare_files check_files mq-send q file1 file2 file3
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
	crash prepare_queue check_dedup mq-send -D key -b payload q
}

@test "mq-send -D, never tried again" {
	crash prepare_queue check_sent mq-send -D key -b payload q
}

check_pending() {
	same '[payload]' "$(left)"
	all_well
}

# A sender was killed between its mark and the publication.
prepare_pending() {
	local pending PASSED=0
	prepare_queue
	traced -k symlinkat:1 -- mq-send -D key -b payload q
	pending=$(find "$MQ_SPOOL/q/q/dedup/pending" -type f)
	[ -n "$pending" ]
}

@test "mq-recv that finishes what is pending" {
	PASSED=31s
	crash prepare_pending check_pending mq-recv -v 1s q
}

@test "mq-send that is tried again, of what is pending" {
	crash prepare_pending check_pending mq-send -D key -b payload q
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
	crash prepare_full check_dropped mq-send -b 3 q
}

prepare_overflow() {
	mq-create q backoff=0 max-depth=1 overflow=dead-letter
	mq-send -q -b 1 q
}

check_overflow() {
	sent "$1" '' '[2]' q/dlq
	same '[1]' "$(left)"
	all_well
}

@test "mq-send to a full queue, overflow=dead-letter" {
	crash prepare_overflow check_overflow mq-send -b 2 q
}

prepare_blocked() {
	mq-create q backoff=0 max-depth=1 overflow=block
	mq-send -q -b 1 q
	mq-recv q >receipt
}

# waited WHERE: somebody stands there; or, in two seconds, nobody does: it has gone, or
# could not.
waited() {
	local end=$((SECONDS + 2))
	until compgen -G "$MQ_SPOOL/q/q/$1/*" >/dev/null || ((SECONDS > end)); do
		pause
	done
}

ack_when_blocked() {
	waited blocked
	mq-ack "$(cat receipt)"
}

check_blocked() {
	mq-ack "$(cat receipt)" 2>/dev/null || true
	sent "$1" '' '[2]'
	all_well
}

@test "mq-send to a full queue, overflow=block" {
	BESIDE=ack_when_blocked
	crash prepare_blocked check_blocked mq-send -b 2 q
}

# ---- receiving --------------------------------------------------------------------

check_one_left() {
	same '[payload]' "$(left)"
	all_well
}

@test "mq-recv" {
	crash prepare_one check_one_left mq-recv q
}

check_three_left() {
	same '1 2 3' "$(left -s q)"
	all_well
}

@test "mq-recv -n 3" {
	crash prepare_three check_three_left mq-recv -n 3 q
}

prepare_levels() {
	mq-create q backoff=0
	mq-send -q -p 0 -b 3 q
	mq-send -q -p 9 -b 1 q
	mq-send -q -p 5 -b 2 q
}

@test "mq-recv -n 3 of three levels" {
	crash prepare_levels check_three_left mq-recv -n 3 q
}

@test "mq-recv -c -P" {
	crash prepare_three check_three_left mq-recv -n 2 -c me -P 5 q
}

prepare_held() {
	prepare_three
	mq-recv -c me -P 5 q >receipt
	mq-ack "$(cat receipt)"
	mq-recv -c me -P 5 q >receipt
}

check_two_left() {
	same '2 3' "$(left -s q)"
	all_well
}

@test "mq-recv -c -P that counts what is held" {
	crash prepare_held check_two_left mq-recv -c me -P 5 q
}

prepare_two_to_take() {
	mq-create other
	prepare_one
}

@test "mq-recv -j of the second of two queues" {
	LINES_TOLD=2
	crash prepare_two_to_take check_one_left mq-recv -j other q
}

send_when_waited_for() {
	waited waiting
	mq-send -q -b payload q
}

check_come() {
	[ -n "$(ids_of q)" ] || mq-send -q -b payload q
	check_one_left
}

@test "mq-recv -w, until a message comes" {
	BESIDE=send_when_waited_for
	crash prepare_queue check_come mq-recv -w 10 q
}

# A segment is done with: it is removed, and head moves on.
prepare_segments() {
	mq-create q backoff=0
	seq 900 | mq-send -q -l q
	mq-send -q -b last q
	local most
	most=$(find "$MQ_SPOOL/q/q/ready/p4" -name '*,b*' | wc -l)
	[ "$(find "$MQ_SPOOL/q/q/ready/p4" -mindepth 1 -type d | wc -l)" -ge 2 ]
	mq-recv -a -n "$((most - 1))" q >/dev/null
}

check_last_left() {
	same '[last]' "$(left)"
	all_well
}

@test "mq-recv that removes what segments are empty" {
	crash prepare_segments check_last_left mq-recv q
}

prepare_ballast() {
	prepare_one
	rm -r "$MQ_SPOOL/ballast"
}

@test "mq-recv that lays ballast" {
	PASSED=1m
	crash prepare_ballast check_one_left mq-recv q
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
	LINES_TOLD=2 # it cannot be read, nor given back
	crash prepare_one check_taken mq-recv -a q
}

check_three_taken() {
	local i rest
	rest=$(left -s q)
	one_of "$rest" '' 1 2 3 '1 2' '1 3' '2 3' '1 2 3'
	for i in 1 2 3; do
		[[ "$(cat out)$rest" == *$i* ]]
	done
	[ "$1" != unharmed ] || same '' "$rest"
	all_well
}

@test "mq-recv -a -n 3" {
	LINES_TOLD=6
	crash prepare_three check_three_taken mq-recv -a -n 3 q
}

@test "mq-recv that finds a lapsed lease" {
	PASSED=31s
	crash prepare_lease check_one_left mq-recv q
}

@test "mq-recv that finds a lapsed batch" {
	PASSED=31s
	crash prepare_batch check_three_left mq-recv q
}

prepare_lapsing() {
	mq-create q backoff=10s
	mq-send -q -b payload q
	mq-recv q >receipt
	mq-send -q -p 0 -b other q
}

check_lapsing() {
	same 'other payload' "$(left -s q)"
	all_well
}

@test "mq-recv that finds a lapsed lease and a backoff" {
	PASSED=31s
	crash prepare_lapsing check_lapsing mq-recv q
}

prepare_last_try() {
	mq-create q backoff=0 max-receives=1
	mq-send -q -b payload q
	mq-send -q -b other q
	mq-recv q >receipt
}

check_last_try() {
	same 'other payload' "$(left -s q q/dlq)"
	all_well
}

@test "mq-recv that finds a lapsed lease at max-receives" {
	PASSED=31s
	crash prepare_last_try check_last_try mq-recv -v 10m q
}

prepare_due() {
	mq-create q backoff=0
	mq-send -q -d 20s -b payload q
}

@test "mq-recv that finds a delayed message due" {
	PASSED=31s
	crash prepare_due check_one_left mq-recv q
}

@test "mq-send that finds a lapsed lease" {
	PASSED=31s
	crash prepare_last_try check_last_try_and_more mq-send -b 3rd q
}

check_last_try_and_more() {
	one_of "$({ left; left q/dlq; } | tr ']' '\n' | tr -d '[' | sort | xargs)" \
		'3rd other payload' 'other payload'
	[ "$1" != unharmed ] || [ -s out ]
	all_well
}

@test "mq-stat that finds a lapsed lease" {
	PASSED=31s
	crash prepare_lease check_one_left mq-stat q
}

prepare_expired() {
	mq-create q backoff=0
	mq-send -q -t 20s -b gone q
	mq-send -q -b payload q
}

@test "mq-recv that finds a message expired" {
	PASSED=31s
	crash prepare_expired check_expired mq-recv q
}

check_expired() {
	same '[payload]' "$(left)"
	all_well
}

prepare_retention() {
	mq-create q backoff=0 retention=20s dlq-retention=20s
	mq-send -q -b 1 q
	mq-nack -x "$(mq-recv q)"
	mq-send -q -b 2 q
}

check_retention() {
	same '' "$(left)$(left q/dlq)"
	mq-config q retention=0
	all_well
}

@test "mq-recv that drops what is too old, of dead letters too" {
	PASSED=31s
	STATUS=1
	crash prepare_retention check_retention mq-recv q
}

# The first command after a boot, which finds segments after the tail.
prepare_boot() {
	prepare_segments
	ln -sfn 0 "$MQ_SPOOL/q/q/ready/p4/tail"
	mkdir -p "$MQ_SPOOL/q/q/ready/p4/0"
	rm -r "$MQ_SPOOL/q/q/stat"
}

@test "mq-recv, the first after a boot" {
	crash prepare_boot check_last_left mq-recv q
}

@test "mq-send, the first after a boot" {
	crash prepare_boot check_last_and_sent mq-send -b more q
}

# A sender who may not look, and so not mend, puts its message where tail leads.
check_last_and_sent() {
	# shellcheck disable=SC2154 # the fault's
	if [ "${error:-}" = EACCES ] && [ -s out ]; then
		one_of "$(left)" '[last][more]' '[more][last]'
	else
		sent "$1" '[last]' '[last][more]'
	fi
	all_well
}

# ---- settling ---------------------------------------------------------------------

check_acked() {
	done_or_not "$1" '[payload]' ''
	all_well
}

@test "mq-ack" {
	crash prepare_lease check_acked mq-ack @receipt
}

check_acked_of_batch() {
	if [ "$1" = unharmed ]; then
		same '2 3' "$(left -s q)"
	else
		one_of "$(left -s q)" '2 3' '1 2 3'
	fi
	all_well
}

@test "mq-ack of one of a batch" {
	crash prepare_batch check_acked_of_batch mq-ack @receipt
}

prepare_extended() {
	prepare_batch
	mq-extend -v 1m "$(cat receipt)"
}

@test "mq-ack of one that was extended" {
	crash prepare_extended check_acked_of_batch mq-ack @receipt
}

check_batch_acked() {
	local rest
	rest=$(left -s q)
	one_of "$rest" '' 1 2 3 '1 2' '1 3' '2 3' '1 2 3'
	[ "$1" != unharmed ] || same '' "$rest"
	all_well
}

prepare_ack_all() {
	prepare_batch
	cp receipts input
}

@test "mq-ack - of a batch" {
	LINES_TOLD=4
	crash prepare_ack_all check_batch_acked mq-ack -
}

@test "mq-nack -d 0" {
	crash prepare_lease check_one_left mq-nack -d 0 @receipt
}

@test "mq-nack with a delay" {
	crash prepare_lease check_one_left mq-nack -d 1m @receipt
}

@test "mq-nack -r" {
	crash prepare_lease check_one_left mq-nack -d 0 -r why @receipt
}

@test "mq-nack of one of a batch" {
	crash prepare_batch check_three_left mq-nack -d 0 @receipt
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
	crash prepare_lease check_rejected mq-nack -x @receipt
}

@test "mq-nack -x -r" {
	crash prepare_lease check_rejected mq-nack -x -r why @receipt
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
	crash prepare_last_lease check_last_nack mq-nack @receipt
}

check_extended() {
	if [ "$1" = unharmed ]; then
		try later 4m mq-recv q
		is 1 '' ''
	fi
	check_one_left
}

@test "mq-extend" {
	crash prepare_lease check_extended mq-extend -v 5m @receipt
}

@test "mq-extend of one of a batch" {
	crash prepare_batch check_three_left mq-extend -v 5m @receipt
}

@test "mq-extend to less, which is marked ahead of time" {
	crash prepare_lease check_one_left mq-extend -v 1s @receipt
}

@test "mq-extend of one that was extended" {
	crash prepare_extended check_three_left mq-extend -v 5m @receipt
}

prepare_dead_letter_to() {
	mq-create other backoff=0
	mq-create q backoff=0 dead-letter-to=other
	mq-send -q -b payload q
	mq-recv q >receipt
}

check_dead_letter_to() {
	same '[payload]' "$(left)$(left other)"
	all_well
	all_well other
}

@test "mq-nack -x to another queue" {
	crash prepare_dead_letter_to check_dead_letter_to mq-nack -x -r why @receipt
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
	crash prepare_dead check_redriven mq-redrive q
}

@test "mq-redrive of one message" {
	crash prepare_dead check_redriven_one mq-redrive -n 1 q
}

check_redriven_one() {
	same '1 2 3' "$(left -s q q/dlq)"
	all_well
}

prepare_dead_and_other() {
	mq-create other backoff=0
	prepare_dead
}

check_redriven_to() {
	same '1 2 3' "$(left -s other q/dlq)"
	all_well
	all_well other
}

@test "mq-redrive -t" {
	crash prepare_dead_and_other check_redriven_to mq-redrive -t other q
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
	crash prepare_purge check_purged mq-purge q
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
	LEAVES=1 # what was not removed for good
	crash prepare_purge check_deleted mq-delete q
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
	crash : check_created mq-create q visibility=7s
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
	crash prepare_other check_beside mq-create q
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
	crash prepare_one check_configured mq-config q visibility=7s max-depth=9
}

# ---- looking --------------------------------------------------------------------------

check_listed() {
	[ "$1" != unharmed ] || same "$(cat id)" "$(cut -f 1 out)"
	check_one_left
}

@test "mq-ls" {
	crash prepare_one check_listed mq-ls q
}

check_all_listed() {
	[ "$1" != unharmed ] || same $'other\nq' "$(cat out)"
	check_one_left
}

@test "mq-ls of queues" {
	crash prepare_two_to_take check_all_listed mq-ls
}

check_counted() {
	[ "$1" != unharmed ] || same '1 2 0 0' "$(awk -F '\t' '{ print $2, $3, $4, $5 }' out)"
	check_three_left
}

prepare_counted() {
	prepare_three
	mq-recv -n 2 q >receipts
}

@test "mq-stat" {
	crash prepare_counted check_counted mq-stat q
}

check_shown() {
	[ "$1" != unharmed ] || same payload "$(cat out)"
	check_one_left
}

@test "mq-cat" {
	crash prepare_lease check_shown mq-cat @receipt
}

check_settings() {
	[ "$1" != unharmed ] || same 15 "$(wc -l <out)"
	check_one_left
}

@test "mq-config that prints" {
	crash prepare_one check_settings mq-config q
}

# breaks_off FILE MESSAGE COMMAND...: each read of the file fails in turn, once, which ends
# the block before it within a line.  That is told, as MESSAGE, and nothing else.
breaks_off() {
	local file=$1 message=$2 k hit met=0
	shift 2
	for k in {1..30}; do
		traced -f "read:$k:EIO" -- "$@"
		read -r _ hit <report || break
		[[ $hit == "read("*"/$file>"* ]] || continue
		met=$((met + 1))
		same "74 $message" "$rc $(<err)"
	done
	[ "$met" -ge 2 ]
}

@test "receipts on standard input that break off in a line" {
	prepare_one
	mq-recv q >receipt
	for ((i = 0; i < 200; i++)); do
		cat receipt
	done >input
	breaks_off input 'mq-extend: standard input: read: Input/output error' mq-extend -
}

@test "samples that break off in a line" {
	prepare_one
	mq-stat -r sample
	for ((i = 0; i < 200; i++)); do
		cat sample
	done >samples
	breaks_off samples 'mq-stat: samples: read: Input/output error' mq-stat -g samples
}

# ---- over time --------------------------------------------------------------------------

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
