#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

@test "extend: the deadline becomes now + DURATION" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	ok '' mq-extend -v 5m "$receipt"
	fails 1 '' later 31s mq-recv q
	fails 1 '' later 280s mq-recv q
	same '[x]' "$(drain q 301s)"
}

@test "an extended lease can be acked until its new deadline" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-extend -v 5m "$receipt"
	ok '' later 280s mq-ack "$receipt"
	has q 0 0 0 0
	same '' "$(find "$MQ_SPOOL/q/q/leased" -type f)"
}

@test "extend counts from now, not from the old deadline" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	ok '' later 20s mq-extend --visibility 30s "$receipt"
	fails 1 '' later 40s mq-recv q
	same '[x]' "$(drain q 51s)"
}

@test "extend can shorten" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	ok '' mq-extend -v 5s "$receipt"
	same '[x]' "$(drain q 6s)"
}

@test "without -v: the queue's visibility" {
	mq-config q visibility=10m
	mq-send -q -b x q
	receipt=$(mq-recv -v 5s q)
	ok '' mq-extend "$receipt"
	fails 1 '' later 580s mq-recv q
	same '[x]' "$(drain q 601s)"
}

@test "extended again and again" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	for s in 25 50 75 100; do
		ok '' later "${s}s" mq-extend -v 30s "$receipt"
	done
	fails 1 '' later 115s mq-recv q
	ok '' later 115s mq-ack "$receipt"
	same '' "$(find "$MQ_SPOOL/q/q/leased" -type f)"
}

@test "one of a batch has then a deadline of its own" {
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	ok '' mq-extend -v 5m "${r[1]}"
	same '1 3' "$(drain q 31s | sorted)"
	fails 1 '' later 280s mq-recv q
	ok 2 mq-cat "${r[1]}"
	ok '' mq-extend -v 10m "${r[1]}"
	fails 1 '' later 580s mq-recv q
	same '[2]' "$(drain q 601s)"
}

@test "one of a batch shortened" {
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	ok '' mq-extend -v 1s "${r[1]}"
	same '[2]' "$(drain q 2s)"
	fails 1 '' later 20s mq-recv q
	ok '' later 20s mq-ack "${r[0]}" "${r[2]}"
}

@test "all of a batch, each alone, then acked: nothing stays behind" {
	seq 3 | mq-send -q -l q
	mq-recv -n 3 q >receipts
	ok '' mq-extend -v 5m - <receipts
	ok '' later 4m mq-ack - <receipts
	fails 1 '' later 6m mq-recv q
	same '' "$(find "$MQ_SPOOL/q/q/leased" -type f)"
}

@test "an extended message can be nacked" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-extend -v 5m "$receipt"
	ok '' mq-nack "$receipt"
	same '[x]' "$(drain q)"
	fails 3 'mq-extend: .+' mq-extend "$receipt"
}

@test "a lapsed receipt: 3, and it is not revived" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	fails 3 'mq-extend: .+' later 31s mq-extend -v 5m "$receipt"
	same '[x]' "$(drain q 31s)"
}

@test "an acked receipt: 3, and no clock appears" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-ack "$receipt"
	harmless 3 'mq-extend: .+' mq-extend -v 5m "$receipt"
	same '' "$(find "$MQ_SPOOL/q/q/leased" -type f)"
}

@test "one of a batch that was acked: 3, the others' clock is as it was" {
	seq 2 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 2 q)
	mq-ack "${r[0]}"
	harmless 3 'mq-extend: .+' mq-extend -v 5m "${r[0]}"
	same '[2]' "$(drain q 31s)"
}

@test "-0 and several operands; the rest is done when one fails" {
	seq 4 | mq-send -q -l q
	mq-recv -n 2 -0 q >receipts
	ok '' mq-extend -v 5m -0 - <receipts
	readarray -t r < <(mq-recv -n 2 q)
	try mq-extend -v 5m "${r[0]}" garbage "${r[1]}"
	is 65 '' 'mq-extend: .*garbage.*'
	fails 1 '' later 280s mq-recv q
	same '1 2 3 4' "$(drain q 302s | sorted)"
}

@test "touch on a clock extends by hand" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	clock=$(dirname "$receipt")/${receipt##*,l}
	[ -f "$clock" ]
	touch -d '+5 min' "$clock"
	fails 1 '' later 280s mq-recv q
	same '[x]' "$(drain q 301s)"
}

