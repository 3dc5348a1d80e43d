#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell, and means to be
load ../lib
load ../groups

setup() {
	mq_setup
	mq-create q backoff=0
}

# bodies RECEIPT...: in brackets
bodies() {
	local each
	for each; do
		printf '[%s]' "$(mq-cat "$each")"
	done
}

# take: a receipt to $receipt, the payload to $body
take() {
	receipt=$(mq-recv "$@") || return
	body=$(mq-cat "$receipt")
}

# no_lanes: neither a lane nor a token is left, nor a lease.
no_lanes() {
	same '' "$(cd "$MQ_SPOOL/q/q" && find . -path './groups/*/*' ! -name lock -print -o \
		\( -path './turns/*' -o -path './leased/*' -o -path './delayed/*' \) ! -type d -name '*,*')"
}

# ---- order ------------------------------------------------------------------

@test "a group comes in the order in which it was sent" {
	put g {a..z}
	has q 26 0 0 0
	same "$(printf '[%s]' {a..z})" "$(drain q)"
	has q 0 0 0 0
	no_lanes
}

@test "three groups by turns, each in order" {
	mixed 3 26 | mq-send -q -j q
	has q 78 0 0 0
	drain q | tr -d '[' | tr ']' '\n' >got
	same 78 "$(wc -l <got)"
	in_order 26 <got
	no_lanes
}

@test "one lease of a group at a time; others go on" {
	put a a1 a2 a3
	put b b1 b2
	take q
	same a1 "$body"
	first=$receipt
	take q
	same b1 "$body"
	fails 1 '' mq-recv q
	has q 3 2 0 0
	mq-ack "$first"
	first=$receipt
	take q
	same a2 "$body"
	fails 1 '' mq-recv q
	mq-ack "$first" "$receipt"
	mq-recv -n 10 q >receipts
	same 2 "$(wc -l <receipts)"
	same 'a3 b2' "$(xargs -n 1 mq-cat <receipts | sed 's/[0-9]/&\n/g' | sort | xargs)"
	mq-ack - <receipts
	no_lanes
}

@test "mq-recv -n 10 takes one from each of ten groups" {
	mixed 12 5 | mq-send -q -j q
	mq-recv -j -n 10 q | jq -r .body >got
	same "$(seq 1 10 | sed 's/$/:1/')" "$(cat got)"
	mq-recv -j -n 10 q | jq -r .body >got
	same $'11:1\n12:1' "$(cat got)"
	fails 1 '' mq-recv -n 10 q
}

@test "-a takes all of a group, one after the other" {
	put g 1 2 3
	same '1' "$(mq-recv -a q)"
	same '23' "$(mq-recv -a q)$(mq-recv -a q)"
	fails 1 '' mq-recv -a q
	no_lanes
}

@test "also with mq-send -l and files of one group" {
	seq 1 5 | mq-send -q -l -g g q
	for n in 6 7; do
		printf '%s' "$n" >"f$n"
	done
	mq-send -q -g g q f6 f7
	same '[1][2][3][4][5][6][7]' "$(drain q)"
}

# ---- what comes back ----------------------------------------------------------

@test "a nack holds the group back, whatever the delay" {
	put g 1 2
	mq-send -q -b other q
	take q
	same 1 "$body"
	mq-nack -d 1m "$receipt"
	has q 2 0 1 0
	same '[other]' "$(drain q)"
	fails 1 '' mq-recv q
	receipt=$(later 61s mq-recv q)
	same 1 "$(mq-cat "$receipt")"
	fails 1 '' later 61s mq-recv q
	later 61s mq-ack "$receipt"
	same '[2]' "$(drain q 61s)"
	no_lanes
}

@test "mq-nack -d 0: the same comes again, with its count" {
	put g 1 2
	for n in 1 2 3; do
		take q
		same 1 "$body"
		same "$n" "$(mq-ls -j -S leased q | jq .receives)"
		mq-nack -d 0 "$receipt"
		has q 2 0 0 0
	done
	same '[1][2]' "$(drain q)"
	mq-send -q -g g -b 3 q
	same 1 "$(mq-recv -j q | jq .receives)"
}

