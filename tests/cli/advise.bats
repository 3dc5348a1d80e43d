#!/usr/bin/env bats
# shellcheck disable=SC2154 # stderr and pid: set by run, start
load ../lib

# from JQ KEY=VALUE...: what mq-advise says there, as JSON, without the disk
from() {
	local filter=$1
	shift
	mq-advise -nj "$@" | jq -c "$filter"
}

# warned REGEX KEY=VALUE...: one of the warnings
warned() {
	local regex=$1
	shift
	try mq-advise -nj "$@"
	[ "$status" -eq 0 ] || return
	jq -r '.warnings[]' <<<"$output" | grep -E -e "$regex" || {
		printf 'no warning /%s/: %s\n' "$regex" "$output"
		return 1
	}
}

# within PERCENT WANTED SEEN
about() {
	awk -v p="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(b >= a * (1 - p / 100) && b <= a * (1 + p / 100)) }' || {
		echo "wanted about $2, seen $3"
		return 1
	}
}

no_trial() {
	same '' "$(find "$T" -name '.advise.*')"
}

# ---- workers ------------------------------------------------------------

@test "workers: the fewest that do it" {
	same 6 "$(from .workers rate=100 service=50ms)"
	same 1 "$(from .workers rate=10 service=50ms target-wait=50ms)"
	same 2 "$(from .workers rate=10 service=50ms target-wait=49ms)"
	same 1 "$(from .workers rate=1/h service=1s)"
	same 9 "$(from .workers rate=100 service=50ms target-wait=2ms)"
	same 112 "$(from .workers rate=100 service=1s)"
	same 11112 "$(from .workers rate=10000 service=1s)"
}

@test "waits: M/M/1, M/D/1, M/M/2 by their closed forms" {
	# r / (1 - r) S, half of it, and r^2 / (1 - r^2) S
	about 0.01 0.1 "$(from .wait rate=5 service=100ms)"
	about 0.01 0.05 "$(from .wait rate=5 service=100ms service-sd=0)"
	about 0.01 0.5625 "$(from .wait rate=12 service=100ms order=key keys=1000000000 target-wait=80ms | awk '{ print $1 * 10 }')"
	# those who wait in M/M/1: of 95 % by its distribution
	about 0.01 0.4605 "$(from .wait_p95 rate=5 service=100ms)"
}

@test "a spread costs workers" {
	same 6 "$(from .workers rate=100 service=50ms service-sd=50ms)"
	same 10 "$(from .workers rate=100 service=50ms service-sd=500ms)"
	warned 'differ so much' rate=100 service=50ms service-sd=500ms
}

@test "failures are retries: the rate is higher" {
	about 0.01 100 "$(from .delivery_rate rate=100 service=50ms)"
	about 0.01 125 "$(from .delivery_rate rate=100 service=50ms failures=20%)"
	same 7 "$(from .workers rate=100 service=50ms failures=20%)"
	same "$(from . rate=100 service=50ms failures=20%)" "$(from . rate=100 service=50ms failures=0.2)"
	warned '60% of deliveries fail' rate=1 service=1s failures=60%
	warned 'become dead letters' rate=1 service=1s failures=95%
}

@test "a burst is worked off in time" {
	same 6 "$(from .workers rate=100 service=50ms burst=1000)"
	same 22 "$(from .workers rate=100 service=50ms burst=20000)"
	same 105 "$(from .workers rate=100 service=50ms burst=20000 drain=10s)"
	about 1 10 "$(from .burst_time rate=100 service=50ms burst=20000 drain=10s)"
}

@test "the units of a rate" {
	local want
	want=$(from . rate=2 service=1s)
	for rate in 2/s 120/m 7200/h 172800/d 2.0; do
		same "$want" "$(from . "rate=$rate" service=1s)"
	done
}

# ---- order --------------------------------------------------------------

