# peers.bash - start and stop the brokers that mq is measured against
#
#	. peers.bash
#	trap peers_stop EXIT
#	peer_start NAME DIR	sets peer_port[NAME] and peer_pid[NAME]
#	peer_stop NAME
#	peers_stop		all that were started
#
# NAME is rabbit, beanstalk-fsync, beanstalk-memory, redis-always or
# redis-everysec. What a peer writes is below DIR/NAME, so DIR belongs on the
# file system that mq is measured on. Each peer listens on loopback alone, on a
# port that was free, and answers when peer_start returns. All are ended by
# their process ids. PEER_TIMEOUT is how many seconds a start or stop may take.
#
# Where a setting differs from the default, or was tried in vain, the reason stands
# beside it.
# shellcheck shell=bash

declare -gA peer_port peer_pid
PEER_TIMEOUT=${PEER_TIMEOUT:-120}
PEER_RABBIT_BIN=${PEER_RABBIT_BIN:-/usr/lib/rabbitmq/bin}

peer_start() {
	local name=$1 dir=$2/$1

	case $name in
	rabbit | beanstalk-fsync | beanstalk-memory | redis-always | redis-everysec) ;;
	*) peer_fail "$name" "no such peer" || return ;;
	esac
	[[ ! -v peer_pid[$name] ]] || peer_fail "$name" "runs already" || return
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || return
	peer_port[$name]=$(peer_free_port) || peer_fail "$name" "no free port" || return
	"peer_start_${name%%-*}" "$dir" "${name#*-}" && return
	tail -n 20 "$dir"/log >&2
	peer_stop "$name"
	return 1
}

peer_fail() {
	echo "peers: $1: $2" >&2
	return 1
}

# A port that nobody listens on, below those that the kernel gives to clients.
peer_free_port() {
	local port try

	for try in {1..100}; do
		port=$((20000 + (RANDOM + try) % 12000))
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
		[[ " ${peer_port[*]} " == *" $port "* ]] && continue
		echo "$port"
		return 0
	done
	return 1
}

# Run a command again and again until it succeeds: not when the process has
# ended, not longer than the limit.
peer_await() {
	local name=$1 end=$((SECONDS + PEER_TIMEOUT))

	shift
	until "$@" >/dev/null 2>&1; do
		kill -0 "${peer_pid[$name]}" 2>/dev/null || peer_fail "$name" "ended at its start" || return
		((SECONDS < end)) || peer_fail "$name" "does not answer" || return
		read -rt 0.02 <><(:) || true
	done
}

# ---- RabbitMQ -----------------------------------------------------------

