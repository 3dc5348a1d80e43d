#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell, and means to be
load ../lib

setup() {
	mq_setup
	for each in a b c; do
		mq-create "$each" backoff=0
	done
}

# publish EXCHANGE KEY PAYLOAD [OPTION]...
publish() {
	local x=$1 key=$2 body=$3
	shift 3
	mq-send -q -x "$x" -k "$key" -b "$body" "$@"
}

# all_have PAYLOADS: each of the three queues has that, once.
all_have() {
	local each
	for each in a b c; do
		same "$1" "$(drain "$each")"
	done
}

# to_all EXCHANGE: a fanout exchange to a, b and c.
to_all() {
	local each
	mq-create -x fanout "$1"
	for each in a b c; do
		mq-bind "$1" "$each"
	done
}

# unrouted COMMAND...: nothing is sent, 1 and a word of warning.
unrouted() {
	fails 1 'mq-send: .*matched no binding.*' "$@"
}

# ---- types ----------------------------------------------------------------------

@test "fanout: each queue has it" {
	to_all x
	mq-send -q -x x -b 1
	mq-send -q -x x -k key -b 2
	all_have '[1][2]'
	no_litter
}

@test "direct: by the key, to the byte" {
	mq-create -x direct x
	mq-bind x a red
	mq-bind x b red
	mq-bind x b blue
	mq-bind x c ''
	publish x red 1
	publish x blue 2
	unrouted mq-send -x x -k Red -b 3
	unrouted mq-send -x x -k 'red ' -b 3
	unrouted mq-send -x x -k '*' -b 3
	mq-send -q -x x -b 4
	same '[1]' "$(drain a)"
	same '[1][2]' "$(drain b)"
	same '[4]' "$(drain c)"
}

@test "topic: words, * and #" {
	local pattern key want line
	while IFS='|' read -r pattern key want; do
		mq-create -x topic x
		mq-bind x a "$pattern"
		line=$(mq-send -q -x x -k "$key" -b x 2>/dev/null && drain a) || true
		[ "${line:+yes}" = "${want#no}" ] || {
			echo "<$pattern> <$key>: <$line>, wanted $want"
			return 1
		}
		mq-delete x
	done <<-'END'
		a.b|a.b|yes
		a.b|a|no
		a.b|a.b.c|no
		a.b|A.b|no
		a.*|a.b|yes
		a.*|a.|yes
		a.*|a|no
		a.*|a.b.c|no
		*|a|yes
		*||no
		*.*|.|yes
		*.b|.b|yes
		*.*.eu|order.new.eu|yes
		*.*.eu|order.eu|no
		*..b|a..b|yes
		a.b|a..b|no
		#||yes
		#|a|yes
		#|a.b.c|yes
		#|..|yes
		a.#|a|yes
		a.#|a.b.c|yes
		a.#|ab|no
		#.b|b|yes
		#.b|a.a.b|yes
		#.b|b.a|no
		a.#.b|a.b|yes
		a.#.b|a.x.y.b|yes
		a.#.b|a|no
		#.#||yes
		#.a.#|b.a.c|yes
		#.a.#|b.c|no
		#.*|a|yes
		#.*||no
		*.#|a.b|yes
		||yes
		|a|no
		a||no
		ä.*|ä.ö|yes
	END
}

@test "headers: all of them, any of them, none" {
	mq-create -x headers x
	mq-bind x a 'Type: invoice' 'Format: pdf'
	mq-bind -a x b 'Type: invoice' 'Format: pdf'
	mq-bind x c
	mq-send -q -x x -H 'type: invoice' -H 'FORMAT: pdf' -H 'More: x' -b 1
	mq-send -q -x x -H 'Type: invoice' -b 2
	mq-send -q -x x -H 'Format: pdf' -H 'Type: Invoice' -b 3
	mq-send -q -x x -H 'Type: invoice2' -H 'Format: pd' -b 4
	mq-send -q -x x -b 5
	same '[1]' "$(drain a)"
	same '[1][2][3]' "$(drain b)"
	same '[1][2][3][4][5]' "$(drain c)"
	mq-bind -u x c
	unrouted mq-send -x x -k 'Type: invoice' -b 6
}

