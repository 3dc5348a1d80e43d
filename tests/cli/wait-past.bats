#!/usr/bin/env bats
# Nothing that is received and given back slips past a look for what is left.

load ../lib

# swing: receive the message and give it back, over and over
swing() {
	while [ ! -e stop ]; do
		mq-recv q >receipt 2>/dev/null || continue
		mq-nack -d 0 "$(cat receipt)" || return
	done
}

@test "a message that is received and given back all the time is not done" {
	mq-create q backoff=0 max-receives=0
	mq-send -b x q >id
	swing 3>&- &
	for _ in 1 2 3 4 5 6 7 8; do
		fails 1 '.*' mq-wait -w 200ms q
		fails 1 '.*' mq-wait -w 200ms q "$(cat id)"
	done
	: >stop
	wait
	has q 1 0 0 0
}

@test "nor does it end a worker that is to drain the queue" {
	mq-create q backoff=0 max-receives=0
	mq-send -q -b x q
	swing 3>&- &
	mq-work -e q -- sh -c 'cat >>worked'
	: >stop
	wait
	same x "$(cat worked)"
	has q 0 0 0 0
}
