#!/usr/bin/env bats
# work-lines.bats - mq-work -L
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2016 # the commands' shells expand it
# shellcheck disable=SC2154 # set by run
load ../lib

# A command that does as the payloads tell it, line by line: what it is to
# answer, %i for the id, or "!exit N", "!kill", "!silent", "!await FILE", "!close"
# (its output), "!raw TEXT" (no newline after it).  What it got goes to `got`.
setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
	command -v python3 >/dev/null || skip "no python3"
	cat >obey.py <<-'END'
		import json, os, signal, sys, time

		got = open("got", "a", buffering=1)
		print(os.getpid(), file=open("pids", "a"))
		for line in sys.stdin:
		    m = json.loads(line)
		    body = m.get("body", "ok")
		    got.write(f"{body} {m['receives']}\n")
		    word, _, rest = body.partition(" ")
		    if word == "!exit":
		        os._exit(int(rest))
		    elif word == "!kill":
		        os.kill(os.getpid(), signal.SIGKILL)
		    elif word == "!silent":
		        continue
		    elif word == "!close":
		        os.close(1)
		        time.sleep(3600)
		    elif word == "!await":
		        while not os.path.exists(rest):
		            time.sleep(0.01)
		        body = "ok"
		    elif word == "!raw":
		        os.write(1, rest.encode())
		        continue
		    elif not word.startswith(("ok", "retry", "dead", "%i", "what", "!long")):
		        body = "ok"
		    if word == "!long":
		        body = "dead " + "x" * int(rest)
		    os.write(1, (body.replace("%i", m["id"]) + "\n").encode())
	END
	OBEY=(python3 obey.py)
}

verdicts() {
	cut -f 4,5 "$1" | tr '\t' ' '
}

reasons() {
	mq-ls -j -S dead q | jq -r '[.history[].reason] | join(", ")'
}

# ---- lines and verdicts ---------------------------------------------------------

@test "usage: -L has no reply and no path" {
	usage mq-work -L -r q -- cat
	usage mq-work -L q -- cat {}
}

@test "-L: one command, a line per message, an answer per line" {
	seq 10 | mq-send -q -l q
	ok '' mq-work -L -j1 -e -l log q -- "${OBEY[@]}"
	same "$(seq -f '%g 1' 10)" "$(cat got)"
	same 1 "$(wc -l <pids)"
	same 'ack ok' "$(verdicts log | sort -u)"
	same 10 "$(wc -l <log)"
	has q 0 0 0 0
}

@test "--lines: what a line says is what mq-recv -j says" {
	mq-send -q -p 7 -t 1h -R r -C c1 -H 'A: b' -b 'é "x"' q
	mq-recv -v 1h -j q >wanted
	mq-nack -d 0 "$(jq -r .receipt wanted)"
	mq-work --lines -j1 -n1 q -- sh -c 'read -r line; echo "$line" >line; echo ok; cat'
	same 1 "$(wc -l <line)"
	same "$(jq -cS 'del(.receipt, .deadline, .receives)' wanted)" "$(jq -cS 'del(.receipt, .deadline, .receives)' line)"
	same "$(jq -c keys wanted)" "$(jq -c keys line)"
	same 2 "$(jq .receives line)"
	[[ $(jq -r .receipt line) == "$MQ_SPOOL/q/q/leased/"* ]]
	[[ $(jq -r .deadline line) =~ ^$ISO_RE$ ]]
}

@test "-L: every payload: empty, newlines, bytes, 5 MiB" {
	head -c 5M /dev/urandom >big
	printf '\377\0' >bytes
	mq-send -q q </dev/null
	printf 'two\nlines\n' | mq-send -q q
	mq-send -q q bytes big
	cat >payloads.py <<-'END'
		import base64, json, sys
		for i, line in enumerate(sys.stdin):
		    m = json.loads(line)
		    b = m["body"].encode() if "body" in m else base64.b64decode(m["body_base64"])
		    open(f"payload.{i}", "wb").write(b)
		    print("ok", flush=True)
	END
	mq-work -L -j1 -e q -- python3 payloads.py
	cmp /dev/null payload.0
	cmp <(printf 'two\nlines\n') payload.1
	cmp bytes payload.2
	cmp big payload.3
	has q 0 0 0 0
}

