#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

@test "ack ends a message and says nothing" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	ok '' mq-ack "$receipt"
	has q 0 0 0 0
	[ ! -e "$receipt" ]
	fails 1 '' later 1h mq-recv q
}

@test "a second ack: 3" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-ack "$receipt"
	harmless 3 'mq-ack: .+' mq-ack "$receipt"
}

@test "ack leaves nothing behind" {
	mq-send -q -b x q
	mq-ack "$(mq-recv q)"
	same '' "$(find "$MQ_SPOOL/q/q/leased" -type f)"
	no_litter
}

@test "several receipts" {
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	ok '' mq-ack "${r[0]}" "${r[2]}"
	has q 0 1 0 0
	same 2 "$(mq-cat "${r[1]}")"
}

@test "the rest is done when one fails, whose code is the exit code" {
	seq 4 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 4 q)
	mq-ack "${r[1]}"
	try mq-ack "${r[0]}" "${r[1]}" garbage "${r[2]}"
	is 3 '' $'mq-ack: .+\nmq-ack: .*garbage.*'
	has q 0 1 0 0
	try mq-ack garbage "${r[1]}" "${r[3]}"
	is 65 '' $'mq-ack: .*garbage.*\nmq-ack: .+'
	has q 0 0 0 0
}

@test "- reads receipts from standard input" {
	seq 300 | mq-send -q -l q
	mq-recv -n 300 q >receipts
	ok '' mq-ack - <receipts
	has q 0 0 0 0
}

@test "-: a last line without its newline counts" {
	mq-send -q -b x q
	printf %s "$(mq-recv q)" | mq-ack -
	has q 0 0 0 0
}

@test "-: the rest is done when one line fails" {
	seq 3 | mq-send -q -l q
	mq-recv -n 3 q >receipts
	try mq-ack - < <(sed -n 1p receipts; echo garbage; sed -n 3p receipts)
	is 65 '' 'mq-ack: .*garbage.*'
	has q 0 1 0 0
}

@test "-: no receipts, nothing done" {
	ok '' mq-ack - </dev/null
}

@test "-0: NUL-ended receipts" {
	seq 3 | mq-send -q -l q
	mq-recv -n 3 -0 q | mq-ack -0 -
	has q 0 0 0 0
}

@test "a pipeline of receive and ack" {
	seq 5 | mq-send -q -l q
	mq-recv -n 5 q | xargs mq-ack
	has q 0 0 0 0
}

@test "a lapsed receipt: 3, and the message is delivered again" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	fails 3 'mq-ack: .+' later 31s mq-ack "$receipt"
	same '[x]' "$(drain q 31s)"
}

@test "a receipt that lapsed and was given to another: 3, the other's stays good" {
	mq-send -q -b x q
	first=$(mq-recv q)
	second=$(later 31s mq-recv q)
	harmless 3 'mq-ack: .+' later 32s mq-ack "$first"
	harmless 3 'mq-nack: .+' later 32s mq-nack "$first"
	harmless 3 'mq-extend: .+' later 32s mq-extend "$first"
	ok '' later 32s mq-ack "$second"
	has q 0 0 0 0
}

@test "a nacked receipt: 3" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-nack "$receipt"
	harmless 3 'mq-ack: .+' mq-ack "$receipt"
	same '[x]' "$(drain q)"
}

@test "what is no receipt: 65, nothing changed" {
	mq-send -q -b ready q
	mq-send -q -d 1h -b delayed q
	mq-send -q -p 9 -b leased q
	receipt=$(mq-recv q)
	clock=$(find "$MQ_SPOOL/q/q/leased" -type f ! -name "$(basename "$receipt")")
	[ -n "$clock" ]
	for it in garbage '' / . .. /etc/passwd "$MQ_SPOOL/version" "$MQ_SPOOL/q/q/conf" \
		"$(path_of q -S ready)" "$(path_of q -S delayed)" "$clock" "$(dirname "$receipt")" \
		"$receipt/" "$receipt/x" "$receipt "; do
		for command in mq-ack mq-nack mq-extend; do
			harmless 65 "$command: .+" "$command" "$it"
		done
	done
	same leased "$(cat "$receipt")"
	ok '' mq-ack "$receipt"
}

