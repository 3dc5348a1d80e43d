#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

setup() {
	mq_setup
	mq-create q
}

@test "standard input is one message, byte for byte" {
	printf 'two\nlines\n' >in
	try mq-send q <in
	[[ $output =~ ^$ID_RE$'\n'$ ]]
	is 0 "$output" ''
	mq-recv -a q | cmp - in
	has q 0 0 0 0
}

@test "the id printed is the message's" {
	id=$(mq-send -b x q)
	same "$id" "$(ids_of q)"
	same "$id" "$(mq-recv -j q | jq -r .id)"
}

@test "ids grow" {
	for i in {1..20}; do
		mq-send -b "$i" q
	done >ids
	sort -c -u ids
	same 20 "$(wc -l <ids)"
}

@test "-q prints nothing" {
	ok '' mq-send -q -b x q
	ok '' mq-send --quiet -b x q
	has q 2 0 0 0
}

@test "-b takes the payload from the command line, without a newline" {
	mq-send -q -b 'a text' q
	mq-send -q -b '' q
	same '[a text][]' "$(drain q)"
}

@test "any bytes" {
	head -c 100000 /dev/urandom >in
	printf '\0\377\n\0' >>in
	mq-send -q q <in
	mq-recv -a q | cmp - in
}

@test "a payload of 0 bytes" {
	mq-send -q q </dev/null
	has q 1 0 0 0
	receipt=$(mq-recv q)
	ok '' mq-cat "$receipt"
	[ -f "$receipt" ]
	ok '' mq-ack "$receipt"
	has q 0 0 0 0
}

@test "each FILE is a message, in order" {
	printf 'one\n' >a
	printf 'two' >'b c'
	printf '' >d
	mq-send q a 'b c' d >ids
	same 3 "$(wc -l <ids)"
	sort -c -u ids
	same "$(cat ids)" "$(ids_of q)"
	mq-recv -a q | cmp - a
	mq-recv -a q | cmp - 'b c'
	mq-recv -a q | cmp - d
}

@test "FILE - is standard input" {
	printf one >a
	printf two | mq-send -q q a - a
	same '[one][two][one]' "$(drain q)"
}

@test "a FILE that cannot be read is named, the others are sent" {
	printf one >a
	mkdir dir
	try mq-send -q q a missing a
	is 66 '' 'mq-send: .*missing: .*No such file or directory'
	try mq-send -q q a dir a
	is 74 '' 'mq-send: .*dir: .*[Ii]s a directory'
	has q 4 0 0 0
	no_litter
}

@test "the payload of a plain send is the file" {
	printf 'just this' | mq-send -q q
	same 'just this' "$(cat "$(path_of q)")"
	same 'just this' "$(cat "$(mq-recv q)")"
}

@test "standard input that is closed: 74, nothing sent" {
	from_closed() { "$@" <&-; }
	harmless 74 'mq-send: .+' from_closed mq-send q
	harmless 74 'mq-send: .+' from_closed mq-send -l q
	harmless 74 'mq-send: .+' from_closed mq-send -0 q
	harmless 74 'mq-send: .+' from_closed mq-send -j q
	no_litter
}

@test "standard input that is a directory: 74, nothing sent" {
	harmless 74 'mq-send: .*[Ii]s a directory' mq-send q <"$T"
	harmless 74 'mq-send: .*[Ii]s a directory' mq-send -l q <"$T"
	no_litter
}

@test "headers, reply-to and correlation id" {
	mq-send -q -H 'Content-Type: text/plain; charset=utf-8' --header 'x-size: 5 Größe' -R answers -C 'job 7' -b x q
	mq-recv -j q >got
	same '{"Content-Type":"text/plain; charset=utf-8","x-size":"5 Größe"}' "$(jq -c .headers got)"
	same 'answers job 7' "$(jq -r '.reply_to + " " + .correlation_id' got)"
	same x "$(mq-cat "$(jq -r .receipt got)")"
}

