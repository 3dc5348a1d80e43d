# The power is cut under a queue at work, on real file systems: tests/power/run
# says how.  make check-power is the same, with many more images.
# shellcheck shell=bash disable=SC2030,SC2031

load lib

# power_cuts OPTION... TYPE...: as there, or skipped where that cannot be done
power_cuts() {
	need_root
	! sanitized || skip "too slow with sanitizers"
	run env BUILD="$(dirname "$MQ_BIN")" "$BATS_TEST_DIRNAME/power/run" "$@"
	echo "$output"
	[ "$status" -ne 77 ] || skip "${output##*run: }"
	[ "$status" -eq 0 ]
}

@test "a power cut loses, tears and doubles nothing on ext4, xfs and btrfs" {
	power_cuts -n 16 -z 16 ext4 xfs btrfs
}

@test "what a power cut may do wrong would be noticed" {
	power_cuts -p -z 8 ext4
}
