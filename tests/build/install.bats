#!/usr/bin/env bats
# install.bats - what the Makefile and the scripts around it promise
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load ../lib
load build

files() {
	(cd "$1" && find . ! -type d | sort)
}

# ---- install --------------------------------------------------------------

@test "install: these files, no others" {
	local c
	build install DESTDIR="$T/dest" PREFIX=/opt/x
	for c in $COMMANDS; do
		echo "./opt/x/bin/$c"
		echo "./opt/x/share/man/man1/$c.1"
		echo "./opt/x/share/bash-completion/completions/$c"
		echo "./opt/x/share/fish/vendor_completions.d/$c.fish"
	done >"$T/list"
	cat >>"$T/list" <<-END
		./opt/x/include/mq.h
		./opt/x/lib/libmq.a
		./opt/x/lib/pkgconfig/mq.pc
		./opt/x/lib/systemd/system/mq-work@.path
		./opt/x/lib/systemd/system/mq-work@.service
		./opt/x/lib/systemd/system/mq-work@.timer
		./opt/x/share/doc/mq/examples/mq.dashboard.json
		./opt/x/share/doc/mq/examples/mq.rules.yml
		./opt/x/share/man/man3/libmq.3
		./opt/x/share/man/man5/mq-spool.5
		./opt/x/share/man/man7/mq-exchange.7
		./opt/x/share/man/man7/mq-guarantees.7
		./opt/x/share/man/man7/mq-tour.7
		./opt/x/share/man/man7/mq.7
		./opt/x/share/zsh/site-functions/_mq
	END
	diff <(sort "$T/list") <(files "$T/dest")
}

@test "install: to /usr/local unless told otherwise" {
	build install DESTDIR="$T/dest"
	[ -x "$T/dest/usr/local/bin/mq-send" ]
	[ "$(ls "$T/dest")" = usr ]
	[ "$(ls "$T/dest/usr")" = local ]
}

@test "install: readable by all, whatever the umask" {
	(umask 077 && build install DESTDIR="$T/dest")
	[ "$(find "$T/dest/usr" -type d -printf '%m\n' | sort -u)" = 755 ]
	[ "$(find "$T/dest" -type f -path '*/bin/*' -printf '%m\n' | sort -u)" = 755 ]
	[ "$(find "$T/dest" -type f ! -path '*/bin/*' -printf '%m\n' | sort -u)" = 644 ]
}

@test "install: what is installed works" {
	build install DESTDIR="$T/dest" PREFIX=
	PATH=$T/dest/bin:/usr/bin:/bin
	mq-create jobs
	echo hello | mq-send -q jobs
	[ "$(mq-recv -a jobs)" = hello ]

	sanitized && skip "a program of its own would need the sanitizers too"
	cat >"$T/try.c" <<-'END'
		#include <mq.h>
		#include <stdio.h>
		static int each(void *ctx, const char *name)
		{
			(void)ctx;
			puts(name);
			return 0;
		}
		int main(int argc, char **argv)
		{
			mq *m = mq_open(argv[argc - 1]);
			return mq_queues(m, each, NULL);
		}
	END
	${CC:-cc} -std=c11 -I"$T/dest/include" -o "$T/try" "$T/try.c" "$T/dest/lib/libmq.a" -l:libmd.a
	[ "$("$T/try" "$MQ_SPOOL")" = jobs ]
}

@test "install: pkg-config says how to compile with it" {
	command -v pkg-config >/dev/null || skip "no pkg-config"
	build install DESTDIR="$T/dest" PREFIX=/opt/x
	export PKG_CONFIG_LIBDIR=$T/dest/opt/x/lib/pkgconfig
	sed -i '/^Requires/d' "$PKG_CONFIG_LIBDIR/mq.pc" # libmd's is where it is
	read -ra words < <(pkg-config --cflags --libs mq)
	same '-I/opt/x/include -L/opt/x/lib -lmq' "${words[*]}"
	same "$(mq-send --version)" "mq-send $(pkg-config --modversion mq)"
}

@test "install: bash and fish find the completions where they are" {
	build install DESTDIR="$T/dest"
	mq-create jobs
	export XDG_DATA_DIRS=$T/dest/usr/local/share:/usr/share HOME=$T
	run bash --noprofile --norc -c '. /usr/share/bash-completion/bash_completion
		_completion_loader mq-recv; complete -p mq-recv'
	[ "$output" = 'complete -F _mq mq-recv' ]
	run fish -c 'complete -C "mq-recv "'
	[ "$output" = jobs ]
	head -n 1 "$T/dest/usr/local/share/zsh/site-functions/_mq" | grep '^#compdef .*mq-recv'
}

@test "install: a DESTDIR with blanks, and twice" {
	build install DESTDIR="$T/a dest"
	files "$T/a dest" >"$T/once"
	build install DESTDIR="$T/a dest"
	diff "$T/once" <(files "$T/a dest")
	build uninstall DESTDIR="$T/a dest"
	[ -z "$(files "$T/a dest")" ]
}