@test "a delayed message holds back the rest of its group, and only that" {
	put g 1
	mq-send -q -g g -d 1m -b 2 q
	put g 3
	put h other
	same '[1][other]' "$(drain q)"
	fails 1 '' mq-recv q
	same '[2][3]' "$(drain q 61s)"
	no_lanes
}

@test "a delayed message first" {
	mq-send -q -g g -d 1m -b 1 q
	put g 2
	fails 1 '' mq-recv q
	same '[1][2]' "$(drain q 61s)"
	no_lanes
}

@test "a lapsed lease: the same comes again, then the next" {
	put g 1 2
	take q
	old=$receipt
	fails 1 '' later 29s mq-recv q
	receipt=$(later 31s mq-recv q)
	same 1 "$(mq-cat "$receipt")"
	fails 3 'mq-ack: .+' later 31s mq-ack "$old"
	fails 1 '' later 31s mq-recv q
	later 31s mq-ack "$receipt"
	same '[2]' "$(drain q 31s)"
	no_lanes
}

@test "a lease that is extended holds the group" {
	put g 1 2
	take q
	mq-extend -v 5m "$receipt"
	fails 1 '' later 1m mq-recv q
	later 1m mq-ack "$receipt"
	same '[2]' "$(drain q)"
}

@test "a batch of leases, extended, acked, nacked, lapsed" {
	mixed 4 2 | mq-send -q -j q
	mq-recv -n 4 q >receipts
	mq-ack "$(sed -n 1p receipts)"
	mq-nack -d 0 "$(sed -n 2p receipts)"
	mq-extend -v 5m "$(sed -n 3p receipts)"
	later 31s mq-recv -j -n 10 q >json
	same '1:2 2:1 4:1' "$(jq -r .body json | sort | xargs)"
	fails 3 'mq-ack: .+' later 31s mq-ack "$(sed -n 4p receipts)"
	later 31s mq-ack "$(sed -n 3p receipts)"
	jq -r .receipt json | later 31s mq-ack -
	same '2:2 3:2 4:2' "$(drain q 31s | tr '[]' ' \n' | sort | xargs)"
	no_lanes
}

@test "a stale receipt changes nothing" {
	put g 1 2
	take q
	mq-nack -d 0 "$receipt"
	harmless 3 'mq-ack: .+' mq-ack "$receipt"
	harmless 3 'mq-nack: .+' mq-nack "$receipt"
	harmless 3 'mq-extend: .+' mq-extend "$receipt"
	old=$receipt
	take q
	harmless 3 'mq-ack: .+' mq-ack "$old"
	mq-ack "$receipt"
	harmless 3 'mq-ack: .+' mq-ack "$receipt"
	same '[2]' "$(drain q)"
}

@test "the backoff holds the group" {
	mq-config q backoff=10s
	put g 1 2
	take q
	mq-nack "$receipt"
	has q 1 0 1 0
	fails 1 '' mq-recv q
	same '[1][2]' "$(drain q 21s)"
}

@test "mq-recv that cannot write its receipt gives the message back, uncounted" {
	put g 1 2
	try to_full mq-recv q
	same 74 "$status"
	same 1 "$(mq-recv -j q | jq .receives)"
}

# ---- dead letters ---------------------------------------------------------------

@test "max-receives: dead, and the group goes on" {
	mq-config q max-receives=2
	put g 1 2
	for _ in 1 2; do
		take q
		same 1 "$body"
		mq-nack -d 0 "$receipt"
	done
	has q 1 0 0 1
	same '[2]' "$(drain q)"
	same g "$(mq-ls -j -S dead q | jq -r .group)"
	same max-receives "$(mq-ls -j -S dead q | jq -r '.history[-1].reason')"
	no_lanes
}

@test "max-receives: what comes next in the group is received at once, whatever its priority" {
	put g 1
	mq-send -q -p 9 -g g -b 9 q
	mq-send -q -p 0 -g g -b 0 q
	mq-nack -d 0 "$(mq-recv q)"
	mq-config q max-receives=1
	same 9 "$(mq-recv -a q)"
	same 0 "$(mq-recv -a q)"
	has q 0 0 0 1
	no_lanes
}