@test "more bindings that match: once to each queue" {
	mq-create -x topic x
	for key in '#' a a.# '*'; do
		mq-bind x a "$key"
	done
	mq-bind x b a
	publish x a 1
	same '[1]' "$(drain a)"
	same '[1]' "$(drain b)"
	same '' "$(drain c)"
}

# ---- on the way ---------------------------------------------------------------------

@test "an exchange bound to an exchange, and again" {
	mq-create -x fanout all
	mq-create -x topic regions
	mq-create -x direct last
	mq-bind all regions
	mq-bind regions last '*.eu'
	mq-bind last a order.eu
	mq-bind regions b '#'
	mq-bind all c
	publish all order.eu 1
	publish all user.eu 2
	publish all order.us 3
	same '[1]' "$(drain a)"
	same '[1][2][3]' "$(drain b)"
	same '[1][2][3]' "$(drain c)"
}

@test "two ways to one queue: once" {
	mq-create -x fanout x
	mq-create -x fanout left
	mq-create -x fanout right
	mq-bind x left
	mq-bind x right
	mq-bind left a
	mq-bind right a
	mq-bind x a
	mq-send -q -x x -b 1
	same '[1]' "$(drain a)"
}

@test "the alternate gets what matches nothing, at each exchange" {
	mq-create -x fanout unrouted
	mq-bind unrouted a
	mq-create -x direct second alternate=unrouted
	mq-bind second b two
	mq-create -x direct first alternate=second
	mq-bind first c one
	publish first one 1
	publish first two 2
	publish first three 3
	publish second four 4
	same '[3][4]' "$(drain a)"
	same '[2]' "$(drain b)"
	same '[1]' "$(drain c)"
	same $'type=direct\nalternate=second' "$(mq-config first)"
	mq-delete unrouted
	unrouted mq-send -x first -k three -b 5
	mq-config second alternate=
	unrouted mq-send -x first -k three -b 5
}

@test "an alternate that is not there, or is a queue" {
	harmless 78 'mq-create: x: .*alternate.*' mq-create -x direct x alternate=nosuch
	harmless 78 'mq-create: x: .*alternate.*' mq-create -x direct x alternate=a
	mq-create -x direct x
	harmless 78 'mq-config: x: .*' mq-config x type=topic
	harmless 78 'mq-config: x: .*' mq-config x visibility=3s
}

@test "circles are refused: 73" {
	for each in x y z; do
		mq-create -x fanout "$each"
	done
	harmless 73 'mq-bind: .+' mq-bind x x
	mq-bind x y
	mq-bind y z
	harmless 73 'mq-bind: .+' mq-bind z x
	harmless 73 'mq-bind: .+' mq-bind y x
	harmless 73 'mq-config: .+' mq-config z alternate=x
	harmless 73 'mq-config: .+' mq-config x alternate=x
	mq-bind x z
	mq-bind z a
	mq-send -q -x x -b 1
	same '[1]' "$(drain a)"
}

@test "nothing matches: 1 and a warning; the others of the stream are sent" {
	mq-create -x direct x
	mq-bind x a yes
	unrouted mq-send -x x -k no -b 1
	for key in yes no yes no yes; do
		echo "{\"body\":\"$key\",\"key\":\"$key\"}"
	done >json
	try mq-send -x x -j <json
	is 1 "$output" 'mq-send: x: 2 messages matched no binding'
	same 3 "$(wc -l <<<"${output%$'\n'}")"
	same '[yes][yes][yes]' "$(drain a)"
	no_litter
}

# ---- bindings -------------------------------------------------------------------------

