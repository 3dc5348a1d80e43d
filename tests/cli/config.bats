#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

# refuse KEY VALUE...: none of these is a value for it.
refuse() {
	local key=$1 value
	shift
	for value; do
		harmless 78 "mq-config: q: .*$key.*" mq-config q "$key=$value"
	done
}

# accept KEY VALUE...: each is taken, and printed as given.
accept() {
	local key=$1 value
	shift
	for value; do
		ok '' mq-config q "$key=$value"
		grep -qxF -- "$key=$value" <(mq-config q)
	done
}

@test "config prints every setting in order, with its default" {
	ok 'visibility=30s
max-receives=5
backoff=1s..5m
retention=0
dlq-retention=0
max-depth=0
max-bytes=0
overflow=reject
max-message=0
dedup-window=5m
dead-letter-to=
priority-aging=0
group-on-dead=skip
paused=no
sync=full
' mq-config q
}

@test "what config prints can be given to config" {
	mq-create r
	mq-create other visibility=90s backoff=2s..1h max-bytes=10M overflow=drop-head paused=yes sync=none dead-letter-to=r
	readarray -t settings < <(mq-config other)
	ok '' mq-config q "${settings[@]}"
	same "$(mq-config other)" "$(mq-config q)"
}

@test "config changes what it is given and says nothing" {
	ok '' mq-config q visibility=2m max-depth=10
	mq-config q >settings
	same 'visibility=2m max-receives=5 max-depth=10' \
		"$(grep -E '^(visibility|max-depth|max-receives)=' settings | xargs)"
}

@test "durations are printed as given" {
	accept visibility 250ms 30s 5m 2h 1d 1.5h 90
	accept retention 0 7d
	accept dlq-retention 14d
	accept dedup-window 1h
	accept priority-aging 10m 0
}

@test "sizes and counts are printed as given" {
	accept max-depth 0 1 1000000
	accept max-bytes 0 100 64K 10M 1G
	accept max-message 0 64K 5G
	accept max-receives 0 1 100
}

@test "words" {
	accept overflow reject block drop-head dead-letter
	accept paused yes no
	accept sync none full
	accept backoff 0 5s 1s..5m 500ms..1d
}

@test "the last of two values for one key counts" {
	ok '' mq-config q max-depth=1 max-depth=2
	grep -qx max-depth=2 <(mq-config q)
}

@test "dead-letter-to: no circle, of whatever length, nor through a dead-letter queue: 78" {
	mq-create a
	mq-create b dead-letter-to=a
	mq-create c dead-letter-to=b
	before=$(mq-config a)
	for to in a b c a/dlq b/dlq c/dlq; do
		fails 78 'mq-config: a: dead-letter-to: .+' mq-config a max-depth=7 dead-letter-to=$to
		fails 78 'mq-create: a: dead-letter-to: .+' mq-create a max-depth=7 dead-letter-to=$to
	done
	same "$before" "$(mq-config a)"
	fails 78 'mq-config: a/dlq: dead-letter-to: .+' mq-config a/dlq dead-letter-to=b
	# One that was removed and is made again.
	mq-delete a
	fails 78 'mq-create: a: dead-letter-to: .+' mq-create a dead-letter-to=c
	fails 66 'mq-config: a: no such queue.*' mq-config a
	mq-create a
	ok '' mq-config b dead-letter-to=
	ok '' mq-config a dead-letter-to=c
	fails 78 'mq-config: b: dead-letter-to: a leads back to it' mq-config b dead-letter-to=a
	mq-create d
	ok '' mq-config b dead-letter-to=d/dlq
}

@test "dead-letter-to: of two that would close a circle at once, one is refused" {
	for i in {1..10}; do
		mq-create "x$i"
		mq-create "y$i"
		mq-config "x$i" dead-letter-to="y$i" 2>/dev/null &
		mq-config "y$i" dead-letter-to="x$i" 2>/dev/null &
	done
	wait
	for i in {1..10}; do
		same 1 "$(cat <(mq-config "x$i") <(mq-config "y$i") | grep -c '^dead-letter-to=.')"
	done
}

@test "bad durations: 78" {
	refuse visibility '' soon -1s 5x 1s1 '1 s' 1e3 inf nan 0x10 99999999999999999999d
	refuse retention '' soon -1s
	refuse dlq-retention '' soon
	refuse dedup-window '' soon
	refuse priority-aging '' soon
}

@test "bad sizes and counts: 78" {
	refuse max-depth '' many -1 1.5 99999999999999999999999
	refuse max-bytes '' many -1 1KB 99999999999999999999999
	refuse max-message '' many -1
	refuse max-receives '' many -1 1.5 5s
}

@test "bad words: 78" {
	refuse overflow '' drop Reject
	refuse paused '' maybe 1
	refuse sync '' half
	refuse backoff '' 1s.. ..5m 5m..1s 1s..2s..3s x -1s
	refuse dead-letter-to ../x .x 'a b' a/b
}

