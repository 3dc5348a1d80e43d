#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

# Who they are: numbers that no user has; ann and bob are in the group of the
# spool, pat is not.
SHARED=64100
declare -gA UIDS=([root]=0 [ann]=64101 [bob]=64102 [pat]=64103)
declare -gA MASK=([root]=022 [ann]=022 [bob]=022 [pat]=022)

setup() {
	mq_setup
	need_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	setpriv --reuid 64103 --regid 64103 --clear-groups test -x "$MQ_TEST_BIN/mq-send" ||
		skip "the build is not open to others"
	setpriv --reuid 64103 --regid 64103 --clear-groups test -x "$T" ||
		skip "the scratch directory is not open to others"
	umask 022
}

teardown() {
	MASK[root]=022
	mq_teardown
}

# who WHO: how to become them, in the array $AS.
who() {
	local groups=(--clear-groups)
	case $1 in
	ann | bob) groups=(--groups "$SHARED") ;;
	esac
	AS=(setpriv --reuid "${UIDS[$1]}" --regid "${UIDS[$1]}" "${groups[@]}" --)
}

# by WHO [later DURATION] COMMAND...
by() {
	local AS
	who "$1"
	# shellcheck disable=SC2030 # one command's
	umask "${MASK[$1]}"
	shift
	if [ "$1" = later ]; then
		AS+=(env "MQ_TEST_PASSED=$2" "$MQ_TEST_BIN/$3")
		shift 3
	fi
	"${AS[@]}" "$@"
}

# begin NAME WHO COMMAND...: as start does.
begin() {
	local name=$1 AS
	who "$2"
	umask "${MASK[$2]}"
	shift 2
	start "$name" "${AS[@]}" "$@"
}

# shared_spool WHO: made by them as mq-spool(5) says.
shared_spool() {
	[ -d "$T/open" ] || mkdir -m 1777 "$T/open"
	MQ_SPOOL=$T/open/spool
	by "$1" mkdir "$MQ_SPOOL"
	by "$1" chgrp "$SHARED" "$MQ_SPOOL"
	by "$1" chmod 2770 "$MQ_SPOOL"
}

# Whatever is there is of the group, and open to it and to nobody else.  (A clock
# beside which there are others is executable.)
all_open() {
	local bad
	bad=$(find "$MQ_SPOOL" ! -type l \( ! -gid "$SHARED" -o -type d ! -perm 2770 -o \
		! -type d ! -perm 0660 ! \( -path '*/leased/*' -perm 0770 \) \) \
		-printf '%m %u %g %y %P\n')
	[ -z "$bad" ] || {
		printf 'not open to the group: %s\n' "$bad"
		return 1
	}
}

# drained_by WHO QUEUE: as drain does.
drained_by() {
	local each
	while each=$(by "$1" mq-recv -a "$2"); do
		printf '[%s]' "$each"
	done
}

# ---- each does everything to what the other has made -----------------------------

# sends_and_settles A B: A sends, B has it; and whoever has a receipt settles.
sends_and_settles() {
	local a=$1 b=$2 receipt
	by "$a" mq-create jobs backoff=0 >/dev/null
	by "$b" mq-config jobs max-receives=3
	by "$a" mq-config jobs visibility=30s
	grep -qx max-receives=3 <(by "$a" mq-config jobs)
	by "$a" mq-send -q -b one jobs
	receipt=$(by "$b" mq-recv jobs)
	same one "$(by "$a" mq-cat "$receipt")"
	by "$b" mq-extend -v 2m "$receipt"
	# only who has the clock can set it
	[ "$a" = root ] || fails 77 'mq-extend: .+: Operation not permitted' by "$a" mq-extend -v 2m "$receipt"
	by "$a" mq-nack -d 0 "$receipt"
	receipt=$(by "$a" mq-recv jobs)
	by "$b" mq-ack "$receipt"
	by "$a" mq-send -q -d 10m -b late jobs
	by "$a" mq-send -q -b lapses jobs
	by "$b" mq-recv -v 1h jobs >/dev/null
	same '[late]' "[$(by "$a" later 20m mq-recv -a jobs)]"
	same '[lapses]' "[$(by "$a" later 61m mq-recv -a jobs)]"
	all_open
	# in bulk: files with many names, segments, one clock for many
	seq 700 | by "$a" mq-send -q -l jobs
	by "$b" mq-recv -n 20 jobs >receipts
	by "$b" mq-extend -v 5m "$(sed -n 3p receipts)"
	by "$a" mq-ack - <receipts
	same "$(seq 21 700 | tr -d '\n')" "$(by "$b" mq-recv -a -n 1000 jobs)"
	by "$a" mq-send -q -b x jobs
	same 1 "$(by "$b" mq-purge jobs)"
}

