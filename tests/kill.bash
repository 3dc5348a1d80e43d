# kill.bash - kill -9 at every step, for the test files that do that
#
# A command runs under strace, which kills it just before its Kth call of one
# kind, for every kind that changes anything and every K, until it gets through
# unharmed.  After each death ordinary commands must find everything as it
# should be.
# shellcheck shell=bash

# killing: the rest of the test kills, or is skipped.
killing() {
	! sanitized || skip "sanitizers do not run under strace"
	command -v strace >/dev/null || skip "no strace"
	strace -f -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace"
	PASSED=0
	: >input
}

# Where it was when a test failed.
told_where() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || cat "$T/at" 2>/dev/null || true
}

# Calls that change nothing, or nothing that the next does not: a mode, a lock.
HARMLESS='_exit|fchmod|fchmodat|flock|ftruncate|access|arch_prctl|brk|clock_gettime|clock_nanosleep|close|execve|faccessat2?|fadvise64|fcntl|fstat|fstatfs|futex|getcwd|getdents64|getegid|geteuid|getgid|getpid|getppid|getrandom|getrlimit|gettid|getuid|ioctl|lseek|lstat|madvise|mmap|mprotect|munmap|newfstatat|open|openat2?|poll|pread64|prlimit64|read|readlink|readlinkat|readv|rseq|rt_sig.*|sched_.*|set_robust_list|set_tid_address|sigaltstack|stat|statfs|statx|sysinfo|umask|uname'

# traced STRACE-OPTION... -- COMMAND...: the test build's command, as if $PASSED
# had gone by.  Reads input, writes out and err.  @x stands for what file x holds.
traced() {
	local opts=() args=() word
	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	shift
	for word; do
		case $word in
		@*) args+=("$(cat "${word#@}")") ;;
		*) args+=("$word") ;;
		esac
	done
	rc=0
	{
		strace -f -qq "${opts[@]}" -E MQ_TEST_PASSED="$PASSED" "$MQ_TEST_BIN/${args[0]}" "${args[@]:1}" \
			<input >out 2>err || rc=$?
	} 2>/dev/null
}

fresh() {
	rm -rf "$MQ_SPOOL" out err
	"$1"
}

# sweep PREPARE CHECK COMMAND...: on a fresh spool PREPARE, the command, killed
# somewhere, and CHECK with how it went: unharmed or killed.
sweep() {
	local prepare=$1 check=$2 name k points=0
	shift 2
	echo unharmed >"$T/at"
	fresh "$prepare"
	traced -o calls -- "$@"
	same 0 "$rc"
	"$check" unharmed
	no_litter
	{
		sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' calls | grep -vxE "$HARMLESS" || true
		sed -n 's/^[0-9]* *\(openat2\{0,1\}\)(.*O_CREAT.*/\1/p' calls
	} | sort -u >names
	while IFS= read -r name; do
		# Of a long row of the same call, such as writes, every 16th will do.
		for ((k = 1; k < 1000; k += k < 16 ? 1 : 16)); do
			echo "killed before $name $k" >"$T/at"
			fresh "$prepare"
			traced -o /dev/null -e trace="$name" -e inject="$name:signal=KILL:when=$k" -- "$@"
			if [ "$rc" -ne 137 ]; then
				same 0 "$rc"
				break
			fi
			points=$((points + 1))
			"$check" killed
		done
	done <names
	[ "$points" -ge 2 ]
}

# left [QUEUE]: everything that can be taken in an hour, acked.
left() {
	drain "${1:-q}" 1h 2>>drain.err
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

# all_well [QUEUE]: nothing comes twice, no error was printed, the queue works, and
# in the end nothing is left behind but what the dead command was building.
all_well() {
	local q=${1:-q} figures
	later 20d mq-send -q -b again "$q"
	same '[again]' "$(drain "$q" 20d 2>>drain.err)"
	[ ! -s drain.err ] || same '' "$(cat drain.err)"
	IFS=$'\t' read -r -a figures <<<"$(later 20d mq-stat "$q")"
	same '0 0 0' "${figures[*]:1:3}"
	same '' "$(find "$MQ_SPOOL/q/$q" \( -path '*/leased/*' -o -path '*/delayed/*' -o -path '*/bad/*' -o \
		-path '*/dedup/pending/*' -o -path '*/turns/*' -name '*,*' -o -path '*/groups/*,*' \) -type f)"
	[ "$(find "$MQ_SPOOL" -path "$MQ_SPOOL*/tmp/*" -prune -print | wc -l)" -le 3 ]
}
