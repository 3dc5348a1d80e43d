#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load lib

setup() {
	mq_setup
	limit 60
	mq-create q backoff=0
	job_scripts
}

# The reasons why the one dead letter of q failed.
reasons() {
	mq-ls -j -S dead q | jq -r '[.history[].reason] | join(", ")'
}

# verdicts FILE: of a log, each with what it was given for.
verdicts() {
	cut -f 4,5 "$1" | tr '\t' ' '
}

receives() {
	mq-ls -j q | jq .receives | xargs
}

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

# ---- how many ------------------------------------------------------------------

@test "-j: so many at once" {
	seq 4 | mq-send -q -l q
	ok '' mq-work -j4 -e q -- ./meet 4
	there_are 4 'at.*'
	has q 0 0 0 0
}

@test "-j: and never more" {
	executable count <<-'END'
		mkdir -p at
		: >"at/$MQ_ID"
		ls at | wc -l >>seen
		read -r _
		rm "at/$MQ_ID"
	END
	seq 60 | mq-send -q -l q
	mq-work -j3 -e q -- ./count
	same 60 "$(wc -l <seen)"
	[ "$(sort -n seen | tail -n 1)" -le 3 ]
	rm seen
	seq 20 | mq-send -q -l q
	mq-work -j1 -e q -- ./count
	same 1 "$(sort -u seen)"
}

@test "one job per processor without -j" {
	n=$(getconf _NPROCESSORS_ONLN)
	seq "$((n + 1))" | mq-send -q -l q
	start w mq-work -e q -- ./await go
	soon there_are "$n" 'running.*'
	soon asleep "$pid"
	there_are "$n" 'running.*'
	touch go
	ends 0 "$pid"
}

@test "-n: so many, no more" {
	seq 10 | mq-send -q -l q
	mq-work -j4 -n 3 q -- sh -c 'echo >>runs'
	same 3 "$(wc -l <runs)"
	has q 7 0 0 0
	same '0 0 0 0 0 0 0' "$(receives)"
	mq-work -j1 --max 2 -P 100 q -- sh -c 'echo >>runs'
	same 5 "$(wc -l <runs)"
	has q 5 0 0 0
	same '0 0 0 0 0' "$(receives)"
}

@test "-n counts jobs, not successes" {
	mq-config q backoff=1h
	seq 5 | mq-send -q -l q
	mq-work -j1 -n 2 q -- false
	has q 3 0 2 0
}

@test "-n waits for what is not there yet" {
	start w mq-work -j2 -n 2 q -- awk 1
	soon asleep "$pid"
	mq-send -q -b one q
	soon there w.out 1
	soon asleep "$pid"
	mq-send -q -b two q
	ends 0 "$pid"
	same $'one\ntwo' "$(cat w.out)"
}

# ---- until when -----------------------------------------------------------------

@test "-e: an empty queue is drained at once" {
	within 2000 ok '' mq-work -e q -- true
}

@test "-e waits for what is delayed" {
	mq-send -q -d 600ms -b late q
	after 500 ok $'late\n' mq-work -e q -- awk 1
	has q 0 0 0 0
}

@test "-e waits for what is in flight elsewhere" {
	mq-send -q -b elsewhere q
	receipt=$(mq-recv -v 1h q)
	start w mq-work -e q -- awk 1
	soon asleep "$pid"
	mq-send -q -b here q
	soon there w.out 1
	soon asleep "$pid"
	mq-ack "$receipt"
	within 2000 ends 0 "$pid"
	same here "$(cat w.out)"
}

@test "-e takes over what lapses elsewhere" {
	mq-send -q -b x q
	mq-recv -v 500ms q >receipt
	ok $'x\n' mq-work --drain q -- awk 1
	has q 0 0 0 0
}

@test "-e: several queues, all of them drained; dead letters do not count" {
	for each in a b c; do
		mq-create "$each" backoff=0
		mq-send -q -b "$each" "$each"
	done
	mq-nack -x "$(mq-recv b)"
	mq-send -q -d 300ms -b later c
	mq-work -j2 -e a b c -- awk 1 >got
	same $'a\nc\nlater' "$(sort got)"
	has b 0 0 0 1
}

@test "-e among several: each message once, all of them end" {
	seq 400 | mq-send -q -l q
	pids=()
	for i in 1 2 3 4; do
		start "w$i" mq-work -j2 -e q -- awk 1
		pids+=("$pid")
	done
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same "$(seq 400)" "$(sort -n w*.out)"
	same '' "$(cat w*.err)"
	has q 0 0 0 0
}