@test "the space around a header's value does not count, that in it does" {
	mq-send -q -H 'A:1' -H 'B:   two  words ' -b x q
	same '{"A":"1","B":"two  words"}' "$(mq-recv -j q | jq -c .headers)"
}

@test "malformed headers: 65, nothing sent" {
	for header in 'no colon' ': no name' 'two words: x' 'Na\me: x' '(a): x' $'A: b\nC: d' $'A: b\rC: d' $'A: b\001' $'A: \033[1m' $'A\n: b' $'A: \177' $'A: \377' ''; do
		harmless 65 'mq-send: q: .+' mq-send -H "$header" -b x q
	done
	harmless 65 'mq-send: q: .+' mq-send -H 'A: 1' -H 'A: 2' -b x q
	harmless 65 'mq-send: q: .+' mq-send -H 'A: 1' -H 'a: 2' -b x q
	no_litter
}

@test "headers named Mq-* are reserved: 65" {
	for header in 'Mq-Id: 1' 'mq-reply-to: x' 'MQ-X: y'; do
		harmless 65 'mq-send: q: .+' mq-send -H "$header" -b x q
	done
}

@test "a malformed reply-to or correlation id: 65" {
	for value in $'a\nb' $'a\r' $'\377' $'a\001'; do
		harmless 65 'mq-send: q: .+' mq-send -R "$value" -b x q
		harmless 65 'mq-send: q: .+' mq-send -C "$value" -b x q
	done
}

@test "a payload that looks like a header block stays payload" {
	printf 'A: b\n\nbody' | mq-send -q q
	printf 'A: b\n\nbody' | mq-send -q -H 'C: d' q
	same $'[A: b\n\nbody][A: b\n\nbody]' "$(drain q)"
}

@test "headers on FILEs are on each" {
	printf one >a
	mq-send -q -H 'A: b' q a a
	same $'{"A":"b"}\n{"A":"b"}' "$(mq-recv -n 2 -j q | jq -c .headers)"
}

@test "many and long headers" {
	args=()
	for i in {1..200}; do
		args+=(-H "X-$i: $(printf 'v%.0s' {1..100})")
	done
	mq-send -q "${args[@]}" -b x q
	mq-recv -j q >got
	same 200 "$(jq '.headers | length' got)"
	same 100 "$(jq -r '.headers["X-200"] | length' got)"
	same x "$(jq -r .body got)"
}

@test "bad options: 64, nothing sent" {
	usage mq-send -p 10 -b x q
	usage mq-send -p -1 -b x q
	usage mq-send -p '' -b x q
	usage mq-send -p 4x -b x q
	usage mq-send -d soon -b x q
	usage mq-send -d -5s -b x q
	usage mq-send -d '' -b x q
	usage mq-send -a tomorrow -b x q
	usage mq-send -a @x -b x q
	usage mq-send -a 2026-13-01 -b x q
	usage mq-send -t soon -b x q
	usage mq-send -t -1 -b x q
	usage mq-send -w soon -b x q
	usage mq-send --nosuch -b x q
	usage mq-send -b
}

@test "options that do not go together: 64" {
	printf x >a
	usage mq-send -b x q a
	usage mq-send -b x -x exchange a
	usage mq-send -D id -b x -x exchange
	usage mq-send -D id -l q
	usage mq-send -D id -0 q
	usage mq-send -l -0 q
	usage mq-send -l -j q
	usage mq-send -l -b x q
}

@test "no queue: 64" {
	usage mq-send
	usage mq-send -b x
}

@test "unknown queues and bad names: 66, nothing made" {
	harmless 66 'mq-send: nosuch: no such queue.*' mq-send -b x nosuch
	for name in ../q .q 'a b' q/x $'q\n' "$(printf 'n%.0s' {1..65})"; do
		harmless 66 "mq-send: .*: $BAD_NAME" mq-send -b x "$name"
		harmless 66 "mq-send: .*: $BAD_NAME" mq-send -l "$name" <<<x
	done
	harmless 66 "mq-send: -q: $BAD_NAME" mq-send -b x -- -q
	same q "$(mq-ls)"
	no_litter
}

