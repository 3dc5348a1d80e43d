#!/usr/bin/env bats
# The shape of the code is held by tests/lint/check-layers; here, that it would notice.

load ../lib
load build

# shaped: a copy of the sources, and of the archives of this build
shaped() {
	! sanitized || skip "has been tested without sanitizers"
	BUILD=$(dirname "$MQ_BIN")
	mkdir -p "$T/tree/tests"
	cp -r "$TOP/lib" "$TOP/cmd" "$T/tree"
	cp -r "$TOP/tests/lint" "$T/tree/tests"
	cp "$BUILD/libmq.a" "$BUILD/obj/shared.a" "$T"
}

check_layers() {
	"$T/tree/tests/lint/check-layers" "$T/libmq.a" "$T/shared.a"
}

# plant MODULE, its source from standard input: it is in lib, and in the library
plant() {
	cat >"$T/tree/lib/$1.c"
	cc -I"$T/tree/lib" -c -o "$T/${1##*/}.o" "$T/tree/lib/$1.c"
	ar r "$T/libmq.a" "$T/${1##*/}.o" 2>/dev/null
}

# noticed REGEX: it is complained of, and of nothing else
noticed() {
	try check_layers
	is 1 '' "$1"
}

@test "layers: nothing to complain of" {
	shaped
	ok '' check_layers
}

@test "layers: a call up is noticed" {
	shaped
	plant base/planted <<<'int mq_ack(void *); int planted(void) { return mq_ack(0); }'
	noticed 'check-layers: lib/base/planted.c uses mq_ack, of the higher lib/receive/lease.c'
}

@test "layers: an include of a higher floor, and one without its folder, are noticed" {
	shaped
	echo '#include "spool/queue.h"' >>"$T/tree/lib/base/grow.c"
	noticed 'check-layers: lib/base/grow.c includes spool/queue.h, of a higher floor'
	cp "$TOP/lib/base/grow.c" "$T/tree/lib/base"
	echo '#include "grow.h"' >>"$T/tree/lib/base/grow.c"
	noticed 'check-layers: lib/base/grow.c includes grow.h, which is not in lib/'
	cp "$TOP/lib/base/grow.c" "$T/tree/lib/base"
	echo '#include "spool/queue.h"' >>"$T/tree/cmd/mq-ack.c"
	noticed 'check-layers: cmd/mq-ack.c includes spool/queue.h, which is not in cmd/'
}

@test "layers: a part of one command in another is noticed" {
	shaped
	echo '#include "live/watch.h"' >>"$T/tree/cmd/mq-ack.c"
	noticed 'check-layers: cmd/mq-ack.c includes live/watch.h, which is for mq-stat alone'
	cp "$TOP/cmd/mq-ack.c" "$T/tree/cmd"
	echo '#include "stat/svg.h"' >>"$T/tree/cmd/advise/live.c"
	noticed 'check-layers: cmd/advise/live.c includes stat/svg.h, which is for mq-stat alone'
}

@test "layers: a circle is noticed" {
	shaped
	plant base/here <<<'int there(void); int here(void) { return there(); }'
	plant base/there <<<'int here(void); int there(void) { return here(); }'
	noticed 'check-layers: calls in .*libmq.a go in a circle: .*here.*there.*|.*circle: .*there.*here.*'
}

@test "layers: a folder that is not drawn is noticed" {
	shaped
	mkdir "$T/tree/lib/stray"
	echo 'int stray;' >"$T/tree/lib/stray/stray.c"
	noticed 'check-layers: lib/stray/stray.c: lib/README does not draw its folder'
}