@test "-i: ends when idle for so long" {
	after 300 within 3000 ok '' mq-work -i 300ms q -- true
	mq-send -q -b x q
	after 300 ok $'x\n' mq-work --idle 300ms q -- awk 1
}

@test "-i: what runs is not idle, and the time counts from its end" {
	mq-send -q -b one q
	ok $'one\ntwo\n' mq-work -j1 -i 400ms q -- sh -c '
		awk 1
		[ -e second ] || { touch second && sleep 0.8 && mq-send -q -d 200ms -b two q; }'
}

@test "without -e and -i it waits for ever, in its sleep" {
	start w mq-work q -- awk 1
	soon asleep "$pid"
	for i in 1 2 3; do
		mq-send -q -b "$i" q
		within 2000 soon there w.out "$i"
	done
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
	same $'1\n2\n3' "$(cat w.out)"
	same '' "$(cat w.err)"
}

# ---- verdicts --------------------------------------------------------------------

@test "exit status 0: acked" {
	mq-send -q -b x q
	ok '' mq-work -j1 -n1 -l log q -- true
	has q 0 0 0 0
	same 'ack 0' "$(verdicts log)"
}

@test "exit status 65 and 100: to the dead letters, with the reason" {
	for code in 65 100; do
		mq-send -q -b x q
		ok '' mq-work -j1 -n1 -l log.$code q -- sh -c "exit $code"
		has q 0 0 0 1
		same "exit status $code" "$(reasons)"
		same "dead $code" "$(verdicts log.$code)"
		mq-purge q/dlq >/dev/null
	done
}

@test "any other exit status: back after the backoff, with the reason" {
	mq-config q backoff=1h max-receives=0
	for code in 1 2 64 66 75 99 101 111 125 128 255; do
		mq-send -q -b x q
		ok '' mq-work -j1 -n1 -l log.$code q -- sh -c "exit $code"
		has q 0 0 1 0
		mq-cat -H "$(path_of q)" | grep -q "^Mq-History: exit status $code; "
		same "nack $code" "$(verdicts log.$code)"
		later 2h mq-recv -a q >/dev/null
	done
}

@test "killed by a signal: back after the backoff, with the reason" {
	mq-config q backoff=1h max-receives=0
	for signal in KILL TERM SEGV HUP USR2 XCPU SYS; do
		mq-send -q -b x q
		ok '' mq-work -j1 -n1 -l "log.$signal" q -- sh -c "ulimit -c 0; kill -$signal \$\$"
		has q 0 0 1 0
		mq-cat -H "$(path_of q)" | grep -q "^Mq-History: killed by SIG$signal; "
		same "nack $signal" "$(verdicts "log.$signal")"
		later 2h mq-recv -a q >/dev/null
	done
}

@test "a message that fails each time becomes a dead letter" {
	mq-config q max-receives=3
	mq-send -q -b x q
	mq-work -j1 -e -l log q -- sh -c 'exit 7'
	has q 0 0 0 1
	same 3 "$(wc -l <log)"
	[[ $(reasons) == 'exit status 7'* ]]
}

@test "exit status 126 or 127 of a job: a failure like any other" {
	mq-config q max-receives=2
	for code in 126 127; do
		printf '%s\n' "$code" 0 | mq-send -q -l q
		ok '' mq-work -e -j1 -l "log.$code" q -- sh -c 'exit "$(cat)"'
		same "ack 0
nack $code
nack $code" "$(verdicts "log.$code" | sort)"
		has q 0 0 0 1
		same "exit status $code, max-receives" "$(reasons)"
		mq-purge q/dlq
	done
}

@test "a command that does not exist: 127, and no message is taken" {
	mq-send -q -b x q
	fails 127 'mq-work: nosuchcommand: cannot run: .+' mq-work -e q -- nosuchcommand
	fails 127 'mq-work: ./nosuch: cannot run: .+' mq-work -e q -- ./nosuch
	fails 127 'mq-work: : cannot run: .+' mq-work -e q -- ''
	has q 1 0 0 0
	same 0 "$(receives)"
}

@test "a command that cannot be run: 126, and no message is taken" {
	mq-send -q -b x q
	echo 'echo ran' >plain
	mkdir dir
	for it in ./plain ./dir; do
		fails 126 "mq-work: $it: cannot run: .+" mq-work -e q -- "$it"
	done
	has q 1 0 0 0
	same 0 "$(receives)"
}

