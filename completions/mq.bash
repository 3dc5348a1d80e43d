# bash completion for the mq commands
# shellcheck shell=bash
#
# Which options and operands a command takes is read from its --help, so that
# nothing is said twice; what can stand in their places is decided by the
# placeholders there (QUEUE, RECEIPT, STATE, ...).

# _mq_run COMMAND [ARG]...: a command of the same place as the one completed
_mq_run() {
	local command=$1
	shift
	"${self%mq-*}$command" ${spool:+-s "$spool"} "$@" 2>/dev/null
}

# _mq_each OPTION... : mq-ls with these for every queue
_mq_each() {
	local queue
	while IFS= read -r queue; do
		_mq_run mq-ls "$@" -n 100 "$queue"
	done < <(_mq_run mq-ls -n 100)
}

_mq_exchanges() {
	_mq_run mq-bind -l | cut -f 1 | uniq
}

# _mq_settings: their keys, or those of a workload; an exchange, made or to be made, has others
_mq_settings() {
	if [[ ${self##*/} == mq-advise ]]; then
		printf '%s=\n' rate burst drain service service-sd failures order keys fanout \
			durability retention replay reply target-wait outage size hosts copies
	elif [[ -n $type ]] || _mq_exchanges | grep -qxF -e "$name"; then
		printf '%s=\n' alternate
	else
		printf '%s=\n' visibility max-receives backoff retention dlq-retention \
			max-depth max-bytes overflow max-message dedup-window \
			dead-letter-to priority-aging group-on-dead paused sync
	fi
}

# _mq_values PLACEHOLDER: what can stand there, one per line
_mq_values() {
	case $1 in
	NAME | TARGET)
		_mq_exchanges
		_mq_values QUEUE
		;;
	EXCHANGE) _mq_exchanges ;;
	TYPE) printf '%s\n' fanout direct topic headers ;;
	QUEUE | REPLY-TO)
		if [[ $cur == */* ]]; then
			_mq_run mq-ls | sed 's|$|/dlq|'
		else
			_mq_run mq-ls
		fi
		[[ ${self##*/} != mq-advise ]] || _mq_values key=value # there need be no queue
		;;
	RECEIPT*) _mq_each -S leased | cut -f 7 ;;
	ID)
		case ${self##*/} in
		mq-wait) _mq_each -S ready,delayed,leased ;;
		*) _mq_each -S dead ;;
		esac | cut -f 1
		;;
	STATE)
		local before=
		[[ $cur == *,* ]] && before=${cur%,*},
		printf "$before%s\n" ready delayed leased dead
		;;
	HOW) printf '%s\n' gzip zstd xz none ;;
	PRIORITY) printf '%s\n' {0..9} ;;
	*FIELD*)
		printf '%s\n' visible in_flight delayed dead oldest_age bytes in_rate out_rate \
			latency_p50 latency_p95 latency_p99 failed lag
		;;
	key=value)
		case $cur in
		overflow=*) printf 'overflow=%s\n' reject block drop-head dead-letter ;;
		paused=*) printf 'paused=%s\n' yes no ;;
		sync=*) printf 'sync=%s\n' full none ;;
		order=*) printf 'order=%s\n' none key strict ;;
		durability=*) printf 'durability=%s\n' full none ;;
		replay=* | reply=*) printf "${cur%%=*}=%s\\n" yes no ;;
		group-on-dead=*) printf 'group-on-dead=%s\n' skip block ;;
		dead-letter-to=*) _mq_run mq-ls | sed 's/^/dead-letter-to=/' ;;
		alternate=*) _mq_exchanges | sed 's/^/alternate=/' ;;
		*) _mq_settings ;;
		esac
		;;
	esac
}

# _mq_took PLACEHOLDER WORD: an option has it
_mq_took() {
	case $1 in
	DIR) spool=$2 ;;
	TYPE) type=$2 ;;
	EXCHANGE) ((operands++)) ;; # in place of the first operand
	esac
}

