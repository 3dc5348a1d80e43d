# works.bash - the work that compare measures, one function for each kind
#
# Each measures every contestant once and tells with
#
#	row WORK SIZE WHO VALUE		lower is better, unless UNITS says otherwise
#
# Contestants are $peers as far as they are installed, mq, and floors.  mq's own
# times are those of whole commands, process start and all; the clients of the
# peers time the load alone.
# shellcheck shell=bash disable=SC2154 # what compare sets

# ---- helpers ------------------------------------------------------------------

has() {
	command -v "$1" >/dev/null
}

runs() {
	[[ -v peer_port[$1] ]]
}

# The median of what spawn tells.
first() {
	cut -d ' ' -f 1
}

# wall COUNT COMMAND...: nanoseconds for each of COUNT
wall() {
	local count=$1 began ended
	shift
	began=$(date +%s%N)
	"$@" || return
	ended=$(date +%s%N)
	echo $(((ended - began) / count))
}

# together COMMAND N ARG...: N at once
together() {
	local command=$1 n=$2 i pids=()
	shift 2
	for ((i = 0; i < n; i++)); do
		"$command" "$@" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || return; done
}

# lines_of SIZE COUNT: a file of so many lines; the newline is no payload
lines_of() {
	local file=$work/lines.$1.$2
	[ -e "$file" ] || yes "$(head -c "$1" /dev/zero | tr '\0' x)" 2>/dev/null | head -n "$2" >"$file"
	echo "$file"
}

# ---- mq -------------------------------------------------------------------------

mq_send() { "$bin/mq-send" -q -l bench <"$1"; }
mq_take() { "$bin/mq-recv" -a -n "$1" bench >/dev/null; }
mq_receipts() { "$bin/mq-recv" -n "$1" bench | "$bin/mq-ack" -; }

# A worker that stays, and is told that each message is done.
mq_both() {
	mq_send "$1" &
	"$bin/mq-work" -L -j 1 -n "$2" bench -- "$answer"
	wait $!
}

# ---- peers ----------------------------------------------------------------------

# client WHO VERB COUNT SIZE: what the peer's client prints, at its best settings
client() {
	local who=$1 verb=$2 count=$3 size=$4 options=()
	case $who in
	rabbit-*)
		"$clients/rabbit" "${rabbit_options[@]}" "${peer_port[rabbit]}" "$verb" "bench-${who#*-}" \
			"${who#*-}" "$count" "$size"
		;;
	beanstalk-*) "$clients/beanstalk" "${beanstalk_options[@]}" "${peer_port[$who]}" "$verb" bench "$count" "$size" ;;
	redis-*)
		# What one connection writes is synced every 16 KiB, unless it is a transaction.
		[ "$who $verb" != 'redis-always send' ] || options=(-m)
		"$clients/redis" "${redis_options[@]}" "${options[@]}" "${peer_port[$who]}" "$verb" bench "$count" "$size"
		;;
	esac
}

# Several receivers share the messages; the slowest one's time is all the time.
client_shares() {
	local who=$1 n=$2 count=$3 size=$4 i
	for ((i = 0; i < n; i++)); do
		client "$who" recv $((count / n)) "$size" >"$work/share.$i" &
	done
	wait
	sort -n "$work"/share.* | awk -v n="$n" 'END { printf "%d\n", $1 / n }'
	rm "$work"/share.*
}

client_both() {
	local who=$1 count=$2 size=$3
	client "$who" send "$count" "$size" >/dev/null &
	client "$who" recv "$count" "$size" >/dev/null || return
	wait $!
}

# Each queue of a peer: it syncs each message alone in beanstalk-fsync, which gets
# fewer of them.
contestants=(rabbit-quorum rabbit-classic redis-always redis-everysec beanstalk-memory beanstalk-fsync)
peer_of() {
	echo "${1/rabbit-*/rabbit}"
}
count_for() {
	if [ "$1" = beanstalk-fsync ]; then echo $(($2 / 10)); else echo "$2"; fi
}

# ---- (a) one command --------------------------------------------------------------

# one WORK WHO [-i] COUNT COMMAND...: the command, and the empty process by turns
# with it; what the command prints is in $work/out
one() {
	local work_name=$1 who=$2 took bare
	shift 2
	"$spawn" -e "$empty" "$@" >"$work/all" || return
	read -r took _ bare < <(grep -E '(^|[^0-9])[0-9]+ [0-9]+ [0-9]+$' "$work/all" | tail -n 1 | grep -oE '[0-9]+ [0-9]+ [0-9]+$')
	grep -vE '^[0-9]+ [0-9]+ [0-9]+$' "$work/all" >"$work/out"
	row "$work_name" "$size" "$who" "$took"
	row "$work_name-empty" "$size" "$who" "$bare"
}