@test "a command whose interpreter is not there: given back, 126 or 127" {
	mq-send -q -b x q
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	CODE=127 try mq-work -e q -- ./script
	[[ $status =~ ^12[67]$ ]]
	[[ $stderr =~ ^'mq-work: ./script: cannot run: '[^$'\n']+$'\n'?$ ]]
	has q 1 0 0 0
	same 0 "$(receives)"
}

@test "a script without #! is run by sh, as a shell would" {
	mq-send -q -b x q
	printf 'read -r line\necho "got $line $1"\n' >plain
	chmod +x plain
	ok $'got x arg\n' mq-work -e q -- ./plain arg
}

@test "a command found through PATH" {
	mkdir bin
	mv meet bin/mycommand
	mq-send -q -b x q
	PATH=$T/bin:$PATH ok '' mq-work -e q -- mycommand 1
	has q 0 0 0 0
}

@test "a command that goes away under the worker: given back uncounted, 127" {
	printf '1\n2\n3\n' | mq-send -q -l q
	executable once <<-'END'
		rm once
		cat
	END
	CODE=127 try mq-work -j1 q -- ./once
	is 127 1 'mq-work: ./once: cannot run: .+'
	has q 2 0 0 0
	same '0 0' "$(receives)"
}

@test "a verdict of the job's own is left alone" {
	printf 'ack\nnack\nreject\n' | mq-send -q -l q
	mq-config q backoff=1h
	executable settles <<-'END'
		case $(cat) in
		ack) mq-ack "$MQ_RECEIPT" ;;
		nack) mq-nack -r mine "$MQ_RECEIPT" ;;
		reject) mq-nack -x -r hopeless "$MQ_RECEIPT" ;;
		esac
		sleep 0.8
		exit 1
	END
	ok '' mq-work -j3 -n3 -v 300ms -l log q -- ./settles
	has q 0 0 1 1
	same 'settled 1' "$(verdicts log | sort -u)"
	same hopeless "$(reasons)"
	mq-cat -H "$(path_of q)" | grep -q '^Mq-History: mine; .*count=1'
}

@test "a job that acks its receipt and leaves at once" {
	seq 20 | mq-send -q -l q
	mq-work -j2 -e -l log q -- sh -c 'mq-ack "$MQ_RECEIPT"' 2>err
	has q 0 0 0 0
	same 20 "$(grep -cE $'\t(settled|lapsed)\t0\t' log)"
}

@test "a job may extend its own lease" {
	mq-send -q -b x q
	ok '' mq-work -j1 -e -l log -v 300ms q -- sh -c 'mq-extend -v 1h "$MQ_RECEIPT"; sleep 0.7'
	has q 0 0 0 0
	same 'ack 0' "$(verdicts log)"
}

# ---- -T ----------------------------------------------------------------------------

@test "-T: a job that takes too long is killed, which is a failure" {
	mq-config q max-receives=1
	mq-send -q -b x q
	within 5000 ok '' mq-work -j1 -T 300ms -n1 -l log q -- ./group
	has q 0 0 0 1
	[[ $(reasons) == timeout* ]]
	same 'nack timeout' "$(verdicts log)"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
}

@test "-T: quick jobs and later ones are not hit" {
	seq 6 | mq-send -q -l q
	ok '' mq-work -j2 --timeout 500ms -e -l log q -- sleep 0.2
	same 'ack 0' "$(verdicts log | sort -u)"
}

@test "-T: a job that goes at TERM with status 0 has failed all the same" {
	mq-config q max-receives=1
	mq-send -q -b x q
	mq-work -j1 -T 300ms -n1 -l log q -- bash -c 'trap "exit 0" TERM; sleep 30 & wait'
	has q 0 0 0 1
	same 'nack timeout' "$(verdicts log)"
}

@test "-T: a job that ignores TERM is killed for good, with its group" {
	mq-config q max-receives=1
	mq-send -q -b x q
	executable deaf <<-'END'
		trap '' TERM
		sleep 30 &
		echo $! >child
		echo $$ >leader
		while :; do wait; done
	END
	start w mq-work -j1 -T 100ms -n1 q -- ./deaf
	soon there child 1
	ends 0 "$pid"
	has q 0 0 0 1
	[[ $(reasons) == timeout* ]]
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
}

@test "-T: what a killed job leaves behind in its group goes with it" {
	mq-config q max-receives=1
	mq-send -q -b x q
	executable leaves <<-'END'
		(trap '' TERM; exec sleep 30) &
		echo $! >child
		wait
	END
	mq-work -j1 -T 300ms -n1 q -- ./leaves
	has q 0 0 0 1
	soon gone "$(cat child)"
}

