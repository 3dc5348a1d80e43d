#!/usr/bin/env bats
# A message is set aside as torn only when its file is, not when it seems to be.

load ../lib

setup() {
	mq_setup
	mq-create q
}

@test "a message on its way to the disk is not torn in the eyes of another host" {
	unshare -u true 2>/dev/null || skip "no namespace for another host's name"
	head -c 100M /dev/zero >big
	mq-send q big >id &
	soon path_of q
	soon has q 1 0 0 0
	unshare -u sh -c 'hostname elsewhere; mq-recv q' >receipt
	wait
	same "$(wc -c <big)" "$(mq-cat "$(cat receipt)" | wc -c)"
	no_litter
}

@test "the size of a file that is gone is not taken for that of another" {
	! sanitized || skip "sanitizers do not run under strace"
	need_strace
	mq-send -q -p 0 -b last q
	mq-recv -a q
	mq-send -q -p 9 -b 1 q
	strace -qq -o calls -e trace=newfstatat,getdents64 -e inject=getdents64:delay_enter=300000 \
		mq-recv -n 2 q >receipts &
	soon grep -q 'newfstatat.*leased/.*,p9,.*,s' calls
	mq-ack "$(path_of q -S leased)"
	printf '%01000d' 7 >large
	mq-send -q -p 0 q large
	wait
	has q 0 1 0 0
	same "$(cat large)" "$(mq-cat "$(tail -n 1 receipts)")"
	no_litter
}
