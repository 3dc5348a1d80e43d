#!/usr/bin/env bats
# What the hot paths ask of the kernel, counted: a number that a slow or busy
# machine does not change.  A figure that grows is a regression; one that shrinks
# is to be written down here.  The limits are what was counted and a dozen: a look
# for what is due, which comes once a second, may fall into any command.

load ../lib

setup() {
	mq_setup
	! sanitized || skip "sanitizers make calls of their own"
	command -v strace >/dev/null || skip "no strace"
	need_strace
	mq-create q visibility=1h
}

# traced COMMAND...: its calls are in calls, without those of its start, and of
# finding out the real path of the spool, which depends on where that is
traced() {
	strace -qq -o all "$@"
	sed -n '/^p*poll(\[{fd=0/,/^exit_group/p' all | grep -v '^readlink(' >calls
}

# count NAME: how many of these calls were made
count() {
	grep -c "^$1(" calls || true
}

# most N WHAT: not more than so many calls in all
most() {
	local n
	n=$(wc -l <calls)
	((n <= $1)) || {
		echo "$2: $n calls, at most $1 are expected"
		sed 's/(.*//' calls | sort | uniq -c | sort -rn
		return 1
	}
	echo "# $2: $n calls, of at most $1" >&3
}

@test "mq-send -l: a link each" {
	seq 1000 >lines
	mq-send -q -b first q
	traced mq-send -q -l q <lines
	same 999 "$(count linkat)"
	same 1 "$(count fsync)"
	most 1140 "1,000 messages sent"
}

# Of the clock there are two, as its bucket is missing at first.
@test "mq-recv -n: a rename for 250" {
	seq 1000 | mq-send -q -l q
	traced mq-recv -n 1000 q >receipts
	same 1000 "$(wc -l <receipts)"
	same 7 "$(count renameat)"
	most 116 "1,000 messages received"
}

@test "mq-ack -: an unlink each" {
	seq 1000 | mq-send -q -l q
	mq-recv -n 1000 q >receipts
	traced mq-ack - <receipts
	same 1004 "$(count unlinkat)"
	most 1120 "1,000 messages acked"
}

@test "mq-recv -a: an unlink each, and hardly a read" {
	seq 1000 | mq-send -q -l q
	traced mq-recv -a -n 1000 q >payload
	most 1160 "1,000 messages received, read and acked"
}

@test "mq-recv of fewer than a bundle has: a rename each" {
	seq 1000 | mq-send -q -l q
	traced mq-recv -n 100 q >receipts
	most 185 "100 messages of a bundle received"
}

@test "mq-send of one message" {
	traced mq-send -q -b payload q
	mq-send -q -b payload q
	traced mq-send -q -b payload q
	same 1 "$(count fsync)"
	most 58 "one message sent"
}

@test "mq-recv of one message" {
	mq-send -q -b payload q
	mq-send -q -b payload q
	mq-recv q >/dev/null
	traced mq-recv q >receipt
	most 70 "one message received"
}

@test "mq-ack of one message" {
	mq-send -q -b payload q
	mq-recv q >receipt
	traced mq-ack "$(<receipt)"
	most 49 "one message acked"
}

@test "an empty queue" {
	mq-recv q || true
	traced mq-recv q || [ $? -eq 1 ]
	most 68 "nothing received"
}

@test "a queue that is drained" {
	mq-send -q -b payload q
	mq-recv -a q >/dev/null
	traced mq-recv q || [ $? -eq 1 ]
	most 109 "nothing received from a line"
}

# worked N WHAT OPTION...: of 100 jobs not more than N calls, and 50 for each second.  The
# queue has no settings: young ones are read each time.  (Two are for the umask, the job's
# and ours.)
worked() {
	local begun=$EPOCHSECONDS n=$1 what=$2
	shift 2
	mq-create w
	seq 100 | mq-send -q -l w
	strace -qq -o calls mq-work -j 1 -n 100 "$@" w -- true
	most $((n + 50 * (EPOCHSECONDS - begun + 1))) "$what"
}

@test "mq-work: a process each, and little besides" {
	worked 4750 "100 jobs, received one by one" -P 0
}

@test "mq-work: what is read ahead is received in bulk" {
	worked 2730 "100 jobs, ten messages ahead" -P 10
}

@test "a message of a group" {
	mq-send -q -g a -b 1 q
	mq-send -q -g a -b 2 q
	traced mq-send -q -g a -b 3 q
	most 57 "one message of a group sent"
	traced mq-recv q >receipt
	most 84 "one message of a group received"
	traced mq-ack "$(<receipt)"
	most 61 "one message of a group acked"
}

@test "mq-stat of what was counted before" {
	seq 5000 | mq-send -q -l q
	later 10s mq-stat q >/dev/null
	traced mq-stat q
	# of segments and bundles none but the last is read, which has just changed
	most 130 "5,000 messages counted again"
}