@test "max-receives by lapses" {
	mq-config q max-receives=1
	put g 1 2
	mq-recv q
	same '[2]' "$(drain q 31s)"
	has q 0 0 0 1
	no_lanes
}

@test "group-on-dead=block: the rest waits for the redrive" {
	mq-config q group-on-dead=block
	put g 1 2
	put h other
	take q
	mq-nack -x "$receipt"
	has q 2 0 0 1
	same '[other]' "$(drain q)"
	fails 1 '' mq-recv q
	fails 1 '' later 1d mq-recv q
	put g 3
	fails 1 '' mq-recv q
	ok $'1\n' mq-redrive q
	same '[1][2][3]' "$(drain q)"
	no_lanes
}

@test "group-on-dead=block, and then skip" {
	mq-config q group-on-dead=block
	put g 1 2
	take q
	mq-nack -x "$receipt"
	fails 1 '' mq-recv q
	mq-config q group-on-dead=skip
	same '[2]' "$(drain q)"
	has q 0 0 0 1
	no_lanes
}

@test "group-on-dead=block: a purge lets it go on" {
	mq-config q group-on-dead=block
	put g 1 2 3
	take q
	mq-nack -x "$receipt"
	ok $'2\n' mq-purge q
	put g 4
	same '[4]' "$(drain q)"
	has q 0 0 0 1
	no_lanes
}

# held: a group's first message is dead, and its token has come due, but nobody took it
held() {
	mq-config q group-on-dead=block
	put g 1 2 3
	take q
	mq-nack -x "$receipt"
	fails 1 '' mq-recv q
	mq-send -q -p 9 -b urgent q
	ok 'urgent' later 1h mq-recv -a q
	same 1 "$(find "$MQ_SPOOL/q/q/turns" -name '*,w*' | wc -l)"
}

@test "group-on-dead=block: a purge lets it go on that looks again just then" {
	held
	ok $'2\n' mq-purge q
	put g 4
	same '[4]' "$(drain q 1h)"
	no_lanes
}

@test "group-on-dead=block: mq-fsck lets it go on that looks again just then" {
	held
	ok '' mq-fsck
	mq-recv -a q/dlq
	try mq-fsck
	[[ $status = 1 && $output == *'not there any more'* ]]
	mq-fsck -y
	ok '' mq-fsck
	same '[2][3]' "$(drain q 1h)"
	no_lanes
}

@test "group-on-dead=block: one after the other dies" {
	mq-config q group-on-dead=block max-receives=1
	put g 1 2 3
	take q
	mq-nack "$receipt"
	mq-redrive q
	take q
	same 1 "$body"
	mq-ack "$receipt"
	take q
	same 2 "$body"
	mq-nack "$receipt"
	fails 1 '' mq-recv q
	mq-redrive q
	same '[2][3]' "$(drain q)"
	no_lanes
}

@test "a redriven message goes in front of those that still wait" {
	put g 1 2 3 4
	take q
	mq-nack -x "$receipt"
	take q
	same 2 "$body"
	mq-redrive q
	mq-ack "$receipt"
	same '[1][3][4]' "$(drain q)"
	no_lanes
}

@test "several redriven messages keep their order" {
	put g {1..6}
	for n in 1 2 3; do
		take q
		mq-nack -x "$receipt"
	done
	mq-redrive q
	same '[1][2][3][4][5][6]' "$(drain q)"
	has q 0 0 0 0
}

@test "dead letters of groups are one line" {
	put g 1 2 3
	for n in 1 2 3; do
		take q
		mq-nack -x "$receipt"
	done
	mq-recv -n 3 q/dlq >receipts
	same '[1][2][3]' "$(mapfile -t r <receipts && bodies "${r[@]}")"
}

# ---- what stands first changes ----------------------------------------------------

