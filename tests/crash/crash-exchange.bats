#!/usr/bin/env bats
# Exchanges: stopped at every step (crash.bash).
# shellcheck disable=SC2034,SC2154 # what is set here is for crash.bash, or set by it

load ../lib
load crash

prepare_two_queues() {
	mq-create a backoff=0
	mq-create b backoff=0
	mq-create -x fanout x
	mq-bind x a
	mq-bind x b
}

# refused QUEUE: the publisher was told that it could not have what others got.
refused() {
	[ "$rc" -ne 137 ] && [[ $'\n'$(<err) == *$'\n'"mq-send: $1: "* ]]
}

# had_by QUEUE SEEN: what was to be sent, or the first so many, is $wanted; and what
# the publisher was told of, unless the queue refused it.
had_by() {
	local ends=${2//[!]]/} ids
	[[ $wanted == "$2"* ]]
	mapfile -t ids <out
	((${#ends} >= ${#ids[@]})) || refused "$1"
}

# In both queues or in none.
check_published() {
	local a b
	a=$("${take:-left}" a)
	b=$("${take:-left}" b)
	had_by a "$a"
	had_by b "$b"
	refused a || refused b || same "$a" "$b"
	[ "$1" != unharmed ] || same "$wanted$wanted" "$a$b"
	all_well a
	all_well b
}

@test "mq-send -x" {
	wanted='[1]'
	crash prepare_two_queues check_published mq-send -x x -b 1
}

@test "mq-send -x -l" {
	wanted='[1][2][3]'
	seq 3 >input
	crash prepare_two_queues check_published mq-send -x x -l
}

@test "mq-send -x -l of many" {
	seq -f '[%g]' 66 >input # bundles from 64 on
	wanted=$(tr -d '\n' <input)
	take=left_whole
	crash prepare_two_queues check_published mq-send -x x -l
}

@test "mq-send -x of a group" {
	wanted='[1]'
	crash prepare_two_queues check_published mq-send -x x -g g -b 1
}

prepare_one_target() {
	mq-create a backoff=0
	mq-create -x direct x
	mq-bind x a k
}

check_one_target() {
	sent "$1" '' '[1]' a
	all_well a
}

@test "mq-send -x to one queue" {
	crash prepare_one_target check_one_target mq-send -x x -k k -b 1
}

# The publisher was killed when all was committed, and nothing in its queue; who
# comes later finishes, be it stopped at any step, too.
prepare_journal() {
	local k
	prepare_two_queues
	echo 1 >input
	for ((k = 1; k < 40; k++)); do
		traced -k "renameat:$k" -- mq-send -x x -l
		if [ "$rc" -eq 137 ] && [ -n "$(find "$MQ_SPOOL/j" -mindepth 2 2>/dev/null)" ]; then
			rm -rf "$MQ_SPOOL"/tmp/* "$MQ_SPOOL"/q/*/tmp/* # its litter
			return
		fi
		rm -rf "$MQ_SPOOL"
		prepare_two_queues
	done
	return 1
}

check_helped() {
	local each
	for each in a b; do
		same '[1]' "$(left "$each")"
		all_well "$each"
	done
	same '' "$(find "$MQ_SPOOL/j" -mindepth 1 2>/dev/null)"
}

@test "mq-recv that finishes a publish" {
	crash prepare_journal check_helped mq-recv -v 1s a
}

check_bound() {
	local bindings
	bindings=$(mq-bind -l x)
	[ "$1" != unharmed ] || same $'a\tk\nb\tl' "$bindings"
	one_of "$bindings" $'a\tk' $'a\tk\nb\tl'
	mq-bind x b l
	same $'a\tk\nb\tl' "$(mq-bind -l x)"
	mq-send -q -x x -k k -b 1
	mq-send -q -x x -k l -b 2
	same '[1]' "$(left a)"
	same '[2]' "$(left b)"
}

prepare_bound() {
	prepare_one_target
	mq-create b backoff=0
}

@test "mq-bind" {
	crash prepare_bound check_bound mq-bind x b l
}

check_created() {
	mq-create -x topic y
	same type=topic "$(mq-config y | head -n 1)"
	mq-bind y a '#'
	mq-send -q -x y -k k -b 1
	same '[1]' "$(left a)"
}

@test "mq-create -x" {
	crash prepare_one_target check_created mq-create -x topic y
}

check_deleted() {
	mq-delete x || [ "$1" = unharmed ] || harmless 66 '.*' mq-delete x
	fails 66 '.+' mq-send -x x -k k -b 1
	mq-create -x fanout x
	same '' "$(mq-bind -l x)"
	mq-bind x a
	mq-send -q -x x -b 2
	same '[2]' "$(left a)"
}

@test "mq-delete of an exchange" {
	LEAVES=1 # what was not removed for good
	crash prepare_one_target check_deleted mq-delete x
}

prepare_two_bindings() {
	prepare_bound
	mq-bind x b l
}

check_unbound() {
	[ "$1" != unharmed ] || same $'a\tk' "$(mq-bind -l x)"
	mq-bind -u x b l 2>/dev/null || [ "$?" -eq 66 ] || [ "$?" -eq 1 ]
	same $'a\tk' "$(mq-bind -l x)"
	mq-send -q -x x -k k -b 1
	same '[1]' "$(left a)"
}

@test "mq-bind -u" {
	crash prepare_two_bindings check_unbound mq-bind -u x b l
}

check_bindings() {
	[ "$1" != unharmed ] || same $'a\tk\nb\tl' "$(cat out)"
	all_well a
}

@test "mq-bind -l" {
	crash prepare_two_bindings check_bindings mq-bind -l x
}

prepare_one_full() {
	mq-create a backoff=0 max-depth=1 overflow=dead-letter
	mq-create b backoff=0
	mq-create -x fanout x
	mq-bind x a
	mq-bind x b
	mq-send -q -b 0 a
}

check_full() {
	local wanted='[1]' a b
	a=$(left a/dlq)
	b=$(left b)
	same '[0]' "$(left a)"
	had_by a "$a"
	had_by b "$b"
	refused a || refused b || same "$a" "$b"
	[ "$1" != unharmed ] || same '[1][1]' "$a$b"
	all_well a
	all_well b
}

@test "mq-send -x, one queue is full" {
	crash prepare_one_full check_full mq-send -x x -b 1
}

prepare_alternate() {
	prepare_two_queues
	mq-create -x direct y alternate=x
}

@test "mq-send -x by way of an alternate" {
	wanted='[1]'
	crash prepare_alternate check_published mq-send -x y -k nowhere -b 1
}

@test "mq-send -x -d" {
	wanted='[1]'
	crash prepare_two_queues check_published mq-send -x x -d 1m -b 1
}

prepare_headers() {
	mq-create a backoff=0
	mq-create b backoff=0
	mq-create -x headers x
	mq-bind x a 'Colour: red'
	mq-bind x b 'Colour: red'
}

@test "mq-send -x by headers" {
	wanted='[1]'
	crash prepare_headers check_published mq-send -x x -H 'Colour: red' -b 1
}
