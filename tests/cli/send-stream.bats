#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

# bodies QUEUE: a line each, as JSON strings.
bodies() {
	mq-recv -j -n 100000 "$1" | jq -c .body
}

# ---- lines and records -----------------------------------------------------

@test "-l: each line is a message, empty ones too, also one without its newline" {
	printf 'one\n\ntwo words\r\nlast' | mq-send -l q >ids
	same 4 "$(wc -l <ids)"
	sort -c -u ids
	same '' "$(grep -vxE "$ID_RE" ids)"
	same "$(cat ids)" "$(ids_of q)"
	same $'"one"\n""\n"two words\\r"\n"last"' "$(bodies q)"
}

@test "-l: bytes that are not text, and NUL, stay" {
	printf 'a\0b\n\377\n' | mq-send -q -l q
	mq-recv -a q | cmp - <(printf 'a\0b')
	mq-recv -a q | cmp - <(printf '\377')
}

@test "-l: a line of 5 MiB" {
	head -c 5M /dev/zero | tr '\0' x >long
	{
		echo first
		cat long
		echo
		echo last
	} >in
	command time -f %M -o mem mq-send -q -l q <in
	lean 8192 mem
	same first "$(mq-recv -a q)"
	mq-recv -a q | cmp - long
	same last "$(mq-recv -a q)"
}

@test "-0: each NUL-ended record is a message" {
	printf 'a\nb\0\0last' | mq-send -q -0 q
	same $'"a\\nb"\n""\n"last"' "$(bodies q)"
}

@test "no input, no messages" {
	for option in -l -0 -j; do
		ok '' mq-send "$option" q </dev/null
	done
	has q 0 0 0 0
	no_litter
}

@test "a single newline is an empty message" {
	printf '\n' | mq-send -q -l q
	printf '\0' | mq-send -q -0 q
	same '[][]' "$(drain q)"
}

@test "records come from FILEs, - is standard input" {
	printf '1\n2' >a
	printf '3\n' | mq-send -q -l q a - a
	same '"1" "2" "3" "1" "2"' "$(bodies q | xargs -d '\n')"
	printf '1\0' >a
	mq-send -q -0 q a
	printf '{"body":"j"}\n' >a
	mq-send -q -j q a
	same '[1][j]' "$(drain q)"
}

@test "a FILE that cannot be read is named, the others are sent" {
	printf '1\n' >a
	try mq-send -q -l q a missing a
	is 66 '' 'mq-send: .*missing: .*No such file or directory.*'
	same '[1][1]' "$(drain q)"
}

@test "options are for every line" {
	printf 'a\nb\n' | mq-send -q -l -p 7 -H 'X: y' -R r -C c -t 1h q
	same '7 y r c true
7 y r c true' "$(mq-recv -n 9 -j q | jq -r '"\(.priority) \(.headers.X) \(.reply_to) \(.correlation_id) \(.expires != null)"')"
}

@test "-l with a delay" {
	printf 'a\nb\n' | mq-send -q -l -d 1m q
	has q 0 0 2 0
	same '[a][b]' "$(drain q 61s)"
}

@test "5,000 lines: in order, and in few files" {
	seq 5000 | mq-send -l q >ids
	sort -c -u ids
	same 5000 "$(wc -l <ids)"
	files=$(find "$MQ_SPOOL/q/q/ready" -type f -links +1 -printf '%i\n' | sort -u | wc -l)
	[ "$files" -ge 1 ]
	[ "$files" -le 20 ]
	same "$(seq 5000)" "$(mq-recv -n 5000 -j q | jq -r .body)"
}

@test "each message of a bulk is leased, acked and dead-lettered alone" {
	mq-config q backoff=0
	seq 5 | mq-send -q -l q
	mq-recv -n 5 q >receipts
	mq-ack "$(sed -n 2p receipts)"
	mq-nack -x "$(sed -n 3p receipts)"
	mq-nack "$(sed -n 4p receipts)"
	has q 1 2 0 1
	same '[4]' "$(drain q)"
	same 1 "$(mq-cat "$(sed -n 1p receipts)")"
	same 5 "$(mq-cat "$(sed -n 5p receipts)")"
	same '[3]' "$(drain q/dlq)"
}

# ---- prompt hand-over ------------------------------------------------------

# A writer that keeps its end open.
@test "-l passes a line on while its writer pauses" {
	mkfifo in
	mq-send -q -l q <in 2>err 3>&- &
	sender=$!
	exec 7>in
	echo one >&7
	arrives q one
	printf 'two\nthree\nhal' >&7
	arrives q two
	arrives q three
	echo f >&7
	arrives q half
	exec 7>&-
	wait "$sender"
	same '' "$(cat err)"
	has q 0 0 0 0
	no_litter
}

