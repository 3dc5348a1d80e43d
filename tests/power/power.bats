# The power is cut under a queue at work, on real file systems: tests/power/run
# says how.  make check-power is the same, with many more images.
# shellcheck shell=bash disable=SC2030,SC2031

load ../lib

# power_cuts OPTION... TYPE...: as there, or skipped where that cannot be done
power_cuts() {
	need_root
	! sanitized || skip "too slow with sanitizers"
	run env BUILD="$(dirname "$MQ_BIN")" "$BATS_TEST_DIRNAME/run" "$@"
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

# synced_amid TYPE LINKS NTH COMMAND...: what is in the queues on a disk whose power is cut
# when mq-send, fed 100 lines, has told that it accepted them; and which somebody
# else synced when mq-send had made all LINKS in a directory in tmp/ and was to rename
# that, its NTH rename
synced_amid() {
	local type=$1 links=$2 nth=$3 disk=$T/disk options=loop queue
	shift 3
	rm -f image cut.image
	truncate -s 320M image
	"mkfs.$type" -q image
	mounted "$disk" -o loop image
	export MQ_SPOOL=$disk/spool
	mq-create a
	mq-create b
	mq-create -x fanout x
	mq-bind x a
	mq-bind x b
	mq-send -q -b first -x x
	sync -f "$disk"
	seq 100 >lines
	strace -qq -o trace -e trace=renameat -e inject=renameat:delay_enter=120s:when="$nth" \
		"$@" <lines >ids &
	soon filled "$links"
	sync -f "$disk"
	kill -KILL "$!" # which lets mq-send go on
	soon accepted 100
	cp --sparse=always image cut.image
	[ "$type" != xfs ] || options+=,nouuid
	mounted "$T/cut" -o "$options" cut.image
	for queue in a b; do
		MQ_SPOOL=$T/cut/spool mq-recv -n 1000 "$queue" | wc -l
	done
	unmount_all
	rm mounts
}

accepted() {
	[ "$(wc -l <ids)" -eq "$1" ]
}

filled() {
	[ "$(find "$MQ_SPOOL"/tmp "$MQ_SPOOL"/q/*/tmp -mindepth 2 -type f | wc -l)" -eq "$1" ]
}

@test "a sync of others amid a send leaves nothing undone" {
	local type
	need_root
	! sanitized || skip "sanitizers do not run under strace"
	command -v strace >/dev/null || skip "no strace"
	for type in ext4 xfs; do
		command -v "mkfs.$type" >/dev/null || skip "no mkfs.$type"
		same $'101\n1' "$(synced_amid "$type" 100 2 mq-send -l a)"
		same $'101\n101' "$(synced_amid "$type" 200 1 mq-send -l -x x)"
	done
}
