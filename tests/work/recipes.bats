#!/usr/bin/env bats
# recipes.bats - pools of workers as the pages have them
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load ../lib

PAGE=$BATS_TEST_DIRNAME/../../man/mq-work.1

setup() {
	mq_setup
	limit 300
	mq-create mails backoff=0
	mq-create jobs backoff=0
}

shown() {
	mandoc -T ascii -O width=400 "$PAGE" | sed 's/.\x08//g'
}

# recipe PATTERN: the command in mq-work(1) whose first line matches that.
recipe() {
	shown | awk -v pattern="$1" '
		{ sub(/^ */, "") }
		going && !/^>/ { exit }
		going { print substr($0, 3) }
		!going && /^\$ / && $0 ~ pattern { going = 1; print substr($0, 3) }' >recipe
	[ -s recipe ] || {
		echo "no such recipe: $1"
		return 1
	}
	cat recipe
}

# sometimes: a job that fails for a part of its payloads at first.
sometimes() {
	executable sometimes <<-'END'
		x=$(cat)
		[ $((x % 7)) -ne 0 ] || [ -e "second" ] || exit 1
		echo "$x" >>finished
	END
}

# pool: what the recipe of a pool does with 64 messages of which some fail, and
# again when their leases have lapsed.
pool() {
	local command=${1//grep -q ././sometimes}
	[ "$command" != "$1" ]
	sometimes
	seq 64 | mq-send -q -l mails
	[[ $command == *'-v 10m'* ]] # as long as the jobs may take
	eval "$command" || true
	touch second
	has mails 0 9 0 0
	same "$(seq 64 | awk '$1 % 7')" "$(sort -n finished)"
	(export PATH="$MQ_TEST_BIN:$PATH" MQ_TEST_PASSED=11m && eval "$command") || true
	has mails 0 0 0 0
	same "$(seq 64)" "$(sort -n finished)"
}

@test "mq-recv and xargs" {
	pool "$(recipe 'mails [|] xargs')"
}

@test "mq-recv and GNU parallel" {
	command -v parallel >/dev/null && parallel --version | grep -q GNU || skip "no GNU parallel"
	export PARALLEL_HOME=$T
	pool "$(recipe '-0 mails [|]$')"
}

@test "a line for cron, with what cron gives it; two runs at once share the work" {
	command=$(shown | sed -n 's|^ *[*]/5 [*] [*] [*] [*] *\(mq-work -e .*\)|\1|p')
	[[ $command == *' -- deliver' ]]
	executable deliver <<-'END'
		cat >>delivered
		sleep 0.01
	END
	for i in {100..299}; do
		echo "$i"
	done | mq-send -q -l mails
	cron() {
		env -i HOME="$T" LOGNAME=root SHELL=/bin/sh PATH="$T:$PATH" MQ_SPOOL="$MQ_SPOOL" \
			/bin/sh -c "$command" </dev/null
	}
	tell rc.1 cron >out.1 2>&1 3>&- &
	tell rc.2 cron >out.2 2>&1 3>&- &
	wait
	same '0 0' "$(cat rc.1 rc.2 | xargs)"
	# No word: cron would send a mail.
	same '' "$(cat out.1 out.2)"
	fold -w 3 delivered | sort | cmp - <(seq 100 299)
	same 200 "$(wc -l <mails.log)"
	same ack "$(cut -f 4 mails.log | sort -u)"
}

@test "a Python program for -L" {
	command -v python3 >/dev/null || skip "no python3"
	eval "$(recipe 'cat >squares.py')"
	{
		seq 3000
		echo many
	} | mq-send -q -l jobs
	mq-work -e -L -j 2 -l log jobs -- python3 squares.py
	seq 3000 | awk '{ print $1 * $1 }' | cmp - <(sort -n squares)
	has jobs 0 0 0 1
	same 'not a number' "$(mq-ls -j -S dead jobs | jq -r '.history[0].reason')"
}

@test "an awk program for -L" {
	command -v mawk >/dev/null || skip "no mawk"
	eval "$(recipe 'cat >errors.awk')"
	seq -f 'GET /%g 200' 1500 | mq-send -q -l jobs
	seq -f 'GET /%g 503' 1500 | mq-send -q -l jobs
	command=$(recipe 'mawk -W interactive')
	eval "$command"
	same "$(seq -f 'GET /%g 503' 1500)" "$(jq -r .body errors)"
	has jobs 0 0 0 0
}

@test "the awk program with other awks, one message at a time" {
	eval "$(recipe 'cat >errors.awk')"
	for awk in gawk original-awk 'busybox awk'; do
		command -v "${awk%% *}" >/dev/null || continue
		rm -f errors
		for i in 1 2 3; do
			mq-send -q -b "GET /$i 50$i" jobs
			# shellcheck disable=SC2086 # words
			mq-work -n 1 -L -j 1 -T 1m jobs -- $awk -f errors.awk
		done
		same 3 "$(wc -l <errors)"
	done
	has jobs 0 0 0 0
}

@test "jq as a program for -L" {
	printf '{"n":1}\n{"n":2}\nno json\n' | mq-send -q -l jobs
	mq-work -e -L -j 1 jobs -- jq --unbuffered -r \
		'(.body | try (fromjson | "ok") catch "dead no JSON")'
	has jobs 0 0 0 1
}

# ---- systemd -----------------------------------------------------------------------

units() {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	eval "make --no-print-directory -s -C \"\$BATS_TEST_DIRNAME/../..\" BUILD=\"\${BUILD:-build}\" ${VARIABLES:-}" \
		'install PREFIX="$T/prefix"' >/dev/null
	UNITS=$T/prefix/lib/systemd/system
}

@test "the units are accepted by systemd" {
	units
	for unit in mq-work@.service mq-work@.path mq-work@.timer; do
		[ -f "$UNITS/$unit" ]
		ok '' systemd-analyze verify --man=no "$UNITS/$unit"
	done
	cd "$UNITS"
	ok '' systemd-analyze verify --man=no mq-work@photos.service mq-work@photos.path mq-work@photos.timer
}

@test "a unit that is spoilt is not accepted: the check can fail" {
	units
	sed -i 's|^ExecStart=.*|ExecStart=/no/such/mq-work|' "$UNITS/mq-work@.service"
	try systemd-analyze verify --man=no "$UNITS/mq-work@.service"
	[ -n "$stderr" ]
	[ "$status" -ne 0 ]
}

# value KEY UNIT: with the instance and the spool of this test filled in.
value() {
	sed -n "s/^$1=//p" "$UNITS/$2" | sed "s|%i|jobs|g; s|/var/spool/mq|$MQ_SPOOL|g"
}

@test "the service runs what its configuration says" {
	units
	# as in the page, in a shell's stead of systemd's splitting
	OPTIONS='-e -j 2 -l log' COMMAND='grep -q .'
	seq 10 | mq-send -q -l jobs
	# shellcheck disable=SC2086 # words
	eval "$(value ExecStart mq-work@.service)"
	same 10 "$(wc -l <log)"
	same '' "$(value Environment mq-work@.service | grep -v "MQ_SPOOL=$MQ_SPOOL" || true)"
	: "$OPTIONS" "$COMMAND"
}

@test "the path unit sees what is visible, and only that" {
	units
	value PathExistsGlob mq-work@.path >globs
	[ -s globs ]
	sees() {
		local glob
		while IFS= read -r glob; do
			! compgen -G "$glob" >/dev/null || return 0
		done <globs
		return 1
	}
	run ! sees
	mq-send -q -d 1h -b later jobs
	run ! sees
	mq-send -q -b x jobs
	sees
	mq-send -q -p 9 -b x jobs
	mq-recv -n 2 jobs >receipts
	run ! sees
	mq-nack -d 0 "$(head -n 1 receipts)"
	sees
	mq-recv -a jobs >/dev/null
	mq-ack "$(tail -n 1 receipts)" 2>/dev/null || true
	run ! sees
	seq 2000 | mq-send -q -l jobs
	sees
	mq-recv -a -n 1990 jobs >/dev/null
	sees
	mq-recv -a -n 10 jobs >/dev/null
	run ! sees
}

# seen: whether the path unit would start the service: something that it looks for is
# there, or something that it watches has changed since the last `unseen`.
seen() {
	local glob watched
	while IFS= read -r glob; do
		! compgen -G "$glob" >/dev/null || echo glob
	done < <(value PathExistsGlob mq-work@.path)
	for watched in $(value PathChanged mq-work@.path); do
		[ ! "$watched" -nt since ] || echo "${watched##*/}"
	done
}

unseen() {
	mq-work -e jobs -- true
	touch since
	same '' "$(seen)"
}

# arrival WHAT COMMAND...: the path unit is told of it, by a change and not by a glob alone,
# for a glob is looked at when something has changed.
arrival() {
	local what=$1
	shift
	unseen
	"$@" >/dev/null
	seen | grep -qE '^(bell|tmp)$' || {
		echo "missed: $what"
		return 1
	}
	seen | grep -q '^bell$'
}

@test "the path unit is told of every way in which a message arrives" {
	units
	mq-create jobs backoff=0
	mq-create -x fanout news
	mq-bind news jobs
	mq-create other dead-letter-to=jobs
	arrival "a send" mq-send -b x jobs
	arrival "many" eval 'seq 2000 | mq-send -q -l jobs'
	arrival "a publish" mq-send -x news -b x
	arrival "many published" eval 'seq 2000 | mq-send -q -l -x news'
	arrival "of a group" mq-send -g a -b x jobs
	arrival "a group, published" mq-send -x news -g a -b x
	arrival "delayed" mq-send -d 100ms -b x jobs
	arrival "delayed, published" mq-send -x news -d 100ms -b x
	mq-send -q -b x jobs
	mq-nack -x "$(mq-recv jobs)"
	arrival "a redrive" mq-redrive jobs
	mq-send -q -b x other
	receipt=$(mq-recv other)
	arrival "a dead letter of another queue" mq-nack -x "$receipt"
	mq-send -q -b x jobs
	mq-export jobs archive
	arrival "an import" mq-import jobs archive
	mq-work -e jobs -- true
	mq-send -q -b x jobs
	# -e would wait for what others have: it ends when told to
	receipt=$(mq-recv jobs)
	start w mq-work jobs -- true
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
	touch since
	same '' "$(seen)"
	mq-nack -d 0 "$receipt"
	seen | grep -q '^bell$'
	receipt=$(mq-recv jobs)
	start w mq-work jobs -- true
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
	touch since
	later 1h mq-recv other >/dev/null || true # nobody has looked at jobs yet
	same '' "$(seen)"
	later 1h mq-ls -n 1 jobs >/dev/null
	later 1h mq-recv -a jobs >/dev/null # who looks finds that the lease has lapsed
	seen | grep -q '^bell$'
	no_litter
	ok '' mq-fsck -n
}

@test "at its start the path unit sees what is there: also of a group" {
	units
	mq-send -q -g a -b x jobs
	seen | grep -q '^glob$'
}

@test "the bell is rung once, and only when that was asked for" {
	mq-create jobs
	mq-send -q -b x jobs
	[ ! -e "$MQ_SPOOL/q/jobs/bell" ]
	mq-work -e jobs -- true
	touch -d '-1 hour' "$MQ_SPOOL/q/jobs/bell" since
	touch -r since "$MQ_SPOOL/q/jobs/bell"
	mq-send -q -b x jobs
	[ "$MQ_SPOOL/q/jobs/bell" -nt since ]
	touch -r since "$MQ_SPOOL/q/jobs/bell"
	mq-send -q -b x jobs
	[ ! "$MQ_SPOOL/q/jobs/bell" -nt since ]
}
