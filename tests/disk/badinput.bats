#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

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
	mq_teardown
}

bad_names() {
	printf '%s\0' ../x ../../etc .hidden . .. a/b /etc/passwd q/ /q q//dlq q/dlq/dlq q/other \
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
	unchanging
	for command in $COMMANDS; do
		usage "$command" --no-such-option q
		usage "$command" -Z q
		usage "$command" -s
		usage "$command" --spool
	done
}

# options_with_argument COMMAND: as --help has them, short and long.
options_with_argument() {
	"$1" --help | sed -nE "s/^  (-.), (--[a-z-]+)=.*/\\1\\n\\2/p; s/^  -., (--[a-z-]+)\\[=.*/\\1=/p"
}

@test "an empty argument is refused by every option of every command, but for those of text" {
	limit 250
	unchanging
	for command in $COMMANDS; do
		options_with_argument "$command" >list
		grep -qx -e --spool list
		while read -r option; do
			case $command:$option in
			mq-send:-[bkH] | mq-send:--body | mq-send:--key | mq-send:--header) continue ;;
			mq-call:-[bkH] | mq-call:--body | mq-call:--key | mq-call:--header) continue ;;
			mq-nack:-r | mq-nack:--reason) continue ;;
			esac
			if [[ $option == *= ]]; then
				usage "$command" "$option" q x </dev/null
			else
				usage "$command" "$option" '' q x </dev/null
			fi
		done <list
	done
	[ "$(for command in $COMMANDS; do options_with_argument "$command"; done | wc -l)" -gt 100 ]
}

@test "an empty operand that names something is refused: 64" {
	limit 250
	unchanging
	for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat mq-wait mq-export \
		mq-import mq-fsck mq-call 'mq-send -b x' 'mq-send q' 'mq-call q' 'mq-wait -w 0 q' 'mq-recv q' \
		'mq-stat q' 'mq-bind x' 'mq-bind -l' 'mq-export q' 'mq-import q'; do
		# shellcheck disable=SC2086 # words
		usage $command '' </dev/null
	done
	usage mq-bind '' q
	usage mq-work -e '' -- true
	usage mq-once '' true
}

@test "an empty id, name or group in JSON: 65; an empty body and key are good" {
	for key in dedup_id reply_to correlation_id group group_base64; do
		try mq-send -j q <<<"{\"body\":\"x\",\"$key\":\"\"}"
		is 65 '' 'mq-send: q: line 1: .*: 0 messages were accepted'
	done
	mq-send -q -j q <<<'{"body":"","key":"","priority":9}'
	mq-recv -j q >line
	[[ $(cat line) == *'"body":""'*'"key":""'* ]]
	mq-ack "$(jq -r .receipt line)"
}

@test "a bad name is no queue: 66, by every command that takes one" {
	crowded
	unchanging
	while IFS= read -r -d '' name; do
		for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat 'mq-send -b x'; do
			# shellcheck disable=SC2086 # words
			harmless 66 "${command%% *}: .*: $BAD_NAME" $command "$name"
		done
		harmless 73 'mq-create: .+' mq-create "$name"
	done < <(bad_names)
}

@test "a name with a leading dash after --" {
	unchanging
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
	unchanging
	for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat 'mq-send -b x' 'mq-send -l' 'mq-send -0' 'mq-send -j' 'mq-send -D x -b x'; do
		# shellcheck disable=SC2086 # words
		harmless 66 "${command%% *}: nosuch: no such queue.*" $command nosuch </dev/null
		# shellcheck disable=SC2086 # words
		harmless 66 "${command%% *}: nosuch(/dlq)?: no such queue.*" $command nosuch/dlq </dev/null
	done
}

@test "no such queue names the spool that was looked in" {
	for command in mq-config mq-delete mq-purge mq-recv mq-ls mq-redrive mq-stat 'mq-send -b x' mq-wait mq-fsck; do
		for spool in "$MQ_SPOOL" "$T/none"; do
			# shellcheck disable=SC2086 # words
			try $command -s "$spool" nosuch </dev/null
			[ "$status" -eq 66 ]
			[[ $stderr == *"nosuch: no such queue"*" in $spool"* ]]
		done
	done
	[ ! -e "$T/none" ]
}

@test "a directory of a queue that is missing: who meets that names mq-fsck, which makes it" {
	mq-create r
	rm -r "$MQ_SPOOL/q/r/back"
	fails 74 'mq-recv: r: cannot receive .*mq-fsck -y.*: No such file or directory' mq-recv r
	mq-fsck -y r >/dev/null
	fails 1 '' mq-recv r
	mq-delete r
}

