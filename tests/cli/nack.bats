#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

setup() {
	mq_setup
	mq-create q
}

# lease: one message, whose receipt is $receipt.
lease() {
	mq-send -q -b "${1:-x}" q
	receipt=$(mq-recv q)
}

@test "nack says nothing; the message waits for its backoff" {
	mq-config q backoff=1h
	lease
	ok '' mq-nack "$receipt"
	has q 0 0 1 0
	fails 1 '' later 29m mq-recv q
	same '[x]' "$(drain q 61m)"
}

@test "the backoff doubles with each receive, up to its maximum" {
	mq-config q backoff=1h..6h max-receives=0 visibility=1m
	mq-send -q -b x q
	passed=0
	for hours in 1 2 4 6 6; do
		receipt=$(later "${passed}m" mq-recv q)
		later "${passed}m" mq-nack "$receipt"
		fails 1 '' later "$((passed + hours * 30 - 1))m" mq-recv q
		passed=$((passed + hours * 60 + 1))
	done
	same '[x]' "$(drain q "${passed}m")"
}

@test "the backoff is spread" {
	mq-config q backoff=1000s
	seq 100 | mq-send -q -l q
	mq-recv -n 100 q | mq-nack -
	half=$(later 750s mq-stat q | cut -f 2)
	[ "$half" -ge 20 ]
	[ "$half" -le 80 ]
	same 100 "$(later 1001s mq-stat q | cut -f 2)"
}

@test "-d 0: at once, before what is newer" {
	lease first
	mq-send -q -b second q
	ok '' mq-nack -d 0 "$receipt"
	has q 2 0 0 0
	same '[first][second]' "$(drain q)"
}

@test "backoff=0: at once" {
	mq-config q backoff=0
	lease
	ok '' mq-nack "$receipt"
	has q 1 0 0 0
}

@test "-d is the delay, whatever the backoff" {
	lease
	ok '' mq-nack --delay 10m "$receipt"
	fails 1 '' later 9m mq-recv q
	same '[x]' "$(drain q 601s)"
}

@test "several nacked at once come back in their order" {
	seq 5 | mq-send -q -l q
	mq-recv -n 4 q >receipts
	mq-nack -d 0 - <receipts
	same '[1][2][3][4][5]' "$(drain q)"
}

@test "the count of receives stays" {
	lease
	mq-nack -d 0 "$receipt"
	same 1 "$(mq-ls -j q | jq .receives)"
	same 2 "$(mq-recv -j q | jq .receives)"
}

@test "a message keeps its id and what belongs to it" {
	id=$(mq-send -b x -p 6 -H 'A: b' -R r -C c q)
	mq-nack -d 0 "$(mq-recv q)"
	same "$id 6 b r c x" "$(mq-recv -j q | jq -r '"\(.id) \(.priority) \(.headers.A) \(.reply_to) \(.correlation_id) \(.body)"')"
}

@test "-x: to the dead letters now" {
	id=$(mq-send -b x q)
	ok '' mq-nack -x "$(mq-recv q)"
	has q 0 0 0 1
	mq-ls -j -S dead q >listed
	same "$id" "$(jq -r .id listed)"
	same '[{"count":1,"queue":"q","reason":"rejected"}]' "$(jq -cS '[.history[] | {reason,queue,count}]' listed)"
	fails 1 '' later 1h mq-recv q
	same '[x]' "$(drain q/dlq)"
}

@test "-x -r: for that reason" {
	lease
	ok '' mq-nack --reject --reason 'cannot be parsed: é' "$receipt"
	same 'cannot be parsed: é' "$(mq-ls -j -S dead q | jq -r '.history[0].reason')"
}

@test "-r without -x is remembered" {
	mq-send -q -b x q
	for _ in 1 2; do
		mq-nack -d 0 -r flaky "$(mq-recv q)"
	done
	same '[{"count":2,"queue":"q","reason":"flaky"}]' \
		"$(mq-cat -H "$(path_of q)" | sed -n 's/^Mq-History: \(.*\); queue=\(.*\); count=\(.*\); first=.*; last=.*$/[{"count":\3,"queue":"\2","reason":"\1"}]/p')"
	mq-nack -x -r bad "$(mq-recv q)"
	same '[{"count":2,"queue":"q","reason":"flaky"},{"count":1,"queue":"q","reason":"bad"}]' \
		"$(mq-ls -j -S dead q | jq -cS '[.history[] | {reason,queue,count}]')"
	same 1 "$(mq-recv -a q/dlq | grep -c '^x$')"
}

@test "a reason cannot forge another property" {
	lease
	try mq-nack -x -r $'a\nMq-Evil: 1' "$receipt"
	case $status in
	0)
		same 1 "$(mq-cat -H "$(path_of q -S dead)" | grep -c '^Mq-History: ')"
		same 0 "$(mq-cat -H "$(path_of q -S dead)" | grep -c '^Mq-Evil')"
		same 1 "$(mq-ls -j -S dead q | jq '.history | length')"
		;;
	*)
		[[ $status == 6[45] ]]
		has q 0 1 0 0
		;;
	esac
}

@test "a lapsed receipt: 3, -x too" {
	mq-config q backoff=0
	lease
	fails 3 'mq-nack: .+' later 31s mq-nack "$receipt"
	fails 3 'mq-nack: .+' later 31s mq-nack -x "$receipt"
	has q/dlq 0 0 0 0
	same '[x]' "$(drain q 32s)"
}

@test "an acked or nacked receipt: 3" {
	lease
	mq-ack "$receipt"
	harmless 3 'mq-nack: .+' mq-nack "$receipt"
	lease
	mq-nack -d 0 "$receipt"
	harmless 3 'mq-nack: .+' mq-nack "$receipt"
	harmless 3 'mq-nack: .+' mq-nack -x "$receipt"
	same '[x]' "$(drain q)"
}

@test "- reads receipts; -0 for NUL-ended ones" {
	seq 3 | mq-send -q -l q
	mq-recv -n 2 q | mq-nack -d 0 -
	has q 3 0 0 0
	mq-recv -n 3 -0 q | mq-nack -d 0 -0 -
	has q 3 0 0 0
}

@test "the rest is done when one fails" {
	seq 2 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 2 q)
	try mq-nack -d 0 "${r[0]}" garbage "${r[1]}"
	is 65 '' 'mq-nack: .*garbage.*'
	has q 2 0 0 0
}

@test "one of a batch: the others' leases hold" {
	mq-config q backoff=0
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	mq-nack "${r[1]}"
	has q 1 2 0 0
	ok '' mq-ack "${r[0]}" "${r[2]}"
	same '[2]' "$(drain q)"
}

@test "one of several that nack one receipt at once succeeds" {
	for round in {1..10}; do
		lease "$round"
		for i in {1..4}; do
			tell "rc$i" mq-nack -d 0 "$receipt" 2>/dev/null 3>&- &
		done
		wait
		same '0 3 3 3' "$(cat rc* | sort -n | xargs)"
		same "[$round]" "$(drain q)"
	done
}

@test "bad options: 64" {
	lease
	usage mq-nack
	usage mq-nack -d soon "$receipt"
	usage mq-nack -d -1s "$receipt"
	usage mq-nack --nosuch "$receipt"
	has q 0 1 0 0
}
