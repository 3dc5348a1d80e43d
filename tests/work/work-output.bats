#!/usr/bin/env bats
# mq-work: replies, the log and the terminal
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

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
	timed mq-work -j1 -n1 --log log q -- sleep 0.3
	most=$took
	id2=$(mq-send -b x q)
	mq-work -j1 -n1 -l log q -- sh -c 'exit 65'
	same first "$(head -n 1 log)"
	same 3 "$(wc -l <log)"
	sed -n 2p log >line
	IFS=$'\t' read -r began ended took rest <line
	[[ $began =~ ^$ISO_RE$ ]] && [[ $ended =~ ^$ISO_RE$ ]]
	[ "$(date -d "$began" +%s)" -ge "$before" ]
	[[ $took =~ ^[0-9]+\.[0-9]+$ ]]
	awk -v took="$took" -v most="$most" 'BEGIN { exit !(took >= 0.3 && took * 1000 <= most + 1) }'
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
	need_terminal
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