@test "bad durations on the command line: 64" {
	unchanging
	for duration in soon -1s '' 5x '5 s' 1s1 1e3 nan inf 0x10 99999999999999999999d .; do
		usage mq-send -d "$duration" -b x q
		usage mq-send -t "$duration" -b x q
		usage mq-send -w "$duration" -b x q
		usage mq-recv -v "$duration" q
		usage mq-nack -d "$duration" receipt
		usage mq-extend -v "$duration" receipt
	done
}

@test "whoever takes a duration names its units, when it is bad and in the help" {
	limit 250
	local seen=0
	for command in $COMMANDS; do
		options_with_argument "$command" >list
		while read -r option; do
			value=(5x)
			[[ $option != *= ]] || { option+=5x value=(); }
			try "$command" "$option" "${value[@]}" q x </dev/null
			[[ $stderr == *' is not a duration: '* ]] || continue
			[[ $stderr == *' w, d, h, m, s '*'1h30m'* ]]
			[[ $("$command" --help) == *'Durations are '*' w, d, h, m, s '*'1h30m'* ]]
			((++seen))
		done <list
	done
	[ "$seen" -gt 20 ]
}

@test "bad numbers on the command line: 64" {
	unchanging
	for number in many -1 '' 1.5 0x1 1e3 99999999999999999999 ' 1' 1,0; do
		usage mq-recv -n "$number" q
		usage mq-ls -n "$number" q
		usage mq-redrive -n "$number" q
		usage mq-send -p "$number" -b x q
	done
}

@test "bad times on the command line: 64" {
	unchanging
	for time in now @ @x @-1x 2026-02-30 2026-13-01T00:00:00Z 2026-11-20T25:00:00Z 2026-11-20T12:00:00X 12:00 ''; do
		usage mq-send -a "$time" -b x q
	done
}

@test "bad settings: 78, by create and config" {
	unchanging
	for setting in colour=red visibility=soon max-depth=many overflow=never sync=perhaps paused=2 backoff=5m..1s max-bytes=1KB; do
		harmless 78 "mq-config: q: .*${setting%%=*}.*" mq-config q max-receives=9 "$setting"
		harmless 78 "mq-create: q: .*${setting%%=*}.*" mq-create q max-receives=9 "$setting"
		harmless 78 "mq-create: r: .*${setting%%=*}.*" mq-create r max-receives=9 "$setting"
	done
	grep -qx max-receives=5 <(mq-config q)
}

@test "header injection: 65, by option and by JSON" {
	unchanging
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
	limit 250
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv -v 1h q)
	mkdir dir
	ln -s "$receipt" link
	mkfifo fifo
	long=/$(printf 'n%.0s' {1..5000})
	unchanging
	for it in '' x . .. / dir link fifo /dev/null /etc/passwd "$long" "$receipt.bak" "${receipt%?}" "$receipt"x \
		"$MQ_SPOOL" "$MQ_SPOOL/q" "$MQ_SPOOL/q/q" "$MQ_SPOOL/q/q/conf" "$MQ_SPOOL/q/q/leased" $'a\nb'; do
		for command in mq-ack mq-nack mq-extend 'mq-nack -x'; do
			# shellcheck disable=SC2086 # words
			harmless 65 "${command%% *}: .+" $command "$it"
		done
	done
	ok '' mq-ack "$receipt"
}

@test "a receipt of a queue that never was: 66" {
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv q)
	other=${receipt/"/q/q/"//q/nosuch/}
	unchanging
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

# ---- planted by a member of the group --------------------------------------------

# What a command says has no control characters, and it ends by itself.
tame() {
	try timeout -k 1 100 "$@"
	# shellcheck disable=SC2154 # set by run
	[ "$status" -lt 124 ] || {
		echo "$*: status $status"
		return 1
	}
	# shellcheck disable=SC2154 # set by run
	[[ $stderr != *[$'\001'-$'\010\013'-$'\037\177']* && $output != *$'\033'* ]]
}

# good: messages of all kinds beside the one that is kept; a receipt is in $receipt.
good() {
	mq-config q backoff=0
	seq 5 | mq-send -q -l q
	mq-send -q -g g -b grouped q
	mq-send -q -d 1s -b late q
	mq-send -q -D id -b once q
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv q)
	mq-send -q -p 9 -b dead q
	mq-nack -x "$(mq-recv q)"
	mkdir -p outside/dir
	echo 12345 >outside/file
	chmod 640 outside/file
	was=$(outside)
}

