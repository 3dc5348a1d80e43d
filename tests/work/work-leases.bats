#!/usr/bin/env bats
# mq-work: leases that jobs outlive, and workers that are killed
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

# ---- leases ------------------------------------------------------------------------------

@test "a job of 10 times the visibility is delivered once" {
	mq-config q visibility=1s
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -e -l log q -- sh -c 'echo >>runs; sleep 10'
	worker=$pid
	soon there runs 2
	start other mq-work -e q -- sh -c 'echo >>runs'
	ends 0 "$worker"
	ends 0 "$pid"
	same 2 "$(wc -l <runs)"
	has q 0 0 0 0
	same 2 "$(wc -l <log)"
	same 'ack 0' "$(verdicts log | sort -u)"
}

@test "a job of 10 times -v, whatever the queue's visibility" {
	mq-config q visibility=1h
	mq-send -q -b x q
	start w mq-work -j1 -n1 -v 1s -l log q -- ./await go
	soon there running.x
	deadline=$((SECONDS + 10))
	until ((SECONDS > deadline)); do
		[ "$(mq-recv q | wc -l)" -eq 0 ]
		pause
	done
	touch go
	ends 0 "$pid"
	has q 0 0 0 0
	same 'ack 0' "$(verdicts log)"
}

@test "kill -9: all that it held comes again after the visibility timeout, once" {
	mq-config q visibility=1h max-receives=0
	seq 20 | mq-send -q -l q
	start w mq-work -j2 -P 10 q -- ./await never
	soon has q 8 12 0 0
	kill -9 "$pid"
	wait "$pid" || true
	same "$(seq 13 20 | xargs)" "$(drain q | sorted)"
	has q 0 12 0 0
	later 1h mq-work -j2 -e q -- sh -c 'echo "$(cat) $MQ_RECEIVES"' >got
	same "$(seq -f '%g 2' 12)" "$(sort -n got)"
	has q 0 0 0 0
}

@test "kill -9 with short jobs, again and again: nothing is lost, little is doubled" {
	mq-config q visibility=1h max-receives=0
	seq 300 | mq-send -q -l q
	for i in 1 2 3; do
		start "w$i" mq-work -j2 q -- awk 1
		soon eval '[ "$(cat w'$i'.out | wc -l)" -ge 30 ]'
		kill -9 "$pid"
		wait "$pid" || true
	done
	later 1h mq-work -j2 -e q -- awk 1 >rest
	same "$(seq 300)" "$(sort -nu w*.out rest)"
	# at most what ran when it was killed
	[ "$(sort -n w*.out rest | uniq -d | wc -l)" -le 6 ]
	has q 0 0 0 0
}

@test "stopped past its lease: the job's group is killed, nothing is acked" {
	mq-config q visibility=500ms
	mq-send -q -b x q
	start w mq-work -j1 -l log q -- ./group
	soon there leader 1
	kill -STOP "$pid"
	soon eval 'mq-recv -v 1h q >receipt'
	kill -CONT "$pid"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
	soon there log 1
	same lapsed "$(cut -f 4 log)"
	has q 0 1 0 0
	ok x mq-cat "$(cat receipt)"
	ok '' mq-ack "$(cat receipt)"
	rm leader
	mq-send -q -b next q
	soon there leader 1
	kill "$pid"
	soon heeded "$pid"
	kill "$pid"
	ends 143 "$pid"
}

@test "stopped past its lease with a job that has ended: its exit 0 acks nothing" {
	mq-config q visibility=500ms
	mq-send -q -b x q
	start w mq-work -j1 -n1 -l log q -- ./await go
	soon there running.x
	kill -STOP "$pid"
	touch go
	soon gone "$(cat running.x)"
	soon eval 'mq-recv -v 1h q >receipt'
	kill -CONT "$pid"
	ends 0 "$pid"
	same lapsed "$(cut -f 4 log)"
	has q 0 1 0 0
	ok '' mq-ack "$(cat receipt)"
}

@test "a lapsed lease kills its jobs' groups; a later verdict changes nothing" {
	seq 2 | mq-send -q -l q
	start w mq-work -j2 -v 3s -l log q -- sh -c './group; exit 0'
	soon there leader 1
	soon has q 0 2 0 0
	later 1h mq-recv -n 2 -v 2h q >receipts
	same 2 "$(wc -l <receipts)"
	soon there log 2
	same 'lapsed' "$(cut -f 4 log | sort -u)"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
	kill "$pid"
	ends 0 "$pid"
	has q 0 2 0 0
	ok '' later 1h mq-ack - <receipts
}

@test "a full disk while the lease is kept" {
	small_disk ext4
	mq-config q visibility=3s
	mq-send -q -b one q
	mq-send -q -b two q
	start w mq-work -j1 -P 0 -n1 -l log q -- ./await go
	soon there running.one
	fill_up
	deadline=$((SECONDS + 7))
	until ((SECONDS > deadline)); do
		has q 1 1 0 0
		pause
	done
	touch go
	ends 0 "$pid"
	same 'ack 0' "$(verdicts log)"
	same '[two]' "$(drain q)"
}

@test "a full disk: a worker drains the queue" {
	small_disk ext4
	seq 100 | mq-send -q -l q
	fill_up
	mq-work -j2 -e q -- awk 1 >got
	same "$(seq 100)" "$(sort -n got)"
	has q 0 0 0 0
}