@test "mq-bind twice, mq-bind -u, mq-bind -l" {
	mq-create -x topic x
	mq-bind x a 'b.*'
	ok '' mq-bind x a 'b.*'
	mq-bind x a '#'
	mq-bind x b 'a'
	same $'a\t#\na\tb.*\nb\ta' "$(mq-bind -l x)"
	same $'b\ta' "$(mq-bind -l x b)"
	ok '' mq-bind -u x a '#'
	harmless 1 '' mq-bind -u x a '#'
	harmless 1 '' mq-bind -u x c
	same $'a\tb.*\nb\ta' "$(mq-bind -l x)"
	mq-bind x a c
	mq-bind -u x a
	same $'b\ta' "$(mq-bind -l x)"
}

@test "mq-bind -l of headers" {
	mq-create -x headers x
	mq-bind x a 'A: 1' 'B: 2'
	mq-bind -a x b 'A: 1'
	mq-bind x c
	same $'a\tall\tA: 1\tB: 2\nb\tany\tA: 1\nc\tall' "$(mq-bind -l x)"
	mq-bind x a 'b: 2' 'A: 1'
	mq-bind -u x a
	harmless 1 '' mq-bind -u x a
}

@test "mq-bind -l of all exchanges" {
	mq-create -x fanout x
	mq-create -x direct y
	mq-create -x topic z
	mq-bind x a
	mq-bind y b k
	same $'x\ta\ny\tb\tk\nz' "$(mq-bind -l)"
	ok '' mq-bind -l z
}

@test "unknown exchanges, queues and targets: 66" {
	mq-create -x direct x
	harmless 66 'mq-bind: .+' mq-bind nosuch a k
	harmless 66 'mq-bind: .+' mq-bind x nosuch k
	harmless 66 'mq-bind: .+' mq-bind a b k
	harmless 66 'mq-bind: .+' mq-bind -l nosuch
	harmless 66 'mq-send: .+' mq-send -x nosuch -b 1
	harmless 66 'mq-send: .+' mq-send -x a -b 1
	harmless 66 'mq-send: .+' mq-send -b 1 x
	harmless 66 'mq-recv: .+' mq-recv x
	harmless 66 'mq-send: .+' mq-send -x ../x -b 1
	harmless 66 'mq-bind: .+' mq-bind x ../a k
}

@test "bad patterns, keys and headers: 65" {
	mq-create -x topic x
	mq-create -x direct y
	mq-create -x headers z
	for pattern in 'a*' '**' 'a.#b' '*#' $'a\nb' $'\377' "$(printf 'k%.0s' {1..256})"; do
		harmless 65 'mq-bind: .+' mq-bind x a "$pattern"
	done
	harmless 65 'mq-bind: .+' mq-bind y a $'a\tb'
	mq-bind y a 'a*'
	for header in 'no colon' ': x' 'Mq-Id: 1' $'A: x\ny' 'A B: c'; do
		harmless 65 'mq-bind: .+' mq-bind z a "$header"
	done
	harmless 65 'mq-send: .+' mq-send -x x -k $'a\nb' -b 1
	harmless 65 'mq-send: .+' mq-send -x x -k "$(printf 'k%.0s' {1..256})" -b 1
}

@test "usage: 64" {
	mq-create -x topic x
	mq-create -x fanout y
	mq-create -x headers z
	usage mq-bind
	usage mq-bind x
	usage mq-bind x a
	usage mq-bind x a k more
	usage mq-bind -a x a k
	usage mq-bind y a k
	usage mq-bind -l -u x
	usage mq-send -x x -D id -b 1
	usage mq-send -x x -x y -b 1 a
	usage mq-create -x
	usage mq-create -x odd w
}

