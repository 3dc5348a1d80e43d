#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

@test "max-depth: that many, then 75 and nothing kept" {
	mq-config q max-depth=2
	mq-send -q -b 1 q
	mq-send -q -b 2 q
	harmless 75 'mq-send: q: .*full.*' mq-send -b 3 q
	same '[1][2]' "$(drain q)"
	no_litter
}

@test "max-depth counts all that is not acked" {
	mq-config q max-depth=3
	mq-send -q -b leased q
	receipt=$(mq-recv q)
	mq-send -q -d 1h -b delayed q
	mq-send -q -b ready q
	harmless 75 'mq-send: q: .+' mq-send -b 4 q
	mq-ack "$receipt"
	ok '' mq-send -q -b 4 q
	harmless 75 'mq-send: q: .+' mq-send -b 5 q
}

@test "dead letters do not count" {
	mq-config q max-depth=1
	mq-send -q -b 1 q
	mq-nack -x "$(mq-recv q)"
	ok '' mq-send -q -b 2 q
	has q 1 0 0 1
}

@test "returning is not refused at the limit" {
	mq-config q max-depth=2
	mq-send -q -b 1 q
	mq-send -q -b 2 q
	receipt=$(mq-recv q)
	mq-config q max-depth=1
	mq-nack "$receipt"
	has q 2 0 0 0
	harmless 75 'mq-send: q: .+' mq-send -b 3 q
}

# dead BODY...: dead letters of q
dead() {
	local body
	for body; do
		mq-send -q -b "$body" q
		mq-nack -x "$(mq-recv q)"
	done
}

@test "redriving goes as far as the limits of the target: 75, the rest stays" {
	dead 1 2 3 4
	mq-config q max-depth=3
	mq-send -q -b new q
	try mq-redrive q
	is 75 $'2\n' 'mq-redrive: q: the queue is full'
	has q 3 0 0 2
	harmless 75 'mq-send: q: .+' mq-send -b x q
	mq-recv -a q >/dev/null
	try mq-redrive q
	is 75 $'1\n' 'mq-redrive: q: the queue is full'
	has q 3 0 0 1
	mq-recv -a -n 3 q >/dev/null
	ok $'1\n' mq-redrive q
	same '[4]' "$(drain q)"
}

@test "redriving: max-bytes and max-message of the target hold, too, of another one" {
	mq-create other max-message=3
	dead 12345 1 12
	try mq-redrive -t other q
	is 75 $'0\n' 'mq-redrive: other: the message is larger than max-message or max-bytes'
	has other 0 0 0 0
	has q 0 0 0 3
	mq-config other max-message=0 max-bytes=6
	try mq-redrive -t other q
	is 75 $'2\n' 'mq-redrive: other: the queue is full'
	has q 0 0 0 1
	same '[12345][1]' "$(drain other)"
}

@test "redriving drops nothing for its room, whatever overflow says" {
	for overflow in drop-head dead-letter block reject; do
		mq-config q max-depth=0
		dead 1 2
		mq-config q max-depth=1 overflow=$overflow
		mq-send -q -b kept q
		try timeout 60 mq-redrive q
		is 75 $'0\n' 'mq-redrive: q: the queue is full'
		has q 1 0 0 2
		same '[kept]' "$(drain q)"
		mq-purge q/dlq
	done
}

@test "max-bytes: payload up to that, then 75" {
	mq-config q max-bytes=10
	mq-send -q -b 12345 q
	mq-send -q -b 12345 q
	harmless 75 'mq-send: q: .+' mq-send -b 1 q
	mq-recv -a q
	harmless 75 'mq-send: q: .+' mq-send -b 123456 q
	ok '' mq-send -q -b 12345 q
	same '[12345][12345]' "$(drain q)"
}

@test "a message that max-bytes never has room for: 65" {
	mq-config q max-bytes=10
	harmless 65 'mq-send: q: .*max-bytes.*' mq-send -b 12345678901 q
}

@test "the limit is raised, lowered, and taken off" {
	mq-config q max-depth=1
	mq-send -q -b 1 q
	fails 75 'mq-send: q: .+' mq-send -b 2 q
	mq-config q max-depth=2
	mq-send -q -b 2 q
	mq-config q max-depth=1
	fails 75 'mq-send: q: .+' mq-send -b 3 q
	mq-recv -a q >/dev/null
	fails 75 'mq-send: q: .+' mq-send -b 3 q
	mq-config q max-depth=0
	mq-send -q -b 3 q
	same '[2][3]' "$(drain q)"
}

