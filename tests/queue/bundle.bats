#!/usr/bin/env bats
# Messages that are sent together and leased together: bundles.

load ../lib

setup() {
	mq_setup
	mq-create q backoff=0 visibility=30s
}

LINE=ready/p4

# bundles DIRECTORY SUFFIX: how many there are below the queue
bundles() {
	find "$MQ_SPOOL/q/q/$1" -mindepth 1 -type d -name "*$2*" | wc -l
}

bodies() {
	jq -r .body | tr '\n' ' '
}

@test "many messages are sent as bundles, few are not" {
	seq 1000 | mq-send -q -l q
	same 4 "$(bundles $LINE +)"
	mq-create other
	seq 63 | mq-send -q -l other
	same 0 "$(find "$MQ_SPOOL/q/other/ready" -name '*+' | wc -l)"
	seq 64 | mq-send -q -l other
	same 1 "$(find "$MQ_SPOOL/q/other/ready" -name '*+' | wc -l)"
}

@test "what must be counted, waits or is of several lines is not" {
	local n
	mq-create limited max-depth=1000
	mq-create mixed
	seq 100 | mq-send -q -l limited
	seq 100 | mq-send -q -l -d 1h mixed
	seq 100 | mq-send -q -l -g a mixed
	for ((n = 0; n < 100; n++)); do echo "{\"body\":\"$n\",\"priority\":$((n % 2))}"; done | mq-send -q -j mixed
	same 0 "$(find "$MQ_SPOOL"/q/*/ready -name '*+' | wc -l)"
}

@test "a bundle is leased whole, and its directory goes with its last message" {
	seq 250 | mq-send -q -l q
	mq-recv -n 250 q >receipts
	same 250 "$(wc -l <receipts)"
	same 1 "$(bundles leased +)"
	same 0 "$(bundles $LINE +)"
	has q 0 250 0 0
	same 17 "$(mq-cat "$(sed -n 17p receipts)")"
	ok '' mq-ack - <receipts
	same 0 "$(bundles leased +)"
	has q 0 0 0 0
}

@test "who wants fewer opens it, and the order stays" {
	seq 300 | mq-send -q -l q
	mq-send -q -b 301 q
	same 1 "$(mq-recv -a q)"
	same 1 "$(bundles $LINE -)"
	same "$(seq 2 301 | tr '\n' ' ')" "$(mq-recv -j -n 1000 q | bodies)"
}

@test "a bundle that lapses comes back, without what was acked or extended" {
	seq 100 | mq-send -q -l q
	mq-recv -n 100 q >receipts
	head -n 10 receipts | mq-ack -
	mq-extend -v 10m "$(sed -n 50p receipts)"
	same "$(seq 11 49 | tr '\n' ' ')$(seq 51 100 | tr '\n' ' ')" "$(later 31s mq-recv -j -n 1000 q | bodies)"
	same 2 "$(later 31s mq-ls -S leased -j q | jq -r 'select(.receives == 2) | .receives' | sort -u)"
	fails 3 'mq-ack: .*lapsed' later 32s mq-ack "$(sed -n 11p receipts)"
	ok '' later 32s mq-ack "$(sed -n 50p receipts)"
}

@test "verdicts on single messages of a bundle" {
	seq 64 | mq-send -q -l q
	mq-recv -n 64 q >receipts
	mq-nack "$(sed -n 1p receipts)"
	mq-nack -x -r broken "$(sed -n 2p receipts)"
	mq-nack -r again "$(sed -n 3p receipts)"
	has q 2 61 0 1
	same '1 3 ' "$(mq-recv -j -n 10 q | bodies)"
	mq-ls -S dead q | cut -f 7 | xargs mq-cat -H | grep -q '^Mq-History: broken; queue=q; count=1'
	fails 3 'mq-nack: .*lapsed' mq-nack "$(sed -n 2p receipts)"
}