# ---- signals -------------------------------------------------------------------------

finishes_on() {
	printf '1\n2\n3\n' | mq-send -q -l q
	start w mq-work -j1 -l log q -- ./await go
	soon there running.1
	kill "-$1" "$pid"
	soon heeded "$pid"
	soon has q 2 1 0 0
	runs "$pid"
	touch go
	ends 0 "$pid"
	same 'ack 0' "$(verdicts log)"
	has q 2 0 0 0
	same '0 0' "$(receives)"
	same '' "$(cat w.err)"
}

@test "TERM: takes no more, finishes what runs, exit 0" {
	finishes_on TERM
}

@test "INT: takes no more, finishes what runs, exit 0" {
	finishes_on INT
}

@test "HUP: takes no more, finishes what runs, exit 0" {
	finishes_on HUP
}

@test "TERM gives back what was read ahead, uncounted" {
	seq 6 | mq-send -q -l q
	start w mq-work -j1 -P 10 q -- ./await go
	soon there running.1
	soon has q 0 6 0 0
	kill "$pid"
	soon has q 5 1 0 0
	runs "$pid"
	same '0 0 0 0 0' "$(receives | cut -d ' ' -f 1-5)"
	touch go
	ends 0 "$pid"
	same "$(seq 2 6 | xargs)" "$(drain q | sorted)"
}

kills_on() {
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -l log q -- sh -c './group & wait'
	soon there leader 1
	soon has q 0 2 0 0
	kill "-$1" "$pid"
	soon heeded "$pid"
	runs "$pid"
	kill "-$2" "$pid"
	within 3000 ends "$3" "$pid"
	has q 2 0 0 0
	same '0 0' "$(receives)"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
	same 'returned' "$(cut -f 4 log | sort -u)"
}

@test "TERM twice: kills the groups, gives back uncounted, 143" {
	kills_on TERM TERM 143
}

@test "INT twice: kills the groups, gives back uncounted, 130" {
	kills_on INT INT 130
}

@test "TERM, then INT: 130" {
	kills_on TERM INT 130
}

@test "TERM while nothing runs: at once" {
	start w mq-work q -- true
	soon asleep "$pid"
	kill "$pid"
	within 2000 ends 0 "$pid"
	same '' "$(cat w.out w.err)"
}

@test "an inherited SIGCHLD that is ignored does not matter" {
	mq-config q max-receives=1
	printf 'good\nbad\n' | mq-send -q -l q
	ok '' env --ignore-signal=CHLD mq-work -j1 -e -l log q -- grep -q good
	same "ack 0
nack 1" "$(verdicts log)"
}

@test "an inherited mask of blocked signals does not matter" {
	mq-send -q -b x q
	ok '' env --block-signal=CHLD,TERM,INT,PIPE mq-work -j1 -e q -- sh -c 'grep SigBlk /proc/self/status >mask'
	[[ $(cat mask) =~ ^SigBlk:[[:space:]]+0+$ ]]
	start w env --block-signal=TERM mq-work q -- true
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
}

@test "children that mq-work did not start" {
	printf 'good\nbad\n' | mq-send -q -l q
	mq-config q max-receives=1
	ok '' bash -c 'sleep 0.2 & (exit 3) & exec mq-work -j1 -i 500ms -l log q -- grep -q good'
	same "ack 0
nack 1" "$(verdicts log)"
}

# ---- leases ------------------------------------------------------------------------------

@test "a job of 10 times the visibility is delivered once" {
	mq-config q visibility=300ms
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -e -l log q -- sh -c 'echo >>runs; sleep 3'
	worker=$pid
	soon there runs 2
	start other mq-work -e q -- sh -c 'echo >>runs'
	ends 0 "$worker"
	ends 0 "$pid"
	same 2 "$(wc -l <runs)"
	has q 0 0 0 0
	same 2 "$(wc -l <log)"
	same 'ack 0' "$(verdicts log | sort -u)"
}

@test "a job of 10 times -v, whatever the queue's visibility" {
	mq-config q visibility=1h
	mq-send -q -b x q
	start w mq-work -j1 -n1 -v 200ms -l log q -- ./await go
	soon there running.x
	deadline=$((SECONDS + 2))
	until ((SECONDS > deadline)); do
		[ "$(mq-recv q | wc -l)" -eq 0 ]
		pause
	done
	touch go
	ends 0 "$pid"
	has q 0 0 0 0
	same 'ack 0' "$(verdicts log)"
}

