# crash.bash - commands killed at every step, and every call of theirs failing
#
# A scenario is a preparation, a command, and a check of what must hold when the
# command was stopped half way.  It is tried with
#
#	kills	strace kills the command just before its Kth call of one kind,
#		for every kind that changes anything and K from 1 on, until it
#		gets through unharmed.  To be killed before a call that changes
#		nothing is to be killed before the next that does.
#	faults	the Kth call of one kind fails with an error that such a call
#		can have: once, or it and all of its kind from then on.  The
#		calls are those of a run that was left in peace, reading ones
#		too, without those of the dynamic loader.
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

CRASH_EVERY=${CRASH_EVERY:-46}
CRASH_STEP=${CRASH_STEP:-8}
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
	! sanitized || skip "sanitizers do not run under strace"
	command -v strace >/dev/null || skip "no strace"
	strace -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace"
	PASSED=0      # as if so much time had gone by for the command
	STATUS=0      # the command's exit status
	BESIDE=       # what runs at the same time
	LINES_TOLD=1  # failures that one fault may make
	ALSO=         # another exit status that tells of a fault
	GOES_ON=      # the exit status of a command that tries until there is room again
	LEAVES=       # not empty: what a failure leaves in tmp/ is no more than a kill would
	TRIES_AGAIN=  # not empty: what failed may be told, and then be done after all
	: >input
}

setup() {
	crash_setup
}

# Calls that change nothing, or nothing that the next does not: a mode, a lock.
HARMLESS='_exit|fchmod|fchmodat|fchmodat2|syscall_0x1c4|flock|ftruncate|access|arch_prctl|brk|clock_gettime|clock_nanosleep|close|execve|faccessat2?|fadvise64|fcntl|fstat|fstatfs|futex|getcwd|getdents64|getegid|geteuid|getgid|getpid|getppid|getrandom|getrlimit|gettid|getuid|ioctl|lseek|lstat|madvise|mmap|mprotect|munmap|newfstatat|open|openat2?|poll|pread64|prlimit64|read|readlink|readlinkat|readv|rseq|rt_sig.*|sched_.*|set_robust_list|set_tid_address|sigaltstack|stat|statfs|statx|sysinfo|umask|uname'

# ---- one run -----------------------------------------------------------------------

# prepared PREPARE: a spool as that makes it.  It is copied, being made now and then.
prepared() {
	rm -rf "$MQ_SPOOL" out err
	if [ ! -e prepared_at ] || ((SECONDS - $(<prepared_at) >= KEEPS)); then
		rm -rf prepared "$MQ_SPOOL"
		"$1"
		[ ! -e "$MQ_SPOOL" ] || cp -a "$MQ_SPOOL" prepared
		echo "$SECONDS" >prepared_at
	elif [ -e prepared ]; then
		cp -a prepared "$MQ_SPOOL"
	fi
}

# traced STRACE-OPTION... -- COMMAND...: the test build's command, as if $PASSED
# had gone by.  Reads input, writes out and err.  @x stands for what file x holds.
traced() {
	local opts=() args=() word beside=
	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	shift
	for word; do
		case $word in
		@*) args+=("$(<"${word#@}")") ;;
		*) args+=("$word") ;;
		esac
	done
	if [ -n "$BESIDE" ]; then
		"$BESIDE" >beside.out 2>&1 3>&- &
		beside=$!
	fi
	rc=0
	{
		timeout -k 1 "$PATIENCE" strace -qq "${opts[@]}" -E MQ_TEST_PASSED="$PASSED" \
			"$MQ_TEST_BIN/${args[0]}" "${args[@]:1}" <input >out 2>err 3>&- || rc=$?
	} 2>/dev/null
	if [ -n "$beside" ]; then
		kill -9 "$beside" 2>/dev/null || true
		kill_left
		wait "$beside" 2>/dev/null || true
	fi
}

# check_all COMMAND...: in a process of its own, so that what fails ends no more
# than that.
check_all() {
	set -e
	"$@"
	[ ! -x "$MQ_BIN/mq-fsck" ] || mq-fsck -n
}

