#!/usr/bin/env bats
# mq-work: what becomes of a message when its job ends
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the jobs' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib
load work

# ---- verdicts --------------------------------------------------------------------

@test "exit status 0: acked" {
	mq-send -q -b x q
	ok '' mq-work -j1 -n1 -l log q -- true
	has q 0 0 0 0
	same 'ack 0' "$(verdicts log)"
}

@test "exit status 65 and 100: to the dead letters, with the reason" {
	for code in 65 100; do
		mq-send -q -b x q
		ok '' mq-work -j1 -n1 -l log.$code q -- sh -c "exit $code"
		has q 0 0 0 1
		same "exit status $code" "$(reasons)"
		same "dead $code" "$(verdicts log.$code)"
		mq-purge q/dlq >/dev/null
	done
}

@test "any other exit status: back after the backoff, with the reason" {
	mq-config q backoff=1h max-receives=0
	for code in 1 2 64 66 75 99 101 111 125 128 255; do
		mq-send -q -b x q
		ok '' mq-work -j1 -n1 -l log.$code q -- sh -c "exit $code"
		has q 0 0 1 0
		mq-cat -H "$(path_of q)" | grep -q "^Mq-History: exit status $code; "
		same "nack $code" "$(verdicts log.$code)"
		later 2h mq-recv -a q >/dev/null
	done
}

@test "killed by a signal: back after the backoff, with the reason" {
	mq-config q backoff=1h max-receives=0
	for signal in KILL TERM SEGV HUP USR2 XCPU SYS; do
		mq-send -q -b x q
		ok '' env --default-signal mq-work -j1 -n1 -l "log.$signal" q -- sh -c "ulimit -c 0; kill -$signal \$\$"
		has q 0 0 1 0
		mq-cat -H "$(path_of q)" | grep -q "^Mq-History: killed by SIG$signal; "
		same "nack $signal" "$(verdicts "log.$signal")"
		later 2h mq-recv -a q >/dev/null
	done
}

@test "a message that fails each time becomes a dead letter" {
	mq-config q max-receives=3
	mq-send -q -b x q
	mq-work -j1 -e -l log q -- sh -c 'exit 7'
	has q 0 0 0 1
	same 3 "$(wc -l <log)"
	[[ $(reasons) == 'exit status 7'* ]]
}

@test "exit status 126 or 127 of a job: a failure like any other" {
	mq-config q max-receives=2
	for code in 126 127; do
		printf '%s\n' "$code" 0 | mq-send -q -l q
		ok '' mq-work -e -j1 -l "log.$code" q -- sh -c 'exit "$(cat)"'
		same "ack 0
nack $code
nack $code" "$(verdicts "log.$code" | sort)"
		has q 0 0 0 1
		same "exit status $code, max-receives" "$(reasons)"
		mq-purge q/dlq
	done
}

@test "a command that does not exist: 127, and no message is taken" {
	mq-send -q -b x q
	fails 127 'mq-work: nosuchcommand: cannot run: .+' mq-work -e q -- nosuchcommand
	fails 127 'mq-work: ./nosuch: cannot run: .+' mq-work -e q -- ./nosuch
	fails 127 'mq-work: : cannot run: .+' mq-work -e q -- ''
	has q 1 0 0 0
	same 0 "$(receives)"
}

@test "a command that cannot be run: 126, and no message is taken" {
	mq-send -q -b x q
	echo 'echo ran' >plain
	mkdir dir
	for it in ./plain ./dir; do
		fails 126 "mq-work: $it: cannot run: .+" mq-work -e q -- "$it"
	done
	has q 1 0 0 0
	same 0 "$(receives)"
}

@test "a command whose interpreter is not there: given back, 126 or 127" {
	mq-send -q -b x q
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	try mq-work -e q -- ./script
	[[ $status =~ ^12[67]$ ]]
	[[ $stderr =~ ^'mq-work: ./script: cannot run: '[^$'\n']+$'\n'?$ ]]
	has q 1 0 0 0
	same 0 "$(receives)"
}

@test "a script without #! is run by sh, as a shell would" {
	mq-send -q -b x q
	printf 'read -r line\necho "got $line $1"\n' >plain
	chmod +x plain
	ok $'got x arg\n' mq-work -e q -- ./plain arg
}