@test "send makes no spool" {
	export MQ_SPOOL=$T/nospool
	fails 66 'mq-send: q: no such queue.*' mq-send -b x q
	[ ! -e "$T/nospool" ]
}

@test "-- ends the options" {
	mq-send -q -b x -- q
	printf y >./-f
	mq-send -q -- q -f
	same '[x][y]' "$(drain q)"
}

@test "long options" {
	mq-send --quiet --body x --priority 7 --delay 0 --ttl 1h --header 'A: b' --reply-to r --correlation-id c --dedup-id d q
	same '{"body":"x","correlation_id":"c","headers":{"A":"b"},"priority":7,"reply_to":"r"}' \
		"$(mq-recv -j q | jq -cS '{body, priority, headers, reply_to, correlation_id}')"
	printf 'a\nb\n' | mq-send --quiet --lines q
	same '[a][b]' "$(drain q)"
}

@test "larger than max-message: 65, nothing kept" {
	mq-config q max-message=5
	ok '' mq-send -q -b 12345 q
	harmless 65 'mq-send: q: .+' mq-send -b 123456 q
	harmless 65 'mq-send: q: .+' mq-send q <<<12345
	printf 1234567 >big
	printf 12 >small
	try mq-send -q q small big small
	is 65 '' 'mq-send: .+'
	same '[12345][12][12]' "$(drain q)"
	no_litter
}

@test "max-message does not count headers" {
	mq-config q max-message=5
	ok '' mq-send -q -H "X: $(printf 'v%.0s' {1..100})" -b 12345 q
}

@test "sending to a dead-letter queue by its name" {
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	ok '' mq-send -q -b y q/dlq
	has q 0 0 0 2
	same '[x][y]' "$(drain q/dlq)"
}

@test "64 MiB pass through, held nowhere in memory" {
	head -c 64M /dev/urandom >in
	command time -f %M -o mem mq-send -q q <in
	lean 8192 mem
	command time -f %M -o mem mq-recv q >receipt
	lean 8192 mem
	command time -f %M -o mem mq-cat "$(cat receipt)" >out
	lean 8192 mem
	cmp in out
	mq-nack -d 0 "$(cat receipt)"
	command time -f %M -o mem mq-recv -a q >out
	lean 8192 mem
	cmp in out
	has q 0 0 0 0
}

@test "64 MiB as JSON, out and in, held nowhere in memory on the way out" {
	head -c 24M /dev/urandom >in
	mq-send -q q <in
	command time -f %M -o mem mq-recv -j q >json
	lean 8192 mem
	mq-create r
	mq-send -q -j r <json
	mq-recv -a r | cmp - in
	head -c 64M /dev/zero | tr '\0' 'a' >in
	mq-send -q q <in
	command time -f %M -o mem mq-recv -j q >json
	lean 8192 mem
	same "$((64 * 1024 * 1024))" "$(jq '.body | length' json)"
}

@test "a sender's umask and working directory do not matter" {
	(
		umask 777
		cd /
		printf x | mq-send -q q
	)
	same '[x]' "$(drain q)"
}

@test "eight senders at once: all is kept" {
	for i in {1..8}; do
		(
			for n in {1..25}; do
				mq-send -b "$i-$n" q || exit
			done
		) >"ids$i" 2>"err$i" 3>&- &
	done
	wait
	same '' "$(cat err*)"
	same 200 "$(cat ids* | sort -u | wc -l)"
	mq-recv -j -n 500 q | jq -r .body >got
	same "$(for i in {1..8}; do printf "$i-%s\n" {1..25}; done | sort)" "$(sort got)"
	for i in {1..8}; do
		same "$(printf "$i-%s\n" {1..25})" "$(grep "^$i-" got)"
	done
}
