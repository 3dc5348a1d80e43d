#!/usr/bin/env bats
# call.bats - mq-call: request and reply
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
# shellcheck disable=SC2016 # the workers' shells expand it
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
}

# serve COMMAND...: what q asks, that answers.
serve() {
	start server mq-work -r -j2 q -- "$@"
	server=$pid
}

# no_reply_queue: q and nothing else is there.
no_reply_queue() {
	same q "$(mq-ls)"
}

# caller ARGUMENT...: one that waits for its reply; $request is what it asks,
# as JSON, and $reply_to and $correlation where to and for what to answer.
caller() {
	start c mq-call "$@"
	caller=$pid
	request=$(mq-recv -w 30s -j q)
	reply_to=$(jq -r .reply_to <<<"$request")
	correlation=$(jq -r .correlation_id <<<"$request")
}

@test "usage" {
	usage mq-call
	usage mq-call -w x q
	usage mq-call -b a q file
}

@test "request and reply" {
	serve tr a-z A-Z
	ok HELLO mq-call -b hello q
	same WORLD "$(mq-call q <<<world)"
	printf file >in
	ok FILE mq-call q in
	ok FILE mq-call q - <in
	no_reply_queue
	has q 0 0 0 0
	kill "$server"
	ends 0 "$server"
}

@test "request and reply to the byte: empty, bytes, 3 MiB" {
	serve cat
	ok '' mq-call -b '' q
	printf '\n\0\377\n\n' >in
	mq-call q <in >got
	cmp in got
	head -c 3M /dev/urandom >in
	mq-call q <in >got
	cmp in got
	no_reply_queue
}

@test "the request says where to answer, and for what" {
	caller -p 7 -H 'A: b' -b x q
	same '{"body":"x","headers":{"A":"b"},"priority":7}' "$(jq -cS '{body,headers,priority}' <<<"$request")"
	[[ $reply_to =~ ^reply-[0-9a-f]{16}$ ]]
	[ -n "$correlation" ]
	mq-ls | grep -qx "$reply_to"
	mq-send -q -C "$correlation" -b answer "$reply_to"
	ends 0 "$caller"
	same answer "$(cat c.out)"
	same '' "$(cat c.err)"
	no_reply_queue
}

@test "-C: the caller's own correlation id" {
	caller -C mine -b x q
	same mine "$correlation"
	mq-send -q -C mine -b answer "$reply_to"
	ends 0 "$caller"
}

@test "each call has its own correlation id and queue" {
	caller -b x q
	one="$correlation $reply_to"
	mq-send -q -C "$correlation" -b answer "$reply_to"
	ends 0 "$caller"
	caller -b x q
	[ "${one%% *}" != "$correlation" ]
	mq-send -q -C "$correlation" -b answer "$reply_to"
	ends 0 "$caller"
}

@test "answers to something else are passed over" {
	caller -b x q
	mq-send -q -b none "$reply_to"
	mq-send -q -C other -b other "$reply_to"
	mq-send -q -C "${correlation}x" -b longer "$reply_to"
	mq-send -q -C "$correlation" -b right "$reply_to"
	ends 0 "$caller"
	same right "$(cat c.out)"
	no_reply_queue
}

@test "-w: no answer in time: 1, nothing on stdout, no queue is left" {
	after 300 fails 1 '(mq-call: .*)?' mq-call -w 300ms -b x q
	no_reply_queue
}

@test "a request nobody took in time is worked on by nobody" {
	try mq-call --wait 300ms -b x q
	same 1 "$status"
	fails 1 '' later 1s mq-recv q
}

@test "-t: a request that stays" {
	try mq-call -w 300ms -t 1h -b x q
	same 1 "$status"
	ok x later 10s mq-recv -a q
}

@test "a caller that has gone: the work is done, its answer dropped" {
	caller -w 5s -b x q
	mq-nack -d 0 "$(jq -r .receipt <<<"$request")"
	receipt=$(mq-recv q)
	ends 1 "$caller"
	no_reply_queue
	# It was taken before it expired; the answer goes nowhere.
	mq-send -q -C "$correlation" -b late "$reply_to" 2>err && false
	grep -q 'no such queue' err
	mq-ack "$receipt"
}