@test "two redrives at once, one of them stopped at any rename: the group goes on" {
	for ((n = 1; n < 20; n++)); do
		mq-delete q
		mq-create q backoff=0 group-on-dead=block
		put g 1 2
		mq-nack -x "$(mq-recv q)"
		stopped_after "$n" renameat mq-redrive q || break
		mq-redrive q || true
		go_on
		same '[1][2]' "$(drain q)"
		no_lanes
	done
	((n > 2))
	same '[1][2]' "$(drain q)"
}

@test "a redrive that stands still at any rename lets nothing overtake" {
	for ((n = 1; n < 20; n++)); do
		mq-delete q
		mq-create q backoff=0 group-on-dead=block
		put g 1 2
		mq-nack -x "$(mq-recv q)"
		stopped_after "$n" renameat mq-redrive q || break
		now=$(drain q 1m)
		one_of "$now" '' '[1][2]'
		go_on
		same '[1][2]' "$now$(drain q)"
	done
	((n > 2))
}

@test "a purge takes the reason for a delay away" {
	mq-send -q -g g -d 1h -b 1 q
	fails 1 '' mq-recv q
	ok $'1\n' mq-purge q
	put g 2
	same '[2]' "$(drain q)"
	put g 3
	mq-nack -d 1h "$(mq-recv q)"
	ok $'1\n' mq-purge q
	put g 4
	same '[4]' "$(drain q)"
	no_lanes
}

@test "so does a redrive in front, before the delay or after it" {
	put g 1 2
	mq-nack -x "$(mq-recv q)"
	mq-nack -d 1h "$(mq-recv q)"
	fails 1 '' mq-recv q
	mq-redrive q
	same '[1]' "$(drain q)"
	has q 0 0 1 0 # and 2 waits on
	same '[2]' "$(drain q 61m)"
	put g 1 2
	mq-nack -x "$(mq-recv q)"
	take q
	mq-redrive q
	mq-nack -d 1h "$receipt"
	same '[1]' "$(drain q)"
	has q 0 0 1 0
	same '[2]' "$(drain q 61m)"
	no_lanes
}

@test "so does the end of what waits" {
	mq-send -q -g g -t 1m -d 30s -b 1 q
	mq-send -q -g g -b 2 q
	receipt=$(later 31s mq-recv q)
	later 31s mq-nack -d 1h "$receipt"
	fails 1 '' later 32s mq-recv q
	same '[2]' "$(drain q 61s)"
	mq-config q retention=1m backoff=1h
	put g 3 4
	mq-recv q
	mq-recv -n 2 q && return 1
	later 40s mq-recv q && return 1
	fails 1 '' later 62s mq-recv q
	no_lanes
}

@test "who is not first any more keeps its count, its history and its time" {
	mq-config q max-receives=3
	put g 1 2 3
	mq-nack -x "$(mq-recv q)"
	mq-nack -d 0 -r why "$(mq-recv q)"
	mq-redrive q
	same '[1]' "$(mq-recv -a q | sed 's/.*/[&]/')"
	take q
	same 2 "$body"
	same '2 why' "$(mq-ls -j -S leased q | jq -r '[.receives, .history[-1].reason] | join(" ")')"
	put g 4
	mq-nack -d 0 "$receipt"
	mq-nack -d 0 "$(mq-recv q)"
	has q 2 0 0 1
	same 2 "$(mq-cat "$(mq-recv q/dlq)")"
	same '[3][4]' "$(drain q)"
	no_lanes
	ok '' mq-fsck
}

@test "a redriven message is as old as its redrive" {
	mq-config q retention=1h
	put g 1 2
	mq-nack -x "$(mq-recv q)"
	later 50m mq-redrive q
	same '[1][2]' "$(drain q 55m)"
	put g 3 4
	mq-nack -x "$(mq-recv q)"
	later 50m mq-redrive q
	same '[3]' "$(drain q 100m)"
	put g 5
	mq-nack -x "$(mq-recv q)"
	later 50m mq-redrive q
	fails 1 '' later 111m mq-recv q
	no_lanes
}

# ---- one in trouble ------------------------------------------------------------