@test "ok with the id, before or after the word" {
	printf 'ok %%i\n%%i ok\nok\n' | mq-send -q -l q
	ok '' mq-work -L -j1 -e -l log q -- "${OBEY[@]}"
	same 3 "$(grep -c $'\tack\tok\t' log)"
	has q 0 0 0 0
}

@test "retry: back after the backoff, or the delay" {
	mq-config q backoff=1h
	printf 'retry\nretry 10m\nretry %%i 30s\n' | mq-send -q -l q
	ok '' mq-work -L -j1 -n3 -l log q -- "${OBEY[@]}"
	has q 0 0 3 0
	same 3 "$(grep -c $'\tnack\tretry\t' log)"
	same 'retry %i 30s' "$(later 31s mq-recv -a q)"
	same 'retry 10m' "$(later 601s mq-recv -a q)"
	fails 1 '' later 602s mq-recv q
}

@test "retry 0: again at once" {
	mq-config q backoff=1h max-receives=3
	mq-send -q -b 'retry 0' q
	mq-work -L -j1 -e q -- "${OBEY[@]}"
	same $'retry 0 1\nretry 0 2\nretry 0 3' "$(cat got)"
	has q 0 0 0 1
}

@test "%i retry 0, with the id first" {
	mq-config q backoff=1h max-receives=2
	mq-send -q -b '%i retry 0' q
	mq-work -L -j1 -e q -- "${OBEY[@]}"
	same 2 "$(wc -l <got)"
}

@test "dead: to the dead letters, with its reason" {
	mq-send -q -b 'dead it is: bad, é' q
	ok '' mq-work -L -j1 -e -l log q -- "${OBEY[@]}"
	has q 0 0 0 1
	same 'it is: bad, é' "$(reasons)"
	same 'dead dead' "$(verdicts log)"
	mq-purge q/dlq >/dev/null
	mq-send -q -b 'dead' q
	mq-work -L -j1 -e q -- "${OBEY[@]}"
	same rejected "$(reasons)"
	mq-purge q/dlq >/dev/null
	mq-send -q -b 'dead %i with an id' q
	mq-work -L -j1 -e q -- "${OBEY[@]}"
	same 'with an id' "$(reasons)"
}

@test "answers in pieces, and several at once" {
	printf '!raw o\nx\n' | mq-send -q -l q
	mq-work -L -j1 -P 2 -e q -- sh -c 'read -r a; printf o; sleep 0.2; printf "k\n"; read -r b; sleep 0.1
		printf ok; sleep 0.1; echo; cat'
	has q 0 0 0 0
	seq 3 | mq-send -q -l q
	mq-work -L -j1 -P 3 -n 3 -l log q -- sh -c 'read -r a; read -r b; read -r c; printf "ok\nretry 1h\nok\n"; cat'
	has q 0 0 1 0
	same $'ack\nnack\nack' "$(cut -f 4 log)"
	same 2 "$(later 2h mq-recv -a q)"
}

@test "-j: so many commands at once, each with its own messages" {
	executable meets <<-'END'
		: >"at.$$"
		until [ "$(ls | grep -c '^at\.')" -ge 3 ]; do sleep 0.01; done
		exec sed -u 's/.*/ok/'
	END
	seq 3 | mq-send -q -l q
	ok '' mq-work -L -j3 -P 1 -e -l log q -- ./meets
	there_are 3 'at.*'
	same 3 "$(wc -l <log)"
	has q 0 0 0 0
}

@test "a command is started when it is first needed" {
	start w mq-work -L -j4 q -- "${OBEY[@]}"
	soon asleep "$pid"
	[ ! -e pids ]
	mq-send -q -b x q
	soon there got 1
	same 1 "$(wc -l <pids)"
	kill "$pid"
	ends 0 "$pid"
}