@test "a receipt whose path leads to no spool here is found by -s, else by MQ_SPOOL" {
	mq-config q backoff=0
	seq 4 | mq-send -q -l q
	for command in mq-extend mq-nack mq-ack; do
		receipt=$(mq-recv -v 1h q)
		elsewhere=/no/such/place/${receipt#"$MQ_SPOOL"/}
		ok "$(mq-cat "$receipt")" env -u MQ_SPOOL mq-cat -s "$MQ_SPOOL" "$elsewhere"
		fails 65 "$command: /no/such/place: .+" env -u MQ_SPOOL HOME="$T" XDG_STATE_HOME="$T" $command "$elsewhere"
		ok '' env -u MQ_SPOOL $command -s "$MQ_SPOOL" "$elsewhere"
		[ "$command" != mq-extend ] || mq-ack "$receipt"
		fails 3 "$command: .+" $command "$elsewhere"
	done
	# Of two spools, the one that the path leads to.
	receipt=$(mq-recv -v 1h q)
	mq-create -s "$T/other" q
	ok '' mq-ack -s "$T/other" "$receipt"
	# By another way to it.
	ln -s "$MQ_SPOOL" alias
	receipt=$(mq-recv -v 1h q)
	ok '' mq-ack -s "$MQ_SPOOL" "$T/alias/${receipt#"$MQ_SPOOL"/}"
}

@test "a receipt with another nonce names no lease: 3" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	forged=${receipt%????????????????}0123456789abcdef
	for command in mq-ack mq-nack mq-extend; do
		harmless 3 "$command: .+" "$command" "$forged"
	done
	ok '' mq-ack "$receipt"
}

@test "a path that points outside any spool: 65, the file stays" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	name=$(basename "$receipt")
	mkdir -p "$T/not/q/q/leased/1763681552" "$T/flat"
	outside=$T/not/q/q/leased/1763681552/$name
	cp "$receipt" "$outside"
	cp "$receipt" "$T/flat/$name"
	for command in mq-ack mq-nack mq-extend; do
		fails 65 "$command: .+" "$command" "$outside"
		fails 65 "$command: .+" "$command" "$T/flat/$name"
	done
	[ -f "$outside" ]
	[ -f "$T/flat/$name" ]
	same "$name" "$(ls "$T/flat")"
	has q 0 1 0 0
}

@test "a receipt that is a symlink: 65, link and target stay" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	dir=$(dirname "$receipt")
	echo precious >precious
	link=$dir/1763681547123456789-1a2b3c4d,p4,r1,b9,l0123456789abcdef
	ln -s "$T/precious" "$link"
	ln -s "$receipt" outside
	for command in mq-ack mq-nack mq-extend; do
		harmless 65 "$command: .+" "$command" "$link"
		harmless 65 "$command: .+" "$command" "$T/outside"
	done
	same precious "$(cat precious)"
	[ -L "$link" ]
	ok '' mq-ack "$receipt"
}

@test "a receipt below a symlinked directory: 65" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mv "$(dirname "$receipt")" elsewhere
	ln -s "$T/elsewhere" "$(dirname "$receipt")"
	for command in mq-ack mq-nack mq-extend; do
		harmless 65 "$command: .+" "$command" "$receipt"
	done
	[ -f "elsewhere/$(basename "$receipt")" ]
}

@test "a receipt through ..: the same message or refused, never another file" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	roundabout=${receipt%/leased/*}/leased/../../q/leased/${receipt##*/leased/}
	try mq-ack "$roundabout"
	case $status in
	0) has q 0 0 0 0 ;;
	65) has q 0 1 0 0 ;;
	*) is 65 '' 'mq-ack: .+' ;;
	esac
}

@test "control bytes in a receipt are not echoed to the terminal" {
	fails 65 'mq-ack: .+' mq-ack $'/x\033[31my'
	try mq-ack $'/x\033[31my'
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = "${stderr//$'\033'/}" ]
}

@test "a receipt says where it is: no spool is needed" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	ok '' env MQ_SPOOL="$T/nowhere" mq-ack "$receipt"
	has q 0 0 0 0
	[ ! -e "$T/nowhere" ]
}

@test "one of several that ack one receipt at once succeeds" {
	for round in {1..10}; do
		mq-send -q -b "$round" q
		receipt=$(mq-recv q)
		for i in {1..8}; do
			tell "rc$i" mq-ack "$receipt" 2>/dev/null 3>&- &
		done
		wait
		same '0 3 3 3 3 3 3 3' "$(cat rc* | sort -n | xargs)"
	done
	has q 0 0 0 0
}

@test "ack or nack at once: one wins, and it is done" {
	for round in {1..20}; do
		mq-send -q -b "$round" q
		receipt=$(mq-recv q)
		tell rc1 mq-ack "$receipt" 2>/dev/null 3>&- &
		tell rc2 mq-nack "$receipt" 2>/dev/null 3>&- &
		wait
		case "$(cat rc1) $(cat rc2)" in
		'0 3') has q 0 0 0 0 ;;
		'3 0') same "[$round]" "$(drain q)" ;;
		*) same 'one wins' "$(cat rc1 rc2)" ;;
		esac
	done
}

@test "ack without a receipt: 64" {
	usage mq-ack
	usage mq-ack --nosuch x
}
