#!/usr/bin/env bats
# once.bats - mq-once
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the commands' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	job_scripts
	: >runs
}

# ran N: that many lines are in `runs`.
ran() {
	same "$1" "$(wc -l <runs)"
}

RUN=(sh -c 'echo run >>runs')

@test "usage" {
	usage mq-once
	usage mq-once key
	usage mq-once '' true
	for w in x '' -1; do
		usage mq-once -w "$w" key true
	done
}

@test "once, and not again" {
	ok '' mq-once key "${RUN[@]}"
	ran 1
	ok '' mq-once key "${RUN[@]}"
	ok '' mq-once key false
	ran 1
	ok '' mq-once other "${RUN[@]}"
	ran 2
}

@test "the command's input, output and arguments are its own" {
	ok 'in -x --help' bash -c 'echo -n in | mq-once key sh -c "cat; printf \" %s %s\" \"\$@\"" sh -x --help'
	try mq-once two sh -c 'echo word >&2'
	is 0 '' word
}

@test "keys are any text" {
	keys=('a b' a/b ../../x . .. -- $'new\nline' $'\377\376' é "$(printf 'k%.0s' {1..5000})" 'a' 'A' '*' 'key ' ' key')
	for key in "${keys[@]}"; do
		ok '' mq-once -- "$key" "${RUN[@]}"
	done
	ran "${#keys[@]}"
	for key in "${keys[@]}"; do
		ok '' mq-once -- "$key" "${RUN[@]}"
	done
	ran "${#keys[@]}"
	same '' "$(find "$T" -name x -o -name '*new*')"
}

@test "-w: remembered for so long, a day if nothing is said" {
	mq-once key "${RUN[@]}"
	later 23h mq-once key "${RUN[@]}"
	ran 1
	later 25h mq-once key "${RUN[@]}"
	ran 2
	mq-once -w 10m short "${RUN[@]}"
	later 9m mq-once --window 10m short "${RUN[@]}"
	ran 3
	later 11m mq-once -w 10m short "${RUN[@]}"
	ran 4
}

@test "-w: in real time" {
	mq-once -w 2s key "${RUN[@]}"
	mq-once -w 2s key "${RUN[@]}"
	soon eval 'mq-once -w 2s key sh -c "echo run >>runs" && [ "$(wc -l <runs)" -ge 2 ]'
	ran 2
}

@test "a clock that was set does not make it forget, nor remember for ever" {
	mq-once -w 1h key "${RUN[@]}"
	stepped -2h mq-once -w 1h key "${RUN[@]}"
	ran 1
	later 3h mq-once -w 1h key "${RUN[@]}"
	ran 2
}

@test "what failed is not remembered; the exit status is the command's" {
	for code in 1 2 75 255; do
		fails "$code" '' mq-once key sh -c "echo run >>runs; exit $code"
	done
	ran 4
	ok '' mq-once key "${RUN[@]}"
	ok '' mq-once key "${RUN[@]}"
	ran 5
}

@test "killed by a signal: 128 and its number, not remembered" {
	fails 143 '(mq-once: .*)?' mq-once key sh -c 'echo run >>runs; kill -TERM $$'
	fails 137 '(mq-once: .*)?' mq-once key sh -c 'echo run >>runs; kill -KILL $$'
	ok '' mq-once key "${RUN[@]}"
	ran 3
}

@test "a command that cannot be run: 126 or 127, not remembered" {
	fails 127 'mq-once: nosuchcommand: .+' mq-once key nosuchcommand
	echo x >plain
	fails 126 'mq-once: ./plain: .+' mq-once key ./plain
	ok '' mq-once key "${RUN[@]}"
	ran 1
}

@test "two at once: one runs it, the other waits and finds it done" {
	start one mq-once key sh -c 'echo run >>runs; echo x | ./await go'
	one=$pid
	soon there running.x
	start two mq-once key sh -c 'echo run >>runs'
	two=$pid
	soon asleep "$two"
	ran 1
	touch go
	ends 0 "$one"
	ends 0 "$two"
	ran 1
}

@test "two at once, the first fails: the second runs it" {
	start one mq-once key sh -c 'echo run >>runs; echo x | ./await go; exit 5'
	one=$pid
	soon there running.x
	start two mq-once key sh -c 'echo run >>runs'
	two=$pid
	soon asleep "$two"
	touch go
	ends 5 "$one"
	ends 0 "$two"
	ran 2
	mq-once key "${RUN[@]}"
	ran 2
}

@test "twenty at once: one runs it" {
	pids=()
	for i in {1..20}; do
		start "o$i" mq-once key sh -c 'echo run >>runs; sleep 0.2'
		pids+=("$pid")
	done
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	ran 1
}

@test "different keys do not wait for each other" {
	start one mq-once one sh -c 'echo x | ./await go'
	one=$pid
	soon there running.x
	ok '' mq-once two "${RUN[@]}"
	ran 1
	touch go
	ends 0 "$one"
}

@test "killed with -9, its command goes on: others are kept out until it ends" {
	start one mq-once key sh -c 'echo run >>runs; echo x | ./await go; echo end >>ends'
	soon there running.x
	kill -9 "$pid"
	wait "$pid" || true
	start two mq-once key sh -c 'cat ends >seen; echo run >>runs'
	two=$pid
	soon asleep "$two"
	runs "$two"
	ran 1
	touch go
	ends 0 "$two"
	# Whether it went well nobody knows: it is run again, after its end.
	same end "$(cat seen)"
	ran 2
}