@test "a command found through PATH" {
	mkdir bin
	mv meet bin/mycommand
	mq-send -q -b x q
	PATH=$T/bin:$PATH ok '' mq-work -e q -- mycommand 1
	has q 0 0 0 0
}

@test "a command that goes away under the worker: given back uncounted, 127" {
	printf '1\n2\n3\n' | mq-send -q -l q
	executable once <<-'END'
		rm once
		cat
	END
	try mq-work -j1 q -- ./once
	is 127 1 'mq-work: ./once: cannot run: .+'
	has q 2 0 0 0
	same '0 0' "$(receives)"
}

@test "a verdict of the job's own is left alone" {
	printf 'ack\nnack\nreject\n' | mq-send -q -l q
	mq-config q backoff=1h
	executable settles <<-'END'
		case $(cat) in
		ack) mq-ack "$MQ_RECEIPT" ;;
		nack) mq-nack -r mine "$MQ_RECEIPT" ;;
		reject) mq-nack -x -r hopeless "$MQ_RECEIPT" ;;
		esac
		sleep 5
		exit 1
	END
	ok '' mq-work -j3 -n3 -v 2s -l log q -- ./settles
	has q 0 0 1 1
	same 'settled 1' "$(verdicts log | sort -u)"
	same hopeless "$(reasons)"
	mq-cat -H "$(path_of q)" | grep -q '^Mq-History: mine; .*count=1'
}

@test "a job that acks its receipt and leaves at once" {
	seq 20 | mq-send -q -l q
	mq-work -j2 -e -l log q -- sh -c 'mq-ack "$MQ_RECEIPT"' 2>err
	has q 0 0 0 0
	same 20 "$(grep -cE $'\t(settled|lapsed)\t0\t' log)"
}

@test "a job may extend its own lease" {
	mq-send -q -b x q
	ok '' mq-work -j1 -e -l log -v 2s q -- sh -c 'mq-extend -v 1h "$MQ_RECEIPT"; sleep 5'
	has q 0 0 0 0
	same 'ack 0' "$(verdicts log)"
}

# ---- -T ----------------------------------------------------------------------------

@test "-T: a job that takes too long is killed, which is a failure" {
	mq-config q max-receives=1
	mq-send -q -b x q
	ok '' mq-work -j1 -T 4s -n1 -l log q -- ./group
	has q 0 0 0 1
	[[ $(reasons) == timeout* ]]
	same 'nack timeout' "$(verdicts log)"
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
}

@test "-T: quick jobs and later ones are not hit" {
	seq 6 | mq-send -q -l q
	ok '' mq-work -j2 --timeout 6s -e -l log q -- sleep 2.1
	same 'ack 0' "$(verdicts log | sort -u)"
}

@test "-T: a job that goes at TERM with status 0 has failed all the same" {
	mq-config q max-receives=1
	mq-send -q -b x q
	mq-work -j1 -T 2s -n1 -l log q -- bash -c 'trap "exit 0" TERM; sleep 3600 & wait'
	has q 0 0 0 1
	same 'nack timeout' "$(verdicts log)"
}

@test "-T: a job that ignores TERM is killed for good, with its group" {
	mq-config q max-receives=1
	mq-send -q -b x q
	executable deaf <<-'END'
		trap '' TERM
		sleep 3600 &
		echo $! >child
		echo $$ >leader
		while :; do wait; done
	END
	start w mq-work -j1 -T 4s -n1 q -- ./deaf
	soon there child 1
	ends 0 "$pid"
	has q 0 0 0 1
	[[ $(reasons) == timeout* ]]
	soon gone "$(cat leader)"
	soon gone "$(cat child)"
}

@test "-T: what a killed job leaves behind in its group goes with it" {
	mq-config q max-receives=1
	mq-send -q -b x q
	executable leaves <<-'END'
		(trap '' TERM; exec sleep 3600) &
		echo $! >child
		wait
	END
	mq-work -j1 -T 4s -n1 q -- ./leaves
	has q 0 0 0 1
	soon gone "$(cat child)"
}