@test "an extension beside the reaper: either it holds or it is refused" {
	for round in {1..15}; do
		mq-send -q -b "$round" q
		receipt=$(mq-recv q)
		for i in 1 2 3; do
			tell "t$i" later 31s mq-recv -a q >"got$i" 2>&1 3>&- &
		done
		tell rc later 20s mq-extend -v 1h "$receipt" 2>/dev/null 3>&- &
		wait
		taken=$(cat got? | grep -cx "$round" || true)
		case "$(cat rc) $taken" in
		'0 0') mq-ack "$receipt" ;;
		'3 1') ;;
		*) same 'one or the other' "extend $(cat rc), taken $taken" ;;
		esac
	done
}

# The one who looks is stopped between the look at the clock and what it concludes.
@test "a lease extended in time is claimed by nobody who looked before" {
	need_strace
	mq-send -q -b x q
	v=$((40 - (EPOCHSECONDS + 32) % 16)) # it ends in the middle of its bucket
	receipt=$(mq-recv -v "${v}s" q)
	clock=$(dirname "$receipt")/${receipt##*,l}
	MQ_TEST_PASSED=$((v - 5))s strace -qq -o looked -P "${clock#"$MQ_SPOOL"/q/q/}" \
		-e inject=%%stat:delay_exit=7s:when=1 "$MQ_TEST_BIN/mq-recv" q >got 3>&- &
	soon grep -q stat looked
	ok '' later $((v - 20))s mq-extend -v 1m "$receipt"
	wait
	same '' "$(cat got)"
	same '' "$(grep rename looked)"
	ok '' later $((v + 2))s mq-ack "$receipt"
}

# A reaper that saw it would claim it later, when its holder relies on it.
@test "a clock has its time before it has its name" {
	need_strace
	local call stops=0
	mq-send -q -b x q
	mq-recv -v 1h q # the bucket is there
	for call in mknodat utimensat renameat; do
		for ((n = 1; ; n++)); do
			mq-send -q -b x q
			stopped_after "$n" "$call" mq-recv -v 1h q || break
			stops=$((stops + 1))
			same '' "$(find "$MQ_SPOOL/q/q/leased" -regex '.*/[0-9a-f]+' -type f ! -newermt '+30 minutes')"
			go_on
		done
	done
	((stops >= 3))
}

@test "bad options: 64" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	usage mq-extend
	usage mq-extend -v soon "$receipt"
	usage mq-extend -v -5s "$receipt"
	usage mq-extend --nosuch "$receipt"
}

# ---- a file system that keeps whole seconds ------------------------------------

# kept FILE SECONDS COMMAND...: once it has ended, the file's time is that far ahead
kept() {
	local file=$1 s=$2 from till
	shift 2
	from=$(date +%s%N)
	"$@"
	# shellcheck disable=SC2086 # a pattern, before the file is there
	till=$(stat -c %.9Y $file)
	same 000000000 "${till#*.}"
	((${till/./} >= from + s * 1000000000)) || {
		echo "$* at $from: until $till"
		return 1
	}
}

receive() {
	mq-recv -v "$1" q >receipts
}

@test "no lease is shorter than promised where times are whole seconds" {
	need_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
	truncate -s 16M image
	mkfs.ext4 -q -I 128 image 2>/dev/null
	mounted "$T/disk" -o loop image
	export MQ_SPOOL=$T/disk/spool
	mq-create q backoff=0
	leased=$MQ_SPOOL/q/q/leased
	for each in 1 2 3; do # somewhere in a second
		mq-send -q -b "$each" q
		kept "$leased/*/????????????????" 7 receive 7s
		kept "$leased/*/????????????????" 9 mq-extend -v 9s "$(<receipts)"
		mq-ack - <receipts
		seq 2 | mq-send -q -l q
		mq-recv -n 2 q >receipts
		read -r first <receipts
		kept "$leased/*/????????????????.*" 8 mq-extend -v 8s "$first"
		kept "$leased/*/????????????????.*" 9 mq-extend -v 9s "$first"
		mq-ack - <receipts
		rm -rf "${leased:?}"/*
		rm -rf "$MQ_SPOOL/once"
		kept "$MQ_SPOOL/once/*/*" 7 mq-once -w 7s key true
	done
	# and what a worker holds
	mq-send -q -b job q
	# shellcheck disable=SC2016 # of the job
	kept seen 7 mq-work -v 7s -n 1 q -- sh -c 'touch -r "$1"/*/???????????????? seen' sh "$leased"
}