work_oneshot() {
	local n=$1 size=$2 payload url cli name queue
	payload=$(head -c "$size" /dev/zero | tr '\0' x)

	for queue in bench fast; do
		name=mq
		[ "$queue" = bench ] || name=mq-nosync
		one oneshot-send "$name" "$n" "$bin/mq-send" -q -b "$payload" "$queue"
		one oneshot-recv "$name" "$n" "$bin/mq-recv" "$queue"
		mv "$work/out" "$work/receipts"
		one oneshot-ack "$name" -i "$n" "$bin/mq-ack" @ <"$work/receipts"
	done
	fsync_floor "$n"
	if runs rabbit && has amqp-publish; then
		url=amqp://127.0.0.1:${peer_port[rabbit]}
		amqp-declare-queue -u "$url" -d -q oneshot >/dev/null
		one oneshot-send amqp-tools "$n" amqp-publish -u "$url" -p -r oneshot -b "$payload"
		one oneshot-recv amqp-tools "$n" amqp-get -u "$url" -q oneshot
		amqp-delete-queue -u "$url" -q oneshot >/dev/null
	fi
	if runs redis-always; then
		cli=(redis-cli -h 127.0.0.1 -p "${peer_port[redis-always]}")
		one oneshot-send redis-cli "$n" "${cli[@]}" XADD oneshot '*' m "$payload"
		"${cli[@]}" XGROUP CREATE oneshot g 0 >/dev/null
		one oneshot-recv redis-cli "$n" "${cli[@]}" XREADGROUP GROUP g c COUNT 1 STREAMS oneshot '>'
		"${cli[@]}" XRANGE oneshot - + | grep -E '^[0-9]+-[0-9]+$' >"$work/ids"
		one oneshot-ack redis-cli -i "$n" "${cli[@]}" XACK oneshot g @ <"$work/ids"
		"${cli[@]}" DEL oneshot >/dev/null
	fi
	oneshot_jobs
}

# What the device takes to make one small file durable.
fsync_floor() {
	row fsync 0 floor "$("$syncs" "$work/synced" "$1" | first)"
}

# Those that run a command for each, and so receive and ack themselves.
oneshot_jobs() {
	if has nq; then
		NQDIR=$work/nq one oneshot-send nq 20 nq -q true
		NQDIR=$work/nq nq -w 2>/dev/null
		rm -rf "$work/nq"
	fi
	if has tsp; then
		TS_SOCKET=$work/ts TMPDIR=$work one oneshot-send task-spooler 20 tsp true
		TS_SOCKET=$work/ts tsp -w
		TS_SOCKET=$work/ts tsp -K
	fi
}

# ---- (b), (c), (d) streams ------------------------------------------------------------

work_stream() {
	local count=$1 size=$2 lines who n
	lines=$(lines_of "$size" "$count")

	"$floor" "$work/floor" "$count" "$size" >"$work/floors"
	rm -rf "$work/floor"
	row in "$size" floor "$(awk '/^send/ { print $2 }' "$work/floors")"
	row out "$size" floor "$(awk '/^recv|^ack/ { s += $2 } END { print s }' "$work/floors")"
	row out "$size" floor-alone "$(awk '/^alone/ { print $2 }' "$work/floors")"
	sync
	row in "$size" mq "$(wall "$count" mq_send "$lines")"
	row out "$size" mq-receipts "$(wall "$count" mq_receipts "$count")"
	split -n l/2 "$lines" "$work/half."
	row in "$size" mq-2-senders "$(wall "$count" mq_halves)"
	row out "$size" mq "$(wall "$count" mq_take "$count")"
	for n in 2 4; do
		mq_send "$lines"
		row "out-$n" "$size" mq "$(wall "$count" together mq_take "$n" $((count / n)))"
	done
	row both "$size" mq "$(wall "$count" mq_both "$lines" "$count")"
	for who in "${contestants[@]}"; do
		runs "$(peer_of "$who")" || continue
		n=$(count_for "$who" "$count")
		sync
		row in "$size" "$who" "$(client "$who" send "$n" "$size")"
		row out "$size" "$who" "$(client "$who" recv "$n" "$size")"
		[[ $who != rabbit-* ]] || out_acked_together "$who" "$n" "$size"
		for share in 2 4; do
			client "$who" send "$n" "$size" >/dev/null
			row "out-$share" "$size" "$who" "$(client_shares "$who" "$share" "$n" "$size")"
		done
		row both "$size" "$who" "$(wall "$n" client_both "$who" "$n" "$size")"
		client_delete "$who"
	done
}

