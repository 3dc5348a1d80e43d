#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

# broken WHAT PATH [QUEUE]: mq-fsck tells of this fault alone, and changes nothing.
broken() {
	local before after
	census before
	try mq-fsck
	is 1 "${3:-q}"$'\t'"$1"$'\t-\t'"$2"$'\n' "${NEWS:-}"
	census after
	same "$before" "$after"
}

# repaired WHAT DONE PATH [QUEUE]: mq-fsck -y puts it right; then all is well.
repaired() {
	try mq-fsck -y
	# shellcheck disable=SC2154 # set by run
	same "${4:-q}"$'\t'"$1"$'\t'"$2"$'\t'"$3" "${output%$'\n'}"
	same 0 "$status"
	try mq-fsck
	same '' "$output"
	same 0 "$status"
}

# mends WHAT DONE PATH [QUEUE]
mends() {
	broken "$1" "$3" "${4:-q}"
	repaired "$@"
}

# aside WHAT PATH: it goes to bad/, whole.
aside() {
	local was
	was=$(cat "$MQ_SPOOL/$2" 2>/dev/null || true)
	mends "$1" 'moved to bad/' "$2"
	same "$was" "$(cat "$MQ_SPOOL"/q/q/bad/* 2>/dev/null || true)"
	NEWS='mq-fsck: q: 1 file in bad/'
}

three() {
	mq-create q backoff=0
	for i in 1 2 3; do
		mq-send -q -b "message $i" q
	done
}

