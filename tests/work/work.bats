#!/usr/bin/env bats
# mq-work: its command line, and what a job gets
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

python() {
	command -v python3 >/dev/null || skip "no python3"
	python3 "$@"
}

# ---- the command line --------------------------------------------------------

@test "usage: queues, --, and a command" {
	usage mq-work
	usage mq-work q
	[[ $stderr == *--* ]]
	usage mq-work q true
	[[ $stderr == *--* ]]
	usage mq-work q --
	usage mq-work -- true
	usage mq-work -j 2 -- true
}

@test "usage: bad values" {
	for n in 0 -1 x '' 1.5 99999999999; do
		usage mq-work -j "$n" q -- true
	done
	for n in -1 x '' 1.5; do
		usage mq-work -n "$n" q -- true
		usage mq-work -P "$n" q -- true
	done
	usage mq-work -P 1001 q -- true
	for t in x '' -1 5x; do
		usage mq-work -i "$t" q -- true
		usage mq-work -v "$t" q -- true
		usage mq-work -T "$t" q -- true
	done
}

@test "usage: weights are 1 to 100" {
	for w in 0 101 -1 x '' 1.5; do
		usage mq-work "q=$w" -- true
	done
}

@test "the options of the command are its own" {
	mq-send -q -b x q
	ok $'<-e><--><{}x><--help>' mq-work --jobs 1 --drain q -- printf '<%s>' -e -- '{}x' --help
}

@test "no such queue: 66; the others are worked on" {
	mq-send -q -b x q
	fails 66 'mq-work: nosuch: no such queue.*' mq-work -e nosuch -- touch ran
	[ ! -e ran ]
	fails 66 'mq-work: nosuch: no such queue.*' mq-work -e nosuch q -- touch ran
	[ -e ran ]
	has q 0 0 0 0
}

# ---- one message, one run ------------------------------------------------------

@test "each message is one run with its payload on standard input, then acked" {
	seq 5 | mq-send -q -l q
	mq-send -q -b six q
	ok $'1\n2\n3\n4\n5\nsix\n' mq-work -j 1 -e q -- awk 1
	has q 0 0 0 0
}

@test "the most urgent first" {
	for p in 4 9 0 5; do
		mq-send -q -p "$p" -b "$p" q
	done
	ok $'9\n5\n4\n0\n' mq-work -j1 -P 0 -e q -- awk 1
}

@test "the payload to the byte: alone, with headers, in a bulk" {
	printf 'exactly\n\0\377this\n\n' >in
	mq-send -q q <in
	mq-send -q -H 'A: b' q <in
	printf 'one\0two\n\0\0' | mq-send -q -0 q
	mkdir out
	mq-work -j1 -e q -- sh -c 'cat >out/$$; echo $$ >>order'
	has q 0 0 0 0
	mapfile -t order <order
	cmp in "out/${order[0]}"
	cmp in "out/${order[1]}"
	same one "$(cat "out/${order[2]}")"
	cmp <(printf 'two\n') "out/${order[3]}"
	cmp /dev/null "out/${order[4]}"
	same 5 "${#order[@]}"
}

@test "an empty payload" {
	mq-send -q q </dev/null
	mq-send -q -H 'A: b' q </dev/null
	ok $'0\n0\n0\n0\n' mq-work -j1 -e q -- sh -c 'wc -c; wc -c <"$1"' sh /dev/stdin
	mq-send -q q </dev/null
	mq-send -q -H 'A: b' q </dev/null
	ok $'0\n0\n' mq-work -j1 -e q -- sh -c 'wc -c <"$1"' sh '{}'
}

@test "5 MiB: alone, with headers, as a path" {
	head -c 5M /dev/urandom >in
	sum=$(sha256sum <in)
	mkdir tmp
	export TMPDIR=$T/tmp
	mq-send -q q <in
	mq-send -q -H 'A: b' q <in
	ok "$sum"$'\n'"$sum"$'\n' mq-work -j1 -e q -- sha256sum
	mq-send -q q <in
	mq-send -q -H 'A: b' q <in
	ok "$sum"$'\n'"$sum"$'\n' mq-work -j1 -e q -- sh -c 'sha256sum <"$1"' sh '{}'
	same '' "$(ls tmp)"
}

