#!/usr/bin/env bats
# work-files.bats - mq-work: the file that {} stands for, and what a job does to it
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
	job_scripts
}

@test "{}: a job that moves its file away and fails has not lost the message" {
	mq-config q max-receives=2
	mq-send -q -b kept q
	mq-work -e -j1 q -- sh -c 'mv "$1" wip && false' sh {}
	same kept "$(cat wip)"
	same '[kept]' "$(drain q/dlq)"
	no_litter
}

@test "{}: a job that moves its file away and is done: the file is its own" {
	mq-send -q -b kept q
	ok '' mq-work -e -j1 q -- mv {} mine
	same kept "$(cat mine)"
	has q 0 0 0 0
	no_litter
}

@test "{}: what is written to it changes no message, here or in another queue" {
	mq-create other
	mq-create -x fanout x
	mq-bind x q
	mq-bind x other
	mq-send -q -x x -b payload
	mq-config q max-receives=2
	mq-work -e -j1 q -- sh -c 'cat "$1" >>seen; echo spoilt >"$1"; chmod 000 "$1"; false' sh {}
	same payloadpayload "$(cat seen)"
	same payload "$(mq-recv -a other)"
	same payload "$(mq-recv -a q/dlq)"
}

@test "{}: the payload to the byte, of every kind" {
	head -c 9M /dev/urandom >large
	: >empty
	for file in large empty; do
		mq-send -q q "$file"
		mq-send -q -H 'A: b' q "$file"
		mq-work -e -j1 q -- cmp {} "$file"
	done
	seq 300 | mq-send -q -l q
	mq-work -e -j1 q -- sh -c 'cat "$1"; echo' sh {} >out
	same "$(seq 300)" "$(cat out)"
	has q 0 0 0 0
	no_litter
}

@test "{}: a clone where the file system can: no blocks of its own" {
	need_root
	command -v mkfs.btrfs >/dev/null || skip "no mkfs.btrfs"
	truncate -s 200M image
	mkfs.btrfs -q image
	mounted "$T/mnt" -o loop image
	export MQ_SPOOL=$T/mnt/spool
	mq-create q backoff=0
	head -c 20M /dev/urandom >large
	mq-send -q q large
	sync -f mnt
	mq-work -e -j1 q -- sh -c 'cmp "$1" large && sync -f "$1" && filefrag -v "$1" | grep -c shared >shared' sh {}
	[ "$(cat shared)" -gt 0 ]
	has q 0 0 0 0
}

@test "-I: a file of its own is handed out as it is, a part of one as a copy" {
	mq-send -q -b alone q
	printf 'one\ntwo\n' | mq-send -q -l q
	mq-work -e -j1 --in-place q -- sh -c '[ "$1" = "$MQ_RECEIPT" ] && echo same || echo copy' sh {} >out
	same 'same copy copy' "$(xargs <out)"
	no_litter
}

@test "{}: no room for the copy: uncounted, 74" {
	mounted "$T/small" -t tmpfs -o size=3m tmpfs
	export MQ_SPOOL=$T/small/spool
	mq-create q max-receives=1
	head -c 2M /dev/zero | mq-send -q q
	fails 74 'mq-work: q: cannot copy a message: No space left on device' mq-work -e -j1 q -- wc -c {}
	has q 1 0 0 0
	same 0 "$(mq-ls -j q | jq .receives)"
	ok $'2097152\n' mq-work -e -j1 q -- sh -c 'wc -c'
	no_litter
}

@test "{}: what a worker leaves that is killed goes within a day or so; what a job still has stays" {
	mq-send -q -b x q
	start w mq-work -j1 q -- ./await never {}
	soon compgen -G 'running.*'
	kill -KILL "$pid"
	ends 137 "$pid"
	there_are 1 "$MQ_SPOOL/q/q/tmp/*"
	for ((i = 0; i < 600; i++)); do later "$((i * 2))s" mq-recv q/dlq >/dev/null 2>&1 || true; done
	there_are 1 "$MQ_SPOOL/q/q/tmp/*"
	touch -d '-25 hours' "$MQ_SPOOL"/q/q/tmp/*
	swept() {
		later "$((n += 2))s" mq-recv q >/dev/null || true
		there_are 0 "$MQ_SPOOL/q/q/tmp/*"
	}
	n=3600
	by_chance swept
}

# ---- time that passes before the start ---------------------------------------------------------

@test "a lease that lapses while its payload is copied: no job is started on it" {
	command -v strace >/dev/null || skip "no strace"
	head -c 1M /dev/zero | mq-send -q -H 'A: b' q
	mq-send -q -b next q
	# the first copy takes six seconds, of which the lease is three
	strace -qq -f -e trace=sendfile,sendfile64 -e inject=sendfile,sendfile64:delay_enter=6s:when=1 -o /dev/null \
		mq-work -j1 -P 0 -n 3 -v 3s -l log q -- sh -c 'echo "$MQ_RECEIVES" >>starts; cat >/dev/null' 2>err ||
		skip "strace cannot delay"
	same 'lapsed' "$(cut -f 4 log | head -n 1)"
	same 2 "$(wc -l <starts)"
}

@test "TERM while a message is received: it is given back, not begun" {
	command -v strace >/dev/null || skip "no strace"
	mq-send -q -b x q
	start w strace -qq -f -e trace=renameat,renameat2 -e inject=renameat,renameat2:delay_exit=2s -o calls \
		mq-work -j1 q -- sh -c 'echo >>starts'
	soon grep -q leased calls
	child=$(cat "/proc/$pid/task/$pid/children")
	kill "${child% }"
	ends 0 "$pid"
	[ ! -e starts ]
	has q 1 0 0 0
	same 0 "$(mq-ls -j q | jq .receives)"
}

@test "TERM while a payload is copied: no job is started" {
	command -v strace >/dev/null || skip "no strace"
	head -c 1M /dev/zero | mq-send -q -H 'A: b' q
	start w strace -qq -f -e trace=sendfile,sendfile64 -e inject=sendfile,sendfile64:delay_exit=2s -o calls \
		mq-work -j1 q -- sh -c 'echo >>starts'
	soon grep -q sendfile calls
	child=$(cat "/proc/$pid/task/$pid/children")
	kill "${child% }"
	ends 0 "$pid"
	[ ! -e starts ]
	has q 1 0 0 0
	same 0 "$(mq-ls -j q | jq .receives)"
}

# ---- without /proc ---------------------------------------------------------------------------------

@test "without /proc: all works, and the queue is not taken for one of an earlier boot each time" {
	! sanitized || skip "sanitizers need /proc"
	need_root
	mkdir empty
	# hidden COMMAND...: it has no /proc
	hidden() { unshare -m sh -c 'mount --bind "$0" /proc && exec "$@"' "$T/empty" "$@"; }
	hidden true || skip "cannot hide /proc"
	# when the queue was settled last, in the page that the processes of this host share
	settled() { od -An -t d8 -j 112 -N 8 "$MQ_SPOOL"/q/p/stat/*; }
	hidden mq-create p
	hidden mq-send -q -b first p
	was=$(settled)
	[ "$was" -gt 0 ]
	seq 10 | hidden mq-send -q -l p
	hidden mq-work -e -j1 p -- sh -c 'cat "$1"; echo' sh {} >out
	same "first $(seq -s ' ' 10)" "$(xargs <out)"
	seq 10 | hidden mq-send -q -l p
	hidden mq-work -L -e p -- sed -u 's/.*/ok/'
	hidden mq-fsck -n
	same "$was" "$(settled)"
	has p 0 0 0 0
}
