# fish completion for the mq commands; installed under the name of each
#
# Which options and operands a command takes is read from its --help, so that
# nothing is said twice; what can stand in their places is decided by the
# placeholders there (QUEUE, RECEIPT, STATE, ...).

# __mq_words SPEC...: read the command line, by the options that the specs tell
# argparse of.  Sets in the caller: spool, as options; operand, the number of the
# operand that is being completed; name, the first one; exchange, what -x says.
function __mq_words -S
    # the word at hand stands for itself, whatever it is so far
    set -l __mq_words (commandline -opc) word
    argparse -i $argv -- $__mq_words[2..] 2>/dev/null
    set operand (count $argv)
    set name $argv[1]
    set exchange $_flag_exchange
    set -q _flag_spool
    and set spool -s (string replace -r '^~/' "$HOME/" -- $_flag_spool[-1])
end

function __mq_queues -S
    mq-ls $spool 2>/dev/null
end

function __mq_exchanges -S
    mq-bind $spool -l 2>/dev/null | string replace -r '\t.*' '' | uniq
end

# __mq_advises: whether the command at hand is mq-advise
function __mq_advises
    string match -q '*mq-advise' -- (commandline -opc)[1]
end

# __mq_settings: their keys, or those of a workload; an exchange, made or to be made, has others
function __mq_settings -S
    if __mq_advises
        printf '%s=\n' rate burst drain service service-sd failures order keys fanout \
            durability retention replay reply target-wait outage size hosts copies
    else if set -q exchange[1]; or contains -- "$name" (__mq_exchanges)
        printf '%s=\n' alternate
    else
        printf '%s=\n' visibility max-receives backoff retention dlq-retention \
            max-depth max-bytes overflow max-message dedup-window dead-letter-to \
            priority-aging group-on-dead paused sync
    end
end

# __mq_each OPTION...: mq-ls with these for every queue
function __mq_each -S
    for queue in (mq-ls $spool -n 100 2>/dev/null)
        mq-ls $spool $argv -n 100 $queue 2>/dev/null
    end
end

# __mq_values PLACE: what can stand at a placeholder, one per line
function __mq_values -S
    set -l word (string replace -r '^--[a-z-]+=' '' -- (commandline -ct))
    switch $argv[1]
        case EXCHANGE
            __mq_exchanges
        case TYPE
            printf '%s\n' fanout direct topic headers
        case QUEUE NAME TARGET REPLY-TO
            contains -- $argv[1] NAME TARGET
            and __mq_exchanges
            if string match -q '*/*' -- $word
                __mq_queues | string replace -r '$' /dlq
            else
                __mq_queues
            end
            # there need be no queue
            __mq_advises
            and __mq_values key=value
        case 'RECEIPT*' ID
            set -l state leased
            set -l field 7
            test $argv[1] = ID; and set state dead; and set field 1
            string match -q '*mq-wait' -- (commandline -opc)[1]; and set state ready,delayed,leased
            set -l found (__mq_each -S $state | string split -f $field \t)
            set -q found[1]; and printf '%s\n' $found
            # a path of a message, or one may begin to type another
            string match -q '*PATH*' -- $argv[1]
            and test -z "$found" -o -n "$word"
            and __fish_complete_path $word
        case FILE
            __fish_complete_path $word
        case DIR
            __fish_complete_directories $word ''
        case STATE
            printf '%s\n' (string replace -r '[^,]*$' '' -- $word){ready,delayed,leased,dead}
        case HOW
            printf '%s\n' gzip zstd xz none
        case PRIORITY
            seq 0 9
        case '*FIELD*'
            printf '%s\n' visible in_flight delayed dead oldest_age bytes in_rate out_rate \
                latency_p50 latency_p95 latency_p99 failed lag
        case key=value
            switch $word
                case 'overflow=*'
                    printf 'overflow=%s\n' reject block drop-head dead-letter
                case 'paused=*'
                    printf 'paused=%s\n' yes no
                case 'sync=*'
                    printf 'sync=%s\n' full none
                case 'order=*'
                    printf 'order=%s\n' none key strict
                case 'durability=*'
                    printf 'durability=%s\n' full none
                case 'replay=*' 'reply=*'
                    printf '%s\n' (string replace -r '=.*' = -- $word){yes,no}
                case 'group-on-dead=*'
                    printf 'group-on-dead=%s\n' skip block
                case 'alternate=*'
                    __mq_exchanges | string replace -r '^' alternate=
                case 'dead-letter-to=*'
                    __mq_queues | string replace -r '^' dead-letter-to=
                case '*'
                    __mq_settings
            end
    end
end

# __mq_option PLACE SPEC...: what an option can take
function __mq_option
    set -l spool
    set -l operand
    set -l name
    set -l exchange
    __mq_words $argv[2..]
    __mq_values $argv[1]
end

# __mq_rest USAGE SPEC...: when the line has come to a COMMAND with a line of its
# own, the words of that
function __mq_rest
    set -l rest (commandline -opc)[2..]
    if string match -q '*-- COMMAND*' -- $argv[1]
        set -l dashes (contains -i -- -- $rest); or return
        set -e rest[1..$dashes]
    else if string match -q 'KEY COMMAND*' -- $argv[1]
        argparse -s $argv[2..] -- $rest 2>/dev/null; or return
        set -q argv[1]; or return
        set rest $argv[2..]
    else
        return 1
    end
    set -q rest[1]; and printf '%s\n' $rest
    return 0
end

# __mq_operand USAGE SPEC...: what can be the next operand
function __mq_operand
    if set -l rest (__mq_rest $argv)
        complete -C (string join -- ' ' (string escape -- $rest) (commandline -ct))
        return
    end
    set -l spool
    set -l operand
    set -l name
    set -l exchange
    __mq_words $argv[2..]
    set -l places (string split ' ' -- (string replace -r ' -- .*' '' -- $argv[1]))
    # of mq-send: in place of the queue
    test $places[1] = QUEUE; and set -q exchange[1]; and set -e places[1]
    set -l place $places[$operand]
    test -z "$place"; and string match -q '*...*' -- $places[-1]; and set place $places[-1]
    __mq_values (string replace -r '^\[?([^].[]*).*' '$1' -- $place)
end

# __mq_command COMMAND: from its --help to its completions
function __mq_command -a command
    set -l help ($command --help 2>/dev/null)
    set -l option '^ +-(.), --([a-z-]+)=?(\'[^\']*\'|[^\s[]*)(?:\[=\S*\])? +(.*)'
    set -l specs
    for line in $help
        set -l found (string match -r $option -- $line)
        and set -a specs $found[2]/$found[3](string replace -r '.+' = "$found[4]")
    end
    set specs (string escape -- $specs)

    set -l where
    for line in $help
        if set -l found (string match -r $option -- $line)
            set -l takes
            test -n "$found[4]"
            and set takes -x -a "(__mq_option "(string escape -- $found[4])" $specs)"
            complete -c $command $where -s $found[2] -l $found[3] $takes -d $found[5]
        else if set -l usage (string match -r '^usage: \S+ (?:(?:\[-[^]]*\](?:\.\.\.)?|-. [A-Z]+ \|) *)*(.*)' -- $line)
            set usage (string escape -- $usage[2])
            complete -c $command -f -a "(__mq_operand $usage $specs)"
            string match -q '*COMMAND*' -- $usage
            and set where -n "not __mq_rest $usage $specs >/dev/null"
        end
    end
end

__mq_command (string replace -r '\.fish$' '' (status basename))