@test "a torn message that cannot be put aside holds up its group, and no other" {
	put g 1111 2
	put h other
	mq-send -q -b plain q
	for f in "$MQ_SPOOL"/q/q/groups/*/*/*,b4,*; do
		truncate -s 3 "$f"
	done
	: >"$MQ_SPOOL/q/q/bad"
	same '[other]' "$(timeout 60 mq-recv -a q | sed 's/.*/[&]/')"
	same '[plain]' "$(timeout 60 mq-recv -a q | sed 's/.*/[&]/')"
	fails 74 'mq-recv: q: cannot receive: Not a directory' later 2s mq-recv q
	rm "$MQ_SPOOL/q/q/bad"
	same '[2]' "$(drain q 5s)"
	same 1 "$(find "$MQ_SPOOL/q/q/bad" -type f | wc -l)"
	no_lanes
}

@test "a dead letter that has nowhere to go holds up nobody but itself" {
	mq-config q max-receives=1
	mq-send -q -b first q
	mq-nack -x "$(mq-recv q)"
	put g dead 2
	put h other
	mq-send -q -b dead q
	mq-send -q -b plain q
	mq-recv -n 3 q >receipts
	mq-config q max-receives=0
	mq-nack -d 0 - <receipts
	mq-config q max-receives=1
	mq-send -q -g i -b i q
	echo 'retention=never' >"$MQ_SPOOL/q/q/dlq/conf"
	same '[plain]' "$(timeout 60 mq-recv -a q | sed 's/.*/[&]/')"
	same '[i]' "$(timeout 60 mq-recv -a q | sed 's/.*/[&]/')"
	rm "$MQ_SPOOL/q/q/dlq/conf"
	same '[2]' "$(drain q 61s)"
	has q 0 0 0 4
}

@test "what is put aside finds room in the ballast" {
	put g 1111 2
	truncate -s 3 "$MQ_SPOOL"/q/q/groups/*/*/*,b4,*
	strace -qq -o trace -e inject=renameat:error=ENOSPC:when=1 mq-recv -a q >got
	same 2 "$(cat got)"
	grep -q 'bad/.*INJECTED' trace
	same 15 "$(find "$MQ_SPOOL/ballast" -type f | wc -l)"
}

# ---- beside others ---------------------------------------------------------------

@test "groups and ungrouped messages: by age, neither starves" {
	for n in 1 2 3 4 5 6; do
		put g "g$n"
		mq-send -q -b "u$n" q
	done
	same '[g1][u1][g2][u2][g3][u3][g4][u4][g5][u5][g6][u6]' "$(drain q)"
}

@test "a long group does not hold up what came later than its head" {
	seq -f 'g%g' 50 | mq-send -q -l -g g q
	seq -f 'u%g' 50 | mq-send -q -l q
	put h h1
	mq-recv -n 30 q >held
	same '[g1][u1][u2]' "$(mapfile -t r <held && bodies "${r[@]:0:3}")"
	drain q >got
	[[ $(cat got) == *'[h1]'* ]]
}

@test "a steady flow of ungrouped ones does not starve a group, nor the other way" {
	put g g1 g2 g3
	for n in 1 2 3 4 5 6; do
		mq-send -q -b "u$n" q
		mq-recv -a q
	done >got
	[[ $(cat got) == *g1*g2*g3* ]]
	put g {4..9}
	mq-send -q -b u7 q
	drain q >got
	[[ $(cat got) == *'[u7]'* ]]
}

@test "priorities go before, but not inside a group" {
	mq-send -q -g g -p 1 -b g1 q
	mq-send -q -g g -p 9 -b g2 q
	mq-send -q -p 5 -b u5 q
	mq-send -q -g h -p 9 -b h9 q
	same '[h9][u5][g1][g2]' "$(drain q)"
	no_lanes
}

@test "the head's priority counts for its group" {
	mq-send -q -g g -p 9 -b g9 q
	mq-send -q -g g -p 0 -b g0 q
	mq-send -q -p 5 -b u q
	same '[g9][u][g0]' "$(drain q)"
}

# ---- keys -------------------------------------------------------------------------

