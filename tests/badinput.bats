#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load lib

setup() {
	mq_setup
	mq-create q
	mq-send -q -b kept q
}

teardown() {
	# Whatever was asked: nothing lost, nothing half made.
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
		same '[kept]' "$(drain q)"
		same q "$(mq-ls)"
		no_litter
	fi
	unmount_all
}

bad_names() {
	printf '%s\0' ../x ../../etc '' .hidden . .. a/b /etc/passwd q/ /q q//dlq q/dlq/dlq q/other \
		'a b' $'a\nb' $'a\tb' $'\033[31m' $'a\177' é 'a*' 'a?' '~' 'a:b' 'a,b' "$(printf 'n%.0s' {1..65})" \
		"$(printf 'n%.0s' {1..5000})"
}

@test "every command: -h and --help on stdout, 0" {
	for command in $COMMANDS; do
		try "$command" -h
		[[ $output == *"usage: $command"* ]]
		is 0 "$output" ''
		short=$output
		ok "$short" "$command" --help
		fails 74 "$command: .+" to_full "$command" -h
	done
}

@test "every command: -V and --version" {
	for command in $COMMANDS; do
		try "$command" -V
		[[ $output =~ ^$command\ [^$'\n']+$'\n'$ ]]
		is 0 "$output" ''
		ok "$output" "$command" --version
		fails 74 "$command: .+" to_full "$command" -V
	done
}

@test "every command: options it does not know, 64" {
	for command in $COMMANDS; do
		usage "$command" --no-such-option q
		usage "$command" -Z q
		usage "$command" -s
		usage "$command" --spool
	done
}

@test "an empty spool name: 64" {
	for command in mq-create mq-send mq-recv mq-stat; do
		usage "$command" -s '' q </dev/null
	done
}

@test "a bad name is no queue: 66, by every command that takes one" {
	while IFS= read -r -d '' name; do
		for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat 'mq-send -b x'; do
			# shellcheck disable=SC2086 # words
			harmless 66 "${command%% *}: .*: $BAD_NAME" $command "$name"
		done
		harmless 73 'mq-create: .+' mq-create "$name"
	done < <(bad_names)
}

@test "a name with a leading dash after --" {
	for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat 'mq-send -b x'; do
		# shellcheck disable=SC2086 # words
		harmless 66 "${command%% *}: -q: $BAD_NAME" $command -- -q
	done
}

@test "control bytes in a name are not echoed to the terminal" {
	try mq-recv $'\033[31mred'
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = "${stderr//$'\033'/}" ]
	try mq-create $'a\033b'
	[ "$stderr" = "${stderr//$'\033'/}" ]
}

@test "an unknown queue: 66, by every command that takes one" {
	for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat 'mq-send -b x' 'mq-send -l' 'mq-send -0' 'mq-send -j' 'mq-send -D x -b x'; do
		# shellcheck disable=SC2086 # words
		harmless 66 "${command%% *}: nosuch: no such queue.*" $command nosuch </dev/null
		# shellcheck disable=SC2086 # words
		harmless 66 "${command%% *}: nosuch(/dlq)?: no such queue.*" $command nosuch/dlq </dev/null
	done
}

@test "bad durations on the command line: 64" {
	for duration in soon -1s '' 5x '5 s' 1s1 1e3 nan inf 0x10 99999999999999999999d .; do
		usage mq-send -d "$duration" -b x q
		usage mq-send -t "$duration" -b x q
		usage mq-send -w "$duration" -b x q
		usage mq-recv -v "$duration" q
		usage mq-nack -d "$duration" receipt
		usage mq-extend -v "$duration" receipt
	done
}

@test "bad numbers on the command line: 64" {
	for number in many -1 '' 1.5 0x1 1e3 99999999999999999999 ' 1' 1,0; do
		usage mq-recv -n "$number" q
		usage mq-ls -n "$number" q
		usage mq-redrive -n "$number" q
		usage mq-send -p "$number" -b x q
	done
}

@test "bad times on the command line: 64" {
	for time in now @ @x @-1x 2026-02-30 2026-13-01T00:00:00Z 2026-11-20T25:00:00Z 2026-11-20T12:00:00X 12:00 ''; do
		usage mq-send -a "$time" -b x q
	done
}

@test "bad settings: 78, by create and config" {
	for setting in colour=red visibility=soon max-depth=many overflow=never sync=perhaps paused=2 backoff=5m..1s max-bytes=1KB; do
		harmless 78 "mq-config: q: .*${setting%%=*}.*" mq-config q max-receives=9 "$setting"
		harmless 78 "mq-create: q: .*${setting%%=*}.*" mq-create q max-receives=9 "$setting"
		harmless 78 "mq-create: r: .*${setting%%=*}.*" mq-create r max-receives=9 "$setting"
	done
	grep -qx max-receives=5 <(mq-config q)
}

