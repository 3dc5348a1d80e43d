#!/usr/bin/env bats
# The real commands under a scheduler: a part of what make check-order plays.

load ../lib

setup() {
	mq_setup
	local test=$MQ_BIN/../test
	PATH=$(cd "$test/order" && pwd):$(cd "$test/crash" && pwd):$PATH
	scenes=$BATS_TEST_DIRNAME/scenes
}

# Each goes on until it ends or waits, in all orders; and of the schedules with one forced
# switch, a kill or a long stop, one in forty, others each time.
@test "order: every scene, in some of the orders" {
	local seed=$RANDOM
	(cd "$scenes" && order -s 1 -e 40 -S "$seed" ./*) >out || {
		echo "seed $seed"
		cat out
		return 1
	}
	grep -Eq '^[1-9][0-9]{3} pairs, [1-9][0-9]{2} triples: .*, 0 failed$' out
}

# Each was found by it once, with so many switches.
@test "order: what was mended stays so" {
	local cast switches every file scene roles
	for cast in '1 1 group group-urgent find+send' '1 1 group group ack+nack-due' \
		'2 1 group group-idle send-later+take' '1 1 again exchange delete+check' \
		'2 10 due due-alone take+later'; do
		read -r switches every file scene roles <<<"$cast"
		(cd "$scenes" && order -s "$switches" -e "$every" -o "$scene" -c "$roles" "$file")
	done
}

# wrong CLAIM: a scene whose sender claims it
wrong() {
	cat >scene <<-END
		scene wrong
		${TAB}mq-create q backoff=0
		role send: mq-send q < a\n ; $1
		role take: mq-recv -a q ; takes ; exits 0 1 ; late 3
		pairs
	END
}

@test "order: what is lost, doubled or late is noticed, and the line that says so plays it again" {
	local claim
	TAB=$'\t'
	wrong 'sends a'
	order -s 1 scene
	for claim in 'sends ab' 'sends b' 'acks a' 'exits 1'; do
		wrong "$claim"
		try order -s 1 scene
		[ "$status" -eq 1 ]
		line=$(sed -n 's/^order: //p' <<<"$output" | head -n 1)
		try order -r "$line"
		[ "$status" -eq 1 ]
		[[ $output == *' send '*openat*/version* ]]
	done
}
