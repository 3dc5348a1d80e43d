# mq - a message queue made of files
#
#	make            the library and the commands, in build/
#	make check      every test (installs what the tests miss)
#	make check-crash  every command killed at every step, every call failing
#	make check-order  the real commands in every order, under a scheduler; ORDER=OPTIONS
#	make check-fresh  demo and check in a clone in a fresh Debian, as root
#	make demo       a real job, shown step by step
#	make html       the manual as a site, in build/html/
#	make recording  the picture of a terminal in README.md, of a real run
#	make check-power   power cuts, as root; POWER=IMAGES SEED=N
#	make check-stress  everything at once, with kills; TIME=SECONDS SEED=N
#	make check-html    the manual as a site, in a browser
#	make check-long    crash, order, power, stress, fuzz and html at length, and their figures, as root
#	make lint       what the compilers do not say
#	make fuzz       look for input that breaks a parser; FUZZ_TIME=SECONDS each,
#	                fuzz-TARGET for one of tests/fuzz/
#	make musl       static commands in build-musl/, with musl-gcc
#	make check-musl   their tests
#	make bench      mq beside brokers, in one run; INSTALL=yes installs these,
#	                BENCH='-c 100000 stream' chooses: see tests/bench/compare
#	make bench-programs  what the other scripts in tests/bench measure with
#	make install    to DESTDIR and PREFIX; uninstall takes it away again
#	make dist       mq-VERSION.tar.gz, of what is committed, in build/
#	make deb        Debian packages of that, in build/deb/
#	make check-deb  install, use and remove them in a fresh Debian, as root
#
#	CC=clang        another compiler
#	STATIC=         commands that share libraries: smaller, and slower to start
#	SANITIZE=1      with ASan and UBSan, in build-asan/
#	WERROR=1        a warning is an error
#	BUILD=DIR       where everything that is made goes

.DEFAULT_GOAL = all

PREFIX = /usr/local
BUILD = build$(if $(SANITIZE),-asan)$(if $(musl),-musl)
STATIC = 1
VERSION = 0.1.0

CFLAGS = -O2 -g
CPPFLAGS =
LDFLAGS =
LIBMD = -l:libmd.a
LIBJANSSON = -l:libjansson.a
LIBARCHIVE = -larchive
LIBNCURSES = -l:libncursesw.a -l:libtinfo.a

BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib
PKGCONFIGDIR = $(LIBDIR)/pkgconfig
INCLUDEDIR = $(PREFIX)/include
MANDIR = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d
UNITDIR = $(PREFIX)/lib/systemd/system
EXAMPLEDIR = $(PREFIX)/share/doc/mq/examples

asan = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
cflags = -std=c11 -Wall -Wextra -ffunction-sections -fdata-sections $(if $(WERROR),-Werror) \
	$(if $(SANITIZE),$(asan)) $(CFLAGS)
cppflags = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DMQ_VERSION='"$(VERSION)"' \
	-Ilib -Icmd $(CPPFLAGS)
# Sanitizers that are linked in have nothing to relocate: a process starts in half the time.
asan_static = $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan -no-pie)
ldflags = -Wl,--gc-sections $(if $(SANITIZE),$(asan) $(asan_static)) $(LDFLAGS)

include lib/musl/musl.mk

# What is there: the library; a main per command, and what commands share; a
# program per unit test and benchmark; pages; systemd's units.
lib = $(filter-out lib/musl/%,$(wildcard lib/*/*.c))
lib_objects = $(lib:%.c=$(BUILD)/obj/%.o)
# What libarchive is for; it needs too much to be linked with it statically, and
# is none of musl's.
archivers = cmd/mq-export.c cmd/mq-import.c $(wildcard cmd/archive/*.c)
# The live view of mq-stat is not made with musl either: it needs ncurses.
no_live = cmd/live/nowatch.c
left_out = $(if $(musl),$(archivers) $(filter-out $(no_live),$(wildcard cmd/live/*.c)),$(no_live))
commands = $(patsubst cmd/%.c,%,$(filter-out $(left_out),$(wildcard cmd/mq-*.c)))
shared = $(filter-out $(left_out),$(wildcard cmd/*/*.c))
shared_objects = $(shared:%.c=$(BUILD)/obj/%.o)
test_common = $(BUILD)/obj/test/share/common.o
units = $(patsubst tests/%.c,$(BUILD)/test/%,$(wildcard tests/unit/*.c))
pages = $(wildcard man/*.[1-8])
examples = $(wildcard examples/*)
services = $(notdir $(wildcard cmd/systemd/*))
objects = $(lib_objects) $(shared_objects) $(test_common) $(commands:%=$(BUILD)/obj/cmd/%.o) \
	$(patsubst $(BUILD)/test/%,$(BUILD)/obj/tests/%.o,$(units) $(benches) $(replays)) \
	$(BUILD)/obj/tests/fuzz/replay.o $(stress_objects) $(BUILD)/obj/tests/power/recorder.o \
	$(crash_objects) $(order_objects) $(fortify)
bin = $(commands:%=$(BUILD)/bin/%)
test_bin = $(commands:%=$(BUILD)/test/bin/%)
tested = $(bin) $(test_bin) $(units) $(replays) $(crash) $(BUILD)/test/stress $(if $(SANITIZE),,$(order_programs))

# How the benchmark and the long tests are made and run.
include $(wildcard tests/*/*.mk)

.PHONY: all check check-deb check-fresh check-html check-long clean deb demo dist html install lint \
	needs recording uninstall FORCE
.DELETE_ON_ERROR:
.SECONDARY: $(objects)

all: $(BUILD)/libmq.a $(bin)

# ---- compile and link ---------------------------------------------------

# Objects are made anew when the compiler or its flags change.
flags := $(strip $(CC) $(cppflags) $(cflags) $(ldflags) $(if $(STATIC),-static) $(LIBMD) $(LIBJANSSON) $(LIBARCHIVE) \
	$(LIBNCURSES))

ifneq ($(flags),$(file <$(BUILD)/flags))
$(BUILD)/flags: FORCE
endif
$(BUILD)/flags:
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags))' >$@