first() {
	(cd "$MQ_SPOOL" && printf '%s\n' "q/q/$1"/* | head -n 1)
}

@test "a spool in which nothing is broken" {
	three
	mq-create -x topic ex
	mq-bind ex q '#'
	mq-create other group-on-dead=block
	mq-bind ex other '#'
	seq 700 | mq-send -q -l -x ex -k a
	seq 50 | mq-send -q -l -g alice other
	for i in a b c; do
		mq-send -q -b "$i" -g "$i" -H 'A: b' other
		mq-send -q -D "$i" -b "$i" q
	done
	mq-send -q -d 1h -b later q
	mq-nack -x "$(mq-recv other)"
	mq-nack -x "$(mq-recv q)"
	mq-nack -d 1h "$(mq-recv other)"
	mq-recv -n 20 other >receipts
	head -n 3 receipts | xargs -n 1 mq-extend -v 1h
	ok '' mq-fsck
	ok '' mq-fsck -n
	ok '' mq-fsck q other
	ok '' mq-fsck q/dlq
	ok '' mq-fsck -y
	# What has lapsed is no fault, nor is what a killed receiver left.
	ok '' later 10m mq-fsck
	ok '' later 10m mq-fsck -y
}

@test "usage, and what is not there" {
	usage mq-fsck -x
	fails 66 "mq-fsck: q: no such queue in $MQ_SPOOL" mq-fsck q
	fails 66 'mq-fsck: .*: no such spool' mq-fsck
	mq-create q
	fails 66 'mq-fsck: ../q: no such queue: bad name' mq-fsck ../q
	fails 66 "mq-fsck: r: no such queue in $MQ_SPOOL" mq-fsck r q
}

# ---- names and files -------------------------------------------------------------

@test "names that are none" {
	three
	echo mine >"$MQ_SPOOL/q/q/notes"
	aside 'nothing that a queue has' q/q/notes
	rm -r "$MQ_SPOOL/q/q/bad"
	NEWS=
	echo mine >"$MQ_SPOOL/q/q/ready/p4/0/notes"
	aside 'not the name of a message' q/q/ready/p4/0/notes
	rm -r "$MQ_SPOOL/q/q/bad"
	NEWS=
	echo mine >"$MQ_SPOOL/q/q/ready/p4/notes"
	aside 'no segment' q/q/ready/p4/notes
	rm -r "$MQ_SPOOL/q/q/bad"
	NEWS=
	echo mine >"$MQ_SPOOL/q/q/leased/16"
	aside 'no directory of a time' q/q/leased/16
	same '[message 1][message 2][message 3]' "$(drain q)"
}

@test "a name that would write to the terminal" {
	three
	: >"$MQ_SPOOL/q/q/ready/p4/0/"$'a\e[31m\n\tb\\'
	broken 'not the name of a message' 'q/q/ready/p4/0/a\x1b[31m\x0a\x09b\x5c'
	repaired 'not the name of a message' 'moved to bad/' 'q/q/ready/p4/0/a\x1b[31m\x0a\x09b\x5c'
}

@test "links, pipes and directories in the place of messages" {
	three
	entry=$(first ready/p4/0)
	rm "$MQ_SPOOL/$entry"
	ln -s /etc/passwd "$MQ_SPOOL/$entry"
	mends 'not a file' 'moved to bad/' "$entry"
	NEWS='mq-fsck: q: 1 file in bad/'
	entry=$(first ready/p4/0)
	rm "$MQ_SPOOL/$entry"
	mkfifo "$MQ_SPOOL/$entry"
	mends 'not a file' 'moved to bad/' "$entry"
	NEWS='mq-fsck: q: 2 files in bad/'
	entry=$(first ready/p4/0)
	rm "$MQ_SPOOL/$entry"
	mkdir "$MQ_SPOOL/$entry"
	mends 'not a file' 'moved to bad/' "$entry"
	fails 1 '' mq-recv q
}

@test "a part of the queue that is gone" {
	three
	rmdir "$MQ_SPOOL/q/q/delayed" "$MQ_SPOOL/q/q/tmp"
	try mq-fsck -y
	is 0 $'q\tis missing\tmade\tq/q/delayed\nq\tis missing\tmade\tq/q/tmp\n' ''
	mq-send -q -d 1h -b delayed q
	ok '' mq-fsck
	same '[message 1][message 2][message 3]' "$(drain q)"
}

@test "settings that are not understood: told, and left to people" {
	three
	echo visibilty=5m >"$MQ_SPOOL/q/q/conf"
	broken 'conf has a setting that is not known or not good: visibilty' q/q/conf
	try mq-fsck -y
	is 1 $'q\tconf has a setting that is not known or not good: visibilty\t-\tq/q/conf\n' ''
}

# ---- messages ----------------------------------------------------------------------

@test "torn messages are set aside" {
	three
	entry=$(first ready/p4/0)
	truncate -s 4 "$MQ_SPOOL/$entry"
	aside 'torn: its file is shorter than its name says' "$entry"
	same '[message 2][message 3]' "$(drain q)"
}

@test "a damaged block of properties" {
	mq-create q
	mq-send -q -H 'A: b' -b x q
	entry=$(first ready/p4/0)
	printf 'A\1' | dd of="$MQ_SPOOL/$entry" conv=notrunc status=none
	aside 'its block of properties is damaged' "$entry"
}

@test "a message in the line of another priority, or of tokens" {
	three
	mq-send -q -p 9 -b urgent q
	mq-send -q -g g -b grouped q
	entry=$(first ready/p9/0)
	mv "$MQ_SPOOL/$entry" "$MQ_SPOOL/q/q/ready/p4/0"
	mends 'in the line of another priority' 'put where it belongs' "q/q/ready/p4/0/${entry##*/}"
	same urgent "$(mq-recv -a q)"
	entry=$(first ready/p4/0)
	mv "$MQ_SPOOL/$entry" "$MQ_SPOOL/q/q/turns/p4/0"
	mends 'a message among tokens' 'put where it belongs' "q/q/turns/p4/0/${entry##*/}"
	entry=$(first turns/p4/0)
	mv "$MQ_SPOOL/$entry" "$MQ_SPOOL/q/q/ready/p4/0"
	mends "a message group's token among messages" 'put where it belongs' "q/q/ready/p4/0/${entry##*/}"
	same '[message 1][message 2][message 3][grouped]' "$(drain q)"
}

@test "a message in flight that has no lease" {
	three
	mkdir -p "$MQ_SPOOL/q/q/leased/32000000000"
	entry=$(first ready/p4/0)
	mv "$MQ_SPOOL/$entry" "$MQ_SPOOL/q/q/leased/32000000000"
	mends 'in flight without a lease' 'put where it belongs' "q/q/leased/32000000000/${entry##*/}"
	same '1 2 3' "$(drain q | tr -d 'a-z ' | sorted)"
}

@test "a delayed message where it would come too late" {
	mq-create q
	mq-send -q -d 1m -b soon q
	mkdir "$MQ_SPOOL/q/q/delayed/32000000000"
	entry=$(cd "$MQ_SPOOL" && find q/q/delayed -type f)
	mv "$MQ_SPOOL/$entry" "$MQ_SPOOL/q/q/delayed/32000000000"
	mends 'where it comes later than it is due' 'put where it belongs' "q/q/delayed/32000000000/${entry##*/}"
	same soon "$(later 61s mq-recv -a q)"
}