@test "control bytes in a value: 78, and conf stays clean" {
	refuse dead-letter-to $'x\nmax-depth=1'
	refuse visibility $'5s\npaused=yes'
	grep -qx paused=no <(mq-config q)
}

@test "unknown settings: 78, and the good ones beside them are not applied" {
	harmless 78 'mq-config: q: .*colour.*' mq-config q colour=red
	harmless 78 'mq-config: q: .*colour.*' mq-config q visibility=5s colour=red
	harmless 78 'mq-config: q: .*Visibility.*' mq-config q Visibility=5s
	harmless 78 'mq-config: q: .+' mq-config q =5s
	grep -qx visibility=30s <(mq-config q)
}

@test "unknown and bad names: 66" {
	harmless 66 'mq-config: nosuch: no such queue.*' mq-config nosuch
	harmless 66 'mq-config: nosuch: no such queue.*' mq-config nosuch visibility=1s
	harmless 66 "mq-config: \.\./q: $BAD_NAME" mq-config ../q
}

@test "no name: 64" {
	usage mq-config
}

@test "visibility is the length of new leases" {
	mq-config q visibility=2m backoff=0
	mq-send -q -b x q
	mq-recv q >receipt
	try later 100s mq-recv q
	is 1 '' ''
	try later 121s mq-recv -a q
	is 0 x ''
}

@test "a change of visibility leaves leases alone that exist" {
	mq-config q visibility=2m backoff=0
	mq-send -q -b x q
	mq-recv q >receipt
	mq-config q visibility=10s
	try later 100s mq-recv q
	is 1 '' ''
	try later 121s mq-recv -a q
	is 0 x ''
}

@test "paused: nothing is handed out, sending goes on" {
	mq-send -q -b one q
	mq-config q paused=yes
	fails 1 '' mq-recv q
	fails 1 '' mq-recv -a q
	mq-send -q -b two q
	has q 2 0 0 0
	mq-config q paused=no
	same '[one][two]' "$(drain q)"
}

@test "paused: leases can be settled" {
	mq-send -q -b one q
	receipt=$(mq-recv q)
	mq-config q paused=yes
	ok '' mq-ack "$receipt"
	has q 0 0 0 0
}

@test "the dead-letter queue has settings of its own" {
	ok '' mq-config q/dlq visibility=7m
	grep -qx visibility=7m <(mq-config q/dlq)
	grep -qx visibility=30s <(mq-config q)
}

@test "dead letters have nowhere to go: max-receives of a dlq stays 0" {
	grep -qx max-receives=0 <(mq-config q/dlq)
	fails 78 'mq-config: q/dlq: .*max-receives.*' mq-config q/dlq max-receives=3
	ok '' mq-config q/dlq max-receives=0
	grep -qx max-receives=0 <(mq-config q/dlq)
}

@test "changes made at once by several are all made" {
	for i in {1..10}; do
		tell rc1 mq-config q "max-depth=$i" 3>&- &
		tell rc2 mq-config q "max-receives=$i" 3>&- &
		tell rc3 mq-config q "visibility=${i}s" 3>&- &
		tell rc4 mq-config q "retention=${i}d" 3>&- &
		wait
		same 0 "$(cat rc? | sort -u)"
		same "visibility=${i}s max-receives=$i retention=${i}d max-depth=$i" \
			"$(mq-config q | grep -E '^(visibility|max-receives|retention|max-depth)=' | xargs)"
	done
	no_litter
}

@test "conf is text: key=value lines" {
	mq-config q visibility=5s
	grep -qx visibility=5s "$MQ_SPOOL/q/q/conf"
	same '' "$(grep -vE '^[a-z-]+=' "$MQ_SPOOL/q/q/conf")"
}

# ---- a change that leaves the times as they were --------------------------------

# sends TEXT: the sender that runs has sent it
sends() {
	echo "$1" >&7
	soon grep -qxE "$ID_RE" ids || { cat err; return 1; }
	: >ids
}

@test "settings that are replaced twice within a second, where times are whole seconds" {
	need_root
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
	truncate -s 16M image
	mkfs.ext4 -q -I 128 image 2>/dev/null
	mounted "$T/disk" -o loop image
	export MQ_SPOOL=$T/disk/spool
	mq-create q sync=none max-depth=1
	mkfifo lines
	mq-send -l q <lines >>ids 2>err 3>&- &
	exec 7>lines
	for each in 1 3 5 7; do
		mq-config q "max-depth=$each"
		sends first
		mq-config q max-depth=9
		mq-config q "max-depth=$((each + 1))" # has the inode of the first, mostly
		sends second
	done
	exec 7>&-
	wait
	same '' "$(<err)"
}