@test "strict order: one worker, its highest rate" {
	same '[1,true]' "$(from '[.workers, .stable]' rate=10 service=50ms order=strict)"
	same '[1,false,null]' "$(from '[.workers, .stable, .wait]' rate=100 service=50ms order=strict)"
	warned 'at most 20/s .* 100/s come: .* grows by 80/s' rate=100 service=50ms order=strict
	same '"block"' "$(from '.settings["group-on-dead"]' rate=10 service=50ms order=strict)"
	# backoff holds the queue: what would do without it does not with it
	same '[true,false]' "$(jq -cs 'map(.stable)' \
		<(mq-advise -nj rate=9 service=100ms order=strict) \
		<(mq-advise -nj rate=9 service=100ms order=strict failures=20%))"
}

@test "order by key: no more workers than keys" {
	same 3 "$(from .workers rate=100 service=50ms order=key keys=3)"
	warned 'at most 60/s .* 100/s come' rate=100 service=50ms order=key keys=3
	warned 'cannot be brought below the target' rate=100 service=50ms keys=10
	warned 'keys= is not given' rate=100 service=50ms order=key
	# a key that is held by backoff for longer than its messages come apart
	warned 'holds every message for' rate=100 service=50ms keys=20 failures=70%
	same '[false,null]' "$(from '[.stable, .wait]' rate=100 service=50ms keys=20 failures=70%)"
	same '"key"' "$(from .order keys=5)"
	mq-advise -n rate=10 service=50ms order=key | grep -F -e 'mq-send -g KEY QUEUE'
}

# ---- settings -----------------------------------------------------------

@test "settings: as mq-config takes them" {
	for workload in "rate=100 service=50ms" "rate=3/h service=2d failures=40% retention=36h" \
		"rate=1 service=1ms order=strict durability=none outage=3h" \
		"rate=1000 service=20ms keys=500 burst=1000000 durability=full outage=0 retention=1500ms" \
		"burst=10" "failures=99.9% outage=100d"; do
		# shellcheck disable=SC2086 # a word each
		mq-advise -nj $workload | jq -r '.settings | to_entries[] | .key + "=" + .value' >settings
		[ -s settings ]
		xargs mq-create q <settings
		same '' "$(comm -13 <(mq-config q | sort) <(sort settings))"
		mq-delete q
	done
}

@test "settings: what each follows from" {
	same '"5"' "$(from '.settings["max-receives"]' rate=1 service=1s)"
	same '"9"' "$(from '.settings["max-receives"]' rate=1 service=1s failures=20%)"
	same '"10s"' "$(from .settings.visibility rate=1 service=50ms)"
	same '"20s"' "$(from .settings.visibility rate=1 service=1s)"
	same '"15m"' "$(from .settings.visibility rate=1/d service=3h)"
	same '"2m"' "$(from .settings.visibility rate=1 service=1s hosts=2)"
	same '"1s..5m"' "$(from .settings.backoff rate=1 service=1s outage=1s)"
	same '"10s..5m"' "$(from .settings.backoff rate=1 service=1s outage=1m)"
	same '"2100"' "$(from '.settings["max-depth"]' rate=1 service=1s burst=1000)"
	same '"none"' "$(from .settings.sync durability=none)"
	same '"90m"' "$(from .settings.retention retention=1.5h)"
	same '{}' "$(from .settings replay=yes)"
}

@test "prefetch: short jobs only" {
	same 0 "$(from .prefetch rate=100 service=50ms)"
	same 6 "$(from .prefetch rate=1000 service=10ms target-wait=100d hosts=4)"
	warned 'mq-work -L' rate=1000 service=1ms
}

# ---- the tool -----------------------------------------------------------

@test "the plain word when it is no queue's work" {
	same '"queue"' "$(from .tool rate=1 service=1s)"
	same '"log"' "$(from .tool replay=yes)"
	warned Kafka rate=1 service=1s replay=yes
	same '"call"' "$(from .tool rate=1 service=1s reply=yes)"
	warned 'a call' reply=yes
	same '"broker"' "$(from .tool copies=3)"
	warned 'replicates' copies=3
	same '"broker"' "$(from .tool rate=1 service=1s hosts=2)"
	warned 'shared' rate=1 service=1s hosts=2
	mq-advise -n replay=yes | grep -F Kafka
}

# ---- bad workloads ------------------------------------------------------