@test "thousands, by several workers: each once" {
	seq 5000 | mq-send -q -l q
	executable numbers <<-'END'
		exec python3 -c 'import json, sys
		for line in sys.stdin:
		    sys.stderr.write(json.loads(line)["body"] + "\n")
		    sys.stdout.write("ok\n")
		    sys.stdout.flush()'
	END
	pids=()
	for i in 1 2; do
		start "w$i" mq-work -L -j2 -e q -- ./numbers
		pids+=("$pid")
	done
	for pid in "${pids[@]}"; do
		ends 0 "$pid"
	done
	same "$(seq 5000)" "$(sort -n w*.err)"
	has q 0 0 0 0
	no_litter
}

@test "large messages and a command that is slow to read: no standstill" {
	mq-config q visibility=2s
	for _ in 1 2 3 4 5 6; do
		head -c 300000 /dev/zero | tr '\0' x | mq-send -q q
	done
	ok '' mq-work -L -j1 -P 6 -e -l log q -- sh -c 'sleep 5; exec sed -u "s/.*/ok/"'
	same 6 "$(wc -l <log)"
	same 'ack ok' "$(verdicts log | sort -u)"
	has q 0 0 0 0
}

@test "what the command writes to standard error passes" {
	mq-send -q -b x q
	try mq-work -L -j1 -n1 q -- sh -c 'echo word >&2; exec sed -u "s/.*/ok/"'
	is 0 '' word
}

@test "a command inherits no descriptor but its own two pipes" {
	seq 4 | mq-send -q -l q
	sh -c 'ls /proc/self/fd | xargs' </dev/null >wanted
	mq-work -L -j2 -P 1 -e -l log q -- sh -c 'ls /proc/self/fd | xargs >>seen; exec sed -u "s/.*/ok/; q"'
	same "$(cat wanted)" "$(sort -u seen)"
	[ "$(wc -l <seen)" -ge 2 ]
}

@test "-n, -i" {
	seq 10 | mq-send -q -l q
	ok '' mq-work -L -j2 -n 3 q -- "${OBEY[@]}"
	same 3 "$(wc -l <got)"
	has q 7 0 0 0
	same '0 0 0 0 0 0 0' "$(mq-ls -j q | jq .receives | xargs)"
	after 300 ok '' mq-work -L -j2 -i 300ms q -- "${OBEY[@]}"
	has q 0 0 0 0
	same 10 "$(wc -l <got)"
}

@test "-e waits for what is delayed and in flight elsewhere" {
	mq-send -q -b elsewhere q
	mq-recv -v 3s q >receipt
	mq-send -q -d 300ms -b delayed q
	ok '' mq-work -L -j1 -e q -- "${OBEY[@]}"
	same $'delayed 1\nelsewhere 2' "$(cat got)"
}

# ---- answers that are none -----------------------------------------------------------

# refused BODY REASON: the message that is so answered has failed, the next comes.
refused() {
	mq-config q max-receives=1
	printf '%s\nx\n' "$1" | mq-send -q -l q
	try mq-work -L -j1 -P 2 -e -l log q -- "${OBEY[@]}"
	[ "$status" -eq 0 ]
	[[ $stderr =~ ^'mq-work: python3: '$ID_RE': '[^$'\n']+$'\n'?$ ]]
	has q 0 0 0 1
	[[ $(reasons) =~ ^$2($|, ) ]]
	same "$1 1" "$(grep -F -- "$1" got)"
	same 'x 1' "$(grep '^x' got | sort -u)"
	same 2 "$(sort -u pids | wc -l)"
	soon gone "$(head -n 1 pids)"
}

@test "a verdict for another id is an error" {
	refused 'ok 1763681547123456789-1a2b3c4d' '.*'
}

@test "a verdict for another id, before the word" {
	refused '%i-x ok' '.*'
}

@test "a word that is no verdict" {
	refused 'what is this' 'bad verdict'
}