@test "names are shared with queues: 73" {
	mq-create -x fanout x
	ok '' mq-create -x fanout x
	harmless 73 'mq-create: x: .+' mq-create -x topic x
	harmless 73 'mq-create: x: .+' mq-create x
	harmless 73 'mq-create: a: .+' mq-create -x fanout a
	harmless 73 'mq-create: .+' mq-create -x fanout ../x
	mq-delete x
	mq-create x
	harmless 73 'mq-create: x: .+' mq-create -x fanout x
}

@test "a queue that is deleted is bound no more; nor after it is made anew" {
	to_all x
	mq-delete b
	same $'a\nc' "$(mq-bind -l x)"
	mq-send -q -x x -b 1
	mq-create b
	mq-send -q -x x -b 2
	same '[1][2]' "$(drain a)"
	same '' "$(drain b)"
	same '[1][2]' "$(drain c)"
}

@test "an exchange that is deleted is bound no more" {
	to_all x
	mq-create -x fanout y
	mq-bind y x
	mq-bind y a
	mq-delete x
	same a "$(mq-bind -l y)"
	mq-send -q -x y -b 1
	same '[1]' "$(drain a)"
	harmless 66 'mq-send: .+' mq-send -x x -b 1
}

@test "1,000 bindings" {
	crowded
	mq-create -x topic x
	for ((n = 0; n < 1000; n++)); do
		mq-bind x a "key.$n.*"
	done
	same 1000 "$(mq-bind -l x | wc -l)"
	mq-bind x b 'key.#'
	# All of them cost no more than a hundred that were made anew.
	timed publish x key.999.z 1
	all=$took
	hundred() {
		for ((n = 0; n < 100; n++)); do
			mq-bind x c "key.$n.*"
		done
	}
	timed hundred
	echo "$all ms, and $took ms for a hundred bindings"
	((all <= took))
	mq-bind -u x c
	unrouted mq-send -x x -k nokey.999.z -b 2
	publish x key.1000.z 3
	same '[1]' "$(drain a)"
	same '[1][3]' "$(drain b)"
	mq-bind -u x a
	same $'b\tkey.#' "$(mq-bind -l x)"
}

@test "1,000 queues" {
	crowded
	many_queues 1000
	mq-create -x fanout x
	for ((n = 1; n <= 1000; n++)); do
		printf -v name 'q%06d' "$n"
		mq-bind x "$name"
	done
	mq-send -q -x x -b everyone
	same 1000 "$(mq-stat | awk -F '\t' '$2 == 1' | wc -l)"
	same '[everyone]' "$(drain q001000)"
}

# ---- what arrives ---------------------------------------------------------------------------

@test "1,000 lines to three queues: counts, order, ids" {
	to_all x
	seq 1000 | mq-send -x x -l >ids
	same 1000 "$(sort -u ids | wc -l)"
	sort -c ids
	for each in a b c; do
		has "$each" 1000 0 0 0
		same "$(cat ids)" "$(ids_of "$each")"
		same "$(seq 1000)" "$(mq-recv -n 1000 -j "$each" | jq -r .body)"
	done
	no_litter
}

@test "a bulk by keys: each queue has its own, in order" {
	mq-create -x direct x
	mq-bind x a 0
	mq-bind x b 1
	mq-bind x c 1
	mq-bind x c 2
	seq 3000 | awk '{ printf "{\"body\":\"%d\",\"key\":\"%d\"}\n", $1, $1 % 3 }' | mq-send -q -x x -j
	same "$(seq 3 3 3000)" "$(mq-recv -n 5000 -j a | jq -r .body)"
	same "$(seq 1 3 3000)" "$(mq-recv -n 5000 -j b | jq -r .body)"
	same "$(seq 3000 | awk '$1 % 3')" "$(mq-recv -n 5000 -j c | jq -r .body)"
}