@test "bad values and unknown keys: 78" {
	local bad
	for bad in rate= rate=0 rate=0.0 rate=-1 rate=nan rate=NaN rate=inf rate=-inf rate=1e5 rate=0x10 rate=1/ rate=1/x \
		rate=1/ss rate=1. rate=.5 rate=9999999999 'rate= 1' service=0 service=0s service=-1s service=nan \
		service=inf service=soon service-sd=-1 failures=100% failures=1 failures=1.5 failures=-1% \
		failures=2%% failures=% order=some order= keys=0 keys=-3 keys=1.5 fanout=0 fanout=1e3 \
		durability=yes replay=maybe reply=1 target-wait=0 drain=0 outage=-1 size=0 size=big hosts=0 \
		copies=0 burst=-1 burst=x keys=99999999999999999999999; do
		harmless 78 "mq-advise: ${bad%%=*}=.*: bad value: wanted is .*" mq-advise -n "$bad"
	done
	harmless 78 'mq-advise: colour: no such key' mq-advise -n rate=1 colour=red
	harmless 78 'mq-advise: : no such key' mq-advise -n =5
	harmless 78 'mq-advise: rate= and service=: more than .*' mq-advise -n rate=1000000 service=1d
	fails 78 $'mq-advise: rate=0: bad value.*\nmq-advise: colour: no such key' mq-advise rate=0 colour=1
}

@test "what contradicts itself: 64" {
	harmless 64 'mq-advise: rate: given twice' mq-advise -n rate=1 rate=1
	harmless 64 'mq-advise: keys= has no meaning.*' mq-advise -n order=none keys=3
	harmless 64 'mq-advise: keys= has no meaning.*' mq-advise -n order=strict keys=3
	harmless 64 'mq-advise: service-sd= has no meaning.*' mq-advise -n rate=1 service-sd=1s
	harmless 64 'mq-advise: reply=yes contradicts.*' mq-advise -n reply=yes fanout=2
	harmless 64 'mq-advise: replay=yes contradicts.*' mq-advise -n replay=yes durability=none
	usage mq-advise
	usage mq-advise -n rate=1 q
	usage mq-advise -n q r
	usage mq-advise --measure rate=1
}

@test "extremes are reckoned, not stumbled over" {
	from . rate=0.000001/d service=1d | jq -e .workers
	from . rate=1000000000 service=0.01ms | jq -e .workers
	from . rate=49999 service=1s | jq -e '.workers > 49999'
	from . rate=1 service=1s burst=1000000000 drain=0.001 | jq -e '.workers == 100000'
	from . rate=1 service=0.0001ms service-sd=30000d | jq -e '.warnings | length > 0'
	from . rate=1 service=1s failures=99.99999999% order=strict outage=30000d | jq -e '.stable == false'
}

# ---- the picture --------------------------------------------------------

@test "the picture: the row advised is marked, waits fall, in 80 columns" {
	for workload in "rate=100 service=50ms" "rate=40000 service=1s" "rate=1 service=1s order=strict" \
		"rate=10 service=1s keys=12 failures=5% burst=100000 retention=1d durability=full replay=yes"; do
		# shellcheck disable=SC2086 # a word each
		mq-advise -n $workload >got
		same '' "$(grep -E '.{81}' got)"
		same '' "$(grep -n ' $' got)"
	done
	mq-advise -n rate=100 service=50ms >got
	same '6' "$(sed -n 's/^> *\([0-9]*\) .*/\1/p' got)"
	sed -n 's/^[> ] *[0-9]*  *[0-9]*% *[0-9.]*[mu]s *\(#*\)$/\1/p' got >bars
	same 9 "$(wc -l <bars)"
	same 48 "$(head -n 1 bars | tr -d '\n' | wc -c)"
	same "$(cat bars)" "$(sort -r bars)"
}

@test "the picture: plain ASCII, or blocks where the locale has them" {
	mq-advise -n rate=100 service=50ms >got
	same '' "$(LC_ALL=C grep -P '[^\x00-\x7f]' got)"
	LC_ALL=C.UTF-8 mq-advise -n rate=100 service=50ms >blocks
	grep -F '████' blocks
	same "$(grep -v % got)" "$(grep -v % blocks)"
}