@test "what has expired makes room" {
	mq-config q max-depth=1
	mq-send -q -t 1m -b old q
	fails 75 'mq-send: q: .+' mq-send -b new q
	later 61s mq-send -q -b new q
	same '[new]' "$(drain q 62s)"
}

@test "a bulk fills the queue to the limit" {
	mq-config q max-depth=1500
	try mq-send -q -l q < <(seq 3000)
	is 75 '' 'mq-send: q: .+: 1500 messages were accepted'
	has q 1500 0 0 0
	same "$(seq 1500)" "$(mq-recv -n 3000 -j q | jq -r .body)"
	no_litter
}

@test "several FILEs: those that fit are kept, each other is named" {
	mq-config q max-depth=1
	printf a >a
	printf b >b
	try mq-send -q q a b
	is 75 '' 'mq-send: .+'
	same '[a]' "$(drain q)"
}

# ---- waiting ------------------------------------------------------------------

@test "-w: gives up after that long: 75" {
	mq-config q max-depth=1
	mq-send -q -b 1 q
	limit 300
	after 300 harmless 75 'mq-send: q: .+' mq-send -w 300ms -b 2 q
}

# A sender that waits, watched for a while, then let in.
waits_until_room() {
	local i
	tell rc mq-send "$@" -q -b 2 q 2>err 3>&- &
	for ((i = 0; i < 30; i++)); do
		has q 1 0 0 0
		[ ! -s rc ]
	done
	same 1 "$(mq-recv -a q)"
	wait "$!"
	same 0 "$(cat rc)"
	same '' "$(cat err)"
	same '[2]' "$(drain q)"
}

@test "-w: comes in when there is room" {
	mq-config q max-depth=1
	mq-send -q -b 1 q
	waits_until_room -w 60s
}

@test "overflow=block waits for room" {
	mq-config q max-depth=1 overflow=block
	mq-send -q -b 1 q
	waits_until_room
}

@test "overflow=block with max-bytes" {
	mq-config q max-bytes=1 overflow=block
	mq-send -q -b 1 q
	waits_until_room
}

@test "overflow=block -w: gives up after that long: 75" {
	mq-config q max-depth=1 overflow=block
	mq-send -q -b 1 q
	harmless 75 'mq-send: q: .+' mq-send -w 200ms -b 2 q
}

@test "overflow=block: lifting the limit lets the sender in" {
	mq-config q max-depth=1 overflow=block
	mq-send -q -b 1 q
	tell rc mq-send -q -b 2 q 2>&1 3>&- &
	mq-config q max-depth=0
	wait
	same 0 "$(cat rc)"
	same '[1][2]' "$(drain q)"
}

@test "overflow=block: deleting the queue ends the wait: 66" {
	mq-config q max-depth=1 overflow=block
	mq-send -q -b 1 q
	tell rc mq-send -q -b 2 q 2>err 3>&- &
	for _ in {1..5}; do
		mq-stat q >/dev/null
	done
	mq-delete q
	wait
	same 66 "$(cat rc)"
}

@test "overflow=block: a stream goes through a narrow queue in order" {
	mq-config q max-depth=5 overflow=block
	tell rc mq-send -q -l q < <(seq 100) 2>err 3>&- &
	got=
	limit 300
	until [ -s rc ]; do
		[ "$(mq-stat q | cut -f 2)" -le 5 ]
		got+=$(drain q)
	done
	wait
	got+=$(drain q)
	same 0 "$(cat rc)"
	same '' "$(cat err)"
	same "$(printf '[%s]' {1..100})" "$got"
}

# ---- dropping -----------------------------------------------------------------

@test "overflow=drop-head: the oldest goes" {
	mq-config q max-depth=3 overflow=drop-head
	for i in 1 2 3; do
		mq-send -q -b "$i" q
	done
	id=$(mq-send -b 4 q)
	[[ $id =~ ^$ID_RE$ ]]
	has q 3 0 0 0
	same '[2][3][4]' "$(drain q)"
}

@test "overflow=drop-head: of the lowest level" {
	mq-config q max-depth=3 overflow=drop-head
	mq-send -q -p 9 -b urgent q
	mq-send -q -p 1 -b low1 q
	mq-send -q -p 1 -b low2 q
	mq-send -q -b normal q
	same '[urgent][normal][low2]' "$(drain q)"
}

