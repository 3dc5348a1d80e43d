# build.bash - what the suites of the build and of what is installed share
# shellcheck shell=bash

setup() {
	mq_setup
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	unset PREFIX DESTDIR MAKEFLAGS
}

# build ARGUMENT...: make in the tree, as this run of the tests was made
build() {
	eval "make --no-print-directory -C \"\$TOP\" BUILD=\"\${BUILD:-build}\" ${VARIABLES:-}" '"$@"'
}

# copy: a tree of its own, in $T/tree
copy() {
	sanitized && skip "has been tested without sanitizers"
	mkdir "$T/tree" "$T/tree/tests"
	cp -r "$TOP"/{Makefile,cmd,lib,man,completions} "$T/tree"
	cp "$TOP/tests/needs" "$T/tree/tests"
}

tree() {
	make -s -j2 --no-print-directory -C "$T/tree" "$@"
}
