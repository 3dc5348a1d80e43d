#!/usr/bin/env bats
# A lock that another process holds, perhaps for good, is not an error; and what is
# done with it now and then is done often enough.
# shellcheck disable=SC2154 # pid, output and the like are set by the helpers

load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

# boot: the next command is the first since the machine was started.
boot() {
	rm -f "$MQ_SPOOL"/q/q/stat/*
}

@test "a worker starts after a boot although a strip's lock is held" {
	seq 3 | mq-send -q -l q
	boot
	ok '' timeout 60 flock "$MQ_SPOOL/q/q/ready/p4/lock" mq-work -i 100ms q -- true
	has q 0 0 0 0
}

@test "a sender does, too" {
	mq-send -q -b 1 q
	boot
	ok '' timeout 60 flock "$MQ_SPOOL/q/q/ready/p4/lock" mq-send -q -b 2 q
	same '[1][2]' "$(drain q)"
}

@test "and what could not be put right then is later" {
	mq-send -q -b 1 q
	mkdir -m 2770 "$MQ_SPOOL/q/q/ready/p4/3"
	mv "$MQ_SPOOL"/q/q/ready/p4/0/* "$MQ_SPOOL/q/q/ready/p4/3/"
	boot
	mkfifo held
	flock "$MQ_SPOOL/q/q/ready/p4/lock" sh -c ': >has_it && exec cat held' 3>&- &
	soon there has_it
	start worker mq-work -n 1 q -- cat
	soon asleep "$pid"
	: >held
	ends 0 "$pid"
	same 1 "$(cat worker.out)"
}

@test "the first after a boot does not wait for a lock of message groups for ever" {
	mq-send -q -g a -b 1 q
	mq-send -q -g b -b 2 q
	boot
	for each in "$MQ_SPOOL"/q/q/groups/*/lock; do
		ok '' timeout 60 flock "$each" mq-send -q -b 3 q
		boot
	done
}

@test "those that start at once after a boot all succeed" {
	mq-send -q -b 0 q
	boot
	for i in $(seq 24); do
		tell "rc.$i" mq-send -q -b "$i" q 2>>err 3>&- &
	done
	wait
	same '' "$(cat err)"
	same 0 "$(cat rc.* | sort -u)"
	has q 25 0 0 0
}

# ---- segments ----------------------------------------------------------------------

# largest LINE: the most entries that one of its segments has
largest() {
	local each n most=0
	for each in "$MQ_SPOOL/q/q/$1"/*/; do
		n=$(find "$each" -type f | wc -l)
		((n < most)) || most=$n
	done
	echo "$most"
}

@test "segments rotate, also when each batch is smaller than one" {
	mq-config q sync=none
	seq 63 >lines
	for ((i = 0; i < 300; i++)); do
		mq-send -q -l q <lines
	done
	[ "$(largest ready/p4)" -le 4096 ]
	mq-fsck -n
}

@test "mq-fsck tells of a segment that is too large" {
	mq-send -q -b 1 q
	python3 - "$MQ_SPOOL"/q/q/ready/p4/0/* <<-'END'
		import os, sys
		path, name = sys.argv[1].rsplit("/", 1)
		key, rest = name.split("-", 1)
		for i in range(8200):
		    os.link(sys.argv[1], f"{path}/{int(key) + i + 1}-{rest}")
	END
	try mq-fsck -n
	[[ $output$stderr == *"receiving is slow"* ]]
	mq-fsck -y || true
	mq-send -q -b 2 q
	same 1 "$(find "$MQ_SPOOL/q/q/ready/p4/1" -type f | wc -l)"
}