# dead_letters A B: what A sent dies in B's hands, and A takes it back.
dead_letters() {
	local a=$1 b=$2
	seq 5 | by "$a" mq-send -q -l jobs
	by "$b" mq-recv -n 5 jobs | by "$b" mq-nack -x -r "it is bad" -
	by "$a" mq-ls -j jobs/dlq | jq -e '.history[0].reason == "it is bad"' >/dev/null
	same 5 "$(by "$a" mq-redrive jobs)"
	# a second history beside the first
	by "$a" mq-recv -n 5 jobs | by "$a" mq-nack -x -
	same 3 "$(by "$b" mq-redrive -n 3 jobs)"
	same '1 2 3' "$(drained_by "$b" jobs | sorted)"
	same '4 5' "$(drained_by "$a" jobs/dlq | sorted)"
}

in_groups() {
	local a=$1 b=$2 i
	for i in {1..5}; do
		by "$a" mq-send -q -g g -b "$i" jobs
		by "$b" mq-send -q -g "h$((i % 3))" -b "$i" jobs
	done
	seq 6 50 | by "$b" mq-send -q -l -g g jobs # more than lie flat
	receipt=$(by "$b" mq-recv jobs)
	by "$a" mq-nack -d 0 "$receipt"
	by "$a" mq-recv -j -n 200 jobs >/dev/null # lapse
	by "$b" later 31s mq-recv -j -n 100 jobs >got
	jq -r .receipt got | by "$a" later 31s mq-ack -
	jq -r '"\(.group) \(.body)"' got >order
	# shellcheck disable=SC2016 # the job's
	by "$b" later 31s mq-work -e -j 2 jobs -- sh -c 'echo "$MQ_GROUP $(cat)"' >>order
	same "$(printf 'g %d\n' {1..50})" "$(grep '^g ' order)"
	same 55 "$(wc -l <order)"
}

published() {
	local a=$1 b=$2
	by "$a" mq-create -x topic news
	by "$b" mq-create second
	by "$a" mq-bind news jobs '#'
	by "$b" mq-bind news second 'a.*'
	seq 5 | by "$a" mq-send -q -l -x news -k a.b
	seq 6 200 | by "$b" mq-send -q -l -x news -k a.b
	same "$(seq 200 | tr -d '\n')" "$(by "$b" mq-recv -a -n 500 jobs)"
	same "$(seq 200 | tr -d '\n')" "$(by "$a" mq-recv -a -n 500 second)"
	by "$a" mq-bind -u news second
	by "$b" mq-delete news
	by "$a" mq-delete second
}

deduplicated() {
	local a=$1 b=$2 id
	id=$(by "$a" mq-send -D once -b 1 jobs)
	same "$id" "$(by "$b" mq-send -D once -b 2 jobs)"
	same 1 "$(by "$b" mq-recv -a jobs)"
	same 0 "$(by "$a" mq-once key true; echo $?)"
	same 0 "$(by "$b" mq-once key false; echo $?)"
	# the marks of the one go in the other's sweep
	by "$b" later 1h mq-send -q -D other -b 3 jobs
	same 3 "$(by "$a" mq-recv -a jobs)"
}

