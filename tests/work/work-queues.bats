#!/usr/bin/env bats
# mq-work: several queues, and queues that go
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

# ---- queues --------------------------------------------------------------------------------

@test "several queues: strictly the first that has one" {
	mq-create a
	mq-create b
	seq -f 'b%g' 3 | mq-send -q -l b
	seq -f 'a%g' 3 | mq-send -q -l a
	ok "a1
a2
a3
b1
b2
b3
" mq-work -j1 -P 0 -e a b -- awk 1
}

@test "several queues: what comes to the first meanwhile goes before the rest of the second" {
	mq-create a
	mq-create b
	seq -f 'b%g' 3 | mq-send -q -l b
	ok "b1
a1
b2
b3
" mq-work -j1 -P 0 -e a b -- sh -c 'read -r x || [ "$x" ]; echo $x; [ $x != b1 ] || mq-send -q -b a1 a'
}

@test "weights: the queues take their turns, three to one" {
	mq-create a
	mq-create b
	seq -f 'a%g' 9 | mq-send -q -l a
	seq -f 'b%g' 9 | mq-send -q -l b
	mq-work -j1 -P 0 -e a=3 b -- awk 1 >got
	same 18 "$(wc -l <got)"
	same '3 1' "$(head -n 4 got | cut -c 1 | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same '6 2' "$(head -n 8 got | cut -c 1 | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same '9 3' "$(head -n 12 got | cut -c 1 | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same "$(seq -f 'a%g' 9)" "$(grep a got)"
	same "$(seq -f 'b%g' 9)" "$(grep b got)"
}

@test "weights: also with what is read ahead" {
	mq-create a
	mq-create b
	seq -f 'a%g' 300 | mq-send -q -l a
	seq -f 'b%g' 300 | mq-send -q -l b
	mq-work -j1 -n 200 a=3 b=1 -- awk 1 >got
	[ "$(grep -c a got)" -ge 130 ]
	[ "$(grep -c b got)" -ge 35 ]
}

@test "weights: a queue that is empty keeps nobody waiting" {
	mq-create a
	mq-create b
	seq 5 | mq-send -q -l b
	ok $'1\n2\n3\n4\n5\n' mq-work -j1 -e a=100 b=1 -- awk 1
}

@test "waiting for several queues: whichever gets one" {
	mq-create a
	mq-create b
	start w mq-work -j1 a b q/dlq -- awk 1
	soon asleep "$pid"
	n=0
	for each in b a; do
		mq-send -q -b "$each" "$each"
		soon there w.out "$((n += 1))"
		soon asleep "$pid"
	done
	mq-send -q -b dead q
	mq-nack -x "$(mq-recv q)"
	soon there w.out 3
	same $'b\na\ndead' "$(cat w.out)"
	kill "$pid"
	ends 0 "$pid"
}

@test "the dead letters as a queue" {
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	ok $'x\n' mq-work -e q/dlq -- awk 1
	has q 0 0 0 0
}

@test "a paused queue hands out nothing; paused=no wakes the worker" {
	mq-config q paused=yes
	mq-send -q -b x q
	start w mq-work -e q -- awk 1
	soon asleep "$pid"
	same '' "$(cat w.out)"
	mq-config q paused=no
	ends 0 "$pid"
	same x "$(cat w.out)"
}

@test "a queue removed while its worker waits: 66" {
	start w mq-work q -- true
	soon asleep "$pid"
	mq-delete q
	ends 66 "$pid"
	[[ $(cat w.err) =~ ^'mq-work: q: the queue was removed'[^$'\n']*$ ]]
}

@test "a queue removed while a job runs: the job finishes, then 66" {
	mq-send -q -b x q
	start w mq-work -v 1s q -- sh -c './await go && touch finished'
	soon there running.x
	mq-delete q
	deadline=$((SECONDS + 3))
	until ((SECONDS > deadline)); do
		runs "$(cat running.x)"
		pause
	done
	touch go
	ends 66 "$pid"
	[ -e finished ]
	[[ $(cat w.err) =~ ^'mq-work: q: the queue was removed'[^$'\n']*$ ]]
}

@test "one of two queues removed: the other goes on" {
	mq-create other backoff=0
	start w mq-work -j1 q other -- awk 1
	soon asleep "$pid"
	mq-delete q
	mq-send -q -b 1 other
	soon there w.out 1
	mq-send -q -b 2 other
	soon there w.out 2
	runs "$pid"
	mq-delete other
	ends 66 "$pid"
}

@test "a queue removed and made again while its worker waits" {
	start w mq-work q -- awk 1
	soon asleep "$pid"
	mq-delete q
	mq-create q
	mq-send -q -b new q
	# Either it has noticed, or it works on with the new one.
	soon eval 'gone "$pid" || there w.out 1'
	if gone "$pid"; then
		ends 66 "$pid"
	else
		same new "$(cat w.out)"
	fi
}