@test "-0 passes a record on while its writer pauses" {
	mkfifo in
	mq-send -q -0 q <in 3>&- &
	sender=$!
	exec 7>in
	printf 'one\0' >&7
	arrives q one
	exec 7>&-
	wait "$sender"
}

@test "-j passes a line on while its writer pauses" {
	mkfifo in
	mq-send -q -j q <in 3>&- &
	sender=$!
	exec 7>in
	echo '{"body":"one"}' >&7
	arrives q one
	echo '{"body":"two"}' >&7
	arrives q two
	exec 7>&-
	wait "$sender"
}

@test "the ids are printed as the messages are passed on" {
	mkfifo in ids
	mq-send -l q <in >ids 3>&- &
	sender=$!
	exec 7>in 6<ids
	for i in 1 2 3; do
		echo "$i" >&7
		read -r -t 20 id <&6
		same "$id" "$(ids_of q)"
		same "$i" "$(mq-recv -a q)"
	done
	exec 7>&-
	wait "$sender"
}

@test "what was passed on outlives the sender's death" {
	mkfifo in ids
	mq-send -l q <in >ids 2>/dev/null 3>&- &
	sender=$!
	exec 7>in 6<ids
	printf 'one\ntwo\n' >&7
	read -r -t 20 _ <&6
	read -r -t 20 _ <&6
	printf 'unfinished' >&7
	kill -9 "$sender"
	wait "$sender" || true
	exec 7>&-
	same '[one][two]' "$(drain q)"
}

# ---- JSON --------------------------------------------------------------------

@test "-j: body or body_base64" {
	cat >in <<-'J'
		{"body":"plain"}
		{"body":"esc \" \\ \n \u00e9 \ud83d\ude00"}
		{"body_base64":"AP8KAA=="}
		{"body":""}
		{"body_base64":""}
	J
	mq-send -q -j q <in
	same plain "$(mq-recv -a q)"
	mq-recv -a q | cmp - <(printf 'esc " \\ \n é 😀')
	mq-recv -a q | cmp - <(printf '\0\377\n\0')
	same '[][]' "$(drain q)"
}

@test "-j: all that a line can say" {
	cat >in <<-'J'
		{"body":"x","priority":9,"headers":{"A":"b","C":"d e"},"reply_to":"r","correlation_id":"c","ttl":60}
	J
	id=$(mq-send -j q <in)
	mq-recv -j q >got
	same '{"body":"x","correlation_id":"c","headers":{"A":"b","C":"d e"},"priority":9,"reply_to":"r"}' \
		"$(jq -cS '{body,priority,headers,reply_to,correlation_id}' got)"
	same "$id" "$(jq -r .id got)"
	[[ $(jq -r .expires got) =~ ^$ISO_RE$ ]]
}

@test "-j: delay and ttl are seconds or durations" {
	cat >in <<-'J'
		{"body":"a","delay":60}
		{"body":"b","delay":"2m"}
		{"body":"c","delay":0.001}
		{"body":"d","ttl":"90s"}
		{"body":"e","ttl":90}
	J
	mq-send -q -j q <in
	same '[c][d][e]' "$(drain q 1s | tr -d '\n')"
	same '[a]' "$(drain q 61s)"
	same '[b]' "$(drain q 121s)"
}

@test "-j: dedup_id" {
	printf '{"body":"a","dedup_id":"1"}\n{"body":"b","dedup_id":"2"}\n{"body":"c","dedup_id":"1"}\n' | mq-send -j q >ids
	same 3 "$(wc -l <ids)"
	same "$(sed -n 1p ids)" "$(sed -n 3p ids)"
	same '[a][b]' "$(drain q)"
}

@test "-j: options are the defaults of each line" {
	printf '{"body":"a"}\n{"body":"b","priority":2,"correlation_id":"mine"}\n' | mq-send -q -j -p 7 -C all -H 'X: y' q
	same 'a 7 all y
b 2 mine y' "$(mq-recv -n 2 -j q | jq -r '"\(.body) \(.priority) \(.correlation_id) \(.headers.X)"')"
}

@test "-j: a key that it does not know is refused, and named with its line" {
	for key in colour at_ prio unique replace batch after '' Body; do
		printf '{"body":"kept"}\n{"body":"x","%s":1}\n' "$key" >in
		try mq-send -q -j q <in
		is 65 '' "mq-send: q: line 2: $key: no such key: 1 message was accepted"
		same '[kept]' "$(drain q)"
	done
}