@test "mq-ls, mq-cat, mq-stat and mq-fsck see what is in bundles" {
	seq 128 | mq-send -q -l q
	seq 64 | mq-send -q -l q
	mq-recv -n 64 q >receipts || true
	same 192 "$(mq-ls q | wc -l)"
	same "$(seq 64)" "$(mq-ls -S ready q | cut -f 7 | head -n 128 | tail -n 64 | while read -r path; do mq-cat "$path" && echo; done)"
	has q 128 64 0 0
	ok '' mq-fsck
}

@test "mq-purge takes from bundles, and leases keep" {
	seq 200 | mq-send -q -l q
	seq 64 | mq-send -q -l q
	mq-recv -n 200 q >receipts
	same 64 "$(mq-purge q)"
	has q 0 200 0 0
	ok '' mq-ack - <receipts
}

@test "what has expired in a bundle is not delivered" {
	seq 100 | mq-send -q -l -t 10s q
	later 11s mq-recv -n 100 q >receipts || [ $? -eq 1 ]
	same '' "$(<receipts)"
	seq 100 | mq-send -q -l q
	mq-config q retention=1h
	later 2h mq-recv -n 10 q >receipts || [ $? -eq 1 ]
	same '' "$(<receipts)"
}

@test "two receivers: each message once" {
	seq 20000 | mq-send -q -l q
	mq-recv -j -n 20000 q >one &
	mq-recv -j -n 300 q >two
	mq-recv -j -n 20000 q >three || true
	wait $!
	same "$(seq 20000 | sort)" "$(cat one two three | jq -r .body | sort)"
}

@test "dead letters that were sent as a bundle are redriven" {
	seq 100 | mq-send -q -l q/dlq
	same 100 "$(mq-redrive q)"
	has q 100 0 0 0
}

@test "a link in the place of a bundle in flight leads nowhere" {
	seq 64 | mq-send -q -l q
	receipt=$(mq-recv -n 64 q | head -n 1)
	mkdir elsewhere
	echo precious >"elsewhere/${receipt##*/}"
	mv "${receipt%/*}" aside
	ln -s "$PWD/elsewhere" "${receipt%/*}"
	fails 65 'mq-ack: .*not a receipt.*' mq-ack "$receipt"
	[ -e "elsewhere/${receipt##*/}" ]
}

@test "mq-stat beside one that opens bundles misses none" {
	local before after seen n
	command -v strace >/dev/null || skip "no strace"
	! sanitized || skip "sanitizers do not run under strace"
	for n in {1..12}; do
		seq 64 | mq-send -q -l q
	done
	: >out
	start receiver bash -c 'while mq-recv -a q >/dev/null; do echo; done >>out'
	before=0
	while ((before < 700)); do
		seen=$(strace -qq -o /dev/null -e inject=getdents64:delay_exit=3000 mq-stat -j q |
			jq .visible)
		after=$(wc -l <out)
		((768 - after - 1 <= seen && seen <= 768 - before)) || {
			echo "$seen counted, of between $((768 - after - 1)) and $((768 - before))"
			return 1
		}
		before=$after
	done
	ends 0 "${pid:?}"
}

@test "a bundle is opened on a disk that is full" {
	command -v strace >/dev/null || skip "no strace"
	! sanitized || skip "sanitizers do not run under strace"
	seq 100 | mq-send -q -l q
	later 2s mq-stat q >/dev/null
	test -e "$MQ_SPOOL/ballast/0"
	same 1 "$(strace -qq -o /dev/null -e trace=renameat \
		-e inject=renameat:error=ENOSPC:when=1 mq-recv -a q)"
	same 1 "$(bundles $LINE -)"
}

@test "a limit set later drops from bundles" {
	seq 100 | mq-send -q -l q
	mq-config q max-depth=100 overflow=drop-head
	seq 101 103 | mq-send -q -l q
	has q 100 0 0 0
	same 4 "$(mq-recv -a q)"
}