@test "mq-work -r and a caller that has gone meanwhile" {
	start server mq-work -r -j1 -l log q -- sh -c 'until [ -e go ]; do sleep 0.01; done; echo late'
	server=$pid
	soon asleep "$server"
	try mq-call -w 2s -b x q
	same 1 "$status"
	touch go
	soon there log 1
	same ack "$(cut -f 4 log)"
	runs "$server"
	no_reply_queue
	has q 0 0 0 0
}

@test "a worker that fails: the answer comes from the next try" {
	serve sh -c '[ "$MQ_RECEIVES" -ge 2 ] && echo "at last"'
	ok $'at last\n' mq-call -w 1h -b x q
}

@test "no such queue: 66, no queue is left" {
	fails 66 'mq-call: nosuch: no such queue.*' mq-call -b x nosuch
	no_reply_queue
}

@test "the queue is full: 75, no queue is left" {
	mq-config q max-depth=1
	mq-send -q -b x q
	fails 75 'mq-call: q: .*full.*' mq-call -w 300ms -b x q
	no_reply_queue
}

@test "a malformed header: 65, no queue is left" {
	fails 65 'mq-call: .+' mq-call -H 'no colon' -b x q
	no_reply_queue
}

@test "a request that cannot be read: 74, nothing is sent" {
	try mq-call q nosuchfile
	[ "$status" -ne 0 ]
	[[ $stderr == 'mq-call: nosuchfile: '* ]]
	has q 0 0 0 0
	no_reply_queue
}

@test "an answer that cannot be written: 74, no queue is left" {
	serve cat
	for to in to_full to_broken to_closed; do
		fails 74 'mq-call: .+' $to mq-call -b x q
		no_reply_queue
	done
}

interrupted() {
	caller -w 1h -b x q
	kill "-$1" "$caller"
	ends "$2" "$caller"
	same '' "$(cat c.out)"
	no_reply_queue
}

@test "TERM: no queue is left, 143" {
	interrupted TERM 143
}

@test "INT: no queue is left, 130" {
	interrupted INT 130
}

@test "HUP: no queue is left, 129" {
	interrupted HUP 129
}

@test "the queue of a caller killed with -9 is removed by a later call" {
	caller -w 1h -b x q
	orphan=$reply_to
	kill -9 "$caller"
	wait "$caller" || true
	mq-ls | grep -qx "$orphan"
	mq-ack "$(jq -r .receipt <<<"$request")"
	serve cat
	# It looks now and then.
	calls() {
		ok x mq-call -b x q && no_reply_queue
	}
	soon calls
}

@test "the queue of a caller that lives is not removed by others" {
	caller -w 1h -b x q
	serve cat
	for _ in {1..40}; do
		ok y mq-call -b y q
	done
	mq-ls | grep -qx "$reply_to"
	mq-send -q -C "$correlation" -b answer "$reply_to"
	ends 0 "$caller"
	same answer "$(cat c.out)"
	no_reply_queue
}

@test "the queue of a caller that is stopped is not removed by others" {
	caller -w 1h -b x q
	kill -STOP "$caller"
	serve cat
	for _ in {1..40}; do
		ok y mq-call -b y q
	done
	mq-send -q -C "$correlation" -b answer "$reply_to"
	kill -CONT "$caller"
	ends 0 "$caller"
	same answer "$(cat c.out)"
}

@test "many callers at once: each has its own answer" {
	serve sed 's/.*/answer to &/'
	pids=()
	for i in {1..20}; do
		start "c$i" mq-call -w 1h -b "$i" q
		pids+=("$pid")
	done
	for i in {1..20}; do
		ends 0 "${pids[i - 1]}"
		same "answer to $i" "$(cat "c$i.out")"
	done
	no_reply_queue
	has q 0 0 0 0
}

@test "MQ_POLL=1: the same, a little later" {
	export MQ_POLL=1
	serve tr a-z A-Z
	ok HELLO mq-call -b hello q
	no_reply_queue
}

@test "a spool that cannot be written: 77" {
	need_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	as_nobody test -x "$MQ_BIN/mq-call" || skip "the build is not open to others"
	chmod -R o=rX "$MQ_SPOOL"
	as_nobody test -r "$MQ_SPOOL/version" || skip "the scratch directory is not open to others"
	fails 77 'mq-call: .*Permission denied.*' as_nobody "$MQ_BIN/mq-call" -b x q
}