GOOD="1 2 3 4 5 dead grouped kept late leased once"

outside() {
	(cd outside && find . -printf '%P %m %s %T@ %l\n' | sort && cat file)
}

# every: each command once.
every() {
	local command
	for command in 'mq-ls' 'mq-ls q' 'mq-ls -S delayed q' 'mq-ls -S leased q' 'mq-ls -j -S dead q' 'mq-stat' \
		'mq-stat -j q' 'mq-config q' "mq-cat $receipt" "mq-extend $receipt" 'mq-send -q -b kept q' 'mq-send -q -D id -b x q' \
		'mq-send -q -g g -b kept q' 'mq-recv -a q' 'mq-redrive q' 'mq-wait -w 10ms q' 'mq-work -n 1 -i 10ms q -- cat'; do
		# shellcheck disable=SC2086 # words
		tame $command
		case $command in
		mq-recv* | mq-work*) printf '%s' "$output" | tr -d '\n' | sed 's/$/\n/' >>taken ;;
		esac
	done
}

# all_there: by now or when leases have lapsed, each of the good messages comes,
# and what is left of the queue works.
all_there() {
	local n some
	for n in 1 2 4 8; do
		some=$(later "$((n * 40))s" mq-recv -j -n 100 q) || [ $? -eq 1 ]
		jq -r '.body // "?"' <<<"$some" >>taken
		jq -r .receipt <<<"$some" | later "$((n * 40))s" mq-ack -
	done
	same "$GOOD" "$(grep . taken | sort -u | xargs)"
	same "$was" "$(outside)"
	mq-purge q >/dev/null
	[ ! -e "$MQ_SPOOL/q/q/dlq" ] || fails 1 '' mq-recv -n 100 q/dlq # for what is none is put aside
	has q 0 0 0 0
	rm -rf "$MQ_SPOOL/q/q/bad" "$MQ_SPOOL/q/q/dlq/bad"
	mq-send -q -b kept q
}

# plant DIR PREFIX FIELDS SUFFIX: things that have an entry's name and are none.
plant() {
	local dir=$1 n=0 name
	next_name() {
		printf -v name '%s15000000000000000%02d-00000000,%s%s' "$2" "$((n += 1))" "$3" "$4"
	}
	mkdir -p "$dir"
	next_name "$@" && ln -s "$T/outside/file" "$dir/$name"
	next_name "$@" && ln -s "$T/outside/dir" "$dir/$name"
	next_name "$@" && ln -s nowhere "$dir/$name"
	next_name "$@" && mkdir "$dir/$name"
	next_name "$@" && mkdir "$dir/$name" && touch "$dir/$name/full"
	next_name "$@" && mkfifo "$dir/$name"
	next_name "$@" && touch "$dir/$name"
	next_name "$@" && python3 -c 'import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("s")' "$dir" &&
		mv "$dir/s" "$dir/$name"
	if [ "$(id -u)" -eq 0 ]; then
		next_name "$@" && mknod "$dir/$name" c 1 5
	fi
}

# odd DIR: names that are no entries, though some nearly.
odd() {
	local key=1500000000000000000-00000000 dir=$1 each
	for each in $'\033[31mred' $'new\nline' "$(printf 'n%.0s' {1..255})" ' ' -n '~' "$key" "$key,p4" "$key,p4,b05" \
		"$key,p10,b5" "$key,p4,b5," "$key,p4,r0,b5" "$key,p4,b9999999999999999999" "$key,p4,b5 " "X$key,p4,b5"; do
		touch "$dir/$each"
	done
	mkdir "$dir/a directory" "$dir/$key,p4,b-1"
}

planted_in() {
	good
	Q=$MQ_SPOOL/q/q
	group=$(printf %s g | sha256sum | cut -c 1-32)
	plant "$Q/$1" "$2" p4,b5 "${3/GROUP/$group}"
	[[ $1 == leased* ]] || {
		plant "$Q/$1" "$2" p4,b6,x1 "${3/GROUP/$group}"
		plant "$Q/$1" "$2" p4,r9,b7 "${3/GROUP/$group}"
	}
	[ "$1" = dedup/pending ] || odd "$Q/$1"
	every
	all_there
}

@test "planted among the ready messages" {
	planted_in ready/p4/0 '' ''
}

@test "planted among the delayed messages" {
	planted_in delayed/1500000000 '' ,v1500000000000
}