@test "one message under two names: the lease stays" {
	three
	receipt=$(mq-recv q)
	back=$(sed 's/,r1//; s/,l[0-9a-f]*$//' <<<"${receipt##*/}")
	ln "$receipt" "$MQ_SPOOL/q/q/ready/p4/0/$back"
	mends 'a second name of one message' 'that name removed' "q/q/ready/p4/0/$back"
	same '[message 2][message 3]' "$(drain q)"
	mq-ack "$receipt"
	has q 0 0 0 0
}

@test "two messages with one key: one is set aside" {
	three
	entry=$(first ready/p4/0)
	mkdir "$MQ_SPOOL/q/q/ready/p4/1"
	cp "$MQ_SPOOL/$entry" "$MQ_SPOOL/q/q/ready/p4/1/${entry##*/}"
	ln -sfn 1 "$MQ_SPOOL/q/q/ready/p4/tail"
	mends 'another message with the same key' 'moved to bad/' "q/q/ready/p4/1/${entry##*/}"
	same '[message 1][message 2][message 3]' "$(drain q)"
}

@test "a history that is nobody's" {
	three
	mq-config q max-receives=2
	mq-nack -d 1h -r why "$(mq-recv q)"
	mq-nack -x -r whynot "$(mq-recv q)"
	mkdir -p "$MQ_SPOOL/q/q/dlq/why"
	cp "$MQ_SPOOL"/q/q/dlq/why/* "$MQ_SPOOL/q/q/dlq/why/1795261626120192401-121f58e0.00000000"
	# The message that it is of may be on its way.
	ok '' mq-fsck
	touch -d '2 hours ago' "$MQ_SPOOL"/q/q/dlq/why/*
	# A kill may leave one: nothing is broken.
	try mq-fsck
	is 0 '' 'mq-fsck: q: 1 files of killed commands, which -y removes'
	repaired 'the history of no message' removed q/q/dlq/why/1795261626120192401-121f58e0.00000000 q/dlq
	mq-ls -j q/dlq | jq -e '.history[0].reason == "whynot"'
}

# ---- lines --------------------------------------------------------------------------

@test "head and tail" {
	three
	strip=$MQ_SPOOL/q/q/ready/p4
	settled='head and tail set by the segments'
	rm "$strip/tail"
	mends 'there is no tail' "$settled" q/q/ready/p4
	ln -sfn up "$strip/tail"
	mends "tail is no segment's number" "$settled" q/q/ready/p4
	ln -sfn up "$strip/head"
	mends "head is no segment's number" "$settled" q/q/ready/p4
	mkdir "$strip/7"
	ok '' mq-fsck # a kill may leave one that is empty
	mv "$strip"/0/*-*,b9 "$strip/7"
	mends 'there are messages behind the tail' "$settled" q/q/ready/p4
	ln -sfn 9 "$strip/head"
	ln -sfn 9 "$strip/tail"
	mkdir "$strip/9"
	mends 'there are messages before the head' "$settled" q/q/ready/p4
	same '[message 1][message 2][message 3]' "$(drain q)"
}

# ---- message groups -----------------------------------------------------------------

@test "a group without a token" {
	mq-create q
	printf '1\n2\n' | mq-send -q -l -g g q
	rm "$MQ_SPOOL"/q/q/groups/*/*.token
	lane=$(cd "$MQ_SPOOL" && echo q/q/groups/*/????????????????????????????????)
	mends 'a group without a token: nothing of it would be delivered' 'given a token' "$lane"
	same '[1][2]' "$(drain q)"
	ok '' mq-fsck
}

@test "a token without its other name" {
	mq-create q
	printf '1\n2\n' | mq-send -q -l -g g q
	rm "$MQ_SPOOL"/q/q/turns/p4/0/*
	lane=$(cd "$MQ_SPOOL" && echo q/q/groups/*/????????????????????????????????)
	mends 'a group without a token: nothing of it would be delivered' 'given a token' "$lane"
	same '[1][2]' "$(drain q)"
}

@test "a message in the lane of another group" {
	mq-create q
	mq-send -q -b a -g a q
	mq-send -q -b b -g b q
	entry=$(cd "$MQ_SPOOL" && find q/q/groups -name '*,g*' | head -n 1)
	other=$(cd "$MQ_SPOOL" && find q/q/groups -name '*,g*' | tail -n 1)
	mv "$MQ_SPOOL/$entry" "$MQ_SPOOL/${other%/*}"
	mends 'in the lane of another group' 'put where it belongs' "${other%/*}/${entry##*/}"
	same '[a] [b]' "$(drain q | sed 's/\]\[/]\n[/' | sort | xargs)"
}