@test "uninstall: takes away what install brought, and nothing else" {
	mkdir -p "$T/dest/usr/local/bin"
	echo mine >"$T/dest/usr/local/bin/mine"
	build install DESTDIR="$T/dest"
	build uninstall DESTDIR="$T/dest"
	[ "$(files "$T/dest")" = ./usr/local/bin/mine ]
}

# ---- units ----------------------------------------------------------------

@test "units: as systemd would have them" {
	local unit
	build install PREFIX="$T/x"
	for unit in service path timer; do
		ok '' systemd-analyze verify --man=no "$T/x/lib/systemd/system/mq-work@.$unit"
	done
}

@test "units: the service runs what is installed, on the queue" {
	build install DESTDIR="$T/dest" PREFIX=/opt/x
	# shellcheck disable=SC2016 # systemd expands it
	grep -x 'ExecStart=/opt/x/bin/mq-work $OPTIONS %i -- $COMMAND' \
		"$T/dest/opt/x/lib/systemd/system/mq-work@.service"
	run ! grep -r @BINDIR@ "$T/dest"
}

# ---- packages -------------------------------------------------------------

@test "dist: the same file each time; it builds where there is no git" {
	git -C "$TOP" rev-parse HEAD >/dev/null 2>&1 || skip "not a git repository"
	build dist BUILD="$T/a"
	build dist BUILD="$T/b"
	cmp "$T"/a/mq-*.tar.gz "$T"/b/mq-*.tar.gz
	same "$(git -C "$TOP" ls-tree -r --name-only HEAD | sort)" \
		"$(tar -tzf "$T"/a/mq-*.tar.gz | sed 's|[^/]*/||' | grep -v '/$' | grep . | sort)"

	sanitized && skip "has been built without sanitizers"
	mkdir "$T/tree"
	tar -xzf "$T"/a/mq-*.tar.gz -C "$T/tree" --strip-components=1
	GIT_DIR=/nonexistent tree CFLAGS=-O0 install DESTDIR="$T/dest" PREFIX=
	PATH=$T/dest/bin:/usr/bin:/bin
	mq-create jobs
	echo hello | mq-send -q jobs
	[ "$(mq-recv -a jobs)" = hello ]
}

@test "debian: all that is installed is in one of the packages, of this version" {
	local package pattern
	build install DESTDIR="$T/dest" PREFIX=/usr LIBDIR=/usr/lib/triplet
	cd "$T/dest"
	for package in mq libmq-dev; do
		while read -r pattern; do
			# shellcheck disable=SC2086 # a pattern
			rm -r $pattern
		done <"$TOP/debian/$package.install"
	done
	same '' "$(files .)"
	same "$(mq-send --version)" "mq-send $(sed -n '1s/^mq (\(.*\)) .*/\1/p' "$TOP/debian/changelog")"
}

@test "debian: a purge keeps messages, and nothing else" {
	local q
	sed "s|^spool=.*|spool='$MQ_SPOOL'|" "$TOP/debian/mq.postrm" >"$T/postrm"
	for q in ready delayed leased dead grouped; do
		mq-create $q
	done
	mq-once key true
	cp -a "$MQ_SPOOL" "$T/empty"

	sh "$T/postrm" remove
	[ -d "$MQ_SPOOL" ]
	ok '' sh "$T/postrm" purge
	[ ! -e "$MQ_SPOOL" ]

	for q in ready delayed leased dead grouped; do
		cp -a "$T/empty" "$MQ_SPOOL"
		case $q in
		ready) mq-send -q -b x $q ;;
		delayed) mq-send -q -d 1h -b x $q ;;
		leased) mq-send -q -b x $q && mq-recv $q ;;
		dead) mq-send -q -b x $q && mq-nack -x "$(mq-recv $q)" ;;
		grouped) mq-send -q -g g -b x $q ;;
		esac
		try sh "$T/postrm" purge
		is 0 '' "mq: messages are left in $MQ_SPOOL, which is kept"
		read -ra words < <(figures $q)
		same 1 "$((words[0] + words[1] + words[2] + words[3]))"
		rm -rf "$MQ_SPOOL"
	done
}

# ---- needs ----------------------------------------------------------------

# machine TOOL...: a PATH with these, bats, and what any Debian has; apt-get
# and sudo tell what they are asked.  It is in $M, like the script, for all to use.
machine() {
	local tool
	M=$(mktemp -d)
	echo "$M" >"$T/machine"
	chmod 755 "$M"
	cp "$TOP/tests/needs" "$M"
	mkdir "$M/bin"
	for tool in sh bash env cat id mktemp rm gzip find make cc gcc ar ld as bats; do
		ln -s "$(command -v "$tool")" "$M/bin/$tool"
	done
	for tool; do # nobody runs these
		install -m 755 /dev/null "$M/bin/$tool"
	done
	for tool in apt-get sudo; do
		printf '#!/bin/sh\necho %s "$*" >>%s/asked\n' $tool "$M" >"$M/bin/$tool"
		chmod +x "$M/bin/$tool"
	done
	: >"$M/asked"
	chmod 666 "$M/asked"
}

teardown() {
	cd /
	[ ! -f "$T/machine" ] || rm -rf "$(cat "$T/machine")"
}