# ---- the disk -----------------------------------------------------------

@test "the cost, measured" {
	mq-create q
	mq-advise -j rate=1 service=1s size=100K fanout=3 >got
	jq -e '.cost | .fsync_seconds > 0 and .link_seconds > 0 and .rename_seconds > 0 and .rate_single > 0
		and .rate_bulk > .rate_single and .bytes_per_message >= 102400 and .bytes_per_message < 200000' got
	same 'true' "$(jq '.cost.disk_bytes == .cost.bytes_per_message * (.settings["max-depth"] | tonumber)' got)"
	same "$(stat -f -c %T "$T" | sed 's/ext2.*/ext4/')" "$(jq -r .cost.file_system got)"
	no_trial
	mq-advise rate=1 service=1s | grep 'this disk'
	no_trial
}

@test "the cost, reckoned: no file is touched" {
	same '4196' "$(from .cost.bytes_per_message rate=1 service=1s)"
	same '[100,0]' "$(jq -cs 'map(.cost.fsyncs_per_second)' <(mq-advise -nj rate=100 service=50ms) \
		<(mq-advise -nj rate=100 service=50ms durability=none))"
	[ ! -e "$MQ_SPOOL" ]
	! sanitized || skip "sanitizers do not run under strace"
	strace -f -o calls mq-advise -n rate=1 service=1s >/dev/null
	same '' "$(grep -E 'mkdir|O_CREAT|fsync|rename|unlink' calls)"
}

@test "no spool is made" {
	mq-advise rate=1 service=1s >/dev/null
	[ ! -e "$MQ_SPOOL" ]
	mq-advise -s none/such/place rate=1 service=1s >/dev/null
	no_trial
	[ ! -e none ]
}

@test "too much for this disk, more than is free" {
	mq-advise -j rate=9000000 service=0.005ms >got
	same '"log"' "$(jq .tool got)"
	jq -r '.warnings[]' got | grep 'not this disk'
	small_disk tmpfs
	mq-advise -j rate=1 service=1s burst=100000 durability=full >got
	jq -r '.warnings[]' got | grep 'are free'
	jq -r '.warnings[]' got | grep 'main memory'
}

@test "a disk that is full: 75, and advice without it" {
	small_disk ext4
	fill_up
	try mq-advise -j rate=1 service=1s size=64K
	same 75 "$status"
	[[ $stderr =~ ^mq-advise:\ .*:\ No\ space\ left ]]
	same '[2,null]' "$(jq -c '[.workers, .cost.fsync_seconds]' <<<"$output")"
	same '' "$(find "$DISK" -name '.advise.*')"
}

@test "a spool that may not be written to: 77, and advice" {
	need_root
	mq-create q
	chmod 755 "$T" "$MQ_SPOOL"
	cp "$MQ_BIN/mq-advise" "$T"
	try as_nobody "$T/mq-advise" -j rate=1 service=1s
	same 77 "$status"
	same 2 "$(jq .workers <<<"$output")"
}

@test "killed by a signal, it leaves nothing" {
	local signal
	! sanitized || skip "sanitizers do not run under strace"
	mq-create q
	for signal in HUP INT QUIT TERM; do
		# Each of many fsyncs takes a second: it is hit while it measures.
		start got strace -D -f -o /dev/null -e inject=fsync:delay_enter=1000000 mq-advise rate=1 service=1s
		soon compgen -G "$MQ_SPOOL/.advise.*"
		kill -s "$signal" "$pid"
		ends $((128 + $(kill -l "$signal"))) "$pid"
		no_trial
		[ ! -s got.out ]
	done
}