@test "TERM is passed on to the command" {
	start one mq-once key sh -c 'trap "echo got TERM >>log; exit 7" TERM; echo up >up; sleep 3600 & wait'
	soon there up 1
	kill "$pid"
	ends 7 "$pid"
	same 'got TERM' "$(cat log)"
	mq-once key "${RUN[@]}"
	ran 1
}

@test "TERM ends a command that does not mind: 143" {
	start one mq-once key sh -c 'echo up >up; exec sleep 3600'
	soon there up 1
	kill "$pid"
	ends 143 "$pid"
}

@test "INT is for the command, which the terminal sends it to as well" {
	start one mq-once key sh -c 'trap "" INT; echo up >up; until [ -e go ]; do sleep 0.01; done'
	soon there up 1
	kill -INT "$pid"
	soon heeded "$pid"
	runs "$pid"
	touch go
	ends 0 "$pid"
	mq-once key "${RUN[@]}"
	ran 0
}

@test "what waits for another can be ended" {
	start one mq-once key sh -c 'echo x | ./await go'
	one=$pid
	soon there running.x
	start two mq-once key sh -c 'echo run >>runs'
	soon asleep "$pid"
	kill "$pid"
	ends 143 "$pid"
	touch go
	ends 0 "$one"
	ran 0
}

@test "the command's signals are as they should be" {
	grep -E '^Sig(Blk|Ign):' /proc/self/status >wanted
	mq-once key grep -E '^Sig(Blk|Ign):' /proc/self/status >seen
	diff wanted seen
}

@test "an inherited SIGCHLD that is ignored does not matter" {
	fails 3 '' env --ignore-signal=CHLD mq-once key sh -c 'exit 3'
	ok '' env --ignore-signal=CHLD mq-once key "${RUN[@]}"
	ran 1
}

@test "what it remembers is on the disk before it ends" {
	! sanitized || skip "sanitizers do not run under strace"
	strace -f -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace"
	strace -f -qq -o calls -e trace=fsync,fdatasync,syncfs,exit_group mq-once key true
	grep -qE 'f(data)?sync|syncfs' calls
	[[ $(tail -n 1 calls) == *exit* ]]
}

@test "killed while it remembers: done or not, never broken" {
	! sanitized || skip "sanitizers do not run under strace"
	strace -f -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace"
	for call in fsync fdatasync rename renameat renameat2 link linkat symlinkat unlinkat write pwrite64 openat2; do
		rm -rf "$MQ_SPOOL" && : >runs
		strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=1" \
			mq-once key "${RUN[@]}" 2>/dev/null || true
		ok '' mq-once key "${RUN[@]}"
		ok '' mq-once key "${RUN[@]}"
		[ "$(wc -l <runs)" -le 2 ]
	done
}

@test "what is over is removed now and then" {
	mq-once -w 30s key true
	mq-once -w 1d other true
	dir=$(dirname "$(find "$MQ_SPOOL/once" -type f -newermt '1 second ago' ! -newermt '1 minute' | head -n 1)")
	for i in {1..20}; do
		echo old >"$dir/old$i"
		touch -d '-1 hour' "$dir/old$i"
		echo kept >"$dir/kept$i"
		touch -d '+1 day' "$dir/kept$i"
	done
	tidied() {
		later 1h mq-once key false || true
		! compgen -G "$dir/old*" >/dev/null
	}
	by_chance tidied
	same 20 "$(find "$dir" -name 'kept*' | wc -l)"
	mq-once other "${RUN[@]}"
	ran 0
}

@test "an idempotent consumer: a message that comes twice is worked on once" {
	mq-create q backoff=0
	mq-send -q -b x q
	# It does its work, and dies before the ack.
	receipt=$(mq-recv q)
	mq-once "$(basename "$receipt" | cut -d , -f 1)" "${RUN[@]}"
	mq-nack "$receipt"
	mq-work -j1 -e q -- sh -c 'exec mq-once "$MQ_ID" sh -c "echo run >>runs"'
	ran 1
	has q 0 0 0 0
}

@test "a full disk: 75 before the command is run, or what it did is done" {
	small_disk tmpfs
	mq-once first true
	fill_up
	rc=0
	mq-once second "${RUN[@]}" 2>err || rc=$?
	if [ "$rc" -ne 0 ]; then
		[[ $(cat err) == 'mq-once: '* ]]
		[ "$rc" -eq 75 ]
	fi
	ok '' mq-once first "${RUN[@]}"
	room_again
	ok '' mq-once second true
}

@test "a spool that cannot be written: 77, and nothing is run" {
	need_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	as_nobody test -x "$MQ_BIN/mq-once" || skip "the build is not open to others"
	mq-create q
	chmod -R o=rX "$MQ_SPOOL"
	as_nobody test -r "$MQ_SPOOL/version" || skip "the scratch directory is not open to others"
	fails 77 'mq-once: .*Permission denied.*' as_nobody "$MQ_BIN/mq-once" key touch ran
	[ ! -e ran ]
}

@test "a command that cannot be waited for: 74, not done, and no end of waiting" {
	command -v strace >/dev/null || skip "no strace"
	strace -qq -e trace=wait4,waitpid -e inject=wait4:error=ECHILD -o /dev/null mq-once key true 2>err || rc=$?
	same 74 "$rc"
	same 'mq-once: true: wait: No child processes' "$(cat err)"
	ok '' mq-once key true
	ok '' mq-once key false # it is done
}