# One node with a name server (epmd) of its own.
# Without management, whose statistics cost each message something.
peer_start_rabbit() {
	local dir=$1 port=${peer_port[rabbit]}

	peer_port[epmd]=$(peer_free_port) || return
	peer_port[dist]=$(peer_free_port) || return
	mkdir -p "$dir/home" "$dir/log.d"
	peer_rabbit_conf "$port" >"$dir/rabbitmq.conf"
	peer_rabbit_advanced >"$dir/advanced.config"
	echo '[].' >"$dir/enabled_plugins"
	# Made here: node and rabbitmqctl start at once, and each would make another.
	(umask 377 && head -c 20 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$dir/home/.erlang.cookie")
	peer_rabbit_env "$dir"

	env "${peer_rabbit_env[@]}" epmd -address 127.0.0.1 -port "${peer_port[epmd]}" \
		>"$dir/epmd.log" 2>&1 </dev/null &
	peer_pid[epmd]=$!
	peer_await epmd env "${peer_rabbit_env[@]}" epmd -names || return
	env "${peer_rabbit_env[@]}" "$PEER_RABBIT_BIN/rabbitmq-server" >>"$dir/log" 2>&1 </dev/null &
	peer_pid[rabbit]=$!
	env "${peer_rabbit_env[@]}" "$PEER_RABBIT_BIN/rabbitmqctl" wait --timeout "$PEER_TIMEOUT" \
		--pid "$!" >>"$dir/log" 2>&1 &&
		peer_await rabbit amqp-declare-queue -u "amqp://127.0.0.1:$port" -q ready &&
		amqp-delete-queue -u "amqp://127.0.0.1:$port" -q ready >/dev/null
}

peer_rabbit_conf() {
	cat <<-END
		listeners.tcp.1 = 127.0.0.1:$1
		# Not one line of log for each connection.
		log.file = false
		log.console = true
		log.console.level = error
		# No alarm may stop the publishers: a million messages of 16 KiB, in memory
		# and on disk, are less than this.
		vm_memory_high_watermark.relative = 0.8
		disk_free_limit.absolute = 50MB
		# Classic queues keep the new index and store, which are the faster ones.
		classic_queue.default_version = 2
	END
}

# A classic queue does not collect its whole heap after each thousand messages:
# with a long backlog that costs much, and needs the more time the longer it is.
peer_rabbit_advanced() {
	cat <<-END
		[{rabbit, [
			{queue_explicit_gc_run_operation_threshold, 10000000},
			{lazy_queue_explicit_gc_run_operation_threshold, 10000000}
		]}].
	END
}

# Everything of the node is below DIR: data, configuration, logs, the cookie
# in HOME. As if under systemd, the script is replaced by the node, so that the
# process id is the node's. +hmbs: a process may refer to 80 MB of message bodies
# before that alone makes it collect its heap; that halved the processor time of a
# message in a classic queue with a backlog, and did quorum queues no harm.
peer_rabbit_env() {
	local dir=$1

	peer_rabbit_env=(
		HOME="$dir/home"
		LANG=C.UTF-8
		RUNNING_UNDER_SYSTEMD=true
		ERL_EPMD_ADDRESS=127.0.0.1
		ERL_EPMD_PORT="${peer_port[epmd]}"
		RABBITMQ_NODENAME=bench@localhost
		RABBITMQ_DIST_PORT="${peer_port[dist]}"
		RABBITMQ_CONF_ENV_FILE="$dir/none"
		RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf"
		RABBITMQ_ADVANCED_CONFIG_FILE="$dir/advanced.config"
		RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins"
		RABBITMQ_GENERATED_CONFIG_DIR="$dir/generated"
		RABBITMQ_PLUGINS_EXPAND_DIR="$dir/plugins"
		RABBITMQ_MNESIA_BASE="$dir/mnesia"
		RABBITMQ_FEATURE_FLAGS_FILE="$dir/feature_flags"
		RABBITMQ_PID_FILE="$dir/pid"
		RABBITMQ_LOG_BASE="$dir/log.d"
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +hmbs 10000000"
	)
}

# ---- beanstalkd ---------------------------------------------------------

# -z: room for jobs of 1 MiB. The log's files stay at 10 MiB each: with 1 GiB
# (-s) a put took as long, for each is one fsync, and the start seconds.
peer_start_beanstalk() {
	local dir=$1 name=beanstalk-$2 options=(-z 1048576)

	[[ $2 = memory ]] || options+=(-b "$dir" -f 0)
	beanstalkd -l 127.0.0.1 -p "${peer_port[$name]}" "${options[@]}" >"$dir/log" 2>&1 </dev/null &
	peer_pid[$name]=$!
	peer_await "$name" peer_beanstalk_answers "${peer_port[$name]}"
}

peer_beanstalk_answers() {
	local line

	exec {peer_fd}<>"/dev/tcp/127.0.0.1/$1" || return
	printf 'list-tube-used\r\n' >&"$peer_fd" && read -rt 1 line <&"$peer_fd"
	exec {peer_fd}>&-
	[[ $line = USING* ]]
}

# ---- Redis --------------------------------------------------------------

# The append-only file alone, as a queue that must not lose a message has it:
# no snapshots, and no rewrite, which would fork amid a measurement. The nodes of
# a stream stay at 4 KiB and 100 entries: with larger ones an append took as long,
# and a deletion longer.
peer_start_redis() {
	local dir=$1 name=redis-$2

	redis-server --bind 127.0.0.1 --port "${peer_port[$name]}" --dir "$dir" --daemonize no \
		--logfile '' --loglevel warning --save '' --appendonly yes --appendfsync "$2" \
		--auto-aof-rewrite-percentage 0 >"$dir/log" 2>&1 </dev/null &
	peer_pid[$name]=$!
	peer_await "$name" peer_redis_answers "${peer_port[$name]}"
}

peer_redis_answers() {
	[[ $(redis-cli -h 127.0.0.1 -p "$1" ping) = PONG ]]
}

# ---- the end ------------------------------------------------------------

# RabbitMQ's name server goes with it.
peer_stop() {
	local name

	for name in "$1" $([[ $1 != rabbit ]] || echo epmd); do
		[[ -v peer_pid[$name] ]] || continue
		kill "${peer_pid[$name]}" 2>/dev/null
		timeout "$PEER_TIMEOUT" tail -s 0.05 --pid="${peer_pid[$name]}" -f /dev/null ||
			kill -KILL "${peer_pid[$name]}"
		wait "${peer_pid[$name]}" 2>/dev/null
		unset "peer_pid[$name]" "peer_port[$name]"
	done
	return 0
}

peers_stop() {
	local name

	for name in "${!peer_pid[@]}"; do
		peer_stop "$name"
	done
}