@test "the payload is stored once" {
	to_all x
	head -c 10M /dev/urandom >big
	mq-send -q -x x big
	for each in a b c; do
		stat -c %i "$(path_of "$each")"
	done | sort -u >inodes
	same 1 "$(wc -l <inodes)"
	[ "$(du -sm "$MQ_SPOOL" | cut -f 1)" -lt 15 ]
	mq-recv -a a | cmp - big
	mq-recv -a b | cmp - big
	[ "$(du -sm "$MQ_SPOOL" | cut -f 1)" -ge 10 ]
	mq-recv -a c | cmp - big
	[ "$(du -sm "$MQ_SPOOL" | cut -f 1)" -lt 5 ]
}

@test "properties and all options come along" {
	to_all x
	mq-send -q -x x -k the.key -g group -p 7 -t 1h -H 'A: b' -R reply -C 17 -b 1
	for each in a b c; do
		mq-recv -j "$each" | jq -c '[.queue, .key, .group, .priority, .headers, .body]'
	done >got
	for each in a b c; do
		echo "[\"$each\",\"the.key\",\"group\",7,{\"A\":\"b\"},\"1\"]"
	done | diff - got
	for each in a b c; do
		mq-purge "$each" >purged
		mq-ack "$(path_of "$each")"
	done
	mq-send -q -x x -d 1m -b 2
	fails 1 '' mq-recv a
	for each in a b c; do
		same '[2]' "$(drain "$each" 61s)"
	done
}

@test "groups through an exchange stay in order" {
	crowded
	to_all x
	seq 400 | awk '{ printf "{\"body\":\"%d:%d\",\"group\":\"g%d\"}\n", $1 % 4, $1, $1 % 4 }' | mq-send -q -x x -j
	for each in a b c; do
		drain "$each" | tr -d '[' | tr ']' '\n' | sort -s -t : -k 1,1n >got
		seq 400 | awk '{ print $1 % 4 ":" $1 }' | sort -s -t : -k 1,1n | diff - got
	done
}

@test "each queue has leases, counts and dead letters of its own" {
	mq-config a visibility=1m max-receives=1
	mq-config b visibility=5m
	to_all x
	mq-send -q -x x -b 1
	mq-recv a >ra
	mq-recv b >rb
	fails 1 '' later 2m mq-recv a
	fails 1 '' later 2m mq-recv b
	mq-ack "$(cat rb)"
	has a 0 0 0 1
	has b 0 0 0 0
	has c 1 0 0 0
	mq-extend -v 1h "$(mq-recv c)"
	mq-redrive a
	same '[1]' "$(drain a)"
	fails 1 '' later 30m mq-recv c
	same '[1]' "$(drain c 2h)"
}

@test "mq-recv -w is woken by a publish" {
	to_all x
	start recv mq-recv -a -w 20s b
	soon asleep "$pid"
	mq-send -q -x x -b 1
	ends 0 "$pid"
	same 1 "$(cat recv.out)"
}

# ---- full queues -----------------------------------------------------------------------------

@test "one queue is full, overflow=reject: 75, the others have it" {
	mq-config b max-depth=2
	to_all x
	seq 2 | mq-send -q -x x -l
	fails 75 'mq-send: .*b.*' mq-send -q -x x -b 3
	same '[1][2][3]' "$(drain a)"
	same '[1][2]' "$(drain b)"
	same '[1][2][3]' "$(drain c)"
	fails 75 'mq-send: .*b.*' mq-send -q -x x -l < <(seq 5)
	same '[1][2]' "$(drain b)"
	no_litter
}

@test "one queue is full, overflow=block: the others have it at once, the publisher waits" {
	mq-config b max-depth=1 overflow=block
	to_all x
	mq-send -q -x x -b 1
	start send mq-send -q -x x -b 2
	soon has c 2 0 0 0
	soon asleep "$pid"
	same '[1][2]' "$(drain a)"
	same 1 "$(mq-recv -a b)"
	ends 0 "$pid"
	same '[2]' "$(drain b)"
	same '[1][2]' "$(drain c)"
	no_litter
}