@test "kill -9: all that it held comes again after the visibility timeout, once" {
	mq-config q visibility=8s max-receives=0
	seq 20 | mq-send -q -l q
	start w mq-work -j2 -P 10 q -- ./await never
	soon has q 8 12 0 0
	kill -9 "$pid"
	wait "$pid" || true
	same "$(seq 13 20 | xargs)" "$(drain q | sorted)"
	has q 0 12 0 0
	mq-work -j2 -e q -- sh -c 'echo "$(cat) $MQ_RECEIVES"' >got
	same "$(seq -f '%g 2' 12)" "$(sort -n got)"
	has q 0 0 0 0
}

@test "kill -9 with short jobs, again and again: nothing is lost, little is doubled" {
	mq-config q visibility=300ms max-receives=0
	seq 300 | mq-send -q -l q
	for i in 1 2 3; do
		start "w$i" mq-work -j2 q -- awk 1
		soon eval '[ "$(cat w'$i'.out | wc -l)" -ge 30 ]'
		kill -9 "$pid"
		wait "$pid" || true
	done
	mq-work -j2 -e q -- awk 1 >rest
	same "$(seq 300)" "$(sort -nu w*.out rest)"
	# at most what ran when it was killed
	[ "$(sort -n w*.out rest | uniq -d | wc -l)" -le 6 ]
	has q 0 0 0 0
}

@test "stopped past its lease: the job's group is killed, nothing is acked" {
	mq-config q visibility=500ms
	mq-send -q -b x q
	start w mq-work -j1 -l log q -- ./group
	soon there leader 1
	kill -STOP "$pid"
	soon eval 'mq-recv -v 1h q >receipt'
	kill -CONT "$pid"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
	soon there log 1
	same lapsed "$(cut -f 4 log)"
	has q 0 1 0 0
	ok x mq-cat "$(cat receipt)"
	ok '' mq-ack "$(cat receipt)"
	rm leader
	mq-send -q -b next q
	soon there leader 1
	kill "$pid"
	soon heeded "$pid"
	kill "$pid"
	ends 143 "$pid"
}

@test "stopped past its lease with a job that has ended: its exit 0 acks nothing" {
	mq-config q visibility=500ms
	mq-send -q -b x q
	start w mq-work -j1 -n1 -l log q -- ./await go
	soon there running.x
	kill -STOP "$pid"
	touch go
	soon gone "$(cat running.x)"
	soon eval 'mq-recv -v 1h q >receipt'
	kill -CONT "$pid"
	ends 0 "$pid"
	same lapsed "$(cut -f 4 log)"
	has q 0 1 0 0
	ok '' mq-ack "$(cat receipt)"
}

@test "a lapsed lease kills its jobs' groups; a later verdict changes nothing" {
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -v 300ms -l log q -- sh -c './group; exit 0'
	soon there leader 1
	soon has q 0 2 0 0
	later 1h mq-recv -n 2 -v 2h q >receipts
	same 2 "$(wc -l <receipts)"
	soon there log 2
	same 'lapsed' "$(cut -f 4 log | sort -u)"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
	kill "$pid"
	ends 0 "$pid"
	has q 0 2 0 0
	ok '' later 1h mq-ack - <receipts
}

@test "a full disk while the lease is kept" {
	small_disk ext4
	mq-config q visibility=500ms
	mq-send -q -b one q
	mq-send -q -b two q
	start w mq-work -j1 -P 0 -n1 -l log q -- ./await go
	soon there running.one
	fill_up
	deadline=$((SECONDS + 3))
	until ((SECONDS > deadline)); do
		has q 1 1 0 0
		pause
	done
	touch go
	ends 0 "$pid"
	same 'ack 0' "$(verdicts log)"
	same '[two]' "$(drain q)"
}

@test "a full disk: a worker drains the queue" {
	small_disk ext4
	seq 100 | mq-send -q -l q
	fill_up
	mq-work -j2 -e q -- awk 1 >got
	same "$(seq 100)" "$(sort -n got)"
	has q 0 0 0 0
}

# ---- queues --------------------------------------------------------------------------------

@test "several queues: strictly the first that has one" {
	mq-create a
	mq-create b
	seq -f 'b%g' 3 | mq-send -q -l b
	seq -f 'a%g' 3 | mq-send -q -l a
	ok "a1
a2
a3
b1
b2
b3
" mq-work -j1 -P 0 -e a b -- awk 1
}

