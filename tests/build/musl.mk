# musl.mk - the commands with musl, and their tests

.PHONY: musl check-musl check-core

# Commands that need more of glibc's libraries than libmd and jansson are not made
# with musl; left out of the tests are those of the build, and of power cuts.
musl: | needs
	$(MAKE) CC=musl-gcc STATIC=1 all

check-musl: | needs
	$(MAKE) CC=musl-gcc STATIC=1 check-core

check-core: $(tested)
	@SUITES='$(filter-out tests/build/% tests/power/%,$(wildcard tests/*/*.bats))' $(run)