@test "-j: null is no value, and 7.0 is a number" {
	cat >in <<-'J'
		{"body":"x","body_base64":null,"priority":7.0,"delay":null,"at":null,"ttl":null,"group":null,"group_base64":null,"dedup_id":null,"headers":{"A":null,"B":"b"},"reply_to":null,"correlation_id":null,"key":null}
		{"body":null,"body_base64":"eA==","headers":null,"priority":null,"delay":0.0}
	J
	mq-send -q -j -H 'A: mine' q <in
	same '{"b":"x","h":{"B":"b","A":"mine"},"p":7}
{"b":"x","h":{"A":"mine"},"p":4}' \
		"$(mq-recv -n 2 -j q | jq -c '{b:.body,h:.headers,p:.priority}')"
	for line in '{"body":null}' '{"body":"x","priority":7.5}' '{"body":"x","priority":-0.5}' '{"body":"x","priority":"7"}'; do
		try mq-send -q -j q <<<"$line"
		is 65 '' 'mq-send: q: line 1: .+: 0 messages were accepted'
	done
}

@test "-j: at is a time, and excludes delay" {
	for at in 2100-01-01T00:00:00Z 2100-01-01 @4102444800; do
		mq-send -q -j q <<<"{\"body\":\"x\",\"at\":\"$at\"}"
	done
	mq-send -q -j q <<<'{"body":"now","at":"@1"}'
	mq-send -q -d 1h -j q <<<'{"body":"now too","at":"@1"}'
	has q 2 0 3 0
	for line in '"at":"soon"' '"at":5' '"at":"@1","delay":1' '"delay":null,"at":""'; do
		try mq-send -q -j q <<<"{\"body\":\"x\",$line}"
		is 65 '' 'mq-send: q: line 1: .+: 0 messages were accepted'
	done
}

@test "no time to live, or one that ends before the message is visible: 64, in JSON 65" {
	usage mq-send -t 0 -b x q
	usage mq-send -t 0s -l q <<<x
	usage mq-call -t 0 -b x q
	usage mq-send -d 2h -t 1h -b x q
	usage mq-send -t 1h -a 2100-01-01 -b x q
	for line in '"ttl":0' '"ttl":"0s"' '"ttl":60,"delay":61' '"delay":"2m","ttl":"1m"' '"ttl":1,"at":"2100-01-01"'; do
		try mq-send -q -j q <<<"{\"body\":\"x\",$line}"
		is 65 '' 'mq-send: q: line 1: (ttl|delay|at): .+: 0 messages were accepted'
	done
	try mq-send -q -j -t 1m q <<<'{"body":"x","delay":61}'
	is 65 '' 'mq-send: q: line 1: delay: .+: 0 messages were accepted'
	no_litter
	mq-send -q -d 1m -t 2m -b x q
	mq-send -q -a @1 -t 1m -b x q
	has q 1 0 1 0
}

@test "-j: what is left of a time to live goes on" {
	mq-create r
	mq-send -q -t 1h -b x q
	mq-send -q -b y q
	mq-recv -n 2 -j q >got
	later 10m mq-send -q -j r <got
	# A little later: a moment goes by from its reading to its sending.
	mq-ls -j r | jq -s . >sent
	jq -es --slurpfile r sent 'def ms: (.[0:19] + "Z" | fromdate * 1000) + (.[20:23] | tonumber);
		($r[0][0].expires | ms) - (.[0].expires | ms) | . >= 0 and . < 60000' got
	same '[y]' "$(drain r 3601s)"
	# A new one counts, wherever it stands.
	jq -c '{ttl: 60} + del(.ttl)' got | mq-send -q -j r
	jq -c '.ttl = 60' got | mq-send -q -j r
	same '' "$(drain r 61s)"
	# What ran out in flight is not to live for ever.
	mq-send -q -j r <<<'{"body":"x","expires":"2001-01-01T00:00:00.000Z"}'
	fails 1 '' mq-recv r
	# A retention is no time to live.
	mq-create t retention=1h
	mq-send -q -b x t
	same false "$(mq-recv -j t | jq 'has("expires")')"
}

@test "-j: what is laid out over several lines is told of jq -c" {
	printf '{"body":"x","priority":3}' | jq . >in
	try mq-send -q -j q <in
	is 65 '' 'mq-send: q: line 1: malformed JSON: .*jq -c.*: 0 messages were accepted'
	jq -c . in | mq-send -q -j q
	same '[x]' "$(drain q)"
}

@test "-j: empty lines are skipped, a last line without newline counts" {
	printf '\n  \n{"body":"a","receipt":"/x","history":[1,{"a":null}]}\n\t\n\n{ "body" : "b" } ' | mq-send -q -j q
	same '[a][b]' "$(drain q)"
}