@test "a publisher that is killed while it waits: none twice" {
	mq-config b max-depth=1 overflow=block
	to_all x
	mq-send -q -x x -b 1
	start send mq-send -q -x x -b 2
	soon has c 2 0 0 0
	kill -9 "$pid"
	ends 137 "$pid"
	same '[1][2]' "$(drain a)"
	one_of "$(drain b)" '[1]' '[1][2]'
	same '[1][2]' "$(drain c)"
	mq-send -q -x x -b 3
	one_of "$(drain b)" '[3]' '[2][3]'
}

@test "one queue is full, overflow=drop-head and dead-letter" {
	mq-config a max-depth=2 overflow=drop-head
	mq-config b max-depth=2 overflow=dead-letter
	to_all x
	for n in 1 2 3; do
		mq-send -q -x x -b "$n"
	done
	same '[2][3]' "$(drain a)"
	same '[1][2]' "$(drain b)"
	same '[3]' "$(drain b/dlq)"
	same '[1][2][3]' "$(drain c)"
}

@test "too large for one queue: 65, the others have it" {
	mq-config b max-message=3
	to_all x
	fails 65 'mq-send: .*b.*' mq-send -q -x x -b large
	same '[large]' "$(drain a)"
	same '' "$(drain b)"
	same '[large]' "$(drain c)"
}

# ---- at once ------------------------------------------------------------------------------------

# is_at CALL: what is traced has come to it
is_at() {
	grep -q "^$1(" trace
}

# held CALL [STRACE-OPTION...] -- ARGUMENT...: mq-send, which stays for three seconds
# before the first such call; its process is $pid, its output in ids and err
held() {
	local call=$1 opts=()
	need_strace
	while shift && [ "$1" != -- ]; do
		opts+=("$1")
	done
	shift
	strace -qq -o trace -e trace="$call" -e inject="$call:delay_enter=3000000:when=1" "${opts[@]}" \
		mq-send "$@" >ids 2>err 3>&- &
	pid=$!
	soon is_at "$call"
}

@test "an exchange is deleted while others publish: what was accepted is in all queues" {
	for round in 1 2 3; do
		to_all x
		for s in 1 2; do
			(for ((n = 0; n < 200; n++)); do
				mq-send -q -x x -b "$round.$s.$n" || exit 0
				echo "$round.$s.$n" >>"sent.$s"
			done) 2>/dev/null 3>&- &
		done
		soon test -s sent.1
		mq-delete x
		wait
		for each in a b c; do
			drain "$each" | tr ']' '\n' | tr -d '[' | sort >"got.$each"
		done
		cmp got.a got.b
		cmp got.b got.c
		same '' "$(uniq -d got.a)"
		same '' "$(sort sent.* | comm -23 - got.a)"
		rm -f sent.*
	done
	no_litter
}

@test "an exchange is deleted while a publisher reads its bindings: it is gone, or there" {
	to_all x
	held openat -P "$(cd "$MQ_SPOOL" && echo x/x/bind/b~*)" -- -q -x x -b 1
	mq-delete x
	rc=0
	wait "$pid" || rc=$?
	same 66 "$rc"
	same '' "$(drain a)$(drain b)$(drain c)"
}

@test "a queue is deleted while others publish: the others have all" {
	to_all x
	(for ((n = 0; n < 60; n++)); do
		mq-send -q -x x -b "$n" || echo "$n: $?" >>failed
	done) 2>err 3>&- &
	some_in_a() { [ "$(figures a)" != '0 0 0 0' ]; }
	soon some_in_a
	mq-delete b
	wait
	[ ! -e failed ] || same '' "$(cat failed err)"
	same "$(seq -f '[%g]' 0 59 | tr -d '\n')" "$(drain a)"
	same "$(seq -f '[%g]' 0 59 | tr -d '\n')" "$(drain c)"
}