# What the tests need besides.
REST='mandoc pkg-config spin zsh fish time parallel python3 mawk systemd-analyze'
REST+=' setfacl mkfs.ext4 mkfs.xfs mkfs.btrfs setquota'
REST+=' tar cpio zip zstd xz getfattr promtool tmux xmllint'

# needs TARGET...: on that machine
needs() {
	PATH=$M/bin CC=gcc "$M/needs" "$@"
}

@test "needs: where everything is there, nothing is installed or printed" {
	# shellcheck disable=SC2086 # words
	machine strace jq $REST
	ok '' needs check demo
	[ ! -s "$M/asked" ]
}

@test "needs: a demo needs no test tools" {
	machine
	ok '' needs demo
}

@test "needs: what is missing is installed, after one update" {
	need_root
	# shellcheck disable=SC2086 # words
	machine $REST
	try needs check demo
	is 1 $'needs: installing strace jq\n' 'needs: installed strace jq, but still missing: strace jq'
	diff - "$M/asked" <<-END
		apt-get -q update
		apt-get -q install -y --no-install-recommends strace jq
	END
}

@test "needs: without root it uses sudo; without that, it says what is missing" {
	need_root
	# shellcheck disable=SC2086 # words
	machine $REST
	try as_nobody env PATH="$M/bin" CC=gcc TMPDIR=/tmp "$M/needs" check
	is 1 $'needs: installing strace jq\n' 'needs: installed strace jq, but still missing: strace jq'
	diff - "$M/asked" <<-END
		sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q update
		sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q install -y --no-install-recommends strace jq
	END
	rm "$M/bin/sudo" "$M/asked"
	try as_nobody env PATH="$M/bin" CC=gcc TMPDIR=/tmp "$M/needs" check
	is 1 '' 'needs: cannot install without root or sudo: strace jq'
	[ ! -e "$M/asked" ]
}

# ---- the closing line -------------------------------------------------------

# suite: a tree with tests/run and tests that end as the files in it say
suite() {
	mkdir -p "$T/tree/tests/model" "$T/tree/tests/cli" "$T/tree/tests/lint" "$T/tree/man"
	cp "$TOP/tests/run" "$T/tree/tests"
	touch "$T/tree/tests/model/lease.pml"
	printf '#!/bin/sh\necho ok - holds\n' >"$T/tree/tests/model/check"
	printf '#!/bin/sh\necho ok - page\n' >"$T/tree/tests/lint/check-man"
	printf '#!/bin/sh\nprintf "ok - %%s\\n" a b c\n' >"$T/tree/tests/lint/man-examples"
	printf '#!/bin/sh\necho ok 1 - a\necho ok 2 - b\necho 1..2\n' >"$T/tree/unit"
	printf '@test one {\n:\n}\n@test two {\nskip why\n}\n' >"$T/tree/tests/cli/x.bats"
	chmod +x "$T/tree/tests"/* "$T/tree/tests/lint"/* "$T/tree/tests/model/check" "$T/tree/unit"
}

# closes STATUS LINE: so `run` ended
closes() {
	# shellcheck disable=SC2154 # set by run
	if [ "$status" -ne "$1" ] || [ "${lines[-1]}" != "$2" ]; then
		printf 'exit %s\n%s\n' "$status" "$output"
		return 1
	fi
}

@test "check: the closing line adds up" {
	suite
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 0 '8 passed, 0 failed, 1 skipped'
	[ "$(grep -c 'passed, ' <<<"$output")" -eq 1 ]
}

@test "check: a failure anywhere is a failure" {
	suite
	printf '@test three {\nfalse\n}\n' >>"$T/tree/tests/cli/x.bats"
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 1 '8 passed, 1 failed, 1 skipped'

	suite
	printf '#!/bin/sh\necho ok 1 - a\necho not ok 2 - b\necho 1..2\nexit 1\n' >"$T/tree/unit"
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 1 '7 passed, 1 failed, 1 skipped'

	suite
	printf '#!/bin/sh\necho ok - a\necho not ok - b\necho ok - c\nexit 1\n' >"$T/tree/tests/lint/man-examples"
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 1 '7 passed, 1 failed, 1 skipped'

	suite
	printf '#!/bin/sh\necho not ok - page\nexit 1\n' >"$T/tree/tests/lint/check-man"
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 1 '7 passed, 1 failed, 1 skipped'
}

@test "check: a program that dies is a failure" {
	suite
	printf '#!/bin/sh\necho ok 1 - a\nkill -9 $$\n' >"$T/tree/unit"
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 1 '7 passed, 1 failed, 1 skipped'

	printf '#!/bin/sh\necho 1..3\necho ok 1 - a\nexit 0\n' >"$T/tree/unit"
	run "$T/tree/tests/run" "$T/tree/unit"
	closes 1 '7 passed, 2 failed, 1 skipped'

	suite
	echo 'syntax error (' >>"$T/tree/tests/cli/x.bats"
	run "$T/tree/tests/run" "$T/tree/unit"
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} =~ ^7\ passed,\ [1-9]\ failed$ ]]
}
