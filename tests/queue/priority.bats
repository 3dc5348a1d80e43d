#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

@test "the most urgent first, in a level the oldest" {
	for p in 4 0 9 4 5 0 9; do
		mq-send -q -p "$p" -b "$p$((++n))" q
	done
	same '[93][97][55][41][44][02][06]' "$(drain q)"
}

@test "all ten levels" {
	for p in 3 7 1 9 5 0 8 2 6 4; do
		mq-send -q -p "$p" -b "$p" q
	done
	same '[9][8][7][6][5][4][3][2][1][0]' "$(drain q)"
}

@test "4 is the default" {
	mq-send -q -p 4 -b a q
	mq-send -q -b b q
	mq-send -q -p 5 -b c q
	mq-send -q -p 3 -b d q
	same '[c][a][b][d]' "$(drain q)"
	mq-send -q -b x q
	same 4 "$(mq-ls q | cut -f 6)"
}

@test "a batch is taken across levels, in order" {
	for p in 1 9 5; do
		seq -f "$p-%g" 3 | mq-send -q -l -p "$p" q
	done
	same '9-1 9-2 9-3 5-1 5-2 5-3 1-1' "$(mq-recv -n 7 -j q | jq -r .body | xargs)"
}

@test "a returned message stays ahead of its level, and of no higher one" {
	mq-send -q -p 2 -b low1 q
	receipt=$(mq-recv q)
	mq-send -q -p 2 -b low2 q
	mq-send -q -p 7 -b high q
	mq-nack "$receipt"
	same '[high][low1][low2]' "$(drain q)"
}

@test "a returned urgent message is first" {
	mq-send -q -p 9 -b first q
	receipt=$(mq-recv q)
	mq-send -q -p 9 -b second q
	mq-send -q -p 0 -b last q
	mq-nack "$receipt"
	same '[first][second][last]' "$(drain q)"
}

@test "delayed messages keep their priority" {
	mq-send -q -d 1m -p 2 -b low q
	mq-send -q -d 1m -p 8 -b high q
	mq-send -q -b middle q
	same '[high][middle][low]' "$(drain q 61s)"
}

@test "lapsed leases keep their priority" {
	mq-send -q -p 2 -b low q
	mq-send -q -p 8 -b high q
	mq-recv -n 2 q >receipts
	mq-send -q -b middle q
	same '[high][middle][low]' "$(drain q 31s)"
}

@test "without aging, urgent messages go first however long others wait" {
	later 0 mq-send -q -p 4 -b old q
	later 30d mq-send -q -p 5 -b new q
	same '[new][old]' "$(drain q 30d)"
}

@test "with aging, a message gains a level each time it has waited that long" {
	mq-config q priority-aging=1m
	later 0 mq-send -q -p 4 -b old q
	later 150s mq-send -q -p 5 -b new q
	same '[old][new]' "$(drain q 151s)"
	later 160s mq-send -q -p 4 -b old q
	later 180s mq-send -q -p 5 -b new q
	same '[new][old]' "$(drain q 185s)"
}

@test "with aging, what waits longest of all starves no more" {
	mq-config q priority-aging=1m
	later 0 mq-send -q -p 0 -b old q
	later 1h mq-send -q -p 8 -b new q
	same '[old][new]' "$(drain q 1h)"
}