@test "an empty answer" {
	mq-config q max-receives=1
	printf '!raw \n' | mq-send -q q
	try mq-work -L -j1 -e q -- "${OBEY[@]}"
	[ "$status" -eq 0 ]
	[[ $stderr =~ ^'mq-work: python3: '$ID_RE': '[^$'\n']+$'\n'?$ ]]
	[[ $(reasons) == 'bad verdict'* ]]
}

@test "retry with a delay that is none" {
	refused 'retry soon' 'bad verdict'
}

@test "ok with more words" {
	refused 'ok and more words' '.*'
}

@test "a line longer than any verdict" {
	refused '!long 100000' '.*'
}

@test "a line without an end" {
	mq-config q max-receives=1
	mq-send -q -b x q
	try mq-work -L -j1 -n1 q -- sh -c 'read -r x; exec yes | tr -d "\n"'
	[ "$status" -eq 0 ]
	[ -n "$stderr" ]
	has q 0 0 0 1
}

@test "a word before there is any message: not taken for a verdict" {
	mq-config q max-receives=1
	mq-send -q -b x q
	try mq-work -L -j1 -n1 q -- sh -c 'echo ready; cat >/dev/null'
	[ "$status" -eq 0 ]
	[[ $stderr == 'mq-work: sh: '*ready* ]]
	has q 0 0 0 1
	[[ $(reasons) == 'bad verdict'* ]]
}

@test "a verdict too many does not ack what was not seen" {
	executable eager <<-'END'
		while read -r line; do
			echo "$line" | jq -r .body >>seen
			printf 'ok\nok\n'
		done
	END
	seq 10 | mq-send -q -l q
	mq-config q backoff=0 max-receives=0
	mq-work -L -j1 -P 1 -e q -- ./eager 2>err
	has q 0 0 0 0
	same "$(seq 10)" "$(sort -nu seen)"
}

# ---- commands that die ------------------------------------------------------------------

# dies BODY REASON: the message that kills it counts, those behind it do not.
dies() {
	mq-config q max-receives=1
	printf '1\n2\n%s\n4\n5\n' "$1" | mq-send -q -l q
	try mq-work -L -j1 -P 10 -e -l log q -- "${OBEY[@]}"
	is 0 '' "mq-work: python3: $2, 3 unanswered"
	has q 0 0 0 1
	[[ $(reasons) =~ ^$2($|, ) ]]
	same "1 1
2 1
4 1
5 1" "$(grep -E '^[0-9] ' got | sort)"
	same 2 "$(sort -u pids | wc -l)"
	same 1 "$(grep -c $'\tnack\t' log)"
	same 4 "$(grep -c $'\tack\t' log)"
}

@test "a command that exits in the middle: the first unanswered counts, the others are given back" {
	dies '!exit 3' 'exit status 3'
}

@test "a command that is killed in the middle" {
	dies '!kill' 'killed by SIGKILL'
}

@test "a command that exits 0 in the middle" {
	dies '!exit 0' 'exit status 0'
}

@test "a command that closes its output" {
	mq-config q max-receives=1
	mq-send -q -b '!close' q
	mq-work -L -j1 -n1 q -- "${OBEY[@]}" 2>err
	has q 0 0 0 1
	soon gone "$(cat pids)"
}

@test "a command that closes its input" {
	mq-config q max-receives=1
	for _ in 1 2; do
		head -c 200000 /dev/zero | tr '\0' x | mq-send -q q
	done
	mq-work -L -j1 -P 2 -T 500ms -e q -- sh -c 'exec <&-; exec sleep 3600' 2>err
	has q 0 0 0 2
}

@test "a command that ends after each message is started again" {
	seq 5 | mq-send -q -l q
	mq-config q max-receives=0
	# It may have the next message already when it ends: that one has failed, and comes again.
	mq-work -L -j1 -P 1 -e -l log q -- sh -c 'read -r line; echo $$ >>pids; echo ok' 2>err
	same 5 "$(sort -u pids | wc -l)"
	same '' "$(grep -v '^mq-work: sh: exit status 0, 1 unanswered$' err || true)"
	has q 0 0 0 0
	same 5 "$(grep -c $'\tack\tok\t' log)"
}

