#!/usr/bin/env bats
# completions.bats - what the real shells offer

load ../lib

setup_file() {
	# Where the shells look, laid out as make install does it.
	local top=$BATS_TEST_DIRNAME/../.. c
	SHARE=$BATS_FILE_TMPDIR/share
	mkdir -p "$SHARE/bash-completion/completions" "$SHARE/zsh/site-functions" \
		"$SHARE/fish/vendor_completions.d"
	cp "$top/completions/_mq" "$SHARE/zsh/site-functions/_mq"
	for c in $COMMANDS; do
		cp "$top/completions/mq.bash" "$SHARE/bash-completion/completions/$c"
		cp "$top/completions/mq.fish" "$SHARE/fish/vendor_completions.d/$c.fish"
	done
	export SHARE
	# To look through all functions that zsh has takes seconds: once.
	# shellcheck disable=SC2016 # zsh expands it
	zsh -f -c 'fpath=($SHARE/zsh/site-functions $fpath)
		autoload -Uz compinit && compinit -u -d $SHARE/zcompdump'
	unset MQ_SPOOL
}

setup() {
	mq_setup
	need_terminal # zsh completes nowhere else
	export HOME=$T/home XDG_DATA_DIRS=$SHARE:/usr/local/share:/usr/share XDG_CONFIG_HOME=$T/config
	mkdir -p "$HOME"
}

# ---- asking a shell: the candidates for a line, sorted, one per line ---------