# One ack for a hundred messages, which then are not acked alone as elsewhere.
out_acked_together() {
	local rabbit_options=(-w 2000 -p 1000 -a 100)
	client "$1" send "$2" "$3" >/dev/null
	row out "$3" "$1-acks-of-100" "$(client "$1" recv "$2" "$3")"
}

mq_halves() {
	mq_send "$work/half.aa" &
	mq_send "$work/half.ab"
	wait $!
}

client_delete() {
	case $1 in
	rabbit-*) "$clients/rabbit" "${peer_port[rabbit]}" delete "bench-${1#*-}" ;;
	redis-*) "$clients/redis" "${peer_port[$1]}" delete bench ;;
	esac >/dev/null
}

# ---- (e) a pool of jobs ----------------------------------------------------------------

work_jobs() {
	local count=$1
	seq "$count" >"$work/list"
	"$bin/mq-send" -q -l bench <"$work/list"
	row jobs 0 mq-work "$(wall "$count" "$bin/mq-work" -j2 -e bench -- true)"
	row jobs 0 xargs "$(wall "$count" xargs -P2 -n1 true <"$work/list")"
	! has parallel || row jobs 0 parallel "$(wall "$count" parallel -j2 --will-cite true <"$work/list")"
	if runs rabbit && has amqp-consume; then
		local url=amqp://127.0.0.1:${peer_port[rabbit]}
		amqp-declare-queue -u "$url" -q jobs >/dev/null
		amqp-publish -u "$url" -r jobs -l <"$work/list"
		row jobs 0 amqp-consume "$(wall "$count" amqp_pool "$url" "$count")"
		amqp-delete-queue -u "$url" -q jobs >/dev/null
	fi
}

# The command must read its input, or amqp-consume ends.
amqp_pool() {
	amqp-consume -u "$1" -q jobs -p 1 -c $(($2 / 2)) cat >/dev/null &
	amqp-consume -u "$1" -q jobs -p 1 -c $(($2 - $2 / 2)) cat >/dev/null
	wait $!
}

# ---- (f) waking ---------------------------------------------------------------------

# percentiles WHO: of microseconds, a line each, told as nanoseconds
percentiles() {
	sort -n | awk '{ t[NR] = $1 } END { print int(t[int((NR + 1) / 2)] * 1000), int(t[int(NR * 0.99) + (NR < 100)] * 1000) }' | {
		read -r half most
		row wake-p50 256 "$1" "$half"
		row wake-p99 256 "$1" "$most"
	}
}

work_wake() {
	local count=$1 who
	"$latency" "$MQ_SPOOL" bench "$count" | percentiles mq
	"$latency" "$MQ_SPOOL" fast "$count" | percentiles mq-nosync
	for who in "${contestants[@]}"; do
		case $who in
		rabbit-*) runs rabbit && "$clients/rabbit" "${peer_port[rabbit]}" latency "wake-${who#*-}" "${who#*-}" "$count" | percentiles "$who" ;;
		redis-*) runs "$who" && "$clients/redis" "${peer_port[$who]}" latency wake "$count" | percentiles "$who" ;;
		*) runs "$who" && "$clients/beanstalk" "${peer_port[$who]}" latency wake "$count" | percentiles "$who" ;;
		esac
	done
}

# ---- (g), (h), (i), (l) a backlog ---------------------------------------------------------

peak() {
	/usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1
}

# One queue of each length, worked at by turns.
work_backlog() {
	local n=$1 b
	shift
	for b; do
		"$bin/mq-create" "backlog-$b" visibility=1h sync=none
		[ "$("$bin/mq-stat" "backlog-$b" | cut -f 2)" -gt 0 ] || seq "$b" | "$bin/mq-send" -q -l "backlog-$b"
	done
	sync
	for b; do
		row backlog-send "$b" mq "$("$spawn" "$n" "$bin/mq-send" -q -b x "backlog-$b" | first)"
		"$spawn" "$n" "$bin/mq-recv" "backlog-$b" >"$work/out"
		row backlog-recv "$b" mq "$(grep -v / "$work/out" | first)"
		grep / "$work/out" >"$work/receipts"
		row backlog-ack "$b" mq "$("$spawn" -i "$n" "$bin/mq-ack" @ <"$work/receipts" | first)"
	done
}