@test "standard input is a real file: it can be sought, and stands at its beginning" {
	cat >seek.py <<-'END'
		import os, stat
		s = os.fstat(0)
		os.lseek(0, -3, os.SEEK_END)
		end = os.read(0, 10)
		os.lseek(0, 0, os.SEEK_SET)
		print(stat.S_ISREG(s.st_mode), s.st_size, end.decode(), os.read(0, 100).decode())
	END
	mq-send -q -b first-abc q
	mq-send -q -H 'A: b' -b second-def q
	printf 'third-ghi\nfourth-jkl\n' | mq-send -q -l q
	python -c '' # or skip
	ok "True 9 abc first-abc
True 10 def second-def
True 9 ghi third-ghi
True 10 jkl fourth-jkl
" mq-work -j1 -e q -- python3 seek.py
}

@test "a job cannot write to the message through its standard input" {
	mq-config q max-receives=2
	mq-send -q -b kept q
	mq-work -j1 -e q -- sh -c 'echo spoilt >&0' 2>/dev/null
	same '[kept]' "$(drain q/dlq)"
}

@test "{}: the path of exactly the payload; standard input is /dev/null" {
	printf 'al\0ne' >in
	mq-send -q q <in
	mq-work -j1 -e q -- cp {} alone
	cmp in alone
	mq-send -q -H 'A: b' q <in
	mq-work -j1 -e q -- cp {} headers
	cmp in headers
	printf 'one\ntwo\n' | mq-send -q -l q
	ok 'onetwo' mq-work -j1 -e q -- cat {}
	mq-send -q -b x q
	ok $'/dev/null\n' mq-work -j1 -e q -- sh -c 'readlink /proc/self/fd/0' sh {}
	has q 0 0 0 0
}

@test "{}: as often as it stands, but only alone" {
	mq-send -q -b x q
	ok 'xx' mq-work -j1 -e q -- cat {} {}
	mq-send -q -b x q
	ok $'a{}b {}{}\n' mq-work -j1 -e q -- echo 'a{}b' '{}{}'
}

@test "-I: {} is the message's own file, when it is alone in it" {
	mq-send -q -b x q
	ok $'same\n' mq-work -I -j1 -e q -- sh -c '[ "$1" = "$MQ_RECEIPT" ] && echo same' sh {}
}

@test "{}: what was made for it is removed, also when the job fails or mq-work is killed by a second signal" {
	mq-config q max-receives=1
	printf 'one\ntwo\n' | mq-send -q -l q
	mq-work -j1 -e q -- sh -c 'echo "$1" >>paths; stat -c %a "$1" >>modes; false' sh {}
	same 2 "$(grep -c "^$MQ_SPOOL/q/q/tmp/" paths)"
	same 600 "$(sort -u modes)"
	no_litter
	mq-config q max-receives=0
	printf 'one\ntwo\n' | mq-send -q -l q
	start w mq-work -j2 q -- ./await never {}
	soon there running. 1
	kill "$pid"
	soon heeded "$pid"
	kill "$pid"
	ends 143 "$pid"
	no_litter
}

@test "the environment of a job" {
	id=$(mq-send -p 7 -R answers -C c1 -H 'A: b' -b x q)
	cat >wanted <<-END
		MQ_CORRELATION_ID=c1
		MQ_ID=$id
		MQ_PRIORITY=7
		MQ_QUEUE=q
		MQ_RECEIVES=1
		MQ_REPLY_TO=answers
		MQ_SENT=$(sent_at "$id")
		MQ_SPOOL=$MQ_SPOOL
	END
	MQ_GROUP=old MQ_KEY=old mq-work -j1 -e q -- sh -c 'env; mq-cat "$MQ_RECEIPT" >payload' >vars
	same "$(cat wanted)" "$(grep '^MQ_' vars | grep -vE '^MQ_(RECEIPT|BIN|TEST_BIN|BIG)=' | sort)"
	[[ $(sed -n 's/^MQ_RECEIPT=//p' vars) =~ ^"$MQ_SPOOL/q/q/leased/" ]]
	same x "$(cat payload)"
	# What does not apply is not there, even if mq-work inherited it.
	mq-send -q -b y q
	MQ_CORRELATION_ID=old MQ_REPLY_TO=old mq-work -j1 -e q -- env >vars
	same '' "$(grep -E '^MQ_(CORRELATION_ID|REPLY_TO|GROUP|KEY)=' vars || true)"
}