@test "planted among the leases" {
	planted_in leased/1500000000 '' ,l0123456789abcdef
}

@test "planted among those that come back" {
	mkdir -p "$MQ_SPOOL/q/q/back/p4/0"
	touch "$MQ_SPOOL/q/q/back/p4/lock"
	ln -s 0 "$MQ_SPOOL/q/q/back/p4/head"
	ln -s 0 "$MQ_SPOOL/q/q/back/p4/tail"
	planted_in back/p4/0 '' ''
}

@test "planted among the dead letters" {
	planted_in dlq/ready/p4/0 '' ''
}

@test "planted among what is to be published once" {
	planted_in dedup/pending 0123456789abcdef0123456789abcdef~ ''
}

# upset PLANT MEND: something that makes the queue unusable, but nothing is lost,
# and all is well once it is mended.
upset() {
	local command rc Q=$MQ_SPOOL/q/q
	seq 3 | mq-send -q -l q
	eval "$1"
	for command in 'mq-ls q' 'mq-stat q' 'mq-send -q -b kept q' 'mq-recv -a q'; do
		# shellcheck disable=SC2086 # words
		tame $command
	done
	printf '%s\n' "$output" >taken
	eval "$2"
	while command=$(MQ_TEST_PASSED=80s timeout 100 "$MQ_TEST_BIN/mq-recv" -a q) || ! rc=$?; do
		printf '%s\n' "$command" >>taken
	done
	same 1 "$rc"
	same '1 2 3 kept' "$(grep . taken | sort -u | xargs)" || {
		echo "after $1"
		return 1
	}
	mq-send -q -b kept q
}

# shellcheck disable=SC2016 # upset expands them
@test "planted in place of the parts of a queue" {
	mkdir -p outside/dir
	echo 12345 >outside/file
	was=$(outside)
	upset 'ln -sfn ../../../../outside/dir "$Q/ready/p4/tail"' 'ln -sfn 0 "$Q/ready/p4/tail"'
	upset 'ln -sfn 999999999999999999 "$Q/ready/p4/tail"' 'ln -sfn "$(ls "$Q/ready/p4" | grep -x "[0-9]*" | sort -n | tail -n 1)" "$Q/ready/p4/tail"'
	upset 'ln -sfn 999999999999999999 "$Q/ready/p4/head"' :
	upset 'rm "$Q/ready/p4/head" && mkdir "$Q/ready/p4/head"' :
	upset 'rm -f "$Q/conf" && mkfifo "$Q/conf"' 'rm "$Q/conf"'
	upset 'rm -f "$Q/conf" && ln -s "$T/outside/file" "$Q/conf"' 'rm "$Q/conf"'
	upset 'truncate -s 1T "$Q/conf"' 'rm "$Q/conf"'
	upset 'rm -f "$Q"/stat/* && mkfifo "$Q/stat/$(uname -n)"' 'rm -rf "$Q/stat"'
	upset 'rm -f "$Q"/stat/* && ln -s "$T/outside/file" "$Q/stat/$(uname -n)"' 'rm -rf "$Q/stat"'
	upset 'rm -f "$Q"/stat/* && truncate -s 1T "$Q/stat/$(uname -n)"' 'rm -rf "$Q/stat"'
	upset 'rm -f "$Q/ready/p4/lock" && mkfifo "$Q/ready/p4/lock"' :
	upset 'mkdir -p "$Q/waiting" && touch "$Q/waiting/15-00000000" && mkfifo "$Q/waiting/odd"' 'rm -r "$Q/waiting"'
	upset 'touch "$Q/ready/p4/5"' 'rm "$Q/ready/p4/5"'
	upset 'touch "$Q/bad" "$Q/ready/p4/tail/odd"' 'rm "$Q/bad"'
	upset 'touch "$Q/delayed/16" && mkdir "$Q/delayed/x"' 'rm "$Q/delayed/16"'
	upset 'mkdir -p "$MQ_SPOOL/j/a" && touch "$MQ_SPOOL/j/a/odd" "$MQ_SPOOL/j/odd" && mkdir "$MQ_SPOOL/j/a/q~p"' 'rm -r "$MQ_SPOOL/j"'
	same "$was" "$(outside)"
}