@test "-j out and in again" {
	put 'a key' 1 2
	mq-send -q -b plain q
	mq-recv -j q >first
	same 'a key' "$(jq -r .group first)"
	same null "$(mq-recv -j q | jq -c .group)"
	mq-ls -j q | jq -r .group | grep -qx 'a key'
	mq-create copy
	mq-send -q -j copy <first
	same 'a key' "$(mq-ls -j copy | jq -r .group)"
}

@test "keys of any bytes; those that are not UTF-8 as group_base64" {
	for key in ' ' '%' '%41' 'A' $'\n' $'tab\t' $'\377\376' é '/' '..' $'\001' 'a/b' '"' "\\"; do
		mq-send -q -g "$key" -b "$(printf '%s' "$key" | base64)" q
	done
	mq-recv -n 100 -j q >json
	same 14 "$(wc -l <json)"
	while IFS= read -r line; do
		wanted=$(jq -r .body <<<"$line")
		if [ "$wanted" = "$(printf '\377\376' | base64)" ]; then
			same "$wanted" "$(jq -r .group_base64 <<<"$line")"
			same false "$(jq 'has("group")' <<<"$line")"
		else
			same "$wanted" "$(jq -rj .group <<<"$line" | base64)"
			same false "$(jq 'has("group_base64")' <<<"$line")"
		fi
	done <json
	mq-create copy
	mq-send -q -j copy <json
	same "$(jq -c '[.group, .group_base64]' json | sort)" \
		"$(mq-recv -n 100 -j copy | jq -c '[.group, .group_base64]' | sort)"
}

@test "keys that differ a little are two groups" {
	put a 1
	put A 2
	put 'a ' 3
	same 3 "$(mq-recv -n 9 q | wc -l)"
}

@test "group and group_base64 of the same bytes are one group" {
	mq-send -q -j q <<<'{"body":"1","group":"key"}'
	mq-send -q -j q <<<"{\"body\":\"2\",\"group_base64\":\"$(printf key | base64)\"}"
	mq-send -q -g key -b 3 q
	same 1 "$(mq-recv -n 9 q | wc -l)"
}

@test "a key of 4,096 bytes, not of 4,097; nor an empty one, or one of 1 MiB" {
	key=$(head -c 4096 /dev/zero | tr '\0' k)
	put "$key" 1
	same "$key" "$(mq-recv -j q | jq -r .group)"
	bytes=$(head -c 4096 /dev/zero | tr '\0' '\1')
	put "$bytes" 2
	same "$bytes" "$(mq-recv -j q | jq -r .group)"
	harmless 65 "mq-send: .*a message group's key has 1 to 4096 bytes.*" mq-send -g "${key}k" -b x q
	usage mq-send -g '' -b x q
	{
		printf '{"body":"x","group":"'
		head -c 1048576 /dev/zero | tr '\0' k
		printf '"}\n'
	} >json
	harmless 65 "mq-send: .*line 1: .*a message group's key has 1 to 4096 bytes.*" mq-send -j q <json
	for group in '""' '5' '["a"]' '"a\u0000b"'; do
		harmless 65 "mq-send: .*line 1: .+" mq-send -j q <<<"{\"body\":\"x\",\"group\":$group}"
	done
	harmless 65 "mq-send: .*line 1: .+" mq-send -j q <<<'{"body":"x","group_base64":"*"}'
}

@test "a routing key is a property of any message" {
	mq-send -q -k order.new -b 1 q
	mq-send -q -k order.old -b 2 q
	same $'order.new\norder.old' "$(mq-ls -j q | jq -r .key)"
	mq-recv -n 2 -j q >json
	same $'order.new\norder.old' "$(jq -r .key json)"
	key=$(head -c 255 /dev/zero | tr '\0' k)
	mq-send -q -k "$key" -b 3 q
	for bad in "${key}k" $'a\nb' $'\377'; do
		harmless 65 'mq-send: .+' mq-send -k "$bad" -b x q
	done
}

# ---- figures and what else there is --------------------------------------------------

