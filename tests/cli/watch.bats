#!/usr/bin/env bats
# watch.bats - mq-stat -w: the live view, on a terminal of tmux
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

setup() {
	mq_setup
	command -v tmux >/dev/null || skip "no tmux"
	need_terminal
	[ "$(mq-stat -w 2>&1)" != 'mq-stat: -w: this build has no live view' ] || skip "no live view"
	mq-create q
}

teardown() {
	tm kill-server 2>/dev/null || true
	mq_teardown
}

tm() {
	tmux -L "mq-${T//[^a-zA-Z0-9]/-}" -f /dev/null "$@"
}

# terminal COLUMNS LINES [NAME=VALUE]...: one with a shell
terminal() {
	local columns=$1 lines=$2
	shift 2
	soon tm new-session -d -c "$T" -x "$columns" -y "$lines" \
		"exec env MQ_SPOOL=$MQ_SPOOL PATH=$PATH LC_ALL=C.UTF-8 TZ=UTC0 PS1='\$ ' $* bash --noprofile --norc"
	soon shows '^\$ ?$'
}

# type TEXT: a line for the shell
type() {
	tm send-keys -l "$1"
	tm send-keys Enter
}

screen() {
	tm capture-pane -p
}

# shows REGEX: a line of the screen is such
shows() {
	screen | grep -qE -e "$1"
}

# lacks REGEX: no line is
lacks() {
	! shows "$1"
}

# watch ARG...: the view is there; its pid is $pid
watch() {
	type "(echo \$BASHPID >pid; exec mq-stat -w100ms $*)"
	soon shows '^ mq-stat '
	pid=$(cat pid)
}

# names: of the table, from top to bottom
names() {
	screen | awk '/^ [v^▼▲]?QUEUE/ { on = 1; next } /^ *$|^─|^ q quit/ { on = 0 } on { print $1 }' | xargs
}

names_are() {
	[ "$1" = "$(names)" ]
}

@test "queues and figures" {
	mq-create jobs
	seq 5 | mq-send -q -l jobs
	mq-recv -n 2 jobs >/dev/null
	mq-send -q -d 1h -b x jobs
	mq-recv -n 1 jobs >receipt
	mq-nack -x "$(cat receipt)"
	terminal 80 24
	watch
	soon shows '^ QUEUE▲ +VISIBLE +IN FLIGHT +DELAYED +DEAD +IN/S +OUT/S +OLDEST'
	soon shows '^ jobs +2 +2 +1 +1 '
	soon shows '^ q +0 +0 +0 +0 +0 +0 +-'
	shows '^ mq-stat +.*/spool +[0-9][0-9]:[0-9][0-9]:[0-9][0-9]  every [0-9.]+m?s$'
	shows '^ 2 queues: 2 visible, 2 in flight, 1 delayed, 1 dead; '
	shows '^── jobs ─'
	shows '^ visible 2 '
	shows 'sent 6  acked 0'
	shows 'q quit  s/S sort  r reverse  ↑↓ select  g graphs'
	# and what happens then
	mq-recv -a jobs >/dev/null
	soon shows '^ jobs +1 +2 +1 +1 '
	soon shows 'acked 1'
}

@test "queues come and go; named ones stay" {
	mq-create b
	terminal 80 24
	watch
	soon names_are 'b q'
	mq-create a
	soon names_are 'a b q'
	mq-delete b
	soon names_are 'a q'
	mq-delete a
	mq-delete q
	soon shows 'There are no queues yet'
	tm send-keys q
	soon shows '^\$ ?$'
	mq-create q
	watch nosuch q
	soon shows '^ nosuch +no such queue'
	names_are 'nosuch q'
	mq-delete q
	soon shows '^ q +no such queue'
	mq-create nosuch
	soon shows '^ nosuch +0 +0'
}

@test "what cannot be read is shown as such" {
	mq-create broken
	mkdir "$MQ_SPOOL/q/broken/conf"
	terminal 80 24
	watch
	soon shows '^ broken +cannot read its settings'
	soon shows '^ q +0 +0'
}

