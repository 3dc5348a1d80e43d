#!/usr/bin/env bats
# Workers, calls, waiting and mq-once: stopped at every step (crash.bash).
# shellcheck disable=SC2034 # what is set here is for crash.bash
# shellcheck disable=SC2016 # of jobs

load ../lib
load crash

prepare_three() {
	rm -f worked
	: >worked
	mq-create q backoff=0
	printf '1\n2\n3\n' | mq-send -q -l q
}

# What of a job fails is told, and the job is done by another try, or is a dead
# letter; a command that cannot be found by its path cannot be run; and without
# room a worker waits for some, but for that of a job's own files.
working() {
	KEEPS=0
	LINES_TOLD=9
	ALSO='@(126|74)'
	GOES_ON=124
	PATIENCE=8
	TRIES_AGAIN=1
}

# All were worked on or are there; none that is not at hand twice.
check_worked() {
	local rest
	rest=$(left -s q q/dlq)
	same '1 2 3' "$({ cat worked; tr ' ' '\n' <<<"$rest"; } | grep . | sort -u | xargs)"
	if [ "$1" = unharmed ] && [ ! -s err ]; then
		same '' "$rest"
		same '1 2 3' "$(sort worked | xargs)"
	fi
	all_well
}

note() {
	executable note <<-'END'
		read n
		echo "$n" >>worked
	END
}

fresh_three() {
	note
	prepare_three
}

@test "mq-work -e" {
	working
	crash fresh_three check_worked mq-work -e -j 1 q -- ./note
}

@test "mq-work -e -j 2" {
	working
	crash fresh_three check_worked mq-work -e -j 2 q -- ./note
}

@test "mq-work -n 1 with the path of the message" {
	working
	crash fresh_three check_one_worked mq-work -n 1 q -- sh -c 'cat "$1" >>worked; echo >>worked' - '{}'
}

check_one_worked() {
	local rest
	rest=$(left -s q)
	same '1 2 3' "$({ cat worked; tr ' ' '\n' <<<"$rest"; } | grep . | sort -u | xargs)"
	[ "$1" != unharmed ] || [ -s err ] || same '2 3' "$rest"
	all_well
}

check_failing() {
	same '1 2 3' "$(left -s q q/dlq)"
	all_well
}

@test "mq-work of jobs that fail for good" {
	working
	crash fresh_three check_failing mq-work -e -j 1 q -- sh -c 'exit 100'
}

line_worker() {
	note
	executable lines <<-'END'
		while read -r line; do
			echo "$line" | sed 's/.*"body":"\([0-9]*\)".*/\1/' >>worked
			echo ok
		done
	END
	prepare_three
}

@test "mq-work -L" {
	working
	crash line_worker check_worked mq-work -e -L -j 1 q -- ./lines
}

prepare_request() {
	mq-create q backoff=0
	mq-create answers backoff=0
	mq-send -q -R answers -C 7 -b hi q
}

check_answered() {
	local rest answers
	rest=$(left)$(left q/dlq)
	answers=$(left answers)
	if [ "$1" = unharmed ] && [ ! -s err ]; then
		same '[hi]' "$answers"
		same '' "$rest"
	else
		one_of "$rest$answers" '[hi]' '[hi][hi]'
	fi
	all_well
	all_well answers
}

@test "mq-work -r" {
	working
	crash prepare_request check_answered mq-work -e -r -j 1 q -- cat
}

# ---- mq-call -----------------------------------------------------------------------

prepare_queue() {
	mq-create q backoff=0
}

responder() {
	exec mq-work -n 1 -r q -- cat
}

# A later call works, and tidies up what is left.
check_called() {
	local now answer i
	[ "$1" != unharmed ] || same hi "$(cat out)"
	now=$(left)
	one_of "$now" '' '[hi]'
	responder >/dev/null 2>&1 &
	answer=$(mq-call -w 10 -b again q)
	wait "$!"
	same again "$answer"
	for ((i = 0; i < 100; i++)); do # one in eight looks
		[ "$(mq-ls)" != q ] || break
		mq-call -w 0 -b none q || true
	done
	same q "$(mq-ls)"
	left >/dev/null
	all_well
}

@test "mq-call" {
	BESIDE=responder
	crash prepare_queue check_called mq-call -w 5 -b hi q
}

# ---- mq-wait -------------------------------------------------------------------------

prepare_lease() {
	mq-create q backoff=0
	mq-send -b payload q >id
	mq-recv q >receipt
}

ack_when_waited_for() {
	for ((i = 0; i < 5; i++)); do
		pause
	done
	mq-ack "$(cat receipt)"
}

check_waited() {
	one_of "$(left)" '' '[payload]'
	all_well
}

@test "mq-wait until a queue is drained" {
	BESIDE=ack_when_waited_for
	crash prepare_lease check_waited mq-wait -w 10 q
}

@test "mq-wait for a message" {
	BESIDE=ack_when_waited_for
	crash prepare_lease check_waited mq-wait -w 10 q @id
}

# ---- mq-once ---------------------------------------------------------------------------

prepare_once() {
	mq-create q backoff=0
	: >ran
}

check_once() {
	local before after
	[ "$1" != unharmed ] || same 1 "$(wc -l <ran)"
	before=$(wc -l <ran)
	[ "$before" -le 1 ]
	mq-once key sh -c 'echo x >>ran'
	after=$(wc -l <ran)
	[ "$1" != unharmed ] || same 1 "$after"
	[ "$after" -ge 1 ] && [ "$after" -le 2 ]
	mq-once key sh -c 'echo x >>ran'
	same "$after" "$(wc -l <ran)"
	all_well
}

@test "mq-once" {
	KEEPS=0
	crash prepare_once check_once mq-once key sh -c 'echo x >>ran'
}
