#!/usr/bin/env bats
# prefetch.bats - how much one consumer may hold
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2154 # set by run
load ../lib

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
	job_scripts
}

# ---- mq-recv -c -P ---------------------------------------------------------------

@test "-P without -c: a usage error" {
	usage mq-recv -P 2 q
}

@test "-P: bad values" {
	for n in x '' -1 1.5; do
		usage mq-recv -c me -P "$n" q
	done
}

@test "-c: a name like a queue's" {
	mq-send -q -b x q
	for name in '' ../x a/b .x 'a b' "$(printf 'n%.0s' {1..65})"; do
		try mq-recv -c "$name" -P 2 q
		[ "$status" -ne 0 ]
		[ -z "$output" ]
		[[ $stderr =~ ^(usage: )?mq-recv ]]
	done
	has q 1 0 0 0
}

@test "-c -P: so many unacked at a time, then 75" {
	seq 5 | mq-send -q -l q
	mq-recv -c me -P 2 q >r1
	mq-recv --consumer me --prefetch 2 q >r2
	harmless 75 'mq-recv: q: prefetch reached.*' mq-recv -c me -P 2 q
	mq-ack "$(cat r1)"
	mq-recv -c me -P 2 q >r3
	harmless 75 'mq-recv: q: prefetch reached.*' mq-recv -c me -P 2 q
	same 23 "$(mq-cat "$(cat r2)" "$(cat r3)")"
}

@test "-n takes what is left of the prefetch" {
	seq 9 | mq-send -q -l q
	mq-recv -n 100 -c me -P 3 q >receipts
	same 3 "$(wc -l <receipts)"
	has q 6 3 0 0
	harmless 75 'mq-recv: q: prefetch reached.*' mq-recv -n 100 -c me -P 3 q
	head -n 2 receipts | mq-ack -
	same 2 "$(mq-recv -n 100 -c me -P 3 q | wc -l)"
	same 4 "$(mq-recv -n 100 -c me -P 10 q | wc -l)"
}

@test "an empty queue: 1, as ever" {
	fails 1 '' mq-recv -c me -P 2 q
}

@test "others are not held up: another name, no name, another queue" {
	mq-create other
	seq 5 | mq-send -q -l q
	mq-send -q -b other other
	mq-recv -c me -P 1 q >held
	fails 75 'mq-recv: .*' mq-recv -c me -P 1 q
	ok 2 mq-recv -a -c you -P 1 q
	ok 3 mq-recv -a q
	ok other mq-recv -a -c me -P 1 other
}

@test "-c without -P: no limit, but it counts" {
	seq 5 | mq-send -q -l q
	same 3 "$(mq-recv -n 3 -c me q | wc -l)"
	harmless 75 'mq-recv: .*' mq-recv -c me -P 3 q
	same 1 "$(mq-recv -c me q | wc -l)"
	same 1 "$(mq-recv -n 5 -c me -P 5 q | wc -l)"
}

@test "each verdict makes room: ack, nack, reject, and what is given back" {
	seq 9 | mq-send -q -l q
	for verdict in mq-ack 'mq-nack -d 1h' 'mq-nack -x'; do
		receipt=$(mq-recv -c me -P 1 q)
		fails 75 'mq-recv: .*' mq-recv -c me -P 1 q
		$verdict "$receipt"
	done
	fails 74 'mq-recv: .+' to_full mq-recv -c me -P 1 q
	receipt=$(mq-recv -c me -P 1 q)
	fails 75 'mq-recv: .*' mq-recv -c me -P 1 q
}

@test "-a: acked at once, so it never gets there" {
	seq 5 | mq-send -q -l q
	ok 12345 bash -c 'for i in 1 2 3 4 5; do mq-recv -a -c me -P 1 q; done'
}

@test "a lapse makes room" {
	seq 3 | mq-send -q -l q
	mq-recv -c me -P 1 q >receipt
	fails 75 'mq-recv: .*' later 20s mq-recv -c me -P 1 q
	later 31s mq-recv -c me -P 1 q >receipt
	same 1 "$(wc -l <receipt)"
	fails 75 'mq-recv: .*' later 32s mq-recv -c me -P 1 q
}

@test "an extended lease still counts" {
	seq 2 | mq-send -q -l q
	receipt=$(mq-recv -c me -P 1 q)
	mq-extend -v 1h "$receipt"
	fails 75 'mq-recv: .*' later 31s mq-recv -c me -P 1 q
	later 31s mq-ack "$receipt"
	ok 2 later 32s mq-recv -a -c me -P 1 q
}

@test "several queues: each by itself" {
	mq-create a
	mq-create b
	seq 2 | mq-send -q -l a
	seq 3 4 | mq-send -q -l b
	ok 1 mq-cat "$(mq-recv -c me -P 1 a b)"
	try mq-recv -c me -P 1 a b
	case $status in
	0) same 3 "$(mq-cat "${output%$'\n'}")" ;;
	*) is 75 '' 'mq-recv: a: prefetch reached.*' ;;
	esac
	[ "$(mq-stat a | cut -f 3)" -le 1 ]
	[ "$(mq-stat b | cut -f 3)" -le 1 ]
}