@test "the rates are those between two looks" {
	seq 100 | mq-send -q -l q
	terminal 80 24
	# at first that of the last minute
	watch -w1h
	soon shows '^ q +100 .* [1-9][0-9.]* +0 '
	tm send-keys q
	soon shows '^\$ ?$'
	watch -w3s # in which some come and some go on any machine
	soon shows '^ q +100 .* 0 +0 '
	pause # or both make what it takes
	(
		until [ -e stop ]; do
			seq 20 | mq-send -q -l q
			mq-recv -a -n 20 q
			pause
		done
	) >/dev/null 3>&- &
	soon shows '^ q +100 .* [1-9][0-9.]* +[1-9][0-9.]* '
	soon shows '^ out [1-9][0-9.]*/s'
	touch stop
	wait
	soon shows '^ q +100 .* 0 +0 '
}

@test "s and S sort by a column, r turns that round" {
	for n in 2 3 1; do
		mq-create "q$n"
		seq $((n * 10)) | mq-send -q -l "q$n"
		mq-recv -n $((4 - n)) "q$n" >/dev/null
	done
	terminal 80 24
	watch
	soon names_are 'q q1 q2 q3'
	tm send-keys r
	soon names_are 'q3 q2 q1 q'
	soon shows 'QUEUE▼'
	tm send-keys s
	soon shows '▼VISIBLE'
	soon names_are 'q3 q2 q1 q'
	tm send-keys r
	soon shows '▲VISIBLE'
	soon names_are 'q q1 q2 q3'
	tm send-keys s
	soon shows '▼IN FLIGHT'
	soon names_are 'q1 q2 q3 q'
	tm send-keys S S
	soon names_are 'q q1 q2 q3'
	tm send-keys S
	soon shows '▼OLDEST'
}

@test "arrows, j and k select; g and Enter show the graphs or not" {
	for n in {1..9}; do
		mq-create "q$n"
	done
	terminal 80 24
	watch
	soon shows '^── q ─'
	tm send-keys j
	soon shows '^── q1 ─'
	tm send-keys Down Down k
	soon shows '^── q2 ─'
	tm send-keys Up
	soon shows '^── q1 ─'
	tm send-keys g
	soon lacks '^──'
	names_are 'q q1 q2 q3 q4 q5 q6 q7 q8 q9'
	tm send-keys Enter
	soon shows '^── q1 ─'
	tm send-keys End
	soon shows '^── q9 ─'
	shows '^ q9 '
	tm send-keys Home
	soon shows '^── q ─'
	# the queue that is selected stays so in another order
	tm send-keys r
	soon shows 'QUEUE▼'
	shows '^── q ─'
	shows '^ q '
}

@test "braille in UTF-8, other characters else" {
	seq 50 | mq-send -q -l q
	terminal 80 24
	watch
	soon shows '⣿⣿⣿'
	tm send-keys q
	soon shows '^\$ ?$'
	tm kill-server
	terminal 80 24 LC_ALL=C
	watch
	soon shows '^ +###'
	shows '^ QUEUE\^ '
	tm send-keys s
	soon shows ' vVISIBLE'
	same '' "$(screen | LC_ALL=C grep '[▲▼↑⣀-⣿]')"
}

@test "other sizes, also too small ones" {
	terminal 80 24
	watch
	soon shows '^ q .* 0 +-'
	tm resize-window -x 200 -y 50
	soon shows '^── q (─){150,}'
	shows '^ visible 0 .* in 0/s .* out 0/s'
	tm resize-window -x 60 -y 20
	soon shows '^ QUEUE▲ +VISIBLE +IN FLIGHT +DEAD +IN/S$'
	tm resize-window -x 40 -y 8
	soon shows '^ QUEUE▲ +VISIBLE +IN FLIGHT$'
	soon shows '^ q +0 +0$'
	tm resize-window -x 39 -y 8
	soon shows '^Too small:'
	shows '^39x8; at least'
	shows '^40x8 is needed'
	tm resize-window -x 80 -y 7
	soon shows '^80x7; at least'
	tm resize-window -x 4 -y 1
	soon shows '^Too ?$'
	tm resize-window -x 80 -y 24
	soon shows '^ QUEUE▲ +VISIBLE +IN FLIGHT +DELAYED'
	runs "$pid"
}

# remember: what the terminal is like, with some words on it, and modes of its own
remember() {
	type 'stty ixany -ixoff; stty -g >modes; clear; echo before'
	soon there modes 1
	soon shows '^before'
}