# Peak KiB of each command on the longest of them.
work_memory() {
	local q=backlog-$1
	row memory "$1" mq-send "$(peak "$bin/mq-send" -q -b x "$q")"
	row memory "$1" mq-send-l "$(seq 100000 | peak "$bin/mq-send" -q -l "$q")"
	row memory "$1" mq-recv-n "$(peak "$bin/mq-recv" -n 10000 "$q")"
	"$bin/mq-recv" -n 10000 "$q" >"$work/receipts"
	row memory "$1" mq-ack "$(peak "$bin/mq-ack" - <"$work/receipts")"
	row memory "$1" mq-work "$(peak "$bin/mq-work" -n 100 "$q" -- true)"
	row memory "$1" mq-ls "$(peak "$bin/mq-ls" -n 1000 "$q")"
	row memory "$1" mq-stat "$(peak "$bin/mq-stat" "$q")"
	for who in "${!peer_pid[@]}"; do
		[[ $who == epmd ]] || row memory 0 "$who" "$(ps -o rss= -p "${peer_pid[$who]}")"
	done
}

# KiB and inodes below a directory
disk() {
	du -sk "$1" | cut -f 1
}

work_disk() {
	local count=$1 lines who n before dir
	lines=$(lines_of 30 "$count")
	"$bin/mq-create" disk
	before=$(disk "$MQ_SPOOL/q/disk")
	"$bin/mq-send" -q -l disk <"$lines"
	row disk 30 mq $((($(disk "$MQ_SPOOL/q/disk") - before) * 1024 / count))
	row inodes 30 mq "$(find "$MQ_SPOOL/q/disk" -printf '%i\n' | sort -u | awk -v n="$count" 'END { printf "%.4f", NR / n }')"
	"$bin/mq-delete" disk
	for who in "${contestants[@]}"; do
		# beanstalkd has its files beforehand
		if ! runs "$(peer_of "$who")" || [[ $who == beanstalk-* ]]; then continue; fi
		dir=$work/peers/$(peer_of "$who")
		n=$(count_for "$who" "$count")
		before=$(disk "$dir")
		client "$who" send "$n" 30 >/dev/null
		row disk 30 "$who" $((($(disk "$dir") - before) * 1024 / n))
		client_delete "$who"
	done
}

# Milliseconds to the first message when nothing is in memory.
work_cold() {
	[ "$(id -u)" -eq 0 ] || return 0
	sync
	echo 3 >/proc/sys/vm/drop_caches
	row cold "$1" mq "$(wall 1 "$bin/mq-recv" "backlog-$1" | tail -n 1)"
}

# ---- (j) fan-out ---------------------------------------------------------------------

# Nanoseconds for each copy.
work_fanout() {
	local count=$1 queues=$2 n lines
	lines=$(lines_of 256 "$count")
	"$bin/mq-create" -x fanout "all$queues"
	for ((n = 1; n <= queues; n++)); do
		"$bin/mq-create" "all$queues.$n"
		"$bin/mq-bind" "all$queues" "all$queues.$n"
	done
	row fanout "$queues" floor "$("$fanout" "$work/floor" "$count" 256 "$queues" | awk -v q="$queues" '{ printf "%d", $1 / q }')"
	row fanout "$queues" mq "$(wall $((count * queues)) "$bin/mq-send" -q -x "all$queues" -l <"$lines")"
	rm -rf "$work/floor"
	for ((n = 1; n <= queues; n++)); do "$bin/mq-delete" "all$queues.$n"; done
	"$bin/mq-delete" "all$queues"
	for type in quorum classic; do
		runs rabbit || continue
		"$clients/rabbit" "${peer_port[rabbit]}" fanout-declare all "$type" "$queues"
		n=$("$clients/rabbit" "${peer_port[rabbit]}" publish all "$count" 256)
		row fanout "$queues" "rabbit-$type" $((${n%.*} / queues))
		"$clients/rabbit" "${peer_port[rabbit]}" fanout-delete all "$queues"
	done
}

# ---- (k) groups -----------------------------------------------------------------------

work_groups() {
	local count=$1 n
	shift
	for n; do
		"$bin/mq-create" grouped sync=none visibility=1h
		row groups "$n" mq "$("$groups" "$MQ_SPOOL" grouped "$n" "$count" | awk '{ print $1 + $2 }')"
		"$bin/mq-delete" grouped
	done
}
