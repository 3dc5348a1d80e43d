#!/usr/bin/env bats
# mq-work: how many jobs, and until when
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

# ---- how many ------------------------------------------------------------------

@test "-j: so many at once" {
	seq 4 | mq-send -q -l q
	ok '' mq-work -j4 -e q -- ./meet 4
	there_are 4 'at.*'
	has q 0 0 0 0
}

@test "-j: and never more" {
	executable count <<-'END'
		mkdir -p at
		: >"at/$MQ_ID"
		ls at | wc -l >>seen
		read -r _
		rm "at/$MQ_ID"
	END
	seq 60 | mq-send -q -l q
	mq-work -j3 -e q -- ./count
	same 60 "$(wc -l <seen)"
	[ "$(sort -n seen | tail -n 1)" -le 3 ]
	rm seen
	seq 20 | mq-send -q -l q
	mq-work -j1 -e q -- ./count
	same 1 "$(sort -u seen)"
}

@test "one job per processor without -j" {
	n=$(getconf _NPROCESSORS_ONLN)
	seq "$((n + 1))" | mq-send -q -l q
	start w mq-work -e q -- ./await go
	soon there_are "$n" 'running.*'
	soon asleep "$pid"
	there_are "$n" 'running.*'
	touch go
	ends 0 "$pid"
}

@test "-n: so many, no more" {
	seq 10 | mq-send -q -l q
	mq-work -j4 -n 3 q -- sh -c 'echo >>runs'
	same 3 "$(wc -l <runs)"
	has q 7 0 0 0
	same '0 0 0 0 0 0 0' "$(receives)"
	mq-work -j1 --max 2 -P 100 q -- sh -c 'echo >>runs'
	same 5 "$(wc -l <runs)"
	has q 5 0 0 0
	same '0 0 0 0 0' "$(receives)"
}

@test "-n counts jobs, not successes" {
	mq-config q backoff=1h
	seq 5 | mq-send -q -l q
	mq-work -j1 -n 2 q -- false
	has q 3 0 2 0
}

@test "-n waits for what is not there yet" {
	start w mq-work -j2 -n 2 q -- awk 1
	soon asleep "$pid"
	mq-send -q -b one q
	soon there w.out 1
	soon asleep "$pid"
	mq-send -q -b two q
	ends 0 "$pid"
	same $'one\ntwo' "$(cat w.out)"
}

# ---- until when -----------------------------------------------------------------

@test "-e: an empty queue is drained at once" {
	ok '' mq-work -e q -- true
}

@test "-e waits for what is delayed" {
	mq-send -q -d 600ms -b late q
	after 500 ok $'late\n' mq-work -e q -- awk 1
	has q 0 0 0 0
}

@test "-e waits for what is in flight elsewhere" {
	mq-send -q -b elsewhere q
	receipt=$(mq-recv -v 1h q)
	start w mq-work -e q -- awk 1
	soon asleep "$pid"
	mq-send -q -b here q
	soon there w.out 1
	soon asleep "$pid"
	mq-ack "$receipt"
	ends 0 "$pid"
	same here "$(cat w.out)"
}

@test "-e takes over what lapses elsewhere" {
	mq-send -q -b x q
	mq-recv -v 500ms q >receipt
	ok $'x\n' mq-work --drain q -- awk 1
	has q 0 0 0 0
}

@test "-e: several queues, all of them drained; dead letters do not count" {
	for each in a b c; do
		mq-create "$each" backoff=0
		mq-send -q -b "$each" "$each"
	done
	mq-nack -x "$(mq-recv b)"
	mq-send -q -d 300ms -b later c
	mq-work -j2 -e a b c -- awk 1 >got
	same $'a\nc\nlater' "$(sort got)"
	has b 0 0 0 1
}

@test "-e among several: each message once, all of them end" {
	seq 400 | mq-send -q -l q
	pids=()
	for i in 1 2 3 4; do
		start "w$i" mq-work -j2 -e q -- awk 1
		pids+=("$pid")
	done
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same "$(seq 400)" "$(sort -n w*.out)"
	same '' "$(cat w*.err)"
	has q 0 0 0 0
}

@test "-i: ends when idle for so long" {
	after 300 ok '' mq-work -i 300ms q -- true
	mq-send -q -b x q
	after 300 ok $'x\n' mq-work --idle 300ms q -- awk 1
}

@test "-i: what runs is not idle, and the time counts from its end" {
	mq-send -q -b one q
	ok $'one\ntwo\n' mq-work -j1 -i 2s q -- sh -c '
		awk 1
		[ -e second ] || { touch second && sleep 2.5 && mq-send -q -d 500ms -b two q; }'
}

@test "without -e and -i it waits for ever, in its sleep" {
	start w mq-work q -- awk 1
	soon asleep "$pid"
	for i in 1 2 3; do
		mq-send -q -b "$i" q
		soon there w.out "$i"
	done
	soon asleep "$pid"
	kill "$pid"
	ends 0 "$pid"
	same $'1\n2\n3' "$(cat w.out)"
	same '' "$(cat w.err)"
}