bash_offers() {
	LINE=$1 bash --noprofile --norc <<-'END' | sort -u
		. /usr/share/bash-completion/bash_completion
		COMP_LINE=$LINE
		COMP_POINT=${#LINE}
		COMP_TYPE=9
		COMP_KEY=9
		compopt() { :; }
		# words as readline breaks them; the last is the one at the cursor
		rest=$LINE
		COMP_WORDS=()
		while [[ $rest =~ ^[[:space:]]*([=:]+|[^[:space:]=:]+)(.*)$ ]]; do
			COMP_WORDS+=("${BASH_REMATCH[1]}")
			rest=${BASH_REMATCH[2]}
		done
		[[ $LINE == *' ' ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		command=${COMP_WORDS[0]}
		_completion_loader "$command"
		how=$(complete -p "$command")
		[[ $how =~ -F\ ([^ ]+) ]] || exit 1
		"${BASH_REMATCH[1]}" "$command" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		# what then stands on the line: what follows the last = or : is replaced
		last=${LINE##* }
		((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]/#/${last%"${last##*[=:]}"}}"
	END
}

fish_offers() {
	# shellcheck disable=SC2016 # fish expands it
	LINE=$1 fish --no-config -c '
		set fish_complete_path $SHARE/fish/vendor_completions.d $fish_complete_path
		complete -C "$LINE"' | cut -f 1 | sort -u
}

zsh_offers() {
	cat >"$T/.zshrc" <<-'END'
		PROMPT= RPROMPT=
		fpath=($SHARE/zsh/site-functions $fpath)
		autoload -Uz compinit && compinit -u -C -d $SHARE/zcompdump
		bindkey '^I' complete-word
		zstyle ':completion:*' insert-tab false
		compadd() {
			local -a hits
			if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
				builtin compadd -A hits "$@"
				(( $#hits )) && print -rl -- $IPREFIX$^hits >>$FOUND
			fi
			builtin compadd "$@"
		}
		leave() { exit }
		comppostfuncs=(leave)
		print ready
	END
	: >"$T/found"
	LINE=$1 FOUND=$T/found ZDOTDIR=$T timeout 300 zsh -f <<-'END'
		zmodload zsh/zpty
		zpty z zsh -d -i
		while zpty -r z out; do [[ $out = *ready* ]] && break; done
		zpty -w -n z "$LINE"$'\t'
		while zpty -r z out; do :; done
	END
	sort -u "$T/found"
}

# offers LINE CANDIDATE...: these, no others, in every shell.  That a word may go
# on is said with a = at its end by some, in other ways by others.
offers() {
	local line=$1 want='' shell seen
	shift
	(($# == 0)) || want=$(printf '%s\n' "$@" | sort -u)
	for shell in bash fish zsh; do
		seen=$("${shell}_offers" "$line" | sed 's/=$//' | sort -u)
		[ "$want" = "$seen" ] || {
			printf '%s: %s\nwanted: <%s>\noffers: <%s>\n' "$shell" "$line" "$want" "$seen"
			return 1
		}
	done
}

# options COMMAND: as --help has them
options() {
	"$1" --help | sed -n 's/^  \(-.\), \(--[a-z-]*\).*/\1\n\2/p'
}

@test "options: every command's, in every shell" {
	local c
	for c in $COMMANDS; do
		# shellcheck disable=SC2046 # a word each
		offers "$c -" $(options "$c")
		[ "$(options "$c" | wc -l)" -ge 6 ]
	done
}

@test "options: by their beginning, and after other words" {
	mq-create jobs
	offers "mq-redrive -r 3 --m" --max --match
	offers "mq-send -q jobs --de" --delay --dedup-id
	offers "mq-ack -- -0"
}

@test "queues: where a command takes one" {
	local c
	offers "mq-recv "
	mq-create alpha
	mq-create beta
	mq-create beta-2
	for c in mq-create mq-config mq-delete mq-purge mq-send mq-recv mq-ls mq-redrive mq-stat \
		mq-work mq-wait mq-call; do
		offers "$c " alpha beta beta-2
	done
	offers "mq-recv -n 3 -j be" beta beta-2
	offers "mq-recv alpha be" beta beta-2
	offers "mq-stat alpha -j " alpha beta beta-2
	offers "mq-work -e alpha=3 be" beta beta-2
	for c in bash fish zsh; do
		"${c}_offers" "mq-purge alpha " >"$T/offers"
		run ! grep -e alpha -e beta "$T/offers"
	done
	offers "mq-redrive -t " alpha beta beta-2
	offers "mq-redrive --to=a" --to=alpha
	offers "mq-send -R a" alpha
	offers "mq-ls beta/" beta/dlq
	offers "mq-ls nothing-like-that"
}

@test "exchanges: where a command takes one" {
	local c shell
	offers "mq-bind "
	mq-create alpha
	mq-create -x topic events
	mq-create -x fanout every
	mq-bind every events
	offers "mq-bind " events every
	offers "mq-bind -l ever" every
	offers "mq-bind -u every " alpha events every
	offers "mq-bind every al" alpha
	offers "mq-bind events alpha/" alpha/dlq
	for c in mq-create mq-config mq-delete; do
		offers "$c " alpha events every
	done
	offers "mq-recv " alpha
	offers "mq-send " alpha
	offers "mq-send -x " events every
	offers "mq-send -q --exchange=eve" --exchange=events --exchange=every
	touch "$T/some-file"
	for shell in fish zsh; do
		"${shell}_offers" "mq-send -qx every $T/so" | grep some-file
		"${shell}_offers" "mq-send --exchange=every $T/so" | grep some-file
	done
	for shell in bash fish zsh; do
		"${shell}_offers" "mq-send -x every " >"$T/offers"
		run ! grep -w -e alpha -e every "$T/offers"
	done
}

@test "exchanges: of the spool on the line" {
	mq-create -x topic here
	mq-create -s "$T/other" -x topic there
	offers "mq-bind -s $T/other " there
	offers "mq-send -s $T/other -x t" there
	offers "mq-bind -s $T/none "
}

@test "queues: of the spool on the line" {
	mq-create here
	mq-create -s "$T/other" there
	mkdir "$HOME/spool"
	mq-create -s "$HOME/spool" home
	offers "mq-recv " here
	offers "mq-recv -s $T/other " there
	offers "mq-recv -s$T/other " there
	offers "mq-recv -js $T/other " there
	offers "mq-recv --spool $T/other " there
	offers "mq-recv --spool=$T/other " there
	offers "mq-recv --spool=$T/other -n 2 t" there
	offers "mq-recv -s ~/spool " home
	offers "mq-recv -s $T/none "
}

@test "queues: without a spool, none is made" {
	offers "mq-recv "
	[ ! -e "$MQ_SPOOL" ]
}

@test "receipts: of what is leased, in any queue" {
	local a b c
	mq-create jobs visibility=1h
	mq-create more visibility=1h
	printf '1\n2\n3\n' | mq-send -q -l jobs
	mq-send -q -b 4 more
	a=$(mq-recv jobs)
	b=$(mq-recv jobs)
	c=$(mq-recv more)
	for command in mq-ack mq-nack mq-extend mq-cat; do
		offers "$command " "$a" "$b" "$c"
	done
	offers "mq-ack $c " "$a" "$b" "$c"
	offers "mq-nack -r broken -d 5s ${c%/*}/" "$(printf '%s\n' "$a" "$b" "$c" | grep -F "${c%/*}/")"
	mq-ack "$a" "$c"
	offers "mq-extend -v 1m /" "$b"
}

@test "receipts: of the spool on the line, with a blank in its name" {
	mq-create -s "$T/a b" jobs
	mq-send -s "$T/a b" -q -b x jobs
	local receipt
	receipt=$(mq-recv -s "$T/a b" -v 1h jobs)
	fish_offers "mq-ack -s '$T/a b' " | grep -F "$(basename "$receipt")"
	zsh_offers "mq-ack -s '$T/a b' " | grep -F "$(basename "$receipt")"
}

@test "mq-cat: other files too, when nothing is leased" {
	mq-create jobs
	touch "$T/some-file"
	fish_offers "mq-cat $T/so" | grep -x "$T/some-file"
	zsh_offers "mq-cat $T/so" | grep some-file
}

@test "settings: keys and values" {
	local keys
	mq-create jobs
	keys=$(mq-config jobs | cut -d = -f 1)
	# shellcheck disable=SC2086 # a word each
	offers "mq-config jobs " $keys
	# shellcheck disable=SC2086 # a word each
	offers "mq-create new paused=no " $keys
	offers "mq-config jobs max-b" max-bytes
	offers "mq-config jobs overflow=" overflow=reject overflow=block overflow=drop-head \
		overflow=dead-letter
	offers "mq-config jobs overflow=d" overflow=drop-head overflow=dead-letter
	offers "mq-config jobs sync=" sync=full sync=none
	offers "mq-create new paused=y" paused=yes
	offers "mq-config jobs dead-letter-to=j" dead-letter-to=jobs
	offers "mq-config jobs group-on-dead=" group-on-dead=skip group-on-dead=block
	offers "mq-config jobs visibility=1"
}

@test "workloads: keys and values, with or without a queue" {
	local keys
	mq-create jobs
	keys=$(mq-advise --help | sed -n '/Keys:/,/copies/p' | sed 's/^.*Keys://' | tr -d . | xargs)
	# shellcheck disable=SC2086 # a word each
	offers "mq-advise jobs " $keys
	# shellcheck disable=SC2086
	offers "mq-advise rate=5 " $keys
	# shellcheck disable=SC2086
	offers "mq-advise " jobs $keys
	offers "mq-advise j" jobs
	offers "mq-advise order=" order=none order=key order=strict
	offers "mq-advise jobs durability=" durability=full durability=none
	offers "mq-advise jobs replay=y" replay=yes
	offers "mq-advise rate=5 reply=" reply=yes reply=no
	offers "mq-advise jobs rate=1"
}

@test "settings: of an exchange" {
	mq-create jobs
	mq-create -x topic events
	mq-create -x fanout every
	offers "mq-create -x " fanout direct topic headers
	offers "mq-create --exchange=to" --exchange=topic
	offers "mq-create -x topic new " alternate
	offers "mq-config events " alternate
	offers "mq-config events alternate=" alternate=events alternate=every
	offers "mq-create --exchange=direct new alternate=eve" alternate=events alternate=every
}

@test "states, ids, priorities, fields" {
	local id live
	mq-create jobs backoff=0
	id=$(mq-send -b x jobs)
	mq-nack -x "$(mq-recv jobs)"
	live=$(mq-send -b y jobs)
	offers "mq-ls -S " ready delayed leased dead
	offers "mq-ls -S de" delayed dead
	offers "mq-ls --state=l" --state=leased
	offers "mq-ls -S ready,de" ready,delayed ready,dead
	offers "mq-redrive -i " "$id"
	offers "mq-wait -w 3 jobs " "$live"
	offers "mq-send -p " 0 1 2 3 4 5 6 7 8 9
	offers "mq-stat -c v" visible
	offers "mq-recv -n "
	offers "mq-nack -r "
}

@test "commands: where one is run, as if it stood alone" {
	mq-create jobs
	mq-create photos
	offers "mq-work -j 2 jobs -- mq-red" mq-redrive
	offers "mq-work jobs=2 photos -- mq-recv -j ph" photos
	offers "mq-work jobs -- mq-nack --d" --delay
	offers "mq-work -L jobs -- mq-recv --max=3 j" jobs
	offers "mq-once key mq-red" mq-redrive
	offers "mq-once -w 1h key:1=2 mq-recv -j ph" photos
	offers "mq-once key mq-nack --d" --delay
	offers "mq-once "
	offers "mq-once --win" --window
}

@test "files: for mq-send, directories: for -s" {
	local shell
	mq-create jobs
	mkdir "$T/spools"
	touch "$T/spool-file"
	fish_offers "mq-send jobs $T/spool-" | grep -x "$T/spool-file"
	zsh_offers "mq-send jobs $T/spool-" | grep spool-file
	for shell in bash fish zsh; do
		"${shell}_offers" "mq-ls -s $T/spools" >"$T/offers"
		grep spools "$T/offers"
		run ! grep spool-file "$T/offers"
	done
}
