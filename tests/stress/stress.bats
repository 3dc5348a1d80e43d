#!/usr/bin/env bats
# Nothing lost while everything happens at once: the short form of check-stress

# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

@test "some seconds of everything at once lose, double and reorder nothing" {
	run --separate-stderr "$BUILD/test/stress" -t 12 -d "$BATS_TEST_TMPDIR"
	echo "$output"
	echo "$stderr"
	((status == 0))
}
