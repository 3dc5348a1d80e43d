# lib.bash - what the test files share
#
# Every test has a spool of its own, in $MQ_SPOOL, and a scratch directory, $T.
# The commands come from $MQ_BIN; `later` and `stepped` take them from
# $MQ_TEST_BIN, whose commands have a clock that can be set.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

MQ_BIN=${MQ_BIN:-$BATS_TEST_DIRNAME/../../build/bin}
MQ_TEST_BIN=${MQ_TEST_BIN:-$BATS_TEST_DIRNAME/../../build/test/bin}

tried=0 # how often try was called

# shellcheck disable=SC2034 # used by the test files
COMMANDS="mq-create mq-config mq-delete mq-purge mq-send mq-recv mq-cat mq-ack mq-nack mq-extend mq-ls mq-redrive mq-stat mq-work mq-wait mq-call mq-once mq-bind mq-fsck mq-advise mq-export mq-import"

# shellcheck disable=SC2034 # used by the test files
ID_RE='[0-9]{19}-[0-9a-f]{8}'
# shellcheck disable=SC2034 # used by the test files
ISO_RE='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'

mq_setup() {
	T=$BATS_TEST_TMPDIR # first: teardown uses it, whatever fails here
	# Before each command bats notes where it stands, which takes half of the time:
	# of those here nobody wants to know.
	trap '[[ $BASH_SOURCE == *.bash ]] || bats_debug_trap "$BASH_SOURCE"' DEBUG
	[[ $MQ_BIN == /* ]] || MQ_BIN=$(cd "$MQ_BIN" && pwd)
	[[ $MQ_TEST_BIN == /* ]] || MQ_TEST_BIN=$(cd "$MQ_TEST_BIN" && pwd)
	searchable
	MQ_SPOOL=$T/spool
	export PATH MQ_SPOOL LC_ALL=C
	unset MQ_TEST_PASSED MQ_TEST_STEPPED XDG_STATE_HOME
	cd "$T" || return
}

# searchable: PATH is our commands, and what this user may search of what it was.  What
# su(1) left there of another's would make "may not be run" of every command that is
# not there.
searchable() {
	local dir dirs found=$MQ_BIN
	IFS=: read -ra dirs <<<"$PATH"
	for dir in "${dirs[@]}"; do
		[ ! -x "${dir:-.}" ] || found+=:$dir
	done
	PATH=$found
}

setup() {
	mq_setup
}

teardown() {
	mq_teardown
}

mq_teardown() {
	cd /
	[ ! -s "$T/.limit" ] || kill "$(cat "$T/.limit")" 2>/dev/null || true
	kill_left
	unmount_all
}

# What is said of a name that no queue can have.
# shellcheck disable=SC2034 # used by the test files
BAD_NAME="no such queue: bad name"

# ---- running ------------------------------------------------------------

# try COMMAND...: run it; what it did is for `is`: $status, $output and $stderr, to the
# byte, but for NULs.  With $CODE, that is the status it is to have.
try() {
	local file=$T/.tried.$((++tried))
	status=0 output='' stderr=''
	"$@" >"$file.out" 2>"$file.err" || status=$?
	text_of "$file.out" output
	text_of "$file.err" stderr
	[ "$status" -eq "${CODE:-$status}" ] || is "$CODE" "$output" "$stderr"
}

# text_of FILE VARIABLE: all of it, but for NULs
text_of() {
	local parts
	mapfile -d '' -t parts <"$1"
	printf -v "$2" %s "${parts[@]}"
}

# is STATUS STDOUT STDERR: what `try` saw, all of it.  STDOUT is exact, STDERR
# a regular expression for the whole, without its last newline; '' is nothing.
is() {
	# shellcheck disable=SC2154 # set by run
	local status=$status err=${stderr%$'\n'}
	if [ "$status" -eq "$1" ] && [ "$output" = "$2" ] && lines_match "$err" "$3"; then
		return 0
	fi
	printf 'exit %s, wanted %s\n' "$status" "$1"
	printf 'stdout: <%s>\nwanted: <%s>\n' "$output" "$2"
	printf 'stderr: <%s>\nwanted: <%s>\n' "$err" "$3"
	return 1
}

# lines_match TEXT REGEX: the whole of it, in as many lines.
lines_match() {
	local text=${1//[!$'\n']/} want=${2//[!$'\n']/}
	[ -n "$2" ] || [ -z "$1" ] || return 1
	[ "${#text}" -eq "${#want}" ] && [[ $1 =~ ^($2)$ ]]
}

# ok STDOUT COMMAND...: it succeeds, prints that and no error.
ok() {
	local want=$1
	shift
	try "$@"
	is 0 "$want" ''
}

# fails CODE REGEX COMMAND...: nothing on stdout, one line of error.
fails() {
	local code=$1 regex=$2
	shift 2
	try "$@"
	is "$code" '' "$regex"
}

# unchanging: from here on the spool is to stay what it is.  Those below then need not
# look before each command.
unchanging() {
	census UNCHANGED
}

# harmless CODE REGEX COMMAND...: it fails, and the spool is what it was.
harmless() {
	local before=${UNCHANGED-} after
	[ -n "${UNCHANGED+set}" ] || census before
	fails "$@"
	census after
	[ "$before" = "$after" ] || {
		diff <(echo "$before") <(echo "$after")
		return 1
	}
}

# usage COMMAND...: a usage error; the spool is what it was.
usage() {
	local before=${UNCHANGED-} after
	[ -n "${UNCHANGED+set}" ] || census before
	try "$@"
	census after
	# shellcheck disable=SC2154 # set by run
	if [ "$status" -ne 64 ] || [ -n "$output" ] || ! [[ $stderr =~ ^(usage: )?mq-[a-z]+[:\ ] ]]; then
		printf '%s\nexit %s, wanted 64\nstdout: <%s>\nstderr: <%s>\n' "$*" "$status" "$output" "$stderr"
		return 1
	fi
	[ "$before" = "$after" ]
}

# later DURATION COMMAND...: as if that much time had gone by.
later() {
	local passed=$1 command=$2
	shift 2
	MQ_TEST_PASSED=$passed "$MQ_TEST_BIN/$command" "$@"
}

# stepped [-]DURATION COMMAND...: the wall clock was set, no time went by.
stepped() {
	local by=$1 command=$2
	shift 2
	MQ_TEST_STEPPED=$by "$MQ_TEST_BIN/$command" "$@"
}

to_closed() { "$@" >&-; }
to_full() { "$@" >/dev/full; }

# to_broken COMMAND...: stdout is a pipe that nobody reads.
to_broken() {
	local pipe=$T/broken
	rm -f "$pipe"
	mkfifo "$pipe"
	# shellcheck disable=SC2094 # a pipe
	(
		exec 8<>"$pipe" 9>"$pipe" 8<&-
		exec "$@" >&9 9>&-
	)
}

# ---- looking ------------------------------------------------------------

# census VARIABLE: every name in the spool that is not a directory, in the order in which
# they are listed, which stays while nothing changes; without counters and hints, which
# any command may write.
census() {
	printf -v "$1" ''
	[ ! -e "$MQ_SPOOL" ] ||
		printf -v "$1" %s "$(find "$MQ_SPOOL" \( -name stat -o -name ballast -o -name head -o -name lock \) \
			-prune -o ! -type d -printf '%P %s %l\n')"
}

# Nothing half made is left: no file under construction anywhere.
no_litter() {
	local litter
	litter=$(cd "$MQ_SPOOL" && find . -path '*/tmp/*' -o -path '*/dedup/pending/*' -o -path '*/bad/*')
	[ -z "$litter" ] || {
		printf 'litter: %s\n' "$litter"
		return 1
	}
}

# stat_of QUEUE: $stat is "visible in_flight delayed dead".
stat_of() {
	local line visible in_flight delayed dead
	line=$(mq-stat "$1")
	IFS=$'\t' read -r _ visible in_flight delayed dead _ <<<"$line"
	stat="$visible $in_flight $delayed $dead"
}

# figures QUEUE: the same, printed
figures() {
	stat_of "$1"
	echo "$stat"
}

# has QUEUE VISIBLE IN_FLIGHT DELAYED DEAD
has() {
	local stat
	stat_of "$1"
	[ "$stat" = "$2 $3 $4 $5" ] || {
		printf '%s has <%s>, wanted <%s>\n' "$1" "$stat" "$2 $3 $4 $5"
		return 1
	}
}

# drain QUEUE [DURATION]: take and ack everything, printing the payloads, each
# in brackets.  With a duration: after so much time.
drain() {
	local each rc
	while :; do
		rc=0
		if [ -n "${2:-}" ]; then
			each=$(later "$2" mq-recv -a "$1") || rc=$?
		else
			each=$(mq-recv -a "$1") || rc=$?
		fi
		[ "$rc" -eq 0 ] || break
		printf '[%s]' "$each"
	done
	[ "$rc" -eq 1 ]
}

# sorted: what drain printed, in order.  Of messages that came back only that
# they are before all others is promised.
sorted() {
	tr ']' '\n' | tr -d '[' | sort -n | xargs
}

# same WANTED SEEN
same() {
	[ "$1" = "$2" ] || {
		printf 'wanted: %.300s\nseen:   %.300s\n' "${1@Q}" "${2@Q}"
		diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") | head -n 20
		return 1
	}
}

# one_of SEEN WANTED...: it is one of those.
one_of() {
	local seen=$1 each
	shift
	for each; do
		[ "$seen" != "$each" ] || return 0
	done
	printf 'seen <%s>, wanted one of:' "$seen"
	printf ' <%s>' "$@"
	return 1
}

# sent_at ID: its time as ISO 8601.
sent_at() {
	printf '%s.%sZ' "$(date -u -d "@${1:0:10}" +%Y-%m-%dT%H:%M:%S)" "${1:10:3}"
}

# first_column QUEUE [mq-ls option]...: its ids, as mq-ls has them.
ids_of() {
	local q=$1
	shift
	mq-ls "$@" "$q" | cut -f 1
}

# path_of QUEUE [mq-ls option]...
path_of() {
	local q=$1
	shift
	mq-ls "$@" "$q" | cut -f 7
}

# arrives QUEUE PAYLOAD: it can be received, soon.
arrives() {
	local got
	got=$(mq-recv -a -w 30s "$1") || {
		echo "never came: $2"
		return 1
	}
	same "$2" "$got"
}

# tell FILE COMMAND...: its exit code goes to FILE, for what is in the background.
tell() {
	local file=$1 rc=0
	shift
	"$@" || rc=$?
	echo "$rc" >"$file"
}

# at_once CONSUMERS SENDERS: so many of the functions consumer and sender, each told
# its number.  The file all-sent says that the senders have ended.  None fails, none
# has an error to tell.
at_once() {
	local i senders=()
	for ((i = 1; i <= $1; i++)); do
		tell "rc.c$i" consumer "$i" 2>"err.c$i" 3>&- &
	done
	for ((i = 1; i <= $2; i++)); do
		tell "rc.s$i" sender "$i" 2>"err.s$i" 3>&- &
		senders+=("$!")
	done
	wait "${senders[@]}"
	touch all-sent
	wait
	same '' "$(cat err.*)"
	same 0 "$(cat rc.* | sort -u)"
}

# ---- in the background ----------------------------------------------------

# start NAME COMMAND...: its pid is $pid, its output goes to NAME.out and NAME.err.
# It can be interrupted, which a shell would not have it, and hung up, which nohup would not.
start() {
	local name=$1
	shift
	env --default-signal=HUP,INT,QUIT "$@" </dev/null >"$name.out" 2>"$name.err" 3>&- &
	# shellcheck disable=SC2034 # used by the test files
	pid=$!
}

# pause: a hundredth of a second, between two looks at something.
pause() {
	[ -p "$T/.pause" ] || mkfifo "$T/.pause"
	read -rt 0.01 <>"$T/.pause" || true
}

# by_chance COMMAND...: it succeeds, when what happens at one call in 64 has happened.
by_chance() {
	local tries
	for ((tries = 0; tries < 3000; tries++)); do
		! "$@" || return 0
	done
	echo "not in $tries tries: $*"
	return 1
}

# soon COMMAND...: it succeeds; two minutes are a guard against hanging.
soon() {
	local end=$((SECONDS + 120))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS > end)); then
			echo "not soon: $*"
			"$@"
			return
		fi
		pause
	done
}

# timed COMMAND...: it succeeds; $took is how long that took, in milliseconds.
timed() {
	local began=${EPOCHREALTIME/./}
	"$@" || return
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

# after MILLISECONDS COMMAND...: it succeeds, and not before they are over.
after() {
	local limit=$1 took
	shift
	timed "$@" || return
	((took >= limit)) || {
		echo "took only $took ms, not $limit: $*"
		return 1
	}
}

# has_state PID REGEX: its state letter, as in ps(1); that of none is -.
has_state() {
	local line state=-
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null && line=${line##*) } && state=${line%% *}
	[[ $state =~ ^($2)$ ]]
}

gone() {
	has_state "$1" '[-ZX]'
}

runs() {
	! gone "$1"
}

# ends CODE PID: a process that this shell has started does so, soon.
ends() {
	local rc=0
	soon gone "$2" || return
	wait "$2" || rc=$?
	same "$1" "$rc"
}

# count_sleeps PID...: ${sleeps[@]} are how often each has gone to sleep.
count_sleeps() {
	local each key value
	sleeps=()
	for each; do
		while read -r key value; do
			[ "$key" != voluntary_ctxt_switches: ] || sleeps+=("$value")
		done 2>/dev/null <"/proc/$each/status"
	done
}

# still PID...: none of them wakes up for a quarter of a second, nor waits for a processor
still() {
	local each i before sleeps
	count_sleeps "$@"
	before=${sleeps[*]}
	for ((i = 0; i < 25; i++)); do
		pause
	done
	for each; do
		has_state "$each" S || return
	done
	count_sleeps "$@"
	[ "$before" = "${sleeps[*]}" ]
}

# stopped_after N CALL COMMAND...: in the background, stopped when it has made that
# call so often; go_on is for then.  Fails if it ends before.
stopped_after() {
	local n=$1 call=$2
	shift 2
	rm -f pid trace
	# shellcheck disable=SC2016 # for sh
	start stopped strace -f -qq -o trace -e trace="$call" -e inject="$call:signal=STOP:when=$n" \
		sh -c 'echo $$ >pid; exec "$@"' sh "$@"
	soon stopped_or_gone
	grep -q 'stopped by SIGSTOP' trace
}

stopped_or_gone() {
	grep -q 'stopped by SIGSTOP' trace || gone "$pid"
}

go_on() {
	kill -CONT "$(<pid)"
	soon gone "$pid"
}

# asleep PID...: mq commands that have nothing to do for now: they sleep, and wake up
# no more than every ten milliseconds, to look.
asleep() {
	local each comm i=0 began=${EPOCHREALTIME/./} most before sleeps
	for each; do
		{ read -r comm <"/proc/$each/comm"; } 2>/dev/null && [[ $comm == mq-* ]] || return
	done
	count_sleeps "$@"
	before=("${sleeps[@]}")
	pause
	pause
	count_sleeps "$@"
	most=$(((${EPOCHREALTIME/./} - began) / 10000))
	for each; do
		has_state "$each" S && ((sleeps[i] - before[i] <= most)) || return
		((i += 1))
	done
}

# elsewhere: other work in the spool, which takes a while: what waits at q is to sleep
# through it.
elsewhere() {
	local end=$((SECONDS + 5)) # who waits looks around after thirty, whatever happens
	mq-create elsewhere
	for _ in {1..200}; do
		mq-send -q -b x elsewhere
		mq-recv -a elsewhere >/dev/null
		((SECONDS < end)) || break
	done
	mq-delete elsewhere
}

# watches PID: it is the first in line, and the kernel tells it what happens.
watches() {
	grep -qs '^inotify wd' "/proc/$1"/fdinfo/*
}

# heeded PID: no signal waits to be taken.
heeded() {
	local key value
	while read -r key value; do
		[ "$key" != ShdPnd: ] || [ "$((16#$value))" -eq 0 ] || return
	done 2>/dev/null <"/proc/$1/status"
}

# ticks PID...: the processor time that they took, in clock ticks.
ticks() {
	local each line f sum=0
	for each; do
		read -r line <"/proc/$each/stat"
		read -ra f <<<"${line##*) }"
		sum=$((sum + f[11] + f[12]))
	done
	echo "$sum"
}

# there FILE [N]: it is, with so many lines.
there() {
	[ -e "$1" ] && { [ -z "${2:-}" ] || [ "$(wc -l <"$1")" -eq "$2" ]; }
}

# limit SECONDS: then whatever the test still runs is killed, rather than waited for.
limit() {
	[ -p "$T/.pause" ] || mkfifo "$T/.pause"
	# not a child of the test's shell, which may wait for all it has
	(
		(
			echo "$BASHPID" >"$T/.limit"
			read -rt "$1" <>"$T/.pause" || kill_left
		) >/dev/null 2>&1 3>&- 4>&- &
	)
}

# there_are N GLOB: so many files.
there_are() {
	[ "$(compgen -G "$2" | wc -l)" -eq "$1" ]
}

# Whatever a test left running; its spool is in its environment.
kill_left() {
	local each left
	[ -n "$T" ] || return 0 # or it would be those of everybody
	for _ in {1..9}; do # some may just have been started by others
		left=$(MQ_SPOOL='' grep -lsazE "^MQ_SPOOL=$T/" /proc/[0-9]*/environ) || true
		[ -n "$left" ] || return 0
		for each in $left; do
			each=${each//[!0-9]/}
			kill -9 "$each" || true
			wait "$each" || true # or the shell has a word on each
		done
	done 2>/dev/null
}

# executable NAME: a script for sh, from standard input, to be run as ./NAME.
executable() {
	{ echo '#!/bin/sh' && cat; } >"$1"
	chmod +x "$1"
}

# job_scripts: jobs that say when they run, and wait for what the test does, or for
# its end.
job_scripts() {
	# await FILE: notes that it runs, then waits for that
	executable await <<-'END'
		echo $$ >"running.$(cat)"
		until [ -e "$1" ]; do sleep 0.01; done
	END
	# meet N: waits until that many of them are there
	executable meet <<-'END'
		: >"at.$MQ_ID"
		until [ "$(ls | grep -c '^at\.')" -ge "$1" ]; do sleep 0.01; done
	END
	# group: a process with a child, whose pids are in leader and child
	executable group <<-'END'
		sleep 3600 &
		echo $! >child
		echo $$ >leader
		wait
	END
}

# many_queues N: q000001 and so on, as mq-create would make them, but fast.
many_queues() {
	local n=$1 conf i dir
	mq-create model visibility=31s
	conf=$(cat "$MQ_SPOOL/q/model/conf")
	(cd "$MQ_SPOOL/q/model" && find . -mindepth 1 -type d) | sort >parts
	cd "$MQ_SPOOL/q" || return
	seq -f 'q%06g' "$n" >"$T/names"
	xargs mkdir -m 2770 <"$T/names"
	while IFS= read -r dir; do
		sed "s|\$|/$dir|" "$T/names" | xargs mkdir -m 2770
	done <"$T/parts"
	for ((i = 1; i <= n; i++)); do
		printf -v dir 'q%06d' "$i"
		printf '%s\n' "$conf" >"$dir/conf"
	done
	cd "$T" || return
	same '' "$(diff -r "$MQ_SPOOL/q/model" "$MQ_SPOOL/q/$dir")"
	mq-delete model
}

# ---- what a machine may lack ---------------------------------------------

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

need_strace() {
	strace -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace"
}

need_terminal() {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no pseudo-terminal to be had"
}

# on_terminal COMMAND: for a shell on a terminal of its own; what that shows.
on_terminal() {
	script -qec "$1" /dev/null </dev/null | tr -d '\r'
}

sanitized() {
	grep -q __asan_init "$MQ_BIN/mq-send"
}

# crowded: of many short processes, each does with sanitizers what it does in other tests.
crowded() {
	! sanitized || skip "many processes that do the same"
}

# lean KIB FILE: what /usr/bin/time -f %M wrote there is below that.
lean() {
	local peak
	peak=$(tail -n 1 "$2")
	sanitized || [ "$peak" -lt "$1" ] || {
		echo "peak memory $peak KiB"
		return 1
	}
}

# mounted DIR MOUNT-ARGUMENT...: mount there until the test ends, or skip.
mounted() {
	local dir=$1
	shift
	need_root
	mkdir -p "$dir"
	mount "$@" "$dir" 2>"$T/mount.err" || skip "cannot mount: $(cat "$T/mount.err")"
	echo "$dir" >>"$T/mounts"
}

unmount_all() {
	local dir
	[ -f "$T/mounts" ] || return 0
	tac "$T/mounts" | while IFS= read -r dir; do
		umount "$dir" || umount -l "$dir"
	done
}

# small_disk TYPE: $DISK is a small file system with the spool, and queue q.
small_disk() {
	DISK=$T/disk
	case $1 in
	ext4)
		need_root
		command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
		truncate -s 16M "$T/image"
		mkfs.ext4 -q -m 0 "$T/image"
		mounted "$DISK" -o loop "$T/image"
		;;
	tmpfs)
		mounted "$DISK" -t tmpfs -o size=8m tmpfs
		;;
	esac
	export MQ_SPOOL=$DISK/spool
	mq-create q backoff=0
}

# fill_up: not a block is left.
fill_up() {
	dd if=/dev/zero of="$DISK/fill" bs=64k 2>/dev/null || true
	dd if=/dev/zero of="$DISK/fill2" bs=1k 2>/dev/null || true
}

room_again() {
	rm -f "$DISK"/fill*
}

# As nobody in particular.
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}
