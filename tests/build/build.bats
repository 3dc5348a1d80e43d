#!/usr/bin/env bats
# build.bats - what the Makefile makes, of what, and with which compiler
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load ../lib
load build

# made: a tree of its own, as CFLAGS=-O0 makes it; it is made once
made() {
	local once=$BATS_FILE_TMPDIR/tree
	if [ -d "$once" ]; then
		cp -a "$once" "$T/tree"
	else
		copy
		tree CFLAGS=-O0
		cp -a "$T/tree" "$once"
	fi
}

# ---- build ----------------------------------------------------------------

@test "build: nothing is left to do, until a header changes" {
	made
	tree -q CFLAGS=-O0

	tree -n -W lib/mq.h CFLAGS=-O0 >"$T/plan" # as if it had changed
	grep -e '-c -o build/obj/lib/.*\.o lib/' "$T/plan"
	grep -e '-c -o build/obj/cmd/share/common\.o cmd/share/common\.c' "$T/plan"
	grep -e '-o build/bin/mq-stat' "$T/plan"

	touch "$T/tree/cmd/share/jsonin.h"
	tree -n CFLAGS=-O0 >"$T/plan"
	grep -e '-c -o build/obj/cmd/send/inputs\.o' "$T/plan"
	run ! grep -e '-c -o build/obj/cmd/mq-recv\.o' "$T/plan"
	tree CFLAGS=-O0
	tree -q CFLAGS=-O0

	tree clean
	[ ! -e "$T/tree/build" ]
}

@test "build: other flags make other objects" {
	made
	run ! tree -q CFLAGS=-O1
	tree -n CFLAGS=-O1 | grep -e '-O1 .*-c -o build/obj/lib/'
	tree -q CFLAGS=-O0
}

@test "build: without warnings, with the other compiler too" {
	local other=clang flags=-O0 # whose warnings do not depend on it
	[[ ${CC:-cc} == *clang* ]] && other=gcc flags=-O2
	command -v $other >/dev/null || skip "no $other"
	copy
	tree CC=$other WERROR=1 CFLAGS=$flags
	"$T/tree/build/bin/mq-create" jobs
	[ "$(mq-ls)" = jobs ]
}

@test "build: commands need no library, and with STATIC= they do" {
	local kind
	made
	mv "$T/tree/build" "$T/static"
	tree STATIC= CFLAGS=-O0 BUILD="$T/sharing" "$T/sharing"/bin/mq-{create,send,recv}
	for kind in static sharing; do
		(
			PATH=$T/$kind/bin:/usr/bin:/bin
			mq-create "$kind"
			echo '{"body":"hello"}' | mq-send -q -j "$kind"
			[ "$(mq-recv -a "$kind")" = hello ]
		)
		readelf -l "$T/$kind/bin/mq-send" >"$T/segments.$kind"
	done
	run ! grep INTERP "$T/segments.static"
	grep INTERP "$T/segments.sharing"
}

@test "build: CC=musl-gcc makes them of musl, its JSON of Debian's jansson" {
	command -v musl-gcc >/dev/null || skip "no musl-gcc"
	copy
	tree CC=musl-gcc STATIC=1 WERROR=1 CFLAGS=-O1 build-musl/bin/mq-{create,send,recv,once}
	PATH=$T/tree/build-musl/bin:/usr/bin:/bin
	mq-create jobs
	echo '{"body":"hello"}' | mq-send -q -j jobs
	[ "$(mq-recv -a jobs)" = hello ]
	try mq-send -q -j jobs <<<'{"body":1.5e999}'
	is 65 '' 'mq-send: .*: line 1: .*: 0 messages were accepted'
	mq-once abc true
	[ -f "$MQ_SPOOL/once/ba/ba7816bf8f01cfea414140de5dae2223" ]
	strings "$T/tree/build-musl/bin/mq-send" >"$T/strings"
	run ! grep -i 'GLIBC\|ld-linux' "$T/strings"
}

@test "build: what is installed does not listen to the tests' variables" {
	run ! grep -q MQ_TEST_ "$MQ_BIN"/mq-*
	grep -q MQ_TEST_ "$MQ_TEST_BIN/mq-recv"
}