@test "a command that dies at once, again and again: its messages become dead letters, not so fast" {
	mq-config q max-receives=2
	seq 2 | mq-send -q -l q
	mq-work -L -j1 -e -l log q -- sh -c 'echo >>starts; read -r line; exit 4' 2>err
	has q 0 0 0 2
	same 4 "$(wc -l <starts)"
	same 4 "$(grep -c $'\tnack\t4\t' log)"
	# 100, 200 and 400 ms lie between four starts
	first=$(head -n 1 log | cut -f 1) last=$(tail -n 1 log | cut -f 2)
	awk -v a="$(date -d "$first" +%s.%3N)" -v b="$(date -d "$last" +%s.%3N)" 'BEGIN { exit !(b - a >= 0.25) }'
}

@test "exit status 127 in the middle: a failure like any other" {
	mq-config q max-receives=1
	seq 3 | mq-send -q -l q
	mq-work -L -j1 -P 10 -e -l log q -- sh -c 'read -r line; exit 127' 2>err
	has q 0 0 0 3
	same 3 "$(grep -c $'\tnack\t127\t' log)"
}

@test "a command that is not there: 127; that cannot be run: 126; nothing is taken" {
	mq-send -q -b x q
	fails 127 'mq-work: nosuchcommand: cannot run: .+' mq-work -L -e q -- nosuchcommand
	echo x >plain
	fails 126 'mq-work: ./plain: cannot run: .+' mq-work -L -e q -- ./plain
	has q 1 0 0 0
}

@test "-T: a command that does not answer is killed" {
	mq-config q max-receives=1
	printf '1\n!silent\n3\n4\n' | mq-send -q -l q
	mq-work -L -j1 -P 10 -T 10s -e -l log q -- "${OBEY[@]}" 2>err
	has q 0 0 0 1
	[[ $(reasons) == timeout* ]]
	same 'nack timeout' "$(verdicts log | grep nack)"
	same $'3 1\n4 1' "$(tail -n 2 got)"
	soon gone "$(head -n 1 pids)"
}

@test "-T is per message, not for all that were sent ahead" {
	seq 6 | mq-send -q -l q
	ok '' mq-work -L -j1 -P 6 -T 5s -e -l log q -- sh -c 'while read -r line; do sleep 1; echo ok; done'
	same 'ack ok' "$(verdicts log | sort -u)"
	has q 0 0 0 0
}

@test "-T: a command that ignores TERM" {
	mq-config q max-receives=1
	mq-send -q -b x q
	start w mq-work -L -j1 -T 4s -n1 q -- sh -c 'trap "" TERM; echo $$ >deaf; while :; do sleep 1; done'
	soon there deaf 1
	ends 0 "$pid"
	has q 0 0 0 1
	soon gone "$(cat deaf)"
}

# ---- the end -----------------------------------------------------------------------------------

@test "at the end the command sees the end of its input, and is waited for" {
	seq 3 | mq-send -q -l q
	ok '' mq-work -L -j1 -e q -- sh -c 'while read -r line; do echo ok; done; sleep 0.5; echo bye >bye'
	same bye "$(cat bye)"
}

@test "how a command ends after its last answer does not matter" {
	seq 3 | mq-send -q -l q
	try mq-work -L -j1 -e q -- sh -c 'while read -r line; do echo ok; done; exit 3'
	is 0 '' '(mq-work: sh: exit status 3, 0 unanswered)?'
	has q 0 0 0 0
}

@test "a command that does not end is made to" {
	mq-send -q -b x q
	start w mq-work -L -j1 -e q -- sh -c 'echo $$ >pids; read -r line; echo ok; exec sleep 3600'
	soon has q 0 0 0 0
	soon there pids 1
	ends 0 "$pid"
	gone "$(cat pids)"
}

