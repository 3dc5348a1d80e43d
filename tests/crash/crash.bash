# crash.bash - commands killed at every step, and every call of theirs failing
#
# A scenario is a preparation, a command, and a check of what must hold when the
# command was stopped half way.  It is tried with
#
#	kills	the command is killed just before its Kth call of one kind,
#		for every kind that changes anything and K from 1 on, until it
#		gets through unharmed.  To be killed before a call that changes
#		nothing is to be killed before the next that does.
#	faults	the Kth call of one kind fails with an error that such a call
#		can have: once, or it and all of its kind from then on.  The
#		calls are those of a run that was left in peace, reading ones
#		too, without those of the dynamic loader.
#
# tests/crash/meddle does that to a command; tests/crash/calls.c says which calls change
# something, and which errors each can have.  tests/crash/serve makes the spool what it
# was before, and looks at what is left: one process for all points of a test, as most of
# the time would go into starting others.  What is stopped are the real commands, and
# mq-fsck is asked each time.
#
# A fault may do no harm, then all must have been done; or else the exit status
# says what it was, as does one line on standard error.  In all cases ordinary
# commands must find everything as it should be, and need no mending first.
#
# Only the command's own process is meddled with, not the jobs that it starts.
#
#	CRASH=all	every kill and every fault; otherwise the first of each kind
#			of call and one in CRASH_STEP after it are killed, and one
#			fault in CRASH_EVERY is made, beginning at another place with
#			each CRASH_SEED
#	CRASH_TALLY	a file that gets a line for each scenario: how many kills,
#			how many faults, how many of these went wrong
# shellcheck shell=bash

CRASH_EVERY=${CRASH_EVERY:-12}
CRASH_STEP=${CRASH_STEP:-4}
CRASH_SEED=${CRASH_SEED:-1}
[ "${CRASH:-}" != all ] || CRASH_EVERY=1 CRASH_STEP=1

# After so many seconds the prepared spool is made anew, that its leases run.
KEEPS=8

# A command that takes longer hangs.
PATIENCE=${CRASH_PATIENCE:-20}

# Of one scenario no more than that many failures are shown.
ENOUGH=8

crash_setup() {
	mq_setup
	in_memory
	PATH=$MQ_TEST_BIN/../crash:$PATH
	! sanitized || skip "sanitizers cannot be traced"
	meddle -r true || skip "processes cannot be traced"
	: >drain.err
	coproc { exec serve 2>>drain.err 3>&-; }
	exec 6>&"${COPROC[1]}" 7<&"${COPROC[0]}"
	PASSED=0      # as if so much time had gone by for the command
	STATUS=0      # the command's exit status
	BESIDE=       # what runs at the same time
	LINES_TOLD=1  # failures that one fault may make
	ALSO=         # a pattern of other exit statuses that tell of a fault
	GOES_ON=      # the exit status of a command that tries until there is room again
	LEAVES=       # not empty: what a failure leaves in tmp/ is no more than a kill would
	TRIES_AGAIN=  # not empty: what failed may be told, and then be done after all
	: >input
}

# in_memory: where that is possible.  What is killed does not care, and a disk would take
# most of the time.
in_memory() {
	[ -w /dev/shm ] && [ "$(stat -f -c %T /dev/shm)" = tmpfs ] || return 0
	T=$(mktemp -d /dev/shm/mq-crash.XXXXXX)
	MQ_SPOOL=$T/spool
	cd "$T" || return
}

setup() {
	crash_setup
}

teardown() {
	mq_teardown
	[ "$T" = "$BATS_TEST_TMPDIR" ] || rm -rf "$T"
}

teardown_file() {
	[ -e "$BATS_FILE_TMPDIR/tally" ] || return 0
	awk -v file="${BATS_TEST_FILENAME##*/}" '
		{ kills += $1; faults += $2 }
		END { print "# " kills " kills, " faults " faults in " NR " scenarios of " file }
		' "$BATS_FILE_TMPDIR/tally" >&3
}

# ask WORD...: a request to serve; $answer is what it prints, and the status is its own.
ask() {
	local IFS=$'\t' rc
	printf '%s\n' "$*" >&6
	IFS= read -r -d '' answer <&7 && IFS= read -r -d '' rc <&7 && return "$rc"
	echo "serve has ended: $(<drain.err)"
	return 99
}

# ---- one run -----------------------------------------------------------------------

