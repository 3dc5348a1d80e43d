#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

@test "create makes a queue and says nothing" {
	ok '' mq-create q
	ok $'q\n' mq-ls
	has q 0 0 0 0
	no_litter
}

@test "create makes the spool, with its format version" {
	[ ! -e "$MQ_SPOOL" ]
	ok '' mq-create q
	printf 'mq spool 1\n' | cmp - "$MQ_SPOOL/version"
}

@test "create makes the spool's parents" {
	MQ_SPOOL=$T/a/b/c
	ok '' mq-create q
	ok $'q\n' mq-ls
}

@test "create takes settings" {
	ok '' mq-create q visibility=90s max-depth=7 sync=none
	mq-config q >settings
	grep -qx visibility=90s settings
	grep -qx max-depth=7 settings
	grep -qx sync=none settings
	grep -qx max-receives=5 settings
}

@test "creating what exists keeps its messages and changes only the settings named" {
	mq-create q visibility=90s max-receives=2
	mq-send -q -b kept q
	ok '' mq-create q max-receives=3
	mq-config q >settings
	grep -qx visibility=90s settings
	grep -qx max-receives=3 settings
	same '[kept]' "$(drain q)"
}

@test "creating again without settings changes nothing" {
	mq-create q visibility=90s
	before=$(mq-config q)
	ok '' mq-create q
	same "$before" "$(mq-config q)"
}

@test "names of 1 to 64 letters, digits, underscores, dots and dashes are good" {
	long=$(printf 'n%.0s' {1..64})
	for name in a A.b-c_9 _x 0 a.. "$long"; do
		ok '' mq-create "$name"
		mq-send -q -b "$name" "$name"
		same "[$name]" "$(drain "$name")"
	done
	same $'0\nA.b-c_9\n_x\na\na..\n'"$long" "$(mq-ls)"
}

@test "bad names cannot be created: 73" {
	long=$(printf 'n%.0s' {1..65})
	mq-create q
	for name in ../x '' "$long" .x . .. 'a b' a/b /a a/ 'a=b' $'a\nb' $'a\001b' $'a\177' é 'a*' 'q/dlq/dlq' 'q/x'; do
		harmless 73 'mq-create: .+' mq-create "$name"
		harmless 73 'mq-create: .+' mq-create "$name" visibility=5s
	done
	harmless 73 'mq-create: -x: .+' mq-create -- -x
	same q "$(mq-ls)"
	[ ! -e "$MQ_SPOOL/x" ]
}

@test "a bad name makes no queue where there is no spool" {
	fails 73 'mq-create: \.\./x: .+' mq-create ../x
	[ ! -e "$MQ_SPOOL/x" ]
	[ ! -e "$MQ_SPOOL/q" ] || rmdir "$MQ_SPOOL/q"
}

@test "an unknown setting: 78, nothing made" {
	mq-create other
	harmless 78 'mq-create: q: .*colour.*' mq-create q colour=red
	harmless 78 'mq-create: q: .*colour.*' mq-create q visibility=5s colour=red
	same other "$(mq-ls)"
}

@test "a bad value: 78, nothing made" {
	mq-create other
	harmless 78 'mq-create: q: .*visibility.*' mq-create q visibility=soon
	same other "$(mq-ls)"
}

@test "a bad value changes nothing in a queue that exists" {
	mq-create q
	harmless 78 'mq-create: q: .*sync.*' mq-create q visibility=5s sync=maybe
	grep -qx visibility=30s <(mq-config q)
}

@test "create without a name: 64" {
	usage mq-create
}

@test "a type of exchange that there is not: 64" {
	usage mq-create -x queue e
	usage mq-create -x Fanout e
	usage mq-create -x '' e
	usage mq-create -x topic
	[ ! -e "$MQ_SPOOL" ]
}

@test "sixteen at once can create one queue" {
	for i in {1..16}; do
		tell "rc$i" mq-create q max-depth=9 2>"err$i" 3>&- &
	done
	wait
	same 0 "$(cat rc* | sort -u)"
	same '' "$(cat err*)"
	grep -qx max-depth=9 <(mq-config q)
	same q "$(mq-ls)"
	mq-send -q -b x q
	same '[x]' "$(drain q)"
	no_litter
}