define compile
@mkdir -p $(@D)
$(CC) $(cppflags) $(cflags) -MMD -MP
endef

define link
@mkdir -p $(@D)
$(CC) $(cflags) $(ldflags) $(static) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(libs) $(LIBMD)
endef

define archive
@rm -f $@
$(AR) rcs $@ $^
endef

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(compile) -c -o $@ $<

# The commands as the tests run them: the same, but their clock can be set.
$(BUILD)/obj/test/%.o: cmd/%.c $(BUILD)/flags
	$(compile) -DMQ_TESTING -c -o $@ $<

$(BUILD)/libmq.a: $(lib_objects)
	$(archive)

$(BUILD)/obj/shared.a: $(shared_objects)
	$(archive)

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(BUILD)/obj/shared.a $(BUILD)/libmq.a
	$(link)

$(BUILD)/test/bin/%: $(BUILD)/obj/cmd/%.o $(test_common) $(BUILD)/obj/shared.a $(BUILD)/libmq.a
	$(link)

# What makes up most of the time of a command is its start.
$(bin) $(test_bin): static = $(if $(STATIC),$(if $(SANITIZE),,-static))

$(BUILD)/bin/mq-send $(BUILD)/test/bin/mq-send: libs = $(LIBJANSSON)
$(BUILD)/bin/mq-send $(BUILD)/test/bin/mq-send $(BUILD)/test/fuzz/jsonin: $(fortify)
$(BUILD)/bin/mq-stat $(BUILD)/test/bin/mq-stat: libs = $(if $(musl),,$(LIBNCURSES)) -lm
$(BUILD)/bin/mq-call $(BUILD)/test/bin/mq-call: libs = -pthread
$(BUILD)/bin/mq-advise $(BUILD)/test/bin/mq-advise $(BUILD)/test/unit/erlang: libs = -lm
$(BUILD)/test/unit/erlang: $(BUILD)/obj/cmd/advise/erlang.o
$(BUILD)/test/unit/trace: $(BUILD)/obj/tests/trace/trace.o
$(foreach c,mq-export mq-import,$(BUILD)/bin/$c $(BUILD)/test/bin/$c): libs = $(LIBARCHIVE)
$(foreach c,mq-export mq-import,$(BUILD)/bin/$c $(BUILD)/test/bin/$c): static =

$(BUILD)/test/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libmq.a
	$(link)

-include $(objects:.o=.d)

# ---- check, demo, lint --------------------------------------------------

# These install what they miss, before anything is compiled.
targets = $(filter bench check check-crash check-html check-order check-power check-stress demo dist html \
	lint recording, $(MAKECMDGOALS)) \
	$(if $(filter deb check-deb,$(MAKECMDGOALS)),dist deb) \
	$(filter check-deb check-fresh,$(MAKECMDGOALS)) \
	$(if $(filter fuzz fuzz-%,$(MAKECMDGOALS)),fuzz) \
	$(if $(filter musl check-musl,$(MAKECMDGOALS)),musl) \
	$(if $(filter check-musl,$(MAKECMDGOALS)),check)
needs:
	@CC='$(CC)' INSTALL='$(INSTALL)' tests/needs $(targets)

ifneq ($(strip $(targets)),)
$(objects) $(fuzz_objects): | needs
endif

run = BUILD='$(BUILD)' VARIABLES='$(subst ','\'',$(MAKEOVERRIDES))' tests/run $(units) $(replays)

check: $(tested) $(benches) $(recorder) | needs
	@$(run)

# An hour or two: POWER=1000 TIME=3600 FUZZ_TIME=300 is what a release takes.
check-long:
	@tests/long POWER=$(or $(POWER),200) TIME=$(or $(TIME),1200) FUZZ_TIME=$(FUZZ_TIME)

# Of what is committed; nothing that is built here is looked at.
check-fresh: | needs
	@BUILD='$(BUILD)' tests/build/fresh