# prepared PREPARE: a spool as that makes it.  It is copied, being made now and then.
prepared() {
	if [ -z "${prepared_at:-}" ] || ((SECONDS - prepared_at >= KEEPS)); then
		rm -rf "$MQ_SPOOL"
		"$1"
		((KEEPS == 0)) || ask restore "$MQ_SPOOL" "$T/prepared"
		prepared_at=$SECONDS
	else
		ask restore "$T/prepared" "$MQ_SPOOL"
	fi
}

# traced MEDDLE-OPTION... -- COMMAND...: the test build's command, as if $PASSED
# had gone by.  Reads input, writes out, err and report.  @x stands for the line that
# file x holds.
traced() {
	local opts=() args=() word beside=
	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	shift
	for word; do
		[[ $word != @* ]] || IFS= read -r word <"${word#@}"
		args+=("$word")
	done
	if [ -n "$BESIDE" ]; then
		{
			trap exit TERM # when what it is at has ended, or that would leave litter
			"$BESIDE"
		} >beside.out 2>&1 3>&- 6>&- 7<&- &
		beside=$!
	fi
	rc=0
	# shellcheck disable=SC2086 # empty or one word
	MQ_TEST_PASSED=$PASSED meddle -t "$PATIENCE" -o report ${alone:-} "${opts[@]}" \
		"$MQ_TEST_BIN/${args[0]}" "${args[@]:1}" <input >out 2>err 3>&- 6>&- 7<&- || rc=$?
	[ -z "$beside" ] || end_beside "$beside" 2>/dev/null
}

# end_beside PID: in a second, or it is told again: a shell that is about to become a command
# may forget a signal.  After a minute it is killed.
end_beside() {
	local i signal=TERM
	for ((i = 0; ; i++)); do
		((i < 6000)) || signal=KILL
		((i % 100)) || kill -s "$signal" "$1" || break
		kill -0 "$1" || break
		pause
	done
	wait "$1" || true
}

# check_all COMMAND...: in a process of its own, so that what fails ends no more
# than that.
check_all() {
	set -e
	"$@"
	exec mq-fsck -n
}

# point WHAT COMMAND...: the command tells whether all is well after WHAT.  To be
# called where set -e counts, or nothing that fails in the middle of it does.
point() {
	local what=$1 bad=0
	shift
	: >drain.err
	check_all "$@" >said 2>&1 3>&- &
	wait "$!" || bad=$?
	if [ "$bad" -eq 0 ]; then
		return 0
	fi
	broken=$((broken + 1))
	{
		printf -- '---- %s: exit %s\n' "$what" "$rc"
		head -n 12 said
		[ ! -s out ] || printf 'stdout: %s\n' "$(head -c 300 out)"
		[ ! -s err ] || printf 'stderr: %s\n' "$(head -c 300 err)"
	} >>"$T/failures"
}

# Nothing half made is left, as lib.bash has it.
no_litter() {
	ask litter || {
		printf '%s\n' "$answer"
		return 1
	}
}

# unharmed CHECK: nothing went wrong.
unharmed() {
	same "$STATUS" "$rc"
	"$1" unharmed
	no_litter
}

# ---- kills -------------------------------------------------------------------------

kills() {
	local prepare=$1 check=$2 name k
	shift 2
	for name in "${killed_before[@]}"; do
		# Of a long row of the same call, such as writes, every 16th will do.
		for ((k = 1; k < 1000; k += k < 16 ? CRASH_STEP : 16)); do
			prepared "$prepare"
			traced -k "$name:$k" -- "$@"
			[ "$rc" -eq 137 ] || break
			killed=$((killed + 1))
			point "killed before $name $k" "$check" killed
			((broken < ENOUGH)) || return 0
		done
		point "not killed by $name $k" one_of "$rc" "$STATUS" 137
	done
}

# ---- faults ------------------------------------------------------------------------

declare -A WORDS=([EIO]='Input/output error' [EMFILE]='Too many open files' [ENOLCK]='No locks available'
	[ENOMEM]='Cannot allocate memory' [EAGAIN]='Resource temporarily unavailable' [EMLINK]='Too many links'
	[ENOSPC]='No space left on device|disk is full' [EDQUOT]='Disk quota exceeded|disk is full'
	[EACCES]='Permission denied' [EPERM]='Operation not permitted')

# told COMMAND ERROR STATUS: a failure is told as it should be.
told() {
	local line n=0
	# shellcheck disable=SC2053 # a pattern
	[[ $rc == "$3" || $rc == $ALSO ]] || {
		echo "exit $rc, wanted $STATUS and all done, or $3"
		return 1
	}
	while IFS= read -r line; do
		n=$((n + 1))
		[[ $line =~ ^"$1: "[^\ ].*": "[^\ ] && $line =~ ${WORDS[$2]} ]] || {
			echo "does not tell what failed and why: $line"
			return 1
		}
	done <err
	if ((n < 1 || n > LINES_TOLD)); then
		echo "$n lines of error"
		return 1
	fi
}