# _mq_command N: from the word N on it is a line of its own
_mq_command() {
	local word length=0 i
	# COMP_WORDS has more words than words: they are broken at more characters
	for word in "${words[@]:0:$1}"; do
		((length += ${#word}))
	done
	for ((i = 0; length > 0; i++)); do
		((length -= ${#COMP_WORDS[i]}))
	done
	_command_offset "$i"
}

_mq() {
	local cur words cword self=${1/#\~\//$HOME/}
	local line i j word usage='' place='' before='' breaks='' spool='' ended='' command=''
	local name='' type=''
	local option='^(\[-[^]]*\](\.\.\.)?|-. [A-Z]+ \|) *(.*)'
	local operands=0
	local -A takes=()
	local options=() places=() values=()

	[[ ${self##*/} == mq-* ]] || return
	_get_comp_words_by_ref -n '=:<>' cur words cword

	# What --help says: the options; the operands, from what the usage line
	# has beside them.
	while IFS= read -r line; do
		if [[ $line =~ ^usage:\ [^\ ]+\ (.*) ]]; then
			usage=${BASH_REMATCH[1]}
		elif [[ $line =~ ^\ +(-.),\ (--[a-z-]+)(=(\'[^\']*\'|[^ ]+))? ]]; then
			takes[${BASH_REMATCH[1]}]=${BASH_REMATCH[4]}
			takes[${BASH_REMATCH[2]}]=${BASH_REMATCH[4]}
			options+=("${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}${BASH_REMATCH[3]:+=}")
		fi
	done < <("$self" --help 2>/dev/null)
	while [[ $usage =~ $option ]]; do
		usage=${BASH_REMATCH[3]}
	done
	read -r -a places <<<"${usage%% -- *}"

	# The words before this one: operands are counted; place becomes that of
	# an option whose argument comes next.
	for ((i = 1; i < cword; i++)); do
		word=${words[i]}
		if [[ -n $place ]]; then
			_mq_took "$place" "$word"
			place=''
		elif [[ -n $ended || $word != -?* ]]; then
			((operands++)) || name=$word
			[[ ${places[operands]} == COMMAND ]] && command=$((i + 1))
		elif [[ $word == -- ]]; then
			ended=1
			[[ $usage == *' -- '* ]] && command=$((i + 1))
		elif [[ $word == --*=* ]]; then
			_mq_took "${takes[${word%%=*}]}" "${word#*=}"
		elif [[ $word == --* ]]; then
			place=${takes[$word]}
		else
			for ((j = 1; j < ${#word}; j++)); do
				place=${takes[-${word:j:1}]}
				[[ -n $place ]] || continue
				if ((j + 1 < ${#word})); then
					_mq_took "$place" "${word:j+1}"
					place=''
				fi
				break
			done
		fi
		if [[ -n $command ]]; then
			_mq_command "$command"
			return
		fi
	done
	spool=${spool//[\"\'\\]/}
	spool=${spool/#\~\//$HOME/}

	if [[ -z $place && -z $ended && $cur == --*=* ]]; then
		before=${cur%%=*}=
		place=${takes[${cur%%=*}]}
		cur=${cur#*=}
	elif [[ -z $place && -z $ended && $cur == -* ]]; then
		values=("${options[@]}")
	elif [[ -z $place ]]; then
		((operands < ${#places[@]})) && place=${places[operands]}
		[[ -z $place && ${places[-1]} == *...* ]] && place=${places[-1]}
		place=${place#[}
		place=${place%%[].[]*}
	fi

	[[ -z $place ]] || mapfile -t values < <(_mq_values "$place")
	COMPREPLY=()
	for word in "${values[@]}"; do
		[[ $word == "$cur"* ]] || continue
		[[ $word == *= ]] && compopt -o nospace
		printf -v word %q "$word"
		COMPREPLY+=("$before${word//\\,/,}") # commas need no quoting
	done

	case $place in
	DIR) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	FILE | *PATH*) ((${#COMPREPLY[@]})) || compopt -o default ;;
	*FIELD*) compopt -o nospace ;;
	esac

	# Readline replaces only what follows the last character that breaks words.
	cur=$before$cur
	[[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
	[[ $COMP_WORDBREAKS == *:* ]] && breaks+=':'
	[[ -n $breaks && $cur == *[$breaks]* ]] || return 0
	before=${cur%"${cur##*["$breaks"]}"}
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
} &&
	complete -F _mq mq-create mq-config mq-delete mq-purge mq-send mq-recv mq-cat mq-ack mq-nack \
		mq-extend mq-ls mq-redrive mq-stat mq-work mq-wait mq-call mq-once mq-bind mq-fsck mq-advise \
		mq-export mq-import