@test "MQ_RECEIVES counts, MQ_QUEUE is the one it came from" {
	mq-create other backoff=0
	mq-send -q -b x q
	mq-send -q -b y other
	ok "1 q
2 q
1 other
2 other
" mq-work -j1 -P 0 -e q other -- sh -c 'echo "$MQ_RECEIVES $MQ_QUEUE"; [ "$MQ_RECEIVES" = 2 ]'
}

@test "with -s the job's MQ_SPOOL is that one, absolute" {
	mq-create -s here jobs
	mq-send -s here -q -b x jobs
	ok "$T/here"$'\n' mq-work -s here -j1 -e jobs -- sh -c 'echo "$MQ_SPOOL"'
}

@test "a job inherits no descriptor" {
	seq 8 | mq-send -q -l q
	mq-send -q -b x q
	sh -c 'ls /proc/self/fd | xargs' >wanted
	ok '' mq-work -j4 -e -l log q -- sh -c 'ls /proc/self/fd | xargs >>seen; ls -l /proc/self/fd >>links'
	same "$(cat wanted)" "$(sort -u seen)"
	same 9 "$(wc -l <seen)"
	same '' "$(grep -E 'inotify|signalfd|/q/q/(tmp|ready|lock)' links || true)"
}

@test "each attempt reads the payload from its start" {
	mq-config q backoff=0 max-receives=3
	mq-create -x fanout x
	mq-bind x q
	mq-send -q -b alone q
	mq-send -q -H 'Type: invoice' -b headed q
	mq-send -q -g a -b grouped q
	mq-send -q -x x -b published
	printf 'first\nsecond\nthird\n' | mq-send -q -l q
	head -c 2000000 /dev/zero | mq-send -q q
	mq-work -e -j1 q -- sh -c 'cksum; [ "$MQ_RECEIVES" = 3 ]' >got
	for body in alone headed grouped published first second third; do
		printf %s "$body" | cksum
	done >each
	head -c 2000000 /dev/zero | cksum >>each
	cat each each each | sort | diff - <(sort got)
	has q 0 0 0 0
}

@test "a job's signals are as they should be, and it leads a process group of its own" {
	mq-send -q -b x q
	# the tests may run where INT and QUIT are ignored, which is to stay so
	env --default-signal mq-work -j1 -e q -- grep -E '^Sig(Blk|Ign):' /proc/self/status >seen
	# but for 32 and 33, which are the C library's own
	same 'SigBlk: 0 SigIgn: 0' "$(while read -r key mask; do echo "$key $((16#$mask & 0x7fffffff))"; done <seen | xargs)"
	mq-send -q -b x q
	ok $'leads\n' mq-work -j1 -e q -- sh -c '[ "$(cut -d " " -f 5 /proc/$$/stat)" = $$ ] && echo leads'
}

@test "a job runs where mq-work does, with its umask" {
	mkdir d
	mq-send -q -b x q
	cd d
	ok "$T/d 0027"$'\n' bash -c 'umask 027; exec mq-work -j1 -e q -- sh -c "echo \$PWD \$(umask)"'
}

# ---- small things -----------------------------------------------------------------------------------

@test "MQ_POLL=1: the same without notifications" {
	export MQ_POLL=1
	start w mq-work -e q -- awk 1
	ends 0 "$pid"
	start w mq-work -n 3 q -- awk 1
	for i in 1 2 3; do
		mq-send -q -b "$i" q
		soon there w.out "$i"
	done
	ends 0 "$pid"
	same $'1\n2\n3' "$(cat w.out)"
}

@test "memory does not grow with the backlog or the payload" {
	seq 50000 | mq-send -q -l q
	head -c 64M /dev/zero | mq-send -q -p 9 q
	head -c 64M /dev/zero | mq-send -q -p 9 -H 'A: b' q
	command time -f %M -o mem mq-work -j2 -n 200 q -- true
	lean 8192 mem
}

@test "a worker of a spool that cannot be written: 77" {
	need_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	as_nobody test -x "$MQ_BIN/mq-work" || skip "the build is not open to others"
	mq-send -q -b x q
	chmod -R o=rX "$MQ_SPOOL"
	as_nobody test -r "$MQ_SPOOL/version" || skip "the scratch directory is not open to others"
	fails 77 'mq-work: .*Permission denied.*' as_nobody "$MQ_BIN/mq-work" -e q -- true
	has q 1 0 0 0
}