# verdict CHECK COMMAND CALL ERROR STATUS [+]: of what the command said, and what
# is there, after a fault.
verdict() {
	local check=$1 command=$2 name=$3 error=$4 want=$5 lasting=$6 litter=3
	[ "$name" != unlinkat ] || litter=40 # which stays for a day
	if [ "$rc" -eq "$STATUS" ]; then
		[ ! -s err ] || [ -n "$TRIES_AGAIN" ] || same '' "$(<err)"
		"$check" unharmed
	elif [[ $rc == "$GOES_ON" && $error == EDQUOT ]]; then
		"$check" killed
	else
		told "$command" "$error" "$want"
		"$check" killed
	fi
	# a full disk is not to be filled with what was not sent
	[[ -n $lasting$LEAVES || $error != ENOSPC ]] || no_litter
}

faults() {
	local prepare=$1 check=$2 from fault name error want lasting hit
	shift 2
	from=$(cksum <<<"$BATS_TEST_NAME$CRASH_SEED" | cut -d ' ' -f 1)
	for fault in "${possible_faults[@]}"; do
		(((++from) % CRASH_EVERY == 0)) || continue
		name=${fault%%:*} error=${fault##*:}
		lasting=${error#"${error%+}"} error=${error%+}
		prepared "$prepare"
		traced -f "$fault" -- "$@"
		read -r want hit <report || continue # others were there, it came to no such call
		failed=$((failed + 1))
		point "$fault: $hit" verdict "$check" "$1" "$name" "$error" "$want" "$lasting"
		((broken < ENOUGH)) || return 0
	done
}

# ---- a scenario ----------------------------------------------------------------------

# crash PREPARE CHECK COMMAND...: on a spool from PREPARE the command, stopped
# everywhere; CHECK is told how it went, unharmed or killed.
crash() {
	local prepare=$1 check=$2 broken=0 killed=0 failed=0
	local killed_before possible_faults prepared_at='' alone=''
	trap - DEBUG # which takes most of the time, to know a line number
	shift 2
	: >"$T/failures"
	prepared "$prepare"
	traced -r -- "$@"
	mapfile -t killed_before < <(sed -n 's/^kill //p' report)
	mapfile -t possible_faults < <(sed -n 's/^fault //p' report)
	! grep -qx alone report || alone=-a
	point "left in peace" unharmed "$check"
	if [ "$broken" -eq 0 ]; then
		kills "$prepare" "$check" "$@"
		faults "$prepare" "$check" "$@"
	fi
	echo "# $killed kills, $failed faults: $BATS_TEST_DESCRIPTION" >&3
	echo "$killed $failed $broken" >>"${CRASH_TALLY:-/dev/null}"
	echo "$killed $failed" >>"$BATS_FILE_TMPDIR/tally"
	cat "$T/failures"
	[ ! -s "$T/failures" ] && [ "$((killed + failed))" -ge 1 ]
}

# ---- for the checks --------------------------------------------------------------------

# left [-s] [QUEUE...]: everything that can be taken in an hour, acked; -s: as `sorted`
# prints it.
left() {
	ask left "${@:-q}" && printf %s "$answer"
}

# left_whole [QUEUE]: the same of many at once, whose payloads have their own brackets
left_whole() {
	later 1h mq-recv -a -n 1000 "${1:-q}" 2>>drain.err || [ $? -eq 1 ]
}

# done_or_not HOW BEFORE AFTER [QUEUE]: what is left is the one or the other; when
# nothing went wrong, what is after.
done_or_not() {
	ask left "${4:-q}"
	if [ "$1" = unharmed ]; then
		same "$3" "$answer"
	else
		one_of "$answer" "$2" "$3"
	fi
}

# sent HOW BEFORE AFTER [QUEUE]: the same, but an id that was told is as good.
sent() {
	if [ -s out ]; then
		done_or_not unharmed "${@:2}"
	else
		done_or_not "$@"
	fi
}

# all_well [QUEUE]: nothing comes twice, no error was printed, the queue works, and
# in the end nothing is left behind but what the dead command was building.
all_well() {
	ask well "${1:-q}" "${litter:-3}" || {
		printf '%s\n' "$answer"
		cat drain.err
		return 1
	}
	[ ! -s drain.err ] || same '' "$(<drain.err)"
}
