#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

@test "an empty queue: 1, and no word" {
	fails 1 '' mq-recv q
	fails 1 '' mq-recv -n 10 -j q
	fails 1 '' mq-recv -a q
}

@test "a receipt is the absolute path of the leased entry" {
	mq-send -q -b hello q
	try mq-recv q
	[[ ${output%$'\n'} =~ ^$MQ_SPOOL/q/q/leased/[0-9]+/[0-9]{19}-[0-9a-f]{8},p4,r1,b5,[ls][0-9a-f]{16}$ ]]
	is 0 "$output" ''
	same hello "$(cat "${output%$'\n'}")"
	has q 0 1 0 0
}

@test "a receipt is absolute also for a relative spool" {
	mq-create -s here q
	mq-send -s here -q -b x q
	receipt=$(mq-recv -s here q)
	same "$T/here/q/q/leased" "${receipt%/*/*}"
	cd /
	ok '' mq-ack "$receipt"
}

@test "one holder: what is leased is not given again" {
	mq-send -q -b x q
	mq-recv q >receipt
	fails 1 '' mq-recv q
	fails 1 '' later 20s mq-recv q
}

@test "messages come out in the order they were sent" {
	for i in 1 2 3; do
		mq-send -q -b "$i" q
	done
	same '[1][2][3]' "$(drain q)"
}

@test "-n takes up to so many" {
	seq 5 | mq-send -q -l q
	mq-recv -n 3 q >receipts
	same 3 "$(sort -u receipts | wc -l)"
	has q 2 3 0 0
	mq-recv --max 100 q >>receipts
	same 5 "$(wc -l <receipts)"
	same 12345 "$(xargs mq-cat <receipts)"
	fails 1 '' mq-recv -n 3 q
}

@test "-n larger than any batch" {
	seq 2000 | mq-send -q -l q
	mq-recv -n 1500 q >receipts
	same 1500 "$(sort -u receipts | wc -l)"
	has q 500 1500 0 0
	same "$(seq 1500 | tr -d '\n')" "$(xargs mq-cat <receipts)"
}

@test "-0 ends each receipt with a NUL" {
	seq 2 | mq-send -q -l q
	mq-recv -n 2 -0 q >receipts
	same 2 "$(tr -cd '\0' <receipts | wc -c)"
	same 0 "$(tr -cd '\n' <receipts | wc -c)"
	ok 12 xargs -0 mq-cat <receipts
	ok '' mq-ack -0 - <receipts
	has q 0 0 0 0
}

@test "-j prints one object per message" {
	id=$(mq-send -b hello q)
	before=$(date +%s)
	mq-recv -j q >got
	after=$(date +%s)
	same 1 "$(wc -l <got)"
	same '["body","deadline","headers","id","priority","queue","receipt","receives","sent"]' "$(jq -c keys got)"
	same '{"body":"hello","headers":{},"priority":4,"queue":"q","receives":1}' \
		"$(jq -cS '{body,headers,priority,queue,receives}' got)"
	same "$id" "$(jq -r .id got)"
	same "$(sent_at "$id")" "$(jq -r .sent got)"
	[[ $(jq -r .deadline got) =~ ^$ISO_RE$ ]]
	deadline=$(date -u -d "$(jq -r .deadline got)" +%s)
	[ "$((deadline - before))" -ge 29 ]
	[ "$((deadline - after))" -le 31 ]
	[ -f "$(jq -r .receipt got)" ]
	ok '' mq-ack "$(jq -r .receipt got)"
}

@test "-j: a payload that is not UTF-8 is base64" {
	for bytes in '\377' 'a\300\200' '\355\240\200' '\364\220\200\200' 'cut \342\202'; do
		# shellcheck disable=SC2059 # bytes
		printf "$bytes" >in
		mq-send -q q <in
		mq-recv -j q >got
		same false "$(jq 'has("body")' got)"
		jq -r .body_base64 got | base64 -d | cmp - in
	done
}

@test "-j: UTF-8 and control characters are a string" {
	printf 'é 😀 "\\ / \b\f\n\r\t \001\037\177 \0 end' >in
	mq-send -q q <in
	mq-recv -j q >got
	same false "$(jq 'has("body_base64")' got)"
	same 1 "$(wc -l <got)"
	jq -j .body got | cmp - in
}

@test "-j: what else a message has" {
	mq-send -q -t 1h -R r -C c -H 'A: b' -p 0 -b x q
	mq-recv -j q >got
	same '{"correlation_id":"c","headers":{"A":"b"},"priority":0,"reply_to":"r"}' \
		"$(jq -cS '{priority,reply_to,correlation_id,headers}' got)"
	[[ $(jq -r .expires got) =~ ^$ISO_RE$ ]]
	same 3600 "$(($(date -u -d "$(jq -r .expires got)" +%s) - $(date -u -d "$(jq -r .sent got)" +%s)))"
}

@test "receives counts deliveries" {
	mq-config q backoff=0
	mq-send -q -b x q
	for i in 1 2 3; do
		mq-recv -j q >got
		same "$i" "$(jq .receives got)"
		mq-nack "$(jq -r .receipt got)"
	done
}

@test "-a writes the payload and acks" {
	printf 'exactly\nthis\0\377' >in
	mq-send -q q <in
	try mq-recv -a q 2>/dev/null
	[ "$status" -eq 0 ]
	has q 0 0 0 0
	mq-send -q q <in
	mq-recv -a q | cmp - in
	fails 1 '' later 1h mq-recv q
}

