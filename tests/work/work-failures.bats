#!/usr/bin/env bats
# work-failures.bats - mq-work: whose fault a failure is: that of the message, of COMMAND, or of the machine
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0 max-receives=2
	job_scripts
}

# The reasons why the dead letters of q failed.
reasons() {
	mq-ls -j -S dead q | jq -r '[.history[].reason] | join(", ")'
}

# verdicts FILE: of a log, each with what it was given for.
verdicts() {
	cut -f 4,5 "$1" | tr '\t' ' '
}

# all_there N: so many messages are there, and none of them was charged with a delivery.
all_there() {
	has q "$1" 0 0 0
	same 0 "$(mq-ls -j q | jq .receives | sort -u)"
}

# ---- of the message ---------------------------------------------------------------------------

@test "a message that COMMAND cannot make anything of does not stop the others" {
	printf 'nosuchcmd\necho fine\n' | mq-send -q -l q
	mq-work -e -j1 q -- sh >out 2>/dev/null
	same fine "$(cat out)"
	has q 0 0 0 1
	same 'exit status 127, max-receives' "$(reasons)"
}

@test "properties that do not fit the environment fail their message alone, with the reason" {
	mq-send -q -C "$(head -c 65000 /dev/zero | tr '\0' c)" -b long q
	mq-send -q -b short q
	# 128 KiB for all of it, half of which is taken
	FILL=$(head -c 70000 /dev/zero | tr '\0' f)
	export FILL
	ulimit -s 512
	ok short mq-work -e -j1 -l log q -- cat
	unset FILL
	has q 0 0 0 1
	[[ $(reasons) == 'its properties are too long for an environment'* ]]
}

@test "a message that cannot be copied as it is cut short: a failed delivery" {
	printf 'one\ntwo\nthree\n' | mq-send -q -l q
	truncate -s 10 "$(path_of q | tail -n 1)"
	try mq-work -e -j1 q -- cat
	same 0 "$status"
	same onetwo "$output"
	has q 0 0 0 0 || has q 0 0 0 1
}

# ---- of what is sent ------------------------------------------------------------------------------

@test "mq-send: what becomes a header or a variable has at most 64 KiB" {
	most=$(head -c 65536 /dev/zero | tr '\0' m)
	mq-send -q -C "$most" -H "A: $most" -b x q
	ok '65536' mq-work -e -j1 q -- sh -c 'printf %s "$MQ_CORRELATION_ID" | wc -c | tr -d "\n"'
	harmless 65 'mq-send: .*at most 65536 bytes' mq-send -C "${most}x" -b x q
	harmless 65 'mq-send: .*at most 65536 bytes' mq-send -H "A: ${most}x" -b x q
	harmless 65 'mq-send: .*at most 65536 bytes' mq-send -R "${most}x" -b x q
	echo "{\"body\":\"x\",\"correlation_id\":\"${most}x\"}" >line
	fails 65 'mq-send: .*at most 65536 bytes.*' mq-send -j q line
	has q 0 0 0 0
}

# ---- of what the output goes to ----------------------------------------------------------------------

@test "the reader of standard output is gone: uncounted, 74" {
	mq-config q max-receives=1
	seq 5 | mq-send -q -l q
	fails 74 'mq-work: standard output: write: Broken pipe' to_broken mq-work -e -j1 -l log q -- cat
	all_there 5
	same 'returned PIPE' "$(verdicts log)"
}

@test "the reader of standard output is gone, for a job that says so with status 1" {
	mq-config q max-receives=1
	seq 5 | mq-send -q -l q
	fails 74 'mq-work: standard output: write: Broken pipe' \
		to_broken mq-work -e -j2 q -- sh -c 'trap "" PIPE; cat 2>/dev/null'
	all_there 5
}

@test "the reader leaves after one: none is dead" {
	mq-config q max-receives=1
	seq 5 | mq-send -q -l q
	{ tell rc mq-work -e -j1 q -- sh -c 'cat; echo' 2>err; } | head -n 1 >first
	same 1 "$(cat first)"
	same 74 "$(cat rc)"
	same 0 "$(mq-stat q | cut -f 5)"
}

@test "the reader is gone, and a job says 65: its word counts" {
	seq 1 | mq-send -q -l q
	try to_broken mq-work -e -j1 q -- sh -c 'exit 65'
	is 0 '' ''
	has q 0 0 0 1
}

@test "the reader of standard error is gone: uncounted, 74; with -L, too" {
	mq-config q max-receives=1
	seq 3 | mq-send -q -l q
	CODE=74 try to_broken sh -c 'exec mq-work -e -j1 q -- sh -c "echo told >&2" 2>&1 >/dev/null'
	same 74 "$status"
	all_there 3
	CODE=74 try to_broken sh -c 'exec mq-work -L -e -j1 q -- sh -c "read -r l; echo told >&2; exit 1" 2>&1 >/dev/null'
	same 74 "$status"
	all_there 3
}

@test "standard output is on a disk that is full: uncounted, 74" {
	mounted "$T/small" -t tmpfs -o size=256k tmpfs
	mq-config q max-receives=1
	seq 3 | mq-send -q -l q
	head -c 1M /dev/zero >small/fill 2>/dev/null || true
	fails 74 'mq-work: standard output: write: No space left on device' \
		sh -c 'mq-work -e -j1 q -- cat >small/out 2>err; rc=$?; grep ^mq-work: err >&2; exit $rc'
	all_there 3
}