# point WHAT COMMAND...: the command tells whether all is well after WHAT.  To be
# called where set -e counts, or nothing that fails in the middle of it does.
point() {
	local what=$1 bad=0
	shift
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
	{
		sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' calls | grep -vxE "$HARMLESS" || true
		sed -n 's/^\(openat2\{0,1\}\)(.*O_CREAT.*/\1/p' calls
	} | sort -u >names
	while IFS= read -r name <&4; do
		# Of a long row of the same call, such as writes, every 16th will do.
		for ((k = 1; k < 1000; k += k < 16 ? CRASH_STEP : 16)); do
			prepared "$prepare"
			traced -o /dev/null -e trace="$name" -e inject="$name:signal=KILL:when=$k" -- "$@"
			[ "$rc" -eq 137 ] || break
			killed=$((killed + 1))
			point "killed before $name $k" "$check" killed
			((broken < ENOUGH)) || return 0
		done
		point "not killed by $name $k" one_of "$rc" "$STATUS" 137
	done 4<names
}

# ---- faults ------------------------------------------------------------------------

# possible_faults: of the trace on standard input, a line for each: the kind of
# call, which of these it is, the error, the exit status that tells of it, and a plus
# if the error lasts.
possible_faults() {
	# Signals and events come by reading, too, and that does not fail.
	awk -v handles="$(grep -cE '^(signalfd4|inotify_init1|eventfd2)\(' calls)" '
		BEGIN {
			split("EIO 74 EMFILE 74 ENOLCK 74 ENOMEM 74 EAGAIN 74 EMLINK 74 ENOSPC 75 EDQUOT 75 EACCES 77 EPERM 77", s)
			for (i = 1; i in s; i += 2)
				status[s[i]] = s[i + 1]
			errors["openat"] = errors["openat2"] = "EIO EMFILE EMFILE+ EACCES EINTR"
			errors["read"] = errors["pread64"] = "EIO EIO+ EINTR"
			if (handles)
				errors["read"] = "EIO EINTR"
			errors["write"] = "EIO ENOSPC EDQUOT EINTR" # it may be needed to tell
			errors["fsync"] = "EIO ENOSPC EDQUOT+ EINTR"
			errors["renameat"] = errors["mkdirat"] = errors["mkdir"] = "EIO ENOSPC EDQUOT+"
			errors["symlinkat"] = errors["mknodat"] = errors["mkdirat"]
			errors["linkat"] = errors["mkdirat"] " EMLINK"
			errors["unlinkat"] = errors["newfstatat"] = errors["getdents64"] = "EIO EIO+"
			errors["readlink"] = errors["readlinkat"] = "EIO EACCES+"
			errors["utimensat"] = errors["fchmod"] = errors["fchmodat"] = "EIO EPERM+"
			errors["fstatfs"] = "EIO"
			errors["ftruncate"] = "EIO EINTR"
			errors["flock"] = "ENOLCK EINTR"
			errors["poll"] = errors["ppoll"] = "EINTR"
			errors["pipe2"] = errors["inotify_init1"] = "EMFILE"
			errors["inotify_add_watch"] = "ENOSPC"
			errors["clone"] = errors["clone3"] = errors["vfork"] = "EAGAIN"
		}
		{ name = $0; sub(/\(.*/, "", name); k = ++seen[name] }
		/^fcntl\(0, F_GETFD/ { ours = 1 } # the first thing that a command does
		/^(signalfd4|inotify_init1|eventfd2)\(/ { no_file[$NF] = 1 } # these do not fail
		/^read\(/ && match($0, /[0-9]+/) && no_file[substr($0, RSTART, RLENGTH)] { next }
		!ours || /^write\(2,/ || /flock\(.*LOCK_UN/ { next }
		{ # of a row of like calls the first will do
			like = $0
			gsub(/[0-9a-f]*[0-9][0-9a-f]*/, "", like)
			if (alike[like]++)
				next
			list = errors[name]
			if (name == "openat" && /O_CREAT/)
				list = list " ENOSPC EDQUOT+"
			if (name == "mmap" && !/, -1, 0\)/)
				list = "ENOMEM"
			if (/^close\(1\)/)
				list = "EIO"
			n = split(list, error, " ")
			for (i = 1; i <= n; i++) {
				lasting = sub(/\+$/, "", error[i]) ? "+" : ""
				# no handler is there to interrupt what stdio reads, or a worker opens
				if (error[i] == "EINTR" && (/^read\(0,/ || (handles && name == "openat")))
					continue
				print name, k, error[i], error[i] == "EINTR" ? "-" : status[error[i]], lasting
			}
		}'
}

declare -A WORDS=([EIO]='Input/output error' [EMFILE]='Too many open files' [ENOLCK]='No locks available'
	[ENOMEM]='Cannot allocate memory' [EAGAIN]='Resource temporarily unavailable' [EMLINK]='Too many links'
	[ENOSPC]='No space left on device|disk is full' [EDQUOT]='Disk quota exceeded|disk is full'
	[EACCES]='Permission denied' [EPERM]='Operation not permitted')

# told COMMAND ERROR STATUS: a failure is told as it should be.
told() {
	local line n=0
	[ "$rc" = "$3" ] || [ "$rc" = "$ALSO" ] || {
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
		[ -n "$TRIES_AGAIN" ] || same '' "$(<err)"
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
	local prepare=$1 check=$2 name k error want lasting n=0
	shift 2
	possible_faults <calls | awk -v every="$CRASH_EVERY" -v from="$(cksum <<<"$BATS_TEST_NAME$CRASH_SEED" | cut -d ' ' -f 1)" '
		(NR + from) % every == 0' >points
	while read -r name k error want lasting <&4; do
		prepared "$prepare"
		traced -o injected -e trace="$name" -e inject="$name:error=$error:when=$k$lasting" -- "$@"
		[[ $(<injected) == *INJECTED* ]] || continue
		# beside others it may be another call than the one in the trace
		! grep -qE '(write|close)\(1[,)].*INJECTED' injected || want=74
		failed=$((failed + 1))
		point "$name $k$lasting fails with $error" \
			verdict "$check" "$1" "$name" "$error" "$want" "$lasting"
		((broken < ENOUGH)) || return 0
	done 4<points
}

# ---- a scenario ----------------------------------------------------------------------

# crash PREPARE CHECK COMMAND...: on a spool from PREPARE the command, stopped
# everywhere; CHECK is told how it went, unharmed or killed.
crash() {
	local prepare=$1 check=$2 broken=0 killed=0 failed=0
	trap - DEBUG # which takes most of the time, to know a line number
	shift 2
	: >"$T/failures"
	prepared "$prepare"
	traced -o calls -- "$@"
	point "left in peace" unharmed "$check"
	if [ "$broken" -eq 0 ]; then
		kills "$prepare" "$check" "$@"
		faults "$prepare" "$check" "$@"
	fi
	echo "# $killed kills, $failed faults: $BATS_TEST_DESCRIPTION" >&3
	[ -z "${CRASH_TALLY:-}" ] || echo "$killed $failed $broken" >>"$CRASH_TALLY"
	cat "$T/failures"
	[ ! -s "$T/failures" ] && [ "$((killed + failed))" -ge 1 ]
}

# ---- for the checks --------------------------------------------------------------------

# left [QUEUE]: everything that can be taken in an hour, acked.
left() {
	drain "${1:-q}" 1h 2>>drain.err
}

# left_whole [QUEUE]: the same of many at once, whose payloads have their own brackets
left_whole() {
	later 1h mq-recv -a -n 1000 "${1:-q}" 2>>drain.err || [ $? -eq 1 ]
}

# done_or_not HOW BEFORE AFTER [QUEUE]: what is left is the one or the other; when
# nothing went wrong, what is after.
done_or_not() {
	local seen
	seen=$(left "${4:-q}")
	if [ "$1" = unharmed ]; then
		same "$3" "$seen"
	else
		one_of "$seen" "$2" "$3"
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
	local q=${1:-q} figures
	later 20d mq-send -q -b again "$q"
	same '[again]' "$(drain "$q" 20d 2>>drain.err)"
	[ ! -s drain.err ] || same '' "$(cat drain.err; rm drain.err)"
	IFS=$'\t' read -r -a figures <<<"$(later 20d mq-stat "$q")"
	same '0 0 0' "${figures[*]:1:3}"
	same '' "$(find "$MQ_SPOOL/q/$q" \( -path '*/leased/*' -o -path '*/delayed/*' -o -path '*/bad/*' -o \
		-path '*/dedup/pending/*' -o -path '*/turns/*' -name '*,*' -o -path '*/groups/*,*' \) -type f)"
	[ "$(find "$MQ_SPOOL" -path "$MQ_SPOOL*/tmp/*" -prune -print | wc -l)" -le "${litter:-3}" ]
}