@test "mq-stat and mq-ls count each message of a lane" {
	put g 1 2 3
	mq-send -q -g h -d 1h -b 4 q
	put h 5
	mq-send -q -b 6 q
	mq-recv q
	has q 4 1 1 0
	same 4 "$(mq-ls -S ready q | wc -l)"
	same 1 "$(mq-ls -S leased q | wc -l)"
	same 1 "$(mq-ls -S delayed q | wc -l)"
	same 6 "$(mq-ls q | wc -l)"
	same 6 "$(ids_of q | sort -u | wc -l)"
	same '2 3 5' "$(mq-ls -j q | jq -r 'select(.state == "ready" and .group) | .path' | xargs -n 1 -I {} sh -c 'mq-cat {}; echo' | sort | xargs)"
	same 6 "$(mq-stat -j q | jq .bytes)"
}

@test "purge" {
	put g 1 2 3
	put h 4
	mq-send -q -b 5 q
	mq-send -q -g i -d 1h -b 6 q
	take q
	ok $'5\n' mq-purge q
	has q 0 1 0 0
	mq-ack "$receipt"
	has q 0 0 0 0
	put g 7
	same '[7]' "$(drain q)"
	fails 1 '' later 2h mq-recv q
	no_lanes
}

@test "purge while a message of the group is nacked" {
	put g 1 2
	take q
	mq-purge q
	mq-nack -d 0 "$receipt"
	same '[1]' "$(drain q)"
	no_lanes
}

@test "mq-wait waits until groups are drained" {
	put g 1 2
	fails 1 '' mq-wait -w 50ms q
	take q
	fails 1 '' mq-wait -w 50ms q
	mq-ack "$receipt"
	fails 1 '' mq-wait -w 50ms q
	start wait mq-wait -w 1h q
	soon asleep "$pid"
	mq-recv -a q
	ends 0 "$pid"
}

@test "mq-recv -w wakes up for a group, and for its next when the first is acked" {
	start one mq-recv -w 20s q
	soon asleep "$pid"
	put g 1 2
	ends 0 "$pid"
	first=$(cat one.out)
	start two mq-recv -w 20s q
	soon asleep "$pid"
	mq-ack "$first"
	ends 0 "$pid"
	same 2 "$(mq-cat "$(cat two.out)")"
}

@test "mq-work -j 4 keeps each group's order, and tells MQ_GROUP" {
	mixed 8 25 | mq-send -q -j q
	executable job <<-'END'
		body=$(cat)
		[ "$MQ_GROUP" = "g${body%:*}" ] || exit 100
		echo "$body" >>"log.$MQ_GROUP"
		echo "$body" >>log
	END
	timeout 300 mq-work -e -j 4 q -- ./job
	same 200 "$(wc -l <log)"
	for g in 1 2 3 4 5 6 7 8; do
		same "$(seq 25 | sed "s/^/$g:/")" "$(cat "log.g$g")"
	done
	has q 0 0 0 0
	no_lanes
}

@test "MQ_GROUP of a job without a group is not its worker's" {
	mq-send -q -b 1 q
	executable job <<-'END'
		echo "<${MQ_GROUP-none}>"
	END
	MQ_GROUP=mine timeout 100 mq-work -e q -- ./job >got
	same '<none>' "$(cat got)"
}

@test "mq-work -L with groups" {
	mixed 3 20 | mq-send -q -j q
	executable job <<-'END'
		while IFS= read -r line; do
			printf '%s\n' "$line" >>log
			echo ok
		done
	END
	timeout 300 mq-work -e -L -j 2 q -- ./job
	jq -r .body log | in_order 20
	no_lanes
}

@test "prefetch counts leases of groups" {
	mixed 5 2 | mq-send -q -j q
	mq-recv -c me -P 2 -n 10 q >receipts
	same 2 "$(wc -l <receipts)"
	fails 75 'mq-recv: .+' mq-recv -c me -P 2 q
	mq-ack "$(sed -n 1p receipts)"
	mq-recv -c me -P 2 q >another
	same 1 "$(wc -l <another)"
	fails 75 'mq-recv: .+' mq-recv -c me -P 2 q
}