@test "header injection: 65, by option and by JSON" {
	for value in $'x\nMq-Id: 1' $'x\n\nbody' $'x\rY: z' $'x\nY: z'; do
		harmless 65 'mq-send: q: .+' mq-send -H "A: $value" -b x q
		harmless 65 'mq-send: q: .+' mq-send -R "$value" -b x q
		harmless 65 'mq-send: q: .+' mq-send -C "$value" -b x q
		jq -cn --arg v "$value" '{body:"x",headers:{A:$v}}' >json
		harmless 65 'mq-send: q: line 1: .+' mq-send -j q <json
		jq -cn --arg v "$value" '{body:"x",headers:{($v):"A"}}' >json
		harmless 65 'mq-send: q: line 1: .+' mq-send -j q <json
		jq -cn --arg v "$value" '{body:"x",correlation_id:$v}' >json
		harmless 65 'mq-send: q: line 1: .+' mq-send -j q <json
	done
	harmless 65 'mq-send: q: line 1: .+' mq-send -j q <<<'{"body":"x","headers":{"A":"a\u0000b"}}'
	harmless 65 'mq-send: q: line 1: .+' mq-send -j q <<<'{"body":"x","headers":{"A\u0000B":"x"}}'
	harmless 65 'mq-send: q: line 1: .+' mq-send -j q <<<'{"body":"x","reply_to":"a\u0000b"}'
}

@test "a malformed JSON line in the middle: what came before is kept, 65" {
	try mq-send -q -j q < <(echo '{"body":"1"}' && echo '{"body":"2"' && echo '{"body":"3"}')
	is 65 '' 'mq-send: q: line 2: malformed JSON: .+: 1 message.* accepted'
	ok kept mq-recv -a q
	ok 1 mq-recv -a q
	fails 1 '' mq-recv q
	mq-send -q -b kept q
}

@test "a JSON line nested without end" {
	head -c 200000 /dev/zero | tr '\0' '[' >in
	try mq-send -q -j q <in
	is 65 '' 'mq-send: q: line 1: .+: (0|no) messages were accepted'
	{
		printf '{"body":"x","y":'
		head -c 200000 /dev/zero | tr '\0' '['
	} >in
	try mq-send -q -j q <in
	is 65 '' 'mq-send: q: line 1: .+: (0|no) messages were accepted'
}

@test "receipts of every bad kind, by every command that takes one" {
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv -v 1h q)
	mkdir dir
	ln -s "$receipt" link
	mkfifo fifo
	long=/$(printf 'n%.0s' {1..5000})
	for it in '' x . .. / dir link fifo /dev/null /etc/passwd "$long" "$receipt.bak" "${receipt%?}" "$receipt"x \
		"$MQ_SPOOL" "$MQ_SPOOL/q" "$MQ_SPOOL/q/q" "$MQ_SPOOL/q/q/conf" "$MQ_SPOOL/q/q/leased" $'a\nb'; do
		for command in mq-ack mq-nack mq-extend 'mq-nack -x'; do
			# shellcheck disable=SC2086 # words
			harmless 65 "${command%% *}: .+" timeout 10 $command "$it"
		done
	done
	ok '' mq-ack "$receipt"
}

@test "a receipt of a queue that never was: 66" {
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv q)
	other=${receipt/"/q/q/"//q/nosuch/}
	for command in mq-ack mq-nack mq-extend; do
		harmless 66 "$command: .+" "$command" "$other"
	done
	mq-ack "$receipt"
}

@test "a conf that someone broke: the fault is named, nothing is lost" {
	mq-config q visibility=20s
	cp "$MQ_SPOOL/q/q/conf" conf
	echo 'visibility=never' >>"$MQ_SPOOL/q/q/conf"
	for command in 'mq-recv q' 'mq-send -b x q' 'mq-config q'; do
		# shellcheck disable=SC2086 # words
		try $command
		[ "$status" -eq 78 ]
		[[ $stderr == *visibility* ]] || is 78 '' '.*visibility.*'
	done
	cat conf >"$MQ_SPOOL/q/q/conf"
}

@test "queues that are symlinks lead nowhere" {
	mkdir -p "$T/outside"
	cp -r "$MQ_SPOOL/q/q/." "$T/outside/"
	ln -s "$T/outside" "$MQ_SPOOL/q/link"
	before=$(find "$T/outside" | sort)
	for command in 'mq-recv -a' 'mq-send -b x' mq-purge mq-delete mq-redrive; do
		# shellcheck disable=SC2086 # words
		try $command link
		[ "$status" -ne 0 ]
		[ -n "$stderr" ]
		[ -z "$output" ]
	done
	same "$before" "$(find "$T/outside" | sort)"
	rm "$MQ_SPOOL/q/link"
}

@test "a missing MQ_SPOOL directory: 66, none is made" {
	for command in mq-recv mq-purge mq-delete mq-ls mq-stat mq-config 'mq-send -b x'; do
		# shellcheck disable=SC2086 # words
		MQ_SPOOL=$T/none fails 66 "${command%% *}: q: no such queue.*" $command q
	done
	[ ! -e "$T/none" ]
}