@test "-a -n writes several, one after the other" {
	seq 5 | mq-send -q -l q
	ok 123 mq-recv -a -n 3 q
	ok 45 mq-recv -a -n 3 q
	fails 1 '' mq-recv -a -n 3 q
	has q 0 0 0 0
}

@test "-a leaves no lease, and no clock after its time" {
	seq 5 | mq-send -q -l q
	mq-recv -a -n 5 q >/dev/null
	same '' "$(find "$MQ_SPOOL/q/q/leased" -name '*,*')"
	fails 1 '' later 31s mq-recv q
	same '' "$(find "$MQ_SPOOL/q/q/leased" -type f)"
}

@test "-v is how long the lease holds" {
	mq-config q backoff=0
	mq-send -q -b x q
	mq-recv -v 10m q >receipt
	fails 1 '' later 9m mq-recv q
	same '[x]' "$(drain q 601s)"
}

@test "-v shorter than the setting" {
	mq-config q backoff=0
	mq-send -q -b x q
	mq-recv --visibility 250ms q >receipt
	same '[x]' "$(drain q 1s)"
}

@test "a lease that lapses comes back" {
	mq-config q backoff=0
	mq-send -q -b x q
	first=$(mq-recv q)
	later 31s mq-recv -j q >got
	same 2 "$(jq .receives got)"
	[ "$first" != "$(jq -r .receipt got)" ]
	[ ! -e "$first" ]
	ok '' later 32s mq-ack "$(jq -r .receipt got)"
	fails 1 '' later 2h mq-recv q
}

@test "a lapse waits for its backoff, counted from the deadline" {
	mq-config q backoff=10s
	mq-send -q -b x q
	mq-recv q >receipt
	fails 1 '' later 32s mq-recv q
	same '[x]' "$(drain q 41s)"
}

@test "a batch that lapses comes back before what is newer" {
	mq-config q backoff=0
	seq 4 | mq-send -q -l q
	mq-recv -n 3 q >receipts
	got=$(drain q 31s)
	same '1 2 3 4' "$(sorted <<<"$got")"
	same '[4]' "${got: -3}"
}

@test "a step of the wall clock lapses nothing" {
	mq-config q backoff=0
	mq-send -q -b x q
	receipt=$(later 0 mq-recv q)
	fails 1 '' stepped 1h mq-recv q
	ok '' stepped 1h mq-ack "$receipt"
	has q 0 0 0 0
}

@test "several queues: the first that has any, and only that" {
	mq-create r
	mq-create s
	seq 2 | mq-send -q -l r
	seq 11 13 | mq-send -q -l s
	ok 12 mq-recv -a -n 5 q r s
	ok 111213 mq-recv -a -n 5 q r s
	fails 1 '' mq-recv -n 5 q r s
}

@test "several queues, one unknown: the rest is done" {
	mq-send -q -b x q
	try mq-recv -a nosuch q
	is 66 x 'mq-recv: nosuch: no such queue.*'
	has q 0 0 0 0
}

@test "bad options: 64, nothing taken" {
	mq-send -q -b x q
	for n in 0 -1 x '' 1.5 99999999999999999999; do
		usage mq-recv -n "$n" q
	done
	for v in soon -1s ''; do
		usage mq-recv -v "$v" q
	done
	usage mq-recv
	usage mq-recv --nosuch q
	has q 1 0 0 0
}

@test "formats that do not go together: 64" {
	mq-send -q -b x q
	usage mq-recv -a -j q
	usage mq-recv -0 -j q
	usage mq-recv -0 -a q
}

@test "unknown queues and bad names: 66" {
	harmless 66 'mq-recv: nosuch: no such queue.*' mq-recv nosuch
	for name in ../q .q 'a b' q/x; do
		harmless 66 "mq-recv: .*: $BAD_NAME" mq-recv "$name"
	done
}

@test "a message with properties: the receipt's file begins with them, mq-cat does not" {
	mq-send -q -H 'A: b' -b body q
	receipt=$(mq-recv q)
	same $'A: b\n\nbody' "$(cat "$receipt")"
	ok body mq-cat "$receipt"
}

@test "a torn message is put aside, not handed out" {
	mq-send -q -b 'to be torn' q
	mq-send -q -b whole q
	truncate -s 3 "$(mq-ls q | head -n 1 | cut -f 7)"
	try mq-recv -a q
	[ "$output" = whole ]
	same 1 "$(find "$MQ_SPOOL/q/q/bad" -type f | wc -l)"
	fails 1 '' later 1h mq-recv q
}

@test "junk in the spool does not stop a receive" {
	mq-send -q -b x q
	dir=$(dirname "$(path_of q)")
	touch "$dir/junk" "$dir/.hidden" "$MQ_SPOOL/q/q/ready/junk"
	mkdir "$MQ_SPOOL/q/q/leased/junk" "$MQ_SPOOL/q/q/delayed/junk"
	ln -s /etc/passwd "$dir/1763681547123456789-1a2b3c4d,p4,b5"
	mkfifo "$dir/1763681547123456789-1a2b3c4e,p4,b5"
	mkdir "$dir/1763681547123456789-1a2b3c4f,p4,b5"
	same '[x]' "$(timeout 100 bash -c "$(declare -f drain); drain q")"
}

@test "flat: a receive from a backlog needs no more memory" {
	seq 50000 | mq-send -q -l q
	command time -f %M -o mem mq-recv -a q
	lean 8192 mem
	command time -f %M -o mem mq-recv -n 20000 q >receipts
	lean 8192 mem
	command time -f %M -o mem mq-ack - <receipts
	lean 8192 mem
	command time -f %M -o mem mq-stat q
	lean 8192 mem
	has q 29999 0 0 0
}