@test "an expired head goes, the group goes on" {
	mq-send -q -g g -t 10s -b 1 q
	put g 2
	same '[2]' "$(drain q 11s)"
	mq-config q retention=1h
	put g 3 4
	fails 1 '' later 2h mq-recv q
	same 0 "$(later 2h mq-stat q | cut -f 2)"
	no_lanes
}

@test "max-depth counts what is in lanes" {
	mq-config q max-depth=3
	put g 1 2
	mq-send -q -b 3 q
	fails 75 'mq-send: .+' mq-send -g g -b 4 q
	same '[1]' "[$(mq-recv -a q)]"
	put g 4
	fails 75 'mq-send: .+' mq-send -b 5 q
	same '4 0 0' "$(figures q | awk '{ print $1 + $2 + 1, $3, $4 }')"
}

@test "overflow=drop-head with groups" {
	mq-config q max-depth=3 overflow=drop-head
	put g 1 2 3 4
	has q 3 0 0 0
	same '[2][3][4]' "$(drain q)"
	no_lanes
}

@test "a dedup id with a group" {
	id=$(mq-send -g g -D once -b 1 q)
	same "$id" "$(mq-send -g g -D once -b 2 q)"
	put g 3
	same '[1][3]' "$(drain q)"
	no_lanes
}

@test "paused: nothing of a group is handed out" {
	put g 1
	mq-config q paused=yes
	fails 1 '' mq-recv q
	mq-config q paused=no
	same '[1]' "$(drain q)"
}

@test "mq-delete of a queue with groups" {
	put g 1 2
	mq-recv q
	mq-delete q
	[ ! -e "$MQ_SPOOL/q/q" ]
}

# ---- many ------------------------------------------------------------------------------

@test "5,000 messages of 16 groups in one stream, then in order" {
	crowded
	mixed 16 313 | head -n 5000 >json
	mq-send -q -j q <json
	has q 5000 0 0 0
	while mq-recv -n 100 -j q >some; do
		cat some >>got.json
		sed 's/.*"receipt":"\([^"]*\)".*/\1/' some | mq-ack -
	done
	jq -r .body json >sent
	jq -r .body got.json >got
	same 5000 "$(wc -l <got)"
	for g in {1..16}; do
		grep "^$g:" sent | cmp - <(grep "^$g:" got)
	done
	no_lanes
}

@test "a group of 2,000, sent and taken in parts, is in order" {
	crowded
	for n in 0 500 1000 1500; do
		seq $((n + 1)) $((n + 500)) | mq-send -q -l -g g q
		for _ in {1..20}; do
			mq-recv -a q
			echo
		done >>got
	done
	for n in 2001 2002; do
		put g "$n"
	done
	timeout 300 mq-work -e -j 1 q -- awk 1 >>got
	same "$(seq 2002)" "$(cat got)"
	no_lanes
}

@test "1,000 groups of one: gone afterwards" {
	mixed 1000 1 | mq-send -q -j q
	has q 1000 0 0 0
	while mq-recv -n 1000 q >receipts; do
		mq-ack - <receipts
	done
	has q 0 0 0 0
	no_lanes
}

@test "senders, receivers and nacks at once: each group in order" {
	crowded
	mq-config q max-receives=0
	sender() {
		local n
		for ((n = 1; n <= 60; n++)); do
			mq-send -q -g "$1" -b "$1:$n" q || return
		done
	}
	consumer() {
		local rc n=0 receipt body
		while :; do
			rc=0
			receipt=$(mq-recv q) || rc=$?
			case $rc in
			0) ;;
			1)
				[ -e all-sent ] && [ "$(figures q)" = '0 0 0 0' ] && return 0
				continue
				;;
			*) return "$rc" ;;
			esac
			if [ "$(((n += 1) % 4))" -eq 0 ]; then
				mq-nack -d 0 "$receipt" || return
			else
				body=$(mq-cat "$receipt") || return
				echo "$body" >>"got.${body%:*}"
				mq-ack "$receipt" || return
			fi
		done
	}
	limit 300
	at_once 3 4
	for i in 1 2 3 4; do
		same "$(seq 60 | sed "s/^/$i:/")" "$(cat "got.$i")"
	done
	no_lanes
}