# left_alone: it is as it was
left_alone() {
	soon shows '^\$ ?$'
	same before "$(screen | head -n 1)"
	shows '^\$ .*mq-stat'
	same '0 1' "$(tm display -p '#{alternate_on} #{cursor_flag}')"
	type 'stty -g >after'
	soon there after 1
	same "$(cat modes)" "$(cat after)"
	rm modes after
}

@test "q, Ctrl-C, INT, TERM, HUP and QUIT leave the terminal as it was" {
	terminal 80 24
	type 'ulimit -c 0'
	remember
	watch
	tm send-keys q
	left_alone
	remember
	watch
	tm send-keys C-c
	left_alone
	for signal in INT TERM HUP QUIT; do
		remember
		watch
		kill -s "$signal" "$pid"
		soon gone "$pid"
		soon shows '^\$ ?$'
		# shellcheck disable=SC2016 # the shell in there expands it
		type 'echo "status $?"'
		soon shows "^status $((128 + $(kill -l "$signal")))$"
		left_alone
	done
}

@test "stopped and continued" {
	terminal 80 24
	watch
	tm send-keys C-z
	soon shows Stopped
	same 0 "$(tm display -p '#{alternate_on}')"
	type fg
	soon shows '^ QUEUE▲ +VISIBLE'
	tm send-keys q
	soon shows '^\$ ?$'
}

@test "Ctrl-S does not stop it" {
	terminal 80 24
	watch
	tm send-keys C-s
	mq-create other
	soon shows '^ other '
	kill -TERM "$pid"
	soon gone "$pid"
}

@test "the terminal goes away: it ends" {
	terminal 80 24
	watch
	tm kill-session
	soon gone "$pid"
	# also when nobody tells it
	terminal 80 24
	type 'trap "" HUP'
	# shellcheck disable=SC2016 # the shell in there expands it
	type '(echo $BASHPID >pid; mq-stat -w100ms 2>err; echo $? >status)'
	soon shows '^ mq-stat '
	pid=$(cat pid)
	tm kill-session
	soon gone "$pid"
	soon there status 1
	same 74 "$(cat status)"
	same 'mq-stat: the terminal is gone' "$(cat err)"
}

@test "no terminal, or one that cannot do: 64" {
	usage mq-stat -w
	fails 64 'mq-stat: -w: standard output is not a terminal' mq-stat -w
	fails 64 'mq-stat: -w: standard output is not a terminal' mq-stat --watch=2s q
	same "mq-stat: -w: TERM is 'dumb': such a terminal has no full screen" "$(on_terminal 'TERM=dumb mq-stat -w')"
	same "mq-stat: -w: TERM is 'nosuch': no such terminal is known here" "$(on_terminal 'TERM=nosuch mq-stat -w')"
	same "mq-stat: -w: TERM is not set: no telling what the terminal can do" "$(on_terminal 'TERM= mq-stat -w')"
	same 'mq-stat: -w: standard input is not a terminal' \
		"$(on_terminal 'mq-stat -w </dev/null')"
	run script -qec 'TERM=dumb mq-stat -w' /dev/null </dev/null
	same 64 "$status"
}

@test "intervals: joined to the option; 100ms at least" {
	for bad in 99ms 0 soon -1; do
		usage mq-stat -w"$bad"
		usage mq-stat --watch="$bad"
	done
	terminal 80 24
	type 'mq-stat --watch=2s q'
	soon shows 'every 2s'
}

@test "a thousand queues take less than 2 % of a processor" {
	! sanitized || skip "sanitizers take their part"
	many_queues 1000
	terminal 80 24
	watch -w1s
	soon shows '^ q000001 '
	# from a look on: those take turns with pauses
	soon lacks 'every 1s'
	from=$(ticks "$pid") began=${EPOCHREALTIME/./}
	passed() { ((${EPOCHREALTIME/./} - began > 15000000)); }
	soon passed
	took=$((($(ticks "$pid") - from) * 1000000 / $(getconf CLK_TCK)))
	span=$((${EPOCHREALTIME/./} - began))
	echo "$took of $span microseconds"
	# one look more than pauses may fall into the span
	((took * 100 < span * 3))
	shows '^ 1001 queues: '
	tm send-keys End
	soon shows '^ q001000 '
}