@test "several queues: what comes to the first meanwhile goes before the rest of the second" {
	mq-create a
	mq-create b
	seq -f 'b%g' 3 | mq-send -q -l b
	ok "b1
a1
b2
b3
" mq-work -j1 -P 0 -e a b -- sh -c 'read -r x || [ "$x" ]; echo $x; [ $x != b1 ] || mq-send -q -b a1 a'
}

@test "weights: the queues take their turns, three to one" {
	mq-create a
	mq-create b
	seq -f 'a%g' 9 | mq-send -q -l a
	seq -f 'b%g' 9 | mq-send -q -l b
	mq-work -j1 -P 0 -e a=3 b -- awk 1 >got
	same 18 "$(wc -l <got)"
	same '3 1' "$(head -n 4 got | cut -c 1 | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same '6 2' "$(head -n 8 got | cut -c 1 | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same '9 3' "$(head -n 12 got | cut -c 1 | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same "$(seq -f 'a%g' 9)" "$(grep a got)"
	same "$(seq -f 'b%g' 9)" "$(grep b got)"
}

@test "weights: also with what is read ahead" {
	mq-create a
	mq-create b
	seq -f 'a%g' 300 | mq-send -q -l a
	seq -f 'b%g' 300 | mq-send -q -l b
	mq-work -j1 -n 200 a=3 b=1 -- awk 1 >got
	[ "$(grep -c a got)" -ge 130 ]
	[ "$(grep -c b got)" -ge 35 ]
}

@test "weights: a queue that is empty keeps nobody waiting" {
	mq-create a
	mq-create b
	seq 5 | mq-send -q -l b
	within 3000 ok $'1\n2\n3\n4\n5\n' mq-work -j1 -e a=100 b=1 -- awk 1
}

@test "waiting for several queues: whichever gets one" {
	mq-create a
	mq-create b
	start w mq-work -j1 a b q/dlq -- awk 1
	soon asleep "$pid"
	n=0
	for each in b a; do
		mq-send -q -b "$each" "$each"
		within 2000 soon there w.out "$((n += 1))"
		soon asleep "$pid"
	done
	mq-send -q -b dead q
	mq-nack -x "$(mq-recv q)"
	within 2000 soon there w.out 3
	same $'b\na\ndead' "$(cat w.out)"
	kill "$pid"
	ends 0 "$pid"
}

@test "the dead letters as a queue" {
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	ok $'x\n' mq-work -e q/dlq -- awk 1
	has q 0 0 0 0
}

@test "a paused queue hands out nothing; paused=no wakes the worker" {
	mq-config q paused=yes
	mq-send -q -b x q
	start w mq-work -e q -- awk 1
	soon asleep "$pid"
	same '' "$(cat w.out)"
	mq-config q paused=no
	within 2000 ends 0 "$pid"
	same x "$(cat w.out)"
}

@test "a queue removed while its worker waits: 66" {
	start w mq-work q -- true
	soon asleep "$pid"
	mq-delete q
	ends 66 "$pid"
	[[ $(cat w.err) =~ ^'mq-work: q: the queue was removed'[^$'\n']*$ ]]
}

@test "a queue removed while a job runs: the job finishes, then 66" {
	mq-send -q -b x q
	start w mq-work -v 300ms q -- sh -c './await go && touch finished'
	soon there running.x
	mq-delete q
	deadline=$((SECONDS + 1))
	until ((SECONDS > deadline)); do
		runs "$(cat running.x)"
		pause
	done
	touch go
	ends 66 "$pid"
	[ -e finished ]
	[[ $(cat w.err) =~ ^'mq-work: q: the queue was removed'[^$'\n']*$ ]]
}

@test "one of two queues removed: the other goes on" {
	mq-create other backoff=0
	start w mq-work -j1 q other -- awk 1
	soon asleep "$pid"
	mq-delete q
	mq-send -q -b 1 other
	soon there w.out 1
	mq-send -q -b 2 other
	soon there w.out 2
	runs "$pid"
	mq-delete other
	ends 66 "$pid"
}

@test "a queue removed and made again while its worker waits" {
	start w mq-work q -- awk 1
	soon asleep "$pid"
	mq-delete q
	mq-create q
	mq-send -q -b new q
	# Either it has noticed, or it works on with the new one.
	soon eval 'gone "$pid" || there w.out 1'
	if gone "$pid"; then
		ends 66 "$pid"
	else
		same new "$(cat w.out)"
	fi
}

# ---- bad jobs ---------------------------------------------------------------------------------

@test "a job that closes its standard input at once" {
	head -c 3M /dev/zero | mq-send -q q
	head -c 3M /dev/zero | mq-send -q -H 'A: b' q
	ok '' mq-work -j1 -e -l log q -- sh -c 'exec <&-'
	same 'ack 0' "$(verdicts log | sort -u)"
	has q 0 0 0 0
}

@test "a job that writes gigabytes" {
	mq-send -q -b x q
	command time -f %M -o mem mq-work -j1 -e q -- head -c 3G /dev/zero >/dev/null
	has q 0 0 0 0
	# That is the peak of mq-work and of what it waited for.
	lean 8192 mem
}

@test "a job that forks and leaves: its exit status counts, the rest lives on" {
	mq-send -q -b x q
	within 5000 mq-work -j1 -e -l log q -- sh -c 'sleep 20 >/dev/null 2>&1 & echo $! >left'
	same 'ack 0' "$(verdicts log)"
	runs "$(cat left)"
	has q 0 0 0 0
}


@test "with standard input, output and error closed" {
	mq-send -q -b x q
	all_closed() { "$@" <&- >&- 2>&-; }
	try all_closed mq-work -j1 -e q -- sh -c 'cat >payload; ls /proc/self/fd >fds'
	same 0 "$status"
	same x "$(cat payload)"
	has q 0 0 0 0
}

@test "many jobs: each message once, no zombie, no growth" {
	seq 2000 | mq-send -q -l q
	start w mq-work -j4 -l log q -- awk 1
	soon there w.out 2000
	soon has q 0 0 0 0
	soon asleep "$pid"
	same '' "$(cat "/proc/$pid/task/$pid/children")"
	[ "$(compgen -G "/proc/$pid/fd/*" | wc -l)" -le 40 ]
	kill "$pid"
	ends 0 "$pid"
	same "$(seq 2000)" "$(sort -n w.out)"
	same 'ack 0' "$(verdicts log | sort -u)"
	no_litter
}

# ---- -r -----------------------------------------------------------------------------------------

@test "-r: what the job wrote is the reply, with the correlation id" {
	mq-create answers
	mq-send -q -R answers -C c1 -b hello q
	ok '' mq-work -r -j1 -e q -- tr a-z A-Z
	mq-recv -j answers >got
	same 'HELLO c1' "$(jq -r '"\(.body) \(.correlation_id)"' got)"
	has q 0 0 0 0
}

@test "-r: to the byte, empty, and large" {
	mq-create answers
	head -c 3M /dev/urandom >in
	mq-send -q -R answers q <in
	mq-work --reply -j1 -e q -- cat
	mq-recv -a answers | cmp in -
	mq-send -q -R answers -b x q
	mq-work -r -j1 -e q -- true
	ok '' mq-recv -a answers
	has answers 0 0 0 0
}

@test "-r: each job its own" {
	mq-create answers
	for i in {1..20}; do
		mq-send -q -R answers -C "$i" -b "$i" q
	done
	mq-work -r -j4 -e q -- sh -c 'echo "$(cat) $MQ_CORRELATION_ID"'
	mq-recv -j -n 50 answers | jq -r '"\(.correlation_id) \(.body)"' | grep . | sort -n >got
	diff <(seq 20 | awk '{ print $1, $1, $1 }') got
}

@test "-r: no reply-to, nothing is kept or said" {
	mq-send -q -b x q
	ok '' mq-work -r -j1 -e q -- echo dropped
	has q 0 0 0 0
}

@test "-r: a job that fails does not reply" {
	mq-create answers
	mq-config q max-receives=2
	mq-send -q -R answers -b x q
	mq-work -r -j1 -e q -- sh -c 'echo no; exit 1'
	has answers 0 0 0 0
	has q 0 0 0 1
}

@test "-r: nobody waits for the reply any more: done" {
	mq-send -q -R gone -b x q
	mq-work -r -j1 -e -l log q -- echo x
	has q 0 0 0 0
	same ack "$(cut -f 4 log)"
}

@test "-r: a reply that cannot be sent is a failure, with its reason" {
	mq-create answers max-depth=1
	mq-send -q -b full answers
	mq-config q max-receives=1
	mq-send -q -R answers -b x q
	try mq-work -r -j1 -e -l log q -- echo x
	is 0 '' 'mq-work: answers: .*full.*'
	has q 0 0 0 1
	same nack "$(cut -f 4 log)"
	[[ $(reasons) == 'cannot reply'* ]]
}

@test "-r: gigabytes of reply fill what room there is, and fail that job alone" {
	mounted "$T/small" -t tmpfs -o size=4m tmpfs
	export TMPDIR=$T/small
	mq-create answers
	mq-config q max-receives=1
	mq-send -q -R answers -b big q
	mq-send -q -R answers -b small q
	executable big <<-'END'
		case $(cat) in
		big) head -c 3G /dev/zero ;;
		small) echo fine ;;
		esac
	END
	mq-work -r -j1 -e -l log q -- ./big 2>/dev/null
	same 'nack ack' "$(cut -f 4 log | xargs)"
	same fine "$(mq-recv -a answers)"
	same '' "$(ls "$T/small")"
}

@test "-r: the queue's limit on the size of a message is a failure of that job" {
	mq-create answers max-message=10
	mq-config q max-receives=1
	mq-send -q -R answers -b x q
	mq-work -r -j1 -e -l log q -- head -c 11 /dev/zero
	same nack "$(cut -f 4 log)"
	has answers 0 0 0 0
}

# ---- -l and the terminal ---------------------------------------------------------------------------

@test "-l: a line per job, appended" {
	echo first >log
	id=$(mq-send -b x q)
	before=$(date +%s)
	mq-work -j1 -n1 --log log q -- sleep 0.3
	id2=$(mq-send -b x q)
	mq-work -j1 -n1 -l log q -- sh -c 'exit 65'
	same first "$(head -n 1 log)"
	same 3 "$(wc -l <log)"
	sed -n 2p log >line
	IFS=$'\t' read -r began ended took rest <line
	[[ $began =~ ^$ISO_RE$ ]] && [[ $ended =~ ^$ISO_RE$ ]]
	[ "$(date -d "$began" +%s)" -ge "$before" ]
	[[ $took =~ ^[0-9]+\.[0-9]+$ ]]
	awk -v took="$took" 'BEGIN { exit !(took >= 0.3 && took < 3) }'
	awk -v took="$took" -v a="$(date -d "$began" +%s.%3N)" -v b="$(date -d "$ended" +%s.%3N)" \
		'BEGIN { d = b - a - took; exit !(d < 0.01 && d > -0.01) }'
	same $'ack\t0\tq\t'"$id"$'\t1' "$rest"
	same $'dead\t65\tq\t'"$id2"$'\t1' "$(sed -n 3p log | cut -f 4-)"
}

@test "-l -: on standard error" {
	mq-send -q -b x q
	try mq-work -j1 -n1 -l - q -- true
	[[ $stderr =~ ^$ISO_RE$'\t'$ISO_RE$'\t'[0-9.]+$'\tack\t0\tq\t'$ID_RE$'\t1\n'?$ ]]
	same '' "$output"
}

@test "-l: a line is there when its job has ended" {
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -l log q -- sh -c '[ $(cat) = 1 ] || ./await go </dev/null'
	soon there log 1
	same 1 "$(wc -l <log)"
	touch go
	soon there log 2
	kill "$pid"
	ends 0 "$pid"
}

@test "-l: a log that cannot be opened: nothing is run" {
	mq-send -q -b x q
	fails 66 'mq-work: nowhere/log: .+' mq-work -e -l nowhere/log q -- touch ran
	[ ! -e ran ]
	has q 1 0 0 0
}

@test "-l: a log that cannot be written: 74, once; what was done is done" {
	seq 3 | mq-send -q -l q
	fails 74 'mq-work: /dev/full: .+' mq-work -j1 -e -l /dev/full q -- true
	same 0 "$(mq-stat q | cut -f 3)"
}

@test "not on a terminal: no word" {
	mq-config q max-receives=1
	seq 3 | mq-send -q -l q
	ok '' mq-work -j1 -e q -- grep -q 2
	has q 0 0 0 2
}

@test "on a terminal: how it goes" {
	type -P script >/dev/null || skip "no script(1)"
	mq-config q max-receives=1
	seq 4 | mq-send -q -l q
	command script -qec "mq-work -j1 -e q -- sh -c 'sleep 0.6; [ \$(cat) != 1 ]'" /dev/null </dev/null >screen 2>&1
	tr '\r' '\n' <screen >lines
	grep -qE '[1-3] done' lines
	grep -qE '1 failed' lines
	grep -qE '/s' lines
	# The line is wiped at the end.
	[[ $(cat screen) == *$'\r\033[K' ]]
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
