#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q visibility=1h
}

# Each worker writes what it got to got.N and its errors to err.N.
@test "16 processes drain 100,000 messages: each exactly once, no word" {
	seq -f '%06g' 100000 | mq-send -q -l q
	worker() {
		local rc=0
		while mq-recv -n "$1" q >"r.$2" || rc=$?; [ "$rc" -eq 0 ]; do
			xargs mq-cat <"r.$2" >>"got.$2" || return
			mq-ack - <"r.$2" || return
		done
		[ "$rc" -eq 1 ]
	}
	for i in {1..16}; do
		tell "rc.$i" worker "$((100 + i * 20))" "$i" 2>"err.$i" 3>&- &
	done
	wait
	same '' "$(cat err.*)"
	same 0 "$(cat rc.* | sort -u)"
	has q 0 0 0 0
	cat got.* | fold -w 6 | sort | cmp - <(seq -f '%06g' 100000)
	no_litter
}

@test "16 processes take single messages: each exactly once, no word" {
	seq -f '%03g' 800 | mq-send -q -l q
	for i in {1..16}; do
		tell "rc.$i" bash -c 'while mq-recv -a q; do :; done' >"got.$i" 2>"err.$i" 3>&- &
	done
	wait
	same '' "$(cat err.*)"
	has q 0 0 0 0
	cat got.* | fold -w 3 | sort | cmp - <(seq -f '%03g' 800)
	no_litter
}

@test "receivers, senders, nacks and lapses at once: nothing lost, nothing doubled" {
	mq-config q backoff=0 max-receives=0
	sender() {
		local n
		for ((n = 0; n < 40; n++)); do
			mq-send -q -b "$1-$n." q || return
			seq -f "$1-$n-%g." 10 | mq-send -q -l q || return
		done
	}
	consumer() {
		local rc round=0
		while :; do
			rc=0
			mq-recv -n 5 q >"r.$1" || rc=$?
			case $rc in
			0) ;;
			1)
				[ -e all-sent ] && return 0
				continue
				;;
			*) return "$rc" ;;
			esac
			round=$((round + 1))
			if [ "$((round % 4))" -eq 0 ]; then
				mq-nack - <"r.$1" || return
			else
				xargs mq-cat <"r.$1" >>"got.$1" || return
				mq-ack - <"r.$1" || return
			fi
		done
	}
	at_once 4 4
	drain q >>rest
	for s in 1 2 3 4; do
		for n in {0..39}; do
			printf "$s-$n%s.\n" '' -{1..10}
		done
	done | sort >wanted
	{
		cat got.*
		tr -d '[]' <rest
	} | tr . '\n' | sed 's/$/./' | grep -v '^\.$' | sort >got
	cmp wanted got
	has q 0 0 0 0
}

@test "many reapers of one lapsed batch: each message once" {
	mq-config q backoff=0 visibility=30s
	seq -f '%04g' 1000 | mq-send -q -l q
	mq-recv -n 1000 q >receipts
	for i in {1..8}; do
		tell "rc.$i" later 31s mq-recv -a -n 1000 q >"got.$i" 2>"err.$i" 3>&- &
	done
	wait
	same '' "$(cat err.*)"
	same '' "$(cat rc.* | grep -v '^[01]$')"
	later 31s mq-recv -a -n 1000 q >got.9 || true
	cat got.* | fold -w 4 | sort | cmp - <(seq -f '%04g' 1000)
	fails 1 '' later 31s mq-recv q
}
