#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

@test "the same id twice: one message, and the first id is printed again" {
	id=$(mq-send -D order-7 -b first q)
	[[ $id =~ ^$ID_RE$ ]]
	ok "$id"$'\n' mq-send -D order-7 -b second q
	ok "$id"$'\n' mq-send --dedup-id order-7 -b third q
	ok '' mq-send -q -D order-7 -b third q
	has q 1 0 0 0
	same '[first]' "$(drain q)"
	no_litter
}

@test "other ids, and none, are other messages" {
	mq-send -q -D a -b 1 q
	mq-send -q -D b -b 2 q
	mq-send -q -b 3 q
	mq-send -q -b 3 q
	same '[1][2][3][3]' "$(drain q)"
}

@test "remembered also after the message is leased, acked or dead" {
	id=$(mq-send -D a -b x q)
	receipt=$(mq-recv q)
	ok "$id"$'\n' mq-send -D a -b x q
	mq-ack "$receipt"
	ok "$id"$'\n' mq-send -D a -b x q
	has q 0 0 0 0
}

@test "each queue remembers for itself" {
	mq-create r
	mq-send -q -D a -b x q
	mq-send -q -D a -b y r
	same '[x]' "$(drain q)"
	same '[y]' "$(drain r)"
}

@test "remembered for the window, then forgotten" {
	id=$(later 0 mq-send -D a -b 1 q)
	ok "$id"$'\n' later 290s mq-send -D a -b 2 q
	later 610s mq-send -q -D a -b 3 q
	same '[1][3]' "$(drain q 611s)"
}

@test "the window is a setting" {
	mq-config q dedup-window=1h
	id=$(later 0 mq-send -D a -b 1 q)
	ok "$id"$'\n' later 59m mq-send -D a -b 2 q
	later 121m mq-send -q -D a -b 3 q
	same '[1][3]' "$(drain q 121m)"
}

@test "the window counts from the first, a duplicate does not renew it" {
	id=$(later 0 mq-send -D a -b 1 q)
	ok "$id"$'\n' later 4m mq-send -D a -b 2 q
	second=$(later 610s mq-send -D a -b 3 q)
	[ "$id" != "$second" ]
}

@test "marks of old windows go" {
	for i in 1 2 3; do
		later 0 mq-send -q -D "$i" -b x q
	done
	later 1h mq-send -q -D new -b x q
	later 2h mq-send -q -D newer -b x q
	later 2h mq-recv -a -n 9 q >/dev/null
	[ "$(find "$MQ_SPOOL/q/q/dedup" -type l | wc -l)" -le 2 ]
}

@test "any bytes, any length" {
	long=$(printf 'x%.0s' {1..10000})
	for id in a/b ../../x $'a\nb' $'\377\001' "$long" ' ' '*'; do
		first=$(mq-send -D "$id" -b x q)
		ok "$first"$'\n' mq-send -D "$id" -b y q
	done
	first=$(mq-send -D "${long}a" -b x q)
	second=$(mq-send -D "${long}b" -b x q)
	[ "$first" != "$second" ]
	has q 9 0 0 0
}

@test "sixteen at once: one message, one id" {
	for round in {1..5}; do
		for i in {1..16}; do
			mq-send -D "$round" -b "$i" q >"id$i" 2>"err$i" 3>&- &
		done
		wait
		same '' "$(cat err*)"
		same 1 "$(cat id* | sort -u | wc -l)"
		same 16 "$(cat id* | wc -l)"
		has q 1 0 0 0
		same "$(cat id1)" "$(mq-recv -j q | jq -r .id)"
		mq-purge q >/dev/null
		mq-delete q
		mq-create q
	done
}

@test "with a delay, a priority and headers" {
	id=$(mq-send -D a -d 1m -p 7 -H 'A: b' -b x q)
	ok "$id"$'\n' mq-send -D a -b y q
	has q 0 0 1 0
	same "$id 7 b x" "$(later 61s mq-recv -j q | jq -r '"\(.id) \(.priority) \(.headers.A) \(.body)"')"
}

@test "what was refused is not remembered" {
	mq-config q max-depth=1
	mq-send -q -b full q
	harmless 75 'mq-send: q: .+' mq-send -D a -b x q
	mq-recv -a q >/dev/null
	id=$(mq-send -D a -b x q)
	same "$id" "$(ids_of q)"
	same '[x]' "$(drain q)"
}

@test "a malformed message is not remembered" {
	mq-config q max-message=3
	harmless 65 'mq-send: q: .+' mq-send -D a -b 1234 q
	ok '' mq-send -q -D a -b 123 q
	same '[123]' "$(drain q)"
}

@test "a duplicate is known also when the queue is full" {
	mq-config q max-depth=1
	id=$(mq-send -D a -b x q)
	ok "$id"$'\n' mq-send -D a -b x q
}

# ---- near the end of a window ---------------------------------------------------------

# at SECONDS NAME: send from so long after the end of the present window of an hour,
# slowly before and after a mark, and before one is removed
at() {
	local passed=$((3600 - $(date +%s) % 3600 + $1))
	tell "rc.$2" strace -qq -o "calls.$2" -e trace=symlinkat,unlinkat,fsync \
		-e inject=symlinkat:delay_enter=1000000:delay_exit=1000000 -e inject=unlinkat:delay_enter=1000000 \
		-E MQ_TEST_PASSED="${passed}s" "$MQ_TEST_BIN/mq-send" -D key -b "$2" q >"id.$2" 3>&- &
	soon grep -q fsync "calls.$2" # it has its time, and no other can have it
}

@test "two senders on either side of a window's end: one message, and both are told of it" {
	! sanitized || skip "sanitizers do not run under strace"
	need_strace
	mq-config q dedup-window=1h
	mq-send -q -D other -b x q
	mq-recv -a q
	mkdir "$MQ_SPOOL/q/q/dedup/$(($(date +%s) / 3600 * 3600 + 3600))"
	at -4 before
	at 4 after
	wait
	same '0 0' "$(xargs <<<"$(cat rc.before rc.after)")"
	same "$(cat id.before)" "$(cat id.after)"
	has q 1 0 0 0
	same "$(cat id.before)" "$(later "$((3600 - $(date +%s) % 3600 + 600))s" mq-send -D key -b again q)"
	has q 1 0 0 0
	same 1 "$(drain q | grep -c .)"
	mq-fsck -n
}

@test "three in as many windows: no two that are less than a window apart" {
	! sanitized || skip "sanitizers do not run under strace"
	need_strace
	mq-config q dedup-window=1h
	mq-send -q -D other -b x q
	mq-recv -a q
	at -4 one
	at 1800 two
	at 3610 three
	wait
	same 0 "$(cat rc.* | sort -u)"
	case $(mq-ls q | wc -l) in
	1) ;;
	2) # the first and the last, an hour apart
		same "$(sort id.one id.three)" "$(ids_of q | sort)"
		;;
	*) false ;;
	esac
	# whoever was told of another was told of one that is there
	for each in id.*; do
		ids_of q | grep -qxF "$(cat "$each")"
	done
}
