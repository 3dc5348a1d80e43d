#!/usr/bin/env bats
# Message groups: stopped at every step (crash.bash).
# shellcheck disable=SC2034,SC2154 # what is set here is for crash.bash, or set by it

load ../lib
load crash
load ../groups

prepare_empty() {
	mq-create q backoff=0
}

prepare_group() {
	prepare_empty
	put g 1 2
}

prepare_first_leased() {
	prepare_group
	mq-recv q >receipt
}

prepare_last_leased() {
	prepare_empty
	put g 1
	mq-recv q >receipt
}

check_first() {
	sent "$1" '' '[1]'
	all_well
}

@test "mq-send of the first of a group" {
	crash prepare_empty check_first mq-send -g g -b 1 q
}

check_tried_again() {
	local rest
	mq-send -q -g g -b 2 q
	rest=$(left)
	one_of "$rest" '[2]' '[1][2]'
	if [ "$1" = unharmed ] || [ -s out ]; then
		same '[1][2]' "$rest"
	fi
	all_well
}

@test "mq-send of the first of a group, before the next is sent" {
	crash prepare_empty check_tried_again mq-send -g g -b 1 q
}

check_third() {
	sent "$1" '[1][2]' '[1][2][3]'
	all_well
}

@test "mq-send to a group" {
	crash prepare_group check_third mq-send -g g -b 3 q
}

@test "mq-send to a group, delayed" {
	crash prepare_group check_third mq-send -g g -d 1m -b 3 q
}