@test "planted in place of a clock: what it leads to is left alone" {
	good
	seq 6 8 | mq-send -q -p 8 -l q
	mq-recv -n 3 q >receipts
	shared=$(sed -n 's/.*,s//p' receipts | head -n 1)
	clock=$(find "$MQ_SPOOL/q/q/leased" -name "$shared")
	rm "$clock"
	ln -s "$T/outside/file" "$clock"
	touch -h -d '+20 sec' "$clock"
	while IFS= read -r each; do
		tame mq-extend -v 1h "$each"
	done <receipts
	same "$was" "$(outside)"
	rm "$clock"
	GOOD="1 2 3 4 5 6 7 8 dead grouped kept late leased once"
	every
	all_there
}

@test "sizes that no file has: put aside; a huge file with an entry's name is read by slices" {
	good
	cd "$MQ_SPOOL/q/q/ready/p4/0"
	key=15000000000000000
	touch "${key}01-00000000,p4,b999999999999999999" "${key}02-00000000,p4,o999999999999999999,h999999999999999999,b999999999999999999"
	truncate -s 4T "${key}03-00000000,p4,o4398046511100,b4"
	truncate -s 2M "${key}04-00000000,p4,h1048577,b0" "${key}05-00000000,p4,o2097152,b1"
	cd "$T"
	tame mq-ls -j q
	mq-recv -n 4 q >receipts
	same 4 "$(mq-cat "$(grep -F o4398046511100 receipts)" | wc -c)"
	fails 65 'mq-cat: .*: the message is damaged' mq-cat "$(grep -F h1048577 receipts)"
	mq-nack -x "$(grep -F h1048577 receipts)"
	mq-ack "$(grep -F o4398046511100 receipts)"
	same 3 "$(find "$MQ_SPOOL/q/q/bad" -type f | wc -l)"
	grep -vF -e o4398046511100 -e h1048577 receipts | mq-nack -d 0 -
	every
	: >taken2 && grep -v '?' taken >taken2 || true
	mq-recv -n 9 q/dlq >/dev/null || true
	mq-purge q/dlq >/dev/null
	mv taken2 taken
	later 5m mq-recv -j -n 100 q | jq -r .body >>taken
	same "1 2 3 4 5 dead grouped kept late leased once" "$(grep . taken | sort -u | xargs)"
}

@test "receipts of another spool, through symbolic links, and with dots" {
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv q)
	MQ_SPOOL=$T/other mq-create q
	MQ_SPOOL=$T/other mq-send -q -b other q
	other=$(MQ_SPOOL=$T/other mq-recv q)
	# a receipt says where it is from: the spool of the environment is not asked
	ok other mq-cat "$other"
	ok '' mq-extend "$other"
	ok '' mq-ack "$other"
	fails 3 'mq-ack: .*: the lease has lapsed' mq-ack "$receipt.x" || fails 65 'mq-ack: .+' mq-ack "$receipt.x"
	mixed=$T/other/q/q/leased/${receipt##*/leased/}
	unchanging
	for command in mq-ack mq-nack mq-extend mq-cat; do
		harmless 3 "$command: .*: the lease has lapsed" "$command" "$mixed"
	done
	Q=$MQ_SPOOL/q/q
	ln -s "$Q/leased" "$T/leased"
	ln -s q "$MQ_SPOOL/q/link"
	unchanging
	bucket=${receipt%/*} name=${receipt##*/}
	for it in "$T/leased/${bucket##*/}/$name" "$Q/leased/../leased/${bucket##*/}/$name" "$Q/./leased/${bucket##*/}/$name" \
		"$Q/ready/../leased/${bucket##*/}/$name" "$Q//leased/${bucket##*/}/$name"; do
		for command in mq-ack mq-nack mq-extend mq-cat; do
			harmless 65 "$command: .+" "$command" "$it"
		done
	done
	for command in mq-ack mq-nack mq-extend mq-cat; do
		fails 74 "$command: link: .+" "$command" "${receipt/"/q/q/"//q/link/}"
	done
	rm "$MQ_SPOOL/q/link"
	# the spool itself may be reached by one
	ln -s "$MQ_SPOOL" "$T/alias"
	ok leased mq-cat "${receipt/"$MQ_SPOOL"/"$T/alias"}"
	ok '' mq-ack "${receipt/"$MQ_SPOOL"/"$T/alias"}"
}

@test "a tail that cannot go on: the line does without another segment" {
	mq-create far
	seq 3 | mq-send -q -l far
	ln -sfn 999999999999999999 "$MQ_SPOOL/q/far/ready/p4/tail"
	seq 4 2000 | mq-send -q -l far
	same 999999999999999999 "$(readlink "$MQ_SPOOL/q/far/ready/p4/tail")"
	seq 2000 | tr -d '\n' | cmp - <(mq-recv -a -n 3000 far)
}