# in_line A B: they stand behind each other, and each is told.
in_line() {
	local a=$1 b=$2 first second third
	# shellcheck disable=SC2154 # set by start
	begin first "$a" mq-recv -a -w 20s jobs && first=$pid
	soon there_are 1 "$MQ_SPOOL/q/jobs/waiting/*"
	begin second "$b" mq-recv -a -w 20s jobs && second=$pid
	soon there_are 2 "$MQ_SPOOL/q/jobs/waiting/*"
	begin third "$a" mq-recv -a -w 20s jobs && third=$pid
	soon there_are 3 "$MQ_SPOOL/q/jobs/waiting/*"
	soon asleep "$first" "$second" "$third"
	all_open
	printf '1\n2\n3\n' | by "$b" mq-send -q -l jobs
	ends 0 "$first"
	ends 0 "$second"
	ends 0 "$third"
	same 123 "$(sort first.out second.out third.out | fold -w 1 | sort | tr -d '\n')"
	# for room, too
	by "$a" mq-config jobs max-depth=1 overflow=block
	by "$a" mq-send -q -b 1 jobs
	begin blocked "$b" mq-send -q -w 20s -b 2 jobs && first=$pid
	soon asleep "$first"
	same 1 "$(by "$a" mq-recv -a jobs)"
	ends 0 "$first"
	same 2 "$(by "$a" mq-recv -a jobs)"
	by "$b" mq-config jobs max-depth=0 overflow=reject
}

at_work() {
	local a=$1 b=$2 server
	seq 20 | by "$a" mq-send -q -l jobs
	: >"$T/open/done" && chmod 666 "$T/open/done"
	by "$b" mq-work -e -j 2 jobs -- sh -c "echo \"\$(cat)\" >>$T/open/done"
	same "$(seq 20)" "$(sort -n "$T/open/done")"
	begin server "$b" mq-work -r jobs -- tr a-z A-Z && server=$pid
	same HELLO "$(by "$a" mq-call -w 20s -b hello jobs)"
	kill -TERM "$server"
	ends 0 "$server"
	same "$(by "$a" mq-stat jobs | cut -f 1-5)" "$(by "$b" mq-stat jobs | cut -f 1-5)"
	# one who receives in a name that the other has used
	seq 3 | by "$a" mq-send -q -l jobs
	by "$a" mq-recv -c hands -P 2 -n 2 jobs >receipts
	fails 75 'mq-recv: jobs: .+' by "$b" mq-recv -c hands -P 2 jobs
	by "$b" mq-ack - <receipts
	same 3 "$(by "$b" mq-recv -a -c hands -P 2 jobs)"
}

# Once the one has laid it and the other let it go, either can go on.
ballast() {
	local a=$1 b=$2
	by "$a" find "$MQ_SPOOL/ballast" -type f -delete
	by "$b" mq-send -q -b x jobs
	by "$b" later 1m mq-recv -a jobs >/dev/null
	same 16 "$(find "$MQ_SPOOL/ballast" -type f | wc -l)"
	by "$a" find "$MQ_SPOOL/ballast" -type f -delete
}

everything() {
	local part
	for part in sends_and_settles dead_letters in_groups published deduplicated in_line at_work ballast; do
		echo "$part $*" # for who reads of a failure
		"$part" "$@"
		all_open
		has jobs 0 0 0 0
	done
	by "$2" mq-delete jobs
	same '' "$(by "$1" mq-ls)"
	no_litter
	all_open
}

# in_memory: where nothing waits for a disk.
in_memory() {
	limit 300
	mounted "$T/open" -t tmpfs -o mode=1777 tmpfs
}

@test "two users in a group: everything that the one made serves the other" {
	in_memory
	MASK[ann]=077 MASK[bob]=000
	shared_spool ann
	everything ann bob
}

@test "two users in a group, the umasks the other way round" {
	in_memory
	MASK[ann]=000 MASK[bob]=077
	shared_spool bob
	everything ann bob
}

@test "root makes files in a shared spool, its user goes on" {
	in_memory
	MASK[root]=077 MASK[ann]=077
	shared_spool ann
	everything root ann
	sends_and_settles ann root
}