check_bulk() {
	local each ids come=() of_g='' of_h=''
	ask left q
	for each in ${answer//[][]/ }; do
		[[ " ${come[*]} " != *" $each "* ]]
		come+=("$each")
	done
	for each in "${come[@]}"; do
		case $each in
		g*) of_g+=$each ;;
		h*) of_h+=$each ;;
		esac
	done
	one_of "$of_g" '' g1 g1g2
	one_of "$of_h" '' h1 h1h2
	mapfile -t ids <out
	((${#come[@]} >= ${#ids[@]}))
	[ "$1" != unharmed ] || same 6 "${#come[@]}"
	all_well
}

@test "mq-send -j to two groups and none" {
	{
		printf '{"body":"%s1","group":"%s"}\n' g g h h
		echo '{"body":"u1"}'
		printf '{"body":"%s2","group":"%s"}\n' h h g g
		echo '{"body":"u2"}'
	} >input
	crash prepare_empty check_bulk mq-send -j q
}

check_both() {
	same '[1][2]' "$(left)"
	all_well
}

@test "mq-recv of a group" {
	crash prepare_group check_both mq-recv q
}

prepare_groups() {
	prepare_empty
	mixed 3 2 | mq-send -q -j q
}

check_three_groups() {
	left | tr ']' '\n' | tr -d '[' | in_order 2
	all_well
}

@test "mq-recv -n 3 of three groups" {
	crash prepare_groups check_three_groups mq-recv -n 3 q
}

@test "mq-recv that finds a lapsed lease of a group" {
	PASSED=31s
	crash prepare_first_leased check_both mq-recv q
}

prepare_lapsing_backoff() {
	mq-create q backoff=10s
	put g 1 2
	mq-recv q
}

@test "mq-recv that finds a lapsed lease of a group, and a backoff" {
	PASSED=31s
	prepare_lapsing() { prepare_lapsing_backoff >receipt && mq-send -q -p 0 -b other q; }
	check_lapsing() {
		same '[1][2]' "$(left | sed 's/\[other\]//')"
		all_well
	}
	crash prepare_lapsing check_lapsing mq-recv q
}

prepare_last_try() {
	mq-create q backoff=0 max-receives=1
	put g 1 2
	mq-recv q >receipt
}

check_last_try() {
	mq-config q max-receives=0
	one_of "$(left q/dlq)$(left)" '[1][2]'
	all_well
}

@test "mq-recv that finds a lapsed lease of a group at max-receives" {
	PASSED=31s
	crash prepare_last_try check_last_try mq-recv -v 10m q
}

check_acked() {
	done_or_not "$1" '[1][2]' '[2]'
	all_well
}

@test "mq-ack, the next one's turn" {
	crash prepare_first_leased check_acked mq-ack @receipt
}

check_closed() {
	local rest
	put g 2
	rest=$(left)
	if [ "$1" = unharmed ]; then
		same '[2]' "$rest"
	else
		one_of "$rest" '[2]' '[1][2]'
	fi
	all_well
}

@test "mq-ack of the last of a group" {
	crash prepare_last_leased check_closed mq-ack @receipt
}

@test "mq-nack -d 0 of a group" {
	crash prepare_first_leased check_both mq-nack -d 0 @receipt
}

@test "mq-nack of a group with a delay and a reason" {
	crash prepare_first_leased check_both mq-nack -d 1m -r why @receipt
}

check_rejected() {
	local dead
	dead=$(left q/dlq)
	if [ "$1" = unharmed ]; then
		same '[1]' "$dead"
		same '[2]' "$(left)"
	else
		same '[1][2]' "$dead$(left)"
	fi
	all_well
}

@test "mq-nack -x of a group" {
	crash prepare_first_leased check_rejected mq-nack -x @receipt
}

prepare_blocking() {
	mq-create q backoff=0 group-on-dead=block
	put g 1 2
	mq-recv q >receipt
}

# Wherever it is killed, nothing overtakes.
check_blocked() {
	local now
	now=$(left)
	mq-redrive q || true
	same '[1][2]' "$now$(left)"
	all_well
}

@test "mq-nack -x with group-on-dead=block" {
	crash prepare_blocking check_blocked mq-nack -x @receipt
}

prepare_blocked() {
	prepare_blocking
	mq-nack -x "$(cat receipt)"
}

# Wherever it is killed: nothing overtakes, and nothing waits for a message that is
# back.
check_redriven() {
	local dead now
	dead=$(figures q | cut -d ' ' -f 4)
	now=$(left)
	if [ "$dead" -eq 0 ]; then
		same '[1][2]' "$now"
	else
		same '' "$now"
		mq-redrive q
		same '[1][2]' "$(left)"
	fi
	all_well
}

@test "mq-redrive with group-on-dead=block" {
	crash prepare_blocked check_redriven mq-redrive q
}

check_purged() {
	later 1h mq-purge q
	same '' "$(left)"
	all_well
}

@test "mq-purge with groups" {
	crash prepare_groups check_purged mq-purge q
}

check_taken() {
	one_of "$(cat out)$(left | tr -d '[]')" 12 112
	all_well
}

@test "mq-recv -a of a group" {
	LINES_TOLD=2 # it cannot be read, nor given back
	crash prepare_group check_taken mq-recv -a q
}

@test "mq-send -D to a group" {
	crash prepare_empty check_first mq-send -g g -D key -b 1 q
}

# A lane that has a strip.
prepare_long() {
	prepare_empty
	seq 40 | mq-send -q -l -g g q
	mq-send -q -g g -b 41 q
}

all_41() {
	seq -f '[%g]' "$1" 41 | tr -d '\n'
}

check_long() {
	sent "$1" "$(all_41 1)" "$(all_41 1)[more]"
	all_well
}

@test "mq-send to a group with a long lane" {
	crash prepare_long check_long mq-send -g g -b more q
}

prepare_32() {
	prepare_empty
	for i in {1..34}; do
		mq-send -q -g g -b "$i" q
	done
}

check_35th() {
	local all
	all=$(seq -f '[%g]' 34 | tr -d '\n')
	sent "$1" "$all" "${all}[more]"
	all_well
}

@test "mq-send that finds a lane long" {
	crash prepare_32 check_35th mq-send -g g -b more q
}

prepare_long_leased() {
	prepare_long
	mq-recv q >receipt
}

check_long_acked() {
	done_or_not "$1" "$(all_41 1)" "$(all_41 2)"
	all_well
}

@test "mq-ack with a long lane" {
	crash prepare_long_leased check_long_acked mq-ack @receipt
}

prepare_delayed_first() {
	prepare_empty
	mq-send -q -g g -d 20s -b 1 q
	mq-send -q -g g -b 2 q
}

@test "mq-recv of a group whose first is not visible yet" {
	STATUS=1
	crash prepare_delayed_first check_both mq-recv q
}

@test "mq-recv of a group whose first has become visible" {
	PASSED=31s
	crash prepare_delayed_first check_both mq-recv q
}

prepare_expired_first() {
	prepare_empty
	mq-send -q -g g -t 20s -b 0 q
	put g 1 2
}

@test "mq-recv of a group whose first has expired" {
	PASSED=31s
	crash prepare_expired_first check_both_after mq-recv q
}

check_both_after() {
	same '[1][2]' "$(left)"
	all_well
}

@test "mq-extend of a group" {
	crash prepare_first_leased check_both mq-extend -v 5m @receipt
}

prepare_dead_group() {
	prepare_first_leased
	mq-nack -x "$(cat receipt)"
}

check_back_in_group() {
	local now
	now=$(left)
	[ "$1" != unharmed ] || same '[1][2]' "$now"
	one_of "$now$(left q/dlq)" '[1][2]' '[2][1]'
	all_well
}

@test "mq-redrive of a group" {
	crash prepare_dead_group check_back_in_group mq-redrive q
}

# A power cut undid one of a token's names.
prepare_lone_token() {
	prepare_group
	find "$MQ_SPOOL/q/q/turns" -name '*,t*' -delete
	rm -r "$MQ_SPOOL/q/q/stat"
}

@test "mq-recv, the first after a boot, of a token that does not move" {
	crash prepare_lone_token check_both mq-recv q
}

prepare_no_token() {
	prepare_lone_token
	rm "$MQ_SPOOL"/q/q/groups/*/*.token
}

@test "mq-recv, the first after a boot, of a lane without a token" {
	crash prepare_no_token check_both mq-recv q
}

@test "mq-send, the first after a boot, to a lane without a token" {
	crash prepare_no_token check_third mq-send -g g -b 3 q
}

prepare_full_of_groups() {
	mq-create q backoff=0 max-depth=2 overflow=drop-head
	put g 1 2
}

check_dropped_of_group() {
	if [ "$1" = unharmed ] || [ -s out ]; then
		same '[2][3]' "$(left)"
	else
		one_of "$(left)" '[1][2]' '[2]' '[2][3]' '[1][2][3]'
	fi
	all_well
}

@test "mq-send to a full queue of groups, overflow=drop-head" {
	crash prepare_full_of_groups check_dropped_of_group mq-send -g g -b 3 q
}