demo: all | needs
	@PATH="$(abspath $(BUILD))/bin:$$PATH" tests/demo

# Neither needs what is compiled.
html: | needs
	@doc/html $(BUILD)/html

check-html: html | needs
	@tests/html/browser $(BUILD)/html

# doc/session says what it shows.
recording: all | needs
	@PATH="$(abspath $(BUILD))/bin:$$PATH" doc/record doc/tour.svg

scripts = $(wildcard .ci/run doc/html tests/needs tests/run tests/crash/run tests/order/run tests/order/take-out \
	tests/build/deb tests/build/fresh \
	tests/html/browser tests/long tests/demo tests/lint/* tests/*.bash tests/*/*.bash tests/*/*.bats \
	completions/*.bash debian/mq.postrm) \
	$(shell grep -ls '^\#!/bin/.*sh' tests/bench/* tests/model/* tests/power/* tests/fuzz/run) \
	$(wildcard tests/bench/peers/*.bash)
sources = $(wildcard cmd/*.c cmd/*/*.[ch] lib/mq.h lib/*/*.[ch] tests/unit/*.[ch] tests/bench/*.[ch] \
	tests/bench/peers/*.[ch] tests/stress/*.[ch] tests/crash/*.[ch] tests/trace/*.[ch] tests/order/*.[ch] tests/power/*.[ch] tests/fuzz/*.[ch])

lint: all | needs
	clang-format --dry-run -Werror $(sources)
	shellcheck $(scripts)
	tests/lint/check-man $(pages)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--std=c11 -j 2 $(filter -D% -I%,$(cppflags)) \
		--suppress=missingIncludeSystem cmd lib \
		$(wildcard tests/unit tests/bench tests/stress tests/crash tests/trace tests/order tests/power tests/fuzz)
	tests/lint/check-layers $(BUILD)/libmq.a $(BUILD)/obj/shared.a
	tests/lint/check-docs $(BUILD)/bin

# ---- install ------------------------------------------------------------

section = $(subst .,,$(suffix $1))
to = $(foreach file,$1,'$(DESTDIR)$(file)')

# Every file that is installed, and with it what uninstall removes.
installed = $(commands:%=$(BINDIR)/%) $(LIBDIR)/libmq.a $(PKGCONFIGDIR)/mq.pc $(INCLUDEDIR)/mq.h \
	$(foreach p,$(pages),$(MANDIR)/man$(call section,$p)/$(notdir $p)) \
	$(commands:%=$(BASHDIR)/%) $(ZSHDIR)/_mq $(commands:%=$(FISHDIR)/%.fish) \
	$(services:%=$(UNITDIR)/%) $(examples:examples/%=$(EXAMPLEDIR)/%)

install: all
	install -d $(call to,$(sort $(dir $(installed))))
	install -m 755 $(bin) $(call to,$(BINDIR))
	install -m 644 $(BUILD)/libmq.a $(call to,$(LIBDIR))
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		lib/mq.pc.in | install -m 644 /dev/stdin $(call to,$(PKGCONFIGDIR)/mq.pc)
	install -m 644 lib/mq.h $(call to,$(INCLUDEDIR))
	$(foreach p,$(pages),install -m 644 $p $(call to,$(MANDIR)/man$(call section,$p)) &&) :
	install -m 644 completions/_mq $(call to,$(ZSHDIR))
	for c in $(commands); do \
		install -m 644 completions/mq.bash $(call to,$(BASHDIR))/$$c && \
		install -m 644 completions/mq.fish $(call to,$(FISHDIR))/$$c.fish || exit 1; \
	done
	install -m 644 $(examples) $(call to,$(EXAMPLEDIR))
	for u in $(services); do \
		sed 's|@BINDIR@|$(BINDIR)|' "cmd/systemd/$$u" | \
			install -m 644 /dev/stdin $(call to,$(UNITDIR))/"$$u" || exit 1; \
	done

uninstall:
	rm -f $(call to,$(installed))

# ---- packages -----------------------------------------------------------

# Of one commit it is the same file to the byte: its times are the commit's.
dist = $(BUILD)/mq-$(VERSION).tar.gz

dist: | needs
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=mq-$(VERSION)/ HEAD >$(BUILD)/dist.tar
	gzip -9n <$(BUILD)/dist.tar >$(dist)
	@rm $(BUILD)/dist.tar

# From the tarball, so that nothing of this directory gets into them.
deb: dist
	rm -rf $(BUILD)/deb
	mkdir $(BUILD)/deb
	tar -xzf $(dist) -C $(BUILD)/deb
	cd $(BUILD)/deb/mq-$(VERSION) && env -u MAKEFLAGS dpkg-buildpackage -us -uc
	lintian --fail-on error,warning $(BUILD)/deb/*.changes

check-deb: deb
	BUILD='$(BUILD)' tests/build/deb $(BUILD)/deb

clean:
	rm -rf $(sort build build-asan build-musl $(BUILD))