@test "what SIGKILL left is removed when it is old, and only that" {
	mq-create q
	mkdir "$MQ_SPOOL/.advise.old" "$MQ_SPOOL/.advise.new" "$MQ_SPOOL/.advise.full"
	touch "$MQ_SPOOL/.advise.old/"{w0,s0,s39,l199,r7} "$MQ_SPOOL/.advise.full/"{s1,other}
	touch -d '2 hours ago' "$MQ_SPOOL/.advise.old" "$MQ_SPOOL/.advise.full"
	ln -s "$T" "$MQ_SPOOL/.advise.link"
	touch "$T/s0"
	mq-advise rate=1 service=1s >/dev/null
	same '.advise.full .advise.link .advise.new' "$(find "$MQ_SPOOL" -name '.advise.*' -printf '%f\n' | sort | xargs)"
	[ -e "$MQ_SPOOL/.advise.full/other" ]
	[ -e "$T/s0" ]
	same '' "$(mq-fsck -n)"
}

# ---- a live queue -------------------------------------------------------

@test "a live queue: its figures, and what to change" {
	mq-create q
	printf '%s\n' {1..30} | mq-send -q -l q
	same '{"max-depth":"1200"}' "$(from .changes q rate=10)"
	mq-advise -n q rate=10 service=1s >got
	grep -F 'q: 30 visible, 0 in flight, 0 delayed, 0 dead' got
	grep -F '  mq-config q max-depth=1300' got
	warned '30 wait while 0 are at work' q rate=10 service=1s
	mq-config q max-depth=2000
	mq-advise -n q rate=10 service=1s | grep -F 'nothing to change'
	mq-config q visibility=1s paused=yes max-depth=0
	same '{"visibility":"20s","max-depth":"1300"}' "$(from .changes q rate=10 service=1s)"
	warned 'q is paused' q rate=10 service=1s
	same '"q"' "$(from .queue q rate=10)"
}

@test "a live queue: rate from what waits, service from what is in flight" {
	mq-create q
	same null "$(from .workers q)"
	warned 'give rate= and service=' q
	seq 191 | mq-send -q -l q
	seq 10 | later 100s mq-send -q -l q
	about 5 2 "$(later 100s mq-advise -nj q | jq .delivery_rate)"
	warned 'give service=' q
	mq-create r
	seq 8 | mq-send -q -l r
	mq-recv -n 8 r >/dev/null
	# 8 = 4/s x 2 s
	about 1 2 "$(from '.utilisation * .workers / 4' r rate=4)"
	mq-advise -n r rate=4 | grep -F "Little's law"
}

@test "a live queue: rate and failures of the last minute" {
	mq-create q backoff=0
	seq 610 | mq-send -q -l q
	mq-advise -n q service=1s >got
	grep -E '  rate: (9\.|10).*/s, by what was sent in the last minute' got
	mq-recv -n 40 q >receipts
	head -n 10 receipts | mq-nack -d 0 -
	mq-advise -n q service=1s >got
	grep -F '  failures: 25%, of the deliveries of the last minute' got
	same 2 "$(mq-advise -nj q rate=5 service=1s failures=60% | jq '.delivery_rate / 5 | floor')"
}

@test "a live queue: its settings are part of the workload" {
	mq-create q sync=none retention=30s
	same 0 "$(from .cost.fsyncs_per_second q rate=10)"
	warned 'messages expire after 30s' q rate=10
	same '{"sync":"full"}' "$(from '.changes | {sync}' q rate=10 durability=full)"
}

@test "a live queue: dead letters and failures are pointed out" {
	mq-create q backoff=0
	printf '1\n2\n' | mq-send -q -l q
	mq-nack -x "$(mq-recv q)"
	mq-nack "$(mq-recv q)"
	warned '1 dead letters: mq-ls' q rate=1
	warned '1 of the messages that wait have failed' q rate=1
}

@test "unknown queues and bad names: 66" {
	mq-create q
	harmless 66 'mq-advise: nosuch: no such queue.*' mq-advise -n nosuch
	harmless 66 "mq-advise: a b: $BAD_NAME" mq-advise 'a b' rate=1
}

@test "output that cannot be written: 74" {
	fails 74 'mq-advise: .+' to_full mq-advise -n rate=1 service=1s
	fails 74 'mq-advise: .+' to_closed mq-advise -nj rate=1 service=1s
	fails 74 'mq-advise: .+' to_broken mq-advise -n rate=1 service=1s
}