@test "a group that is blocked by a dead letter that is gone" {
	mq-create q group-on-dead=block
	printf '1\n2\n' | mq-send -q -l -g g q
	mq-nack -x "$(mq-recv q)"
	ok '' mq-fsck
	mq-recv -a q/dlq
	fails 1 '' mq-recv q
	# Where its token is changes, and what that says of the time: it looks again after a
	# second, and after two. Its key and its group stay.
	held=$(cd "$MQ_SPOOL" && find q/q/delayed q/q/turns -name '*,w*')
	held=${held##*/} group=${held##*,}
	what=$'q\ta group is blocked by a dead letter that is not there any more\t'
	try mq-fsck
	[ "$status" -eq 1 ]
	[[ $output == "$what-"$'\t'q/q/*/"${held%%,*}",*,w*,"$group"$'\n' ]]
	try mq-fsck -y
	[ "$status" -eq 0 ]
	[[ $output == "$what"$'the group goes on\t'q/q/*/"${held%%,*}",*,w*,"$group"$'\n' ]]
	ok '' mq-fsck
	same '[2]' "$(drain q)"
}

# ---- the spool -----------------------------------------------------------------------

@test "names in the spool that are none, and bindings that lead nowhere" {
	three
	mkdir "$MQ_SPOOL/q/-x"
	mends 'a name that no queue or exchange can have' 'moved to bad/' q/-x -
	echo mine >"$MQ_SPOOL/q/mine"
	mends 'not a directory' 'moved to bad/' q/mine -
	same mine "$(cat "$MQ_SPOOL"/bad/mine~*)"
	mkdir -p "$MQ_SPOOL/j/x"
	: >"$MQ_SPOOL/j/x/y"
	mends 'not part of a publish' 'moved to bad/' j/x/y -
	mq-create -x direct ex
	mq-create r
	mq-bind ex r key
	mq-bind ex q key
	rm -r "$MQ_SPOOL/q/r"
	mends 'bound to what is not there' unbound x/ex/bind/r -
	same $'q\tkey' "$(mq-bind -l ex)"
	: >"$MQ_SPOOL/x/ex/bind/nothing"
	mends 'not a binding' 'moved to bad/' x/ex/bind/nothing -
	: >"$MQ_SPOOL/x/ex/bind/q~00"
	mends 'a binding that is not understood' 'moved to bad/' x/ex/bind/q~00 -
	echo type=none >"$MQ_SPOOL/x/ex/conf"
	try mq-fsck -y
	[ "$status" -eq 1 ] && [[ $output == -$'\t'*$'\t-\tx/ex/conf\n' ]]
}

# ---- how it goes about it ---------------------------------------------------------------

@test "a read-only spool can be looked at" {
	three
	mq-send -q -g g -b x q
	touch "$MQ_SPOOL/q/q/notes"
	mounted "$T/ro" --bind "$MQ_SPOOL"
	mount -o remount,ro,bind "$T/ro" 2>mount.err || skip "cannot remount: $(cat mount.err)"
	MQ_SPOOL=$T/ro
	broken 'nothing that a queue has' q/q/notes
	try mq-fsck -y
	is 1 $'q\tnothing that a queue has; cannot repair: Read-only file system\t-\tq/q/notes\n' ''
}

@test "output that cannot be written" {
	three
	touch "$MQ_SPOOL/q/q/notes"
	fails 74 'mq-fsck: standard output: .*' to_full mq-fsck
}

@test "on a spool at which others are working, nothing is broken" {
	mq-create q visibility=100ms max-receives=50 backoff=0
	mq-create r group-on-dead=block
	mq-create -x fanout ex
	mq-bind ex q
	mq-bind ex r
	executable work <<-'END'
		trap 'exit 0' TERM
		while :; do
			seq 100 | mq-send -q -l -x ex
			seq 20 | mq-send -q -l -g "g$1" r
			mq-send -q -b single q
			mq-recv -n 100 q >"leases$1"
			head -n 50 "leases$1" | mq-ack - 2>/dev/null
			tail -n 10 "leases$1" | mq-nack - 2>/dev/null
			mq-recv -n 500 r | mq-ack - 2>/dev/null
			mq-recv -n 100 q | mq-ack - 2>/dev/null
			: >"worked$1"
		done
	END
	limit 300
	for i in 1 2; do
		start "worker$i" ./work "$i"
		workers="${workers:-} $pid"
	done
	soon there worked1
	soon there worked2
	for i in {1..10}; do
		ok '' mq-fsck
		ok '' mq-fsck -y
	done
	# shellcheck disable=SC2086 # pids
	kill $workers
	for pid in $workers; do
		ends 0 "$pid"
	done
	ok '' mq-fsck
}