@test "-s and --spool name the spool, before MQ_SPOOL" {
	ok '' mq-create -s "$T/other" q
	ok '' mq-create --spool="$T/third" r
	ok '' mq-create --spool "$T/third" s
	[ ! -e "$MQ_SPOOL" ]
	ok $'q\n' mq-ls -s "$T/other"
	ok $'r\ns\n' mq-ls --spool "$T/third"
}

@test "a relative spool" {
	ok '' mq-create -s here q
	ok $'q\n' mq-ls -s ./here
	[ -d "$T/here/q/q" ]
}

@test "others than root have their spool in XDG_STATE_HOME, else in ~/.local/state" {
	mkdir home state
	run_as=()
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
		chown 65534:65534 home state
		as_nobody test -x "$MQ_BIN/mq-create" || skip "the build is not open to others"
		as_nobody test -w "$T/home" || skip "the scratch directory is not open to others"
		run_as=(as_nobody)
	fi
	ok '' "${run_as[@]}" env -u MQ_SPOOL XDG_STATE_HOME="$T/state" "$MQ_BIN/mq-create" q
	[ -d "$T/state/mq/q/q" ]
	ok '' "${run_as[@]}" env -u MQ_SPOOL -u XDG_STATE_HOME HOME="$T/home" "$MQ_BIN/mq-create" q
	[ -d "$T/home/.local/state/mq/q/q" ]
}

@test "what is in a spool is open to its group, whatever the umask" {
	(
		umask 077
		mq-create q
		mq-send -q -b x q
		mq-recv q
		mq-send -q -b y q
	)
	same 2770 "$(find "$MQ_SPOOL" -mindepth 1 -type d -printf '%m\n' | sort -u)"
	same 660 "$(find "$MQ_SPOOL" -type f -printf '%m\n' | sort -u)"
}

@test "a file in the spool's place is not a spool: 73, and left alone" {
	echo precious >"$MQ_SPOOL"
	fails 73 'mq-create: .+' mq-create q
	same precious "$(cat "$MQ_SPOOL")"
}

@test "a spool of a later format is refused and left alone" {
	mq-create q
	mq-send -q -b x q
	printf 'mq spool 2\n' >"$MQ_SPOOL/version"
	harmless 78 'mq-create: .*format.*' mq-create r
	for command in "mq-send -b y q" "mq-recv q" "mq-purge q" "mq-delete q" "mq-config q visibility=1s" "mq-ls q" "mq-stat q"; do
		# shellcheck disable=SC2086 # words
		harmless 78 'mq-[a-z]+: .*format.*' $command
	done
	printf 'mq spool 1\n' >"$MQ_SPOOL/version"
	same '[x]' "$(drain q)"
}

@test "a directory of something else is not taken for a spool" {
	mkdir "$MQ_SPOOL"
	echo precious >"$MQ_SPOOL/file"
	fails 73 'mq-create: .+' mq-create q
	same file "$(ls "$MQ_SPOOL")"
	echo 'not a spool' >"$MQ_SPOOL/version"
	fails 78 'mq-create: .*format.*' mq-create q
	same 'not a spool' "$(cat "$MQ_SPOOL/version")"
	[ ! -e "$MQ_SPOOL/q" ]
}

@test "a spool that may not be written: 77" {
	need_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	as_nobody test -x "$MQ_BIN/mq-create" || skip "the build is not open to others"
	mkdir -m 755 "$MQ_SPOOL"
	fails 77 'mq-create: .+: Permission denied' as_nobody "$MQ_BIN/mq-create" q
	mq-create q
	chmod 700 "$MQ_SPOOL"
	for command in "mq-send -b y q" "mq-recv q" "mq-purge q" "mq-delete q" "mq-config q" "mq-ls q" "mq-stat q"; do
		# shellcheck disable=SC2086 # words
		harmless 77 'mq-[a-z]+: .+: Permission denied' as_nobody "$MQ_BIN"/$command
	done
}