@test "overflow=drop-head: leases are not dropped" {
	mq-config q max-depth=2 overflow=drop-head
	seq 2 | mq-send -q -l q
	receipt=$(mq-recv q)
	mq-send -q -b 3 q
	has q 1 1 0 0
	same 1 "$(mq-cat "$receipt")"
	mq-ack "$receipt"
	same '[3]' "$(drain q)"
}

@test "overflow=drop-head: a bulk larger than the queue leaves its last" {
	mq-config q max-depth=10 overflow=drop-head
	ok '' mq-send -q -l q < <(seq 3000)
	same "$(seq 2991 3000)" "$(mq-recv -n 100 -j q | jq -r .body)"
	no_litter
}

@test "overflow=drop-head with max-bytes" {
	mq-config q max-bytes=10 overflow=drop-head
	for i in 11111 22222 33 4444444; do
		mq-send -q -b "$i" q
	done
	same '[33][4444444]' "$(drain q)"
}

@test "overflow=dead-letter: what is sent goes to the dead letters, its sender gets an id" {
	mq-config q max-depth=1 overflow=dead-letter
	mq-send -q -b 1 q
	id=$(mq-send -H 'A: b' -b 2 q)
	[[ $id =~ ^$ID_RE$ ]]
	has q 1 0 0 1
	mq-ls -j -S dead q >listed
	same "$id" "$(jq -r .id listed)"
	same '[{"count":1,"queue":"q","reason":"overflow"}]' "$(jq -cS '[.history[] | {reason,queue,count}]' listed)"
	same '[1]' "$(drain q)"
	ok $'1\n' mq-redrive q
	same '2 b' "$(mq-recv -j q | jq -r '.body + " " + .headers.A')"
}

@test "overflow=dead-letter in a bulk" {
	mq-config q max-depth=3 overflow=dead-letter
	mq-send -l q < <(seq 10) >ids
	same 10 "$(wc -l <ids)"
	has q 3 0 0 7
	same '[1][2][3]' "$(drain q)"
	same '[4][5][6][7][8][9][10]' "$(drain q/dlq)"
}

# ---- many at once ---------------------------------------------------------------

@test "senders at once overshoot by at most one each, and what is accepted is there" {
	mq-config q max-depth=100
	for i in {1..8}; do
		for n in {1..30}; do
			mq-send -b "$i-$n" q 2>/dev/null || [ "$?" -eq 75 ]
		done >"ids$i" 3>&- &
	done
	wait
	accepted=$(cat ids* | wc -l)
	[ "$accepted" -ge 100 ]
	[ "$accepted" -le 108 ]
	same "$(sort ids*)" "$(ids_of q | sort)"
}

# ---- counts at once --------------------------------------------------------

# sent_slowly N: so many senders at once, when a count is due, which they take long for
sent_slowly() {
	local i pids=()
	for ((i = 0; i < $1; i++)); do
		MQ_TEST_PASSED=1h strace -qq -o /dev/null -e trace=getdents64 \
			-e inject=getdents64:delay_enter=100000 \
			"$MQ_TEST_BIN/mq-send" -q -b late q 2>"slow.$i" 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do
		wait "$i" || [ $? -eq 75 ] || {
			cat slow.*
			return 1
		}
	done
}

# filled LEAST MOST: how many messages the queue has when it takes no more
filled() {
	local n
	seq 300 | later 1h mq-send -q -l q 2>/dev/null || [ $? -eq 75 ]
	n=$(mq-stat q | cut -f 2)
	echo "$n messages"
	[ "$n" -ge "$1" ] && [ "$n" -le "$2" ]
}

slow_senders() {
	need_strace
	mq-config q max-depth=100
}

@test "counts at once do not make room that is not there" {
	slow_senders
	seq 100 | mq-send -q -l q
	fails 75 'mq-send: q: .*full.*' mq-send -b 101 q
	# as after many kills: the page has messages that are gone
	find "$MQ_SPOOL/q/q/ready" -type f -delete
	sent_slowly 4
	filled 96 104
}

@test "counts at once do not fill a queue that has room" {
	slow_senders
	# a page that was never told of what is there
	mq-create r
	seq 50 | mq-send -q -l r
	mq-recv q || [ $? -eq 1 ]
	rm -r "$MQ_SPOOL/q/q/ready"
	mv "$MQ_SPOOL/q/r/ready" "$MQ_SPOOL/q/q/ready"
	sent_slowly 4
	filled 96 104
}