@test "-j takes what mq-recv -j prints" {
	mq-create r
	mq-send -q -b plain q
	printf 'A\0\377' | mq-send -q -p 6 q
	mq-send -q -H 'A: "quoted" \ back' -H 'B: é' -R to -C cor -b $'tab\there\x01' q
	mq-send -q -b '' q
	mq-send -q -g grp -k a.b -t 1h -b all q
	mq-recv -n 9 -j q >first
	mq-send -q -j r <first
	mq-recv -n 9 -j r >second
	filter='del(.id, .receipt, .queue, .sent, .deadline) | .expires |= (. != null)'
	same "$(jq -cS "$filter" first)" "$(jq -cS "$filter" second)"
	same 5 "$(wc -l <second)"
}

@test "-j: a malformed line in the middle: what came before is kept, the rest is not sent" {
	printf '{"body":"1"}\n{"body":"2"}\n{"body":oops}\n{"body":"4"}\n' >in
	try mq-send -q -j q <in
	is 65 '' 'mq-send: q: line 3: malformed JSON: .+: 2 messages were accepted'
	same '[1][2]' "$(drain q)"
	no_litter
}

@test "-j: the ids of what was accepted are printed" {
	printf '{"body":"1"}\n{"body":"2"}\n{\n' >in
	try mq-send -j q <in
	ids=$output
	is 65 "$ids" 'mq-send: q: line 3: malformed JSON: .+: 2 messages were accepted'
	same "${ids%$'\n'}" "$(ids_of q)"
	same 2 "$(mq-stat q | cut -f 2)"
}

@test "-j: a malformed line deep in a long stream" {
	seq -f '{"body":"%g"}' 2500 >in
	echo '{"body":"2501"' >>in
	seq -f '{"body":"%g"}' 2502 3000 >>in
	try mq-send -q -j q <in
	is 65 '' 'mq-send: q: line 2501: malformed JSON: .+: 2500 messages were accepted'
	same "$(seq 2500)" "$(mq-recv -n 3000 -j q | jq -r .body)"
	no_litter
}

@test "-j: lines that are not such an object: 65" {
	while IFS= read -r line; do
		try mq-send -q -j q <<<"$line"
		is 65 '' 'mq-send: q: line 1: .+: (0|no) messages were accepted'
	done <<-'J'
		[]
		"text"
		3
		null
		{"body":"a"} trailing
		{"body":"a"}{"body":"b"}
		{"body":"a"
		{'body':'a'}
		{"body":3}
		{"body":null}
		{"body_base64":"*"}
		{"body_base64":"AAA"}
		{"body_base64":3}
		{"body":"a","priority":"4"}
		{"body":"a","priority":10}
		{"body":"a","priority":-1}
		{"body":"a","priority":1.5}
		{"body":"a","headers":[]}
		{"body":"a","headers":{"A":1}}
		{"body":"a","headers":{"A b":"x"}}
		{"body":"a","headers":{"A":"x\ny"}}
		{"body":"a","headers":{"A":"x\u0000y"}}
		{"body":"a","headers":{"Mq-Id":"x"}}
		{"body":"a","reply_to":1}
		{"body":"a","reply_to":"x\ny"}
		{"body":"a","correlation_id":[]}
		{"body":"a","delay":"soon"}
		{"body":"a","delay":-1}
		{"body":"a","delay":[]}
		{"body":"a","ttl":"x"}
		{"body":"a","dedup_id":7}
		{"body":"\ud800"}
	J
	printf '{"body":"\377"}\n' >in
	try mq-send -q -j q <in
	is 65 '' 'mq-send: q: line 1: .+: (0|no) messages were accepted'
	has q 0 0 0 0
	no_litter
}

# ---- limits in a stream --------------------------------------------------------

@test "a line larger than max-message ends the stream: 65" {
	mq-config q max-message=3
	try mq-send -q -l q <<<$'1\n22\n4444\n5'
	is 65 '' 'mq-send: q: line 3: .+: 2 messages were accepted'
	same '[1][22]' "$(drain q)"
	no_litter
}

@test "a queue that fills up in a stream: 75, the first are kept" {
	mq-config q max-depth=4
	try mq-send -l q < <(seq 10)
	ids=$output
	is 75 "$ids" 'mq-send: q: .+: 4 messages were accepted'
	same 4 "$(wc -l <<<"${ids%$'\n'}")"
	same '[1][2][3][4]' "$(drain q)"
	no_litter
}

@test "a queue deleted under a stream: 66" {
	mkfifo in
	mq-send -q -l q <in 2>err 3>&- &
	pid=$!
	exec 7>in
	echo one >&7
	arrives q one
	soon asleep "$pid"
	mq-delete q
	echo two >&7
	exec 7>&-
	rc=0
	wait "$pid" || rc=$?
	same 66 "$rc"
	[[ $(cat err) =~ ^'mq-send: q: '.*': 1 message'.*' accepted'$ ]]
	[ ! -e "$MQ_SPOOL/q/q" ]
}