# at_each_mode WHO COMMAND...: killed just before each call that gives a mode, in a
# new spool each time, with a queue and a message.
at_each_mode() {
	local who=$1 call n killed=0
	shift
	for call in fchmod fchmodat fchmodat2; do
		for ((n = 1; ; n++)); do
			rm -rf "$MQ_SPOOL"
			shared_spool ann
			by bob mq-create jobs
			by bob mq-send -q -b x jobs
			try by "$who" meddle -k "$call:$n" "$@"
			[ "$status" != 0 ] || break
			same 137 "$status" # as meddle tells of a kill
			all_open || return
			killed=$((killed + 1))
		done
	done
	[ "$killed" -gt 0 ]
}

# There is no moment in which it is closed to the others.
@test "killed before it gives a mode: what was made is open to the group all the same" {
	in_memory
	! sanitized || skip "sanitizers cannot be traced"
	PATH=$MQ_TEST_BIN/../crash:$PATH
	meddle -r true || skip "processes cannot be traced"
	MASK[ann]=077
	at_each_mode ann mq-send -q -g g -D once -b y jobs
	at_each_mode ann mq-send -q -d 1h -b y jobs
	at_each_mode ann mq-recv jobs
	at_each_mode ann mq-create -x topic news
}

# ---- who may only send ------------------------------------------------------------

# only_sends UID QUEUE...: as mq-guarantees(7) tells it, by the spool's owner.
only_sends() {
	local u=$1 q d
	shift
	setfacl -m "u:$u:r-x" "$MQ_SPOOL"
	setfacl -m "u:$u:r--" "$MQ_SPOOL/version"
	setfacl -m "u:$u:--x" "$MQ_SPOOL/q" "$MQ_SPOOL/x" "$MQ_SPOOL/ballast"
	setfacl -m "u:$u:-wx,d:u:$u:-wx" "$MQ_SPOOL/tmp" "$MQ_SPOOL/j"
	for q; do
		d=$MQ_SPOOL/q/$q
		setfacl -m "u:$u:r-x" "$d"
		setfacl -m "u:$u:r--" "$d/conf"
		setfacl -R -m "u:$u:-wX,d:u:$u:-wx" "$d/tmp" "$d/ready" "$d/turns" "$d/groups" "$d/delayed" "$d/dedup"
		setfacl -m "u:$u:rwx" "$d/dedup"
		setfacl -R -m "u:$u:rwX,d:u:$u:rw-" "$d/stat"
	done
}

# publishes UID EXCHANGE
publishes() {
	local d=$MQ_SPOOL/x/$2
	setfacl -R -m "u:$1:rX" "$d"
	setfacl -m "d:u:$1:r--" "$d/bind"
	[ ! -e "$d/stat" ] || setfacl -R -m "u:$1:rwX,d:u:$1:rw-" "$d/stat"
}

# for_pat: queues jobs and more and an exchange, to which pat may only send.
for_pat() {
	local q
	command -v setfacl >/dev/null || skip "no setfacl"
	shared_spool ann
	setfacl -m u:64103:--x "$T/open" 2>/dev/null || skip "no ACLs on this file system"
	for q in jobs more; do
		by ann mq-create "$q" visibility=20s backoff=0
		# everything that a sender needs is there once each kind was sent
		by ann mq-send -q -g g -b first "$q"
		by ann mq-send -q -d 1ms -b first "$q"
		by ann mq-send -q -D first -b first "$q"
	done
	by ann mq-create -x fanout news
	by ann mq-bind news jobs
	by ann mq-bind news more
	by ann mq-send -q -x news -b first
	for q in jobs more; do
		by ann later 1s mq-purge "$q" >/dev/null
		by ann mq-recv -a -n 9 "$q" >/dev/null || true
	done
	only_sends 64103 jobs more
	publishes 64103 news
}