@test "four publishers, three consumers: each message once in each queue" {
	crowded
	to_all x
	for s in 1 2 3 4; do
		(for n in {1..10}; do
			seq -f "$s.$n.%g" 30 | mq-send -q -x x -l || exit
			mq-send -q -x x -b "$s.$n.0" || exit
		done) 2>>err 3>&- &
	done
	wait
	same '' "$(cat err)"
	for each in a b c; do
		tell "rc.$each" timeout 300 mq-work -e -j 2 "$each" -- awk 1 >"got.$each" 2>>err 3>&- &
	done
	wait
	same '' "$(cat err)"
	for s in 1 2 3 4; do
		for n in {1..10}; do
			seq -f "$s.$n.%g" 0 30
		done
	done | sort >wanted
	for each in a b c; do
		sort "got.$each" | cmp - wanted
	done
}

# ---- a queue that is made anew ------------------------------------------------------------------

# delivers_none_to_new_b: b is made anew, and gets nothing; a and c have these
delivers_none_to_new_b() {
	[ ! -e "$MQ_SPOOL/q/b" ] || mq-delete b
	mq-create b backoff=0
	fails 1 '' mq-recv b
	has b 0 0 0 0
	same "$1" "$(drain a)"
	same "$1" "$(drain c)"
	fails 1 '' mq-recv b
	same '' "$(find "$MQ_SPOOL/j" -mindepth 1)"
}

# warm X: what a first publish makes is there
warm() {
	mq-send -q -x "$1" -b 0
	all_have '[0]'
}

# killed ARGUMENT...: mq-send, when it has committed and not delivered
killed() {
	need_strace
	strace -qq -o /dev/null -e trace=fsync -e inject=fsync:signal=KILL:when=1 mq-send "$@" || [ $? -eq 137 ]
	[ -n "$(find "$MQ_SPOOL/j" -mindepth 2)" ]
}

@test "what a killed publisher left for a deleted queue does not come to the new one" {
	to_all x
	warm x
	killed -q -x x -b 1
	delivers_none_to_new_b '[1]'
	mq-bind x b
	seq 100 >lines
	killed -q -l -x x <lines
	delivers_none_to_new_b "$(sed 's/.*/[&]/' lines | tr -d '\n')"
}

@test "what a killed publisher left does not come to a queue whose name was taken from it by hand" {
	to_all x
	warm x
	killed -q -x x -b 1
	mv "$MQ_SPOOL/q/b" old
	delivers_none_to_new_b '[1]'
}

@test "a queue is deleted just before the commit, the publisher is killed just after it" {
	to_all x
	warm x
	held renameat -e trace=renameat,fsync -e inject=fsync:signal=KILL:when=1 -- -q -x x -b 1
	mq-delete b
	mq-create b backoff=0
	wait "$pid" || [ $? -eq 137 ]
	delivers_none_to_new_b '[1]'
}

@test "one of more queues than are kept open is deleted within a publish" {
	mq-create -x fanout x
	for each in {1..140}; do
		mq-create "q$each" backoff=0 sync=none max-depth=9
		mq-bind x "q$each"
	done
	mq-send -q -x x -b 0
	# when room is reserved in all, and the journal not filled
	held mkdirat -- -x x -b 1
	mq-delete q3
	wait "$pid"
	same '' "$(<err)"
	same 1 "$(wc -l <ids)"
	for each in 1 2 4 140; do
		same '[0][1]' "$(drain "q$each")"
	done
	no_litter
	same '' "$(find "$MQ_SPOOL/j" -mindepth 1)"
}

@test "the only queue that a message goes to is deleted within the publish: no binding" {
	mq-create -x fanout x
	mq-bind x a
	mq-send -q -x x -b 0
	held linkat -- -x x -b 1
	mq-delete a
	rc=0
	wait "$pid" || rc=$?
	same 1 "$rc"
	same '' "$(<ids)"
	lines_match "$(<err)" 'mq-send: .*matched no binding.*'
}