finishes_on() {
	printf '!await go\n2\n3\n' | mq-send -q -l q
	start w mq-work -L -j1 -P 1 -l log q -- "${OBEY[@]}"
	soon there got 1
	kill "-$1" "$pid"
	soon heeded "$pid"
	runs "$pid"
	touch go
	ends 0 "$pid"
	has q 2 0 0 0
	same '0 0' "$(mq-ls -j q | jq .receives | xargs)"
	same 'ack ok' "$(verdicts log)"
	gone "$(cat pids)"
	same '' "$(cat w.err)"
}

@test "TERM: what was sent to the command is answered, then the end" {
	finishes_on TERM
}

@test "INT: what was sent to the command is answered, then the end" {
	finishes_on INT
}

@test "TERM twice: the command is killed, all is given back uncounted, 143" {
	printf '!await never\n2\n3\n' | mq-send -q -l q
	start w mq-work -L -j1 -P 10 q -- "${OBEY[@]}"
	soon there got 1
	kill "$pid"
	soon heeded "$pid"
	runs "$pid"
	kill "$pid"
	ends 143 "$pid"
	has q 3 0 0 0
	same '0 0 0' "$(mq-ls -j q | jq .receives | xargs)"
	soon gone "$(cat pids)"
}

@test "kill -9: the command sees the end, the messages come again after the timeout" {
	mq-config q visibility=5s max-receives=0
	printf '!await go\n2\n3\n' | mq-send -q -l q
	start w mq-work -L -j1 -P 10 q -- "${OBEY[@]}"
	soon there got 1
	soon has q 0 3 0 0
	kill -9 "$pid"
	wait "$pid" || true
	touch go
	soon gone "$(cat pids)"
	rm got
	mq-work -L -j1 -e q -- "${OBEY[@]}"
	same "!await go 2
2 2
3 2" "$(sort got)"
	has q 0 0 0 0
}

# ---- leases --------------------------------------------------------------------------------------

@test "an answer that takes 10 times the visibility: delivered once" {
	mq-config q visibility=1s
	mq-send -q -b x q
	start w mq-work -L -j1 -e -l log q -- sh -c 'while read -r line; do echo >>runs; sleep 10; echo ok; done'
	worker=$pid
	soon there runs 1
	start other mq-work -e q -- sh -c 'echo >>runs'
	ends 0 "$worker"
	ends 0 "$pid"
	same 1 "$(wc -l <runs)"
	same 'ack ok' "$(verdicts log)"
	has q 0 0 0 0
}

@test "a lease that has lapsed: the answer changes nothing, the work goes on" {
	printf '!await go\n' | mq-send -q -l q
	start w mq-work -L -j1 -v 5s -l log q -- "${OBEY[@]}"
	soon there got 1
	later 1h mq-recv -v 2h q >receipt
	touch go
	soon there log 1
	same lapsed "$(cut -f 4 log)"
	has q 0 1 0 0
	mq-send -q -b next q
	soon there log 2
	same ack "$(tail -n 1 log | cut -f 4)"
	has q 0 1 0 0
	ok '' later 1h mq-ack "$(cat receipt)"
	kill "$pid"
	ends 0 "$pid"
}

@test "stopped past its lease: does not ack" {
	mq-config q visibility=500ms
	printf '!await go\n' | mq-send -q -l q
	start w mq-work -L -j1 -n1 -l log q -- "${OBEY[@]}"
	soon there got 1
	kill -STOP "$pid"
	soon eval 'mq-recv -v 1h q >receipt'
	touch go
	kill -CONT "$pid"
	ends 0 "$pid"
	same lapsed "$(cut -f 4 log)"
	has q 0 1 0 0
	ok '' mq-ack "$(cat receipt)"
}

@test "a queue removed while its command runs: 66" {
	start w mq-work -L -j1 q -- "${OBEY[@]}"
	mq-send -q -b 1 q
	soon there got 1
	soon has q 0 0 0 0
	mq-delete q
	ends 66 "$pid"
	gone "$(cat pids)"
}

@test "memory does not grow with the number of messages" {
	seq 20000 | mq-send -q -l q
	command time -f %M -o mem mq-work -L -j1 -e q -- sed -u 's/.*/ok/'
	lean 8192 mem
	has q 0 0 0 0
}