@test "a sender by ACL: sends all kinds of messages, silently, and segments rotate" {
	for_pat
	seq 700 | by pat mq-send -q -l jobs
	same "$(seq 700 | tr -d '\n')" "$(by ann mq-recv -a -n 1000 jobs)"
	for n in {1..20}; do
		ok '' by pat mq-send -q -b "$n" jobs
	done
	ok '' by pat mq-send -q -p 9 -b urgent jobs
	same "urgent$(seq 20 | tr -d '\n')" "$(by bob mq-recv -a -n 100 jobs)"
	for n in {1..5}; do
		ok '' by pat mq-send -q -g g -b "$n" jobs
		ok '' by ann mq-send -q -g g -b "$n+" jobs
	done
	seq 6 60 | by pat mq-send -q -l -g g jobs
	same "$(printf '[%s]' 1 1+ 2 2+ 3 3+ 4 4+ 5 5+ {6..60})" "$(drained_by bob jobs)"
	id=$(by pat mq-send -D once -b x jobs)
	ok "$id"$'\n' by pat mq-send -D once -b y jobs
	ok "$id"$'\n' by ann mq-send -D once -b z jobs
	same '[x]' "$(drained_by bob jobs)"
	ok '' by pat mq-send -q -d 2s -b late jobs
	same late "$(by bob later 3s mq-recv -a jobs)"
	ok '' by pat mq-send -q -x news -b 0
	seq 300 | by pat mq-send -q -l -x news
	same "$(seq 0 300 | tr -d '\n')" "$(by bob mq-recv -a -n 1000 jobs)"
	same "$(seq 0 300 | tr -d '\n')" "$(by ann mq-recv -a -n 1000 more)"
	# when a sweep is due, too
	ok '' by pat later 1h mq-send -q -b swept jobs
	same '[swept]' "$(drained_by ann jobs)"
	# what pat made is of the group, in directories that keep it
	same '' "$(find "$MQ_SPOOL" ! -gid "$SHARED" -o -type d ! -perm 2770 ! -path '*/stat')"
	has jobs 0 0 0 0
}

@test "a sender by ACL: receives, lists, settles and changes nothing" {
	for_pat
	by ann mq-send -q -b dead jobs
	by ann mq-recv jobs | by ann mq-nack -x -
	by ann mq-send -q -b secret jobs
	path=$(by ann mq-ls jobs | cut -f 7)
	by ann mq-send -q -b leased -p 9 jobs
	receipt=$(by ann mq-recv jobs)
	# whoever knows a name finds the file closed
	try by pat cat "$path"
	is 1 '' '.*Permission denied'
	fails 77 'mq-cat: .*Permission denied.*' by pat mq-cat "$path"
	for command in 'mq-recv jobs' 'mq-recv -a jobs' 'mq-ls jobs' 'mq-stat jobs' 'mq-work -e jobs -- true' \
		'mq-delete jobs' 'mq-config jobs visibility=1s' 'mq-bind news jobs/dlq' 'mq-create third' 'mq-recv jobs/dlq'; do
		# shellcheck disable=SC2086 # words
		harmless 77 "${command%% *}: .+: Permission denied" by pat $command
	done
	for command in mq-purge mq-redrive; do
		try by pat "$command" jobs
		is 77 $'0\n' "$command: .+: Permission denied"
	done
	for command in mq-ack mq-nack mq-extend; do
		harmless 77 "$command: .*Permission denied.*" by pat "$command" "$receipt"
	done
	for part in q q/jobs/ready q/jobs/ready/p4 q/jobs/ready/p4/0 q/jobs/leased q/jobs/tmp; do
		try by pat ls "$MQ_SPOOL/$part"
		# shellcheck disable=SC2154 # set by run
		[ "$status" -ne 0 ] && [ -z "$output" ]
	done
	by ann mq-ack "$receipt"
	same '[secret]' "$(drained_by ann jobs)"
}

@test "a sender without the ACL: 77" {
	for_pat
	setfacl -R -x u:64103 "$MQ_SPOOL/q/jobs/ready"
	harmless 77 'mq-send: jobs: cannot send: Permission denied' by pat mq-send -b x jobs
	ok '' by pat mq-send -q -b x more
	UIDS[eve]=64104 MASK[eve]=022
	harmless 77 'mq-send: .+: Permission denied' by eve mq-send -b x jobs
}