@test "-r with a full TMPDIR: uncounted, 74" {
	mounted "$T/small" -t tmpfs -o size=256k tmpfs
	mq-create answers
	mq-config q max-receives=1
	for i in 1 2 3; do
		mq-send -q -R answers -b "$i" q
	done
	head -c 1M /dev/zero >small/fill 2>/dev/null || true
	TMPDIR=$T/small fails 74 'mq-work: temporary file: write: No space left on device' \
		mq-work -e -r -j1 q -- sh -c 'cat 2>/dev/null'
	all_there 3
	has answers 0 0 0 0
}

@test "no room in TMPDIR for a payload: uncounted, 74" {
	mounted "$T/small" -t tmpfs -o size=4m tmpfs
	mq-config q max-receives=1
	head -c 2000000 /dev/zero | mq-send -q -H 'A: b' q
	head -c 3M /dev/zero >small/fill
	TMPDIR=$T/small fails 74 'mq-work: q: temporary file in .*: No space left on device' \
		mq-work -e -j1 q -- wc -c
	all_there 1
	rm small/fill
	TMPDIR=$T/small ok $'2000000\n' mq-work -e -j1 q -- wc -c
}

@test "no TMPDIR: uncounted, 74" {
	mq-create answers
	head -c 2M /dev/zero >large
	mq-send -q -R answers -b x q
	TMPDIR=$T/none fails 74 "mq-work: q: temporary file in $T/none: No such file or directory" mq-work -e -r q -- cat
	all_there 1
	mq-purge q
	mq-send -q -H 'A: b' q large
	TMPDIR=$T/none fails 74 "mq-work: q: temporary file in $T/none: No such file or directory" mq-work -e q -- wc -c
	all_there 1
	ok $'2097152\n' mq-work -e q -- wc -c
}

@test "no descriptor left: uncounted, 74" {
	seq 3 | mq-send -q -l q
	CODE=74 try sh -c 'ulimit -n 12; exec mq-work -e -L -j9 -P 1 q -- sh -c "read -r l; exec sleep 9"'
	same 74 "$status"
	[[ $stderr == *'Too many open files'* ]]
	same 0 "$(mq-ls -j -S ready q | jq .receives | sort -u)"
}

# ---- of COMMAND and its start ------------------------------------------------------------------------------

@test "no process can be made: tried again, then uncounted and 74" {
	need_root
	command -v setpriv >/dev/null || skip "no setpriv"
	mq-send -q -b x q
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	chmod -R a+rwX "$MQ_SPOOL"
	AS=(setpriv --reuid 64109 --regid 64109 --clear-groups)
	"${AS[@]}" test -w "$MQ_SPOOL/q/q" -a -x "$MQ_BIN/mq-work" || skip "another user cannot reach them"
	start w "${AS[@]}" prlimit --nproc=1 "$MQ_BIN/mq-work" -e -j1 q -- true
	soon grep -q 'trying again' w.err
	all_there 1
	ends 74 "$pid"
	same 'mq-work: true: cannot start: Resource temporarily unavailable; trying again
mq-work: true: cannot start: Resource temporarily unavailable' "$(cat w.err)"
	all_there 1
}

@test "a command that is being written: tried again" {
	mq-send -q -b x q
	cp "$(type -P true)" busy
	exec 8>>busy
	start w mq-work -e -j1 q -- ./busy 8>&-
	soon grep -q 'Text file busy; trying again' w.err
	soon all_there 1
	exec 8>&-
	ends 0 "$pid"
	has q 0 0 0 0
}

@test "children that cannot be waited for: uncounted, 74, and no end of waiting" {
	command -v strace >/dev/null || skip "no strace"
	mq-send -q -b x q
	strace -qq -e trace=waitid -e inject=waitid:error=ECHILD -o /dev/null \
		mq-work -e -j1 q -- true 2>err || rc=$?
	same 74 "$rc"
	same 'mq-work: jobs: wait: No child processes' "$(cat err)"
	all_there 1
}

# ---- of the other messages of a process --------------------------------------------------------------

@test "-L: what was worked on when another one's lease was lost counts as delivered, the rest does not" {
	mq-config q max-receives=0
	seq 3 | mq-send -q -l q
	start w mq-work -L -j1 -P 3 -v 3s -l log q -- sh -c 'read -r line; echo "$line" >>got; exec sleep 60'
	soon test -s got
	soon has q 0 3 0 0
	mq-extend -v 0 "$(path_of q -S leased | sed -n 2p)"
	soon there log 3
	kill "$pid"
	same "$(printf '%s\n' lapsed nack returned)" "$(head -n 3 log | cut -f 4 | sort)"
	same nack "$(head -n 1 log | cut -f 4)"
}

@test "-L: memory is that of the processes that run, not of those that might" {
	seq 3 | mq-send -q -l q
	command time -f %M -o mem mq-work -L -j 10000 -e q -- sed -u 's/.*/ok/'
	lean 16384 mem
	has q 0 0 0 0
}

@test "-L: answers in pieces of every size" {
	seq 300 | mq-send -q -l q
	executable pieces <<-'END'
		sed -u "s/.*/dead $(head -c 240 /dev/zero | tr '\0' x)/" | dd bs=97 2>/dev/null
	END
	mq-config q max-receives=0
	mq-work -L -j1 -e q -- ./pieces 2>err
	has q 0 0 0 300
	same '' "$(cat err)"
}

# ---- to wait -----------------------------------------------------------------------------------------

@test "-e on a paused queue says that it waits, once" {
	mq-config q paused=yes
	mq-send -q -b x q
	start w mq-work -e -j1 q -- cat
	soon grep -q . w.err
	mq-send -q -b y q
	mq-config q paused=no
	ends 0 "$pid"
	same 'mq-work: q: paused: waiting until it is not' "$(cat w.err)"
	same xy "$(cat w.out)"
}
