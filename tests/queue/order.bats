#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

# mixed FROM TO COMMAND...: FROM..TO are sent, one by one and in bulk by turns.
mixed() {
	local n=$1 to=$2 size
	shift 2
	while [ "$n" -le "$to" ]; do
		"$@" -q -b "$n" q
		n=$((n + 1))
		size=$((n % 83))
		[ "$((n + size))" -le "$to" ] || size=$((to - n + 1))
		[ "$size" -eq 0 ] || seq "$n" "$((n + size - 1))" | "$@" -q -l q
		n=$((n + size))
	done
}

@test "10,000 sends, one-shot and bulk mixed, come out in order" {
	mixed 1 10000 mq-send
	has q 10000 0 0 0
	same "$(seq 10000)" "$(mq-recv -n 10000 -j q | jq -r .body)"
}

@test "also when the clock is stepped back by an hour, and forth, in between" {
	mixed 1 3000 stepped 0 mq-send
	mixed 3001 6000 stepped -1h mq-send
	mixed 6001 7000 stepped -2h mq-send
	mixed 7001 9000 stepped 1h mq-send
	mixed 9001 10000 stepped 0 mq-send
	same 10000 "$(stepped 0 mq-stat q | cut -f 2)"
	same "$(seq 10000)" "$(stepped 0 mq-recv -n 10000 -j q | jq -r .body)"
}

@test "ids grow through a clock stepped back" {
	{
		stepped 0 mq-send -b 1 q
		stepped -1h mq-send -b 2 q
		seq 5 | stepped -2h mq-send -l q
		stepped -1h mq-send -b 3 q
		stepped 0 mq-send -b 4 q
	} >ids
	same 9 "$(wc -l <ids)"
	sort -c -u ids
}

@test "300 one-shot sends and receives by turns" {
	for ((i = 1; i <= 300; i++)); do
		mq-send -q -b "$i" q
		[ "$((i % 3))" -ne 0 ] || printf '%s\n' "$(mq-recv -a q)" >>got
	done
	mq-recv -j -n 500 q | jq -r .body >>got
	same "$(seq 300)" "$(cat got)"
}

@test "one at a time, in chunks, all at once" {
	seq 2000 | mq-send -q -l q
	{
		for _ in {1..100}; do
			mq-recv -j q
		done
		for n in 1 7 50 255 256 257 600; do
			mq-recv -j -n "$n" q
		done
		mq-recv -j -n 9999 q
	} | jq -r .body >got
	same "$(seq 2000)" "$(cat got)"
}

@test "each of several senders is in order" {
	for s in 1 2 3 4; do
		for ((i = 1; i <= 500; i += 50)); do
			mq-send -q -b "$s $i" q
			seq -f "$s %g" "$((i + 1))" "$((i + 49))" | mq-send -q -l q
		done 3>&- &
	done
	wait
	mq-recv -n 5000 -j q | jq -r .body >got
	same 2000 "$(wc -l <got)"
	for s in 1 2 3 4; do
		same "$(seq -f "$s %g" 500)" "$(grep "^$s " got)"
	done
}

@test "received while it is being sent" {
	tell rc mq-send -q -l q < <(seq 20000) 2>&1 3>&- &
	: >got
	while [ ! -s rc ]; do
		mq-recv -j -n 300 q >>got || true
	done
	mq-recv -j -n 30000 q >>got || true
	same 0 "$(cat rc)"
	jq -r .body got | cmp - <(seq 20000)
}