@test "many processes of one name: never more than its prefetch" {
	mq-config q visibility=1h
	seq 200 | mq-send -q -l q
	for i in {1..8}; do
		(
			for _ in {1..10}; do
				mq-recv -n 2 -c me -P 5 q 2>>"err.$i" || true
			done >"r.$i"
		) 3>&- &
	done
	wait
	same 5 "$(cat r.* | wc -l)"
	has q 195 5 0 0
	same '' "$(cat err.* | grep -v 'prefetch reached' || true)"
}

@test "-w: waits for a message when there is room" {
	start w mq-recv -a -c me -P 1 -w 1h q
	soon asleep "$pid"
	mq-send -q -b x q
	ends 0 "$pid"
	same x "$(cat w.out)"
}

@test "-w: at its prefetch it does not wait for a message it may not have" {
	seq 2 | mq-send -q -l q
	receipt=$(mq-recv -c me -P 1 q)
	start w mq-recv -a -c me -P 1 -w 1s q
	soon gone "$pid"
	rc=0
	wait "$pid" || rc=$?
	# Refused, be it at once or when the time is over; and nothing was taken.
	same 75 "$rc"
	has q 1 1 0 0
	mq-ack "$receipt"
}

# ---- mq-work reads ahead ------------------------------------------------------------

@test "a slow and a fast worker share fairly" {
	mq-config q visibility=1h
	seq 60 | mq-send -q -l q
	start slow mq-work -j1 -l slow.log q -- ./await go
	soon there_are 1 'running.*'
	start fast mq-work -j1 -l fast.log q -- true
	# The fast one does all but what the slow one is at.
	soon has q 0 1 0 0
	same 59 "$(wc -l <fast.log)"
	touch go
	soon has q 0 0 0 0
	same 1 "$(wc -l <slow.log)"
}

@test "a fast worker that becomes slow keeps nothing from the others" {
	mq-config q visibility=1h
	executable turns <<-'END'
		[ "$(cat)" -lt 100 ] || { echo x | ./await go; }
	END
	seq 300 | mq-send -q -l q
	start turning mq-work -j1 -l turning.log q -- ./turns
	soon there running.x
	# What it has read ahead it gives back when it is of no use there.
	start other mq-work -j1 -l other.log q -- true
	soon has q 0 1 0 0
	same 200 "$(wc -l <other.log)"
	touch go
	soon has q 0 0 0 0
	# uncounted
	same '1' "$(cat turning.log other.log | cut -f 8 | sort -u)"
}

@test "too large a prefetch hoards; TERM gives it back uncounted" {
	mq-config q visibility=5s
	seq 50 | mq-send -q -l q
	start slow mq-work -j1 -P 1000 -l slow.log q -- ./await go
	soon has q 0 50 0 0
	# Nothing is left for the fast one, as long as it may wait.
	ok '' mq-work -i 6s -l fast.log q -- true
	[ ! -s fast.log ]
	has q 0 50 0 0
	kill "$pid"
	soon has q 49 1 0 0
	same 0 "$(mq-ls -S ready -j q | jq .receives | sort -u)"
	ok '' mq-work -j1 -n 49 -l fast.log q -- true
	same 49 "$(wc -l <fast.log)"
	touch go
	ends 0 "$pid"
	has q 0 0 0 0
}

# at_most N COMMAND...: of q, while that works on it, so many are in flight.
at_most() {
	local n=$1 seen most=0
	shift
	start w "$@"
	while runs "$pid"; do
		seen=$(mq-stat q | cut -f 3)
		[ "$seen" -le "$most" ] || most=$seen
	done
	ends 0 "$pid"
	echo "most in flight: $most"
	[ "$most" -le "$n" ] && [ "$most" -ge 1 ]
}

@test "-P 0: no more than the jobs" {
	seq 300 | mq-send -q -l q
	at_most 2 mq-work -j2 -P 0 -e q -- sleep 0.002
}

@test "-P N: the jobs and N" {
	seq 40 | mq-send -q -l q
	start w mq-work -j2 -P 5 q -- ./await go
	soon has q 33 7 0 0
	soon asleep "$pid"
	has q 33 7 0 0
	touch go
	soon has q 0 0 0 0
}

@test "without -P, slow jobs: nothing is read ahead" {
	seq 12 | mq-send -q -l q
	at_most 2 mq-work -j2 -e q -- sleep 0.15
}

@test "without -P, quick jobs: some, not all" {
	seq 1500 | mq-send -q -l q
	at_most 66 mq-work -j2 -e q -- true
}

@test "-L: a slow and a fast worker share fairly" {
	mq-config q visibility=1h
	seq 500 | mq-send -q -l q
	start slow mq-work -L -j1 q -- sh -c 'read -r line; until [ -e go ]; do sleep 0.01; done; echo ok
		exec sed -u "s/.*/ok/"'
	soon has q 499 1 0 0
	start fast mq-work -L -j1 -l fast.log q -- sed -u 's/.*/ok/'
	soon has q 0 1 0 0
	same 499 "$(wc -l <fast.log)"
	touch go
	soon has q 0 0 0 0
}
