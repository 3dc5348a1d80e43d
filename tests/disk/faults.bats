#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

# ---- a full disk ---------------------------------------------------------------

# image SIZE MKFS...: $DISK is a file system of that size, with the spool and queue q.
image() {
	local size=$1
	shift
	need_root
	command -v "$1" >/dev/null || skip "no $1"
	DISK=$T/disk
	truncate -s "$size" "$T/image"
	"$@" "$T/image" >"$T/mkfs.out" 2>&1
	mounted "$DISK" -o loop "$T/image"
	export MQ_SPOOL=$DISK/spool
	mq-create q backoff=0
}

# disk TYPE: as small as that type can be.
disk() {
	case $1 in
	xfs) image 300M mkfs.xfs -q ;;
	btrfs) image 128M mkfs.btrfs -q ;;
	*) small_disk "$1" ;;
	esac
}

# full: as fill_up leaves it, fast where the disk is not so small.
full() {
	local size n=0
	for size in 64M 16M 4M 1M 256K 64K; do
		while fallocate -l "$size" "$DISK/fill.$((n += 1))" 2>/dev/null; do :; done
	done
	fill_up
}

# roomy: some room again.  btrfs gives back what was removed when it commits.
roomy() {
	room_again
	sync -f "$DISK"
}

full_disk_drains() {
	disk "$1"
	seq -f 'bulk %03g' 40 | mq-send -q -l q
	for i in {1..40}; do
		printf 'single %03d' "$i" | mq-send -q q
	done
	full
	before=$(find "$MQ_SPOOL/q" -type f | wc -l)
	head -c 20000 /dev/urandom >"$T/in"
	fails 75 'mq-send: q: .*disk is full.*' mq-send q "$T/in"
	fails 75 'mq-send: q: .*disk is full.*: (0|no) messages were accepted' mq-send -l q <"$T/in"
	fails 75 'mq-send: q: .*disk is full.*' mq-send -D id q "$T/in"
	same "$before" "$(find "$MQ_SPOOL/q" -type f | wc -l)"
	no_litter
	has q 80 0 0 0
	# Everything that was accepted can be taken and settled.
	for i in {1..5}; do
		receipt=$(mq-recv q)
		same "$(printf 'bulk %03d' "$i")" "$(mq-cat "$receipt")"
		mq-ack "$receipt"
	done
	mq-nack -d 0 "$(mq-recv q)"
	has q 75 0 0 0
	same "$({ seq -f '[bulk %03g]' 6 40; seq -f '[single %03g]' 40; } | tr -d '\n')" "$(drain q)"
	has q 0 0 0 0
	roomy
	ok '' mq-send -q q "$T/in"
	mq-recv -a q | cmp - "$T/in"
	no_litter
}

@test "a full ext4: senders get 75, consumers drain, then all is well" {
	full_disk_drains ext4
}

@test "a full tmpfs: senders get 75, consumers drain, then all is well" {
	full_disk_drains tmpfs
}

@test "a full xfs: senders get 75, consumers drain, then all is well" {
	full_disk_drains xfs
}

@test "a full btrfs: senders get 75, consumers drain, then all is well" {
	full_disk_drains btrfs
}

# Each kind of sending is refused whole, and leaves nothing behind; each kind of
# taking goes on.
full_disk_of_all_kinds() {
	local before id n each
	disk "$1"
	mq-create r backoff=0
	mq-create s backoff=0
	mq-create -x fanout x
	for each in q r s; do mq-bind x "$each"; done
	for n in {1..6}; do
		mq-send -q -g a -b "a$n" q
		mq-send -q -g b -b "b$n" q
	done
	seq 40 | mq-send -q -l -x x
	id=$(mq-send -D known -b known r)
	seq 30 | mq-send -q -l s
	full
	local before after
	census before
	for n in {1..5}; do
		fails 75 'mq-send: q: .*disk is full.*' mq-send -g a -b lost q
		fails 75 'mq-send: q: .*disk is full.*' mq-send -g new -b lost q
		fails 75 'mq-send: r: .*disk is full.*' mq-send -D new -b lost r
		fails 75 'mq-send: x: .*disk is full.*' mq-send -x x -b lost
		fails 75 'mq-send: x: .*disk is full.*: (0|no) messages were accepted' mq-send -l -x x < <(seq 100)
	done
	census after
	same "$before" "$after"
	no_litter
	# groups, in order, through a nack and a lapse
	mq-nack -d 0 "$(mq-recv q)"
	mq-recv q >/dev/null
	: >got
	while later 31s mq-recv -j -n 5 q >some; do
		jq -r .body some >>got
		jq -r .receipt some | later 31s mq-ack -
	done
	for each in a b; do
		same "$(printf "$each%d\\n" {1..6})" "$(grep "$each" got)"
	done
	same "$(seq 40)" "$(grep -x '[0-9]*' got)"
	# what was published, by workers; one dies
	: >"$T/worked"
	mq-work -e -j 2 s -- sh -c "read -r n; echo \"\$n\" >>$T/worked; [ \"\$n\" != 7 ] || exit 65"
	same "$({ seq 40; seq 30; } | sort)" "$(sort "$T/worked")"
	has s 0 0 0 2
	# the duplicate of one that was accepted is known; what was refused is not
	same "$(seq 40 | tr -d '\n')known" "$(mq-recv -a -n 100 r)"
	roomy
	same "$id" "$(mq-send -D known -b again r)"
	ok '' mq-send -q -D new -b new r
	ok '' mq-send -q -x x -b more
	ok '' mq-send -q -g a -b a7 q
	same '[new][more]' "$(drain r)"
	same '[more][a7]' "$(drain q)"
	same '[more]' "$(drain s)"
	same 2 "$(mq-redrive s)"
	same '[7][7]' "$(drain s)"
	later 1m mq-send -q -b x q
	later 2m mq-send -q -b x q
	same 262144 "$(cat "$MQ_SPOOL"/ballast/* | wc -c)"
	no_litter
}

@test "a full ext4: groups, exchanges, deduplication and workers" {
	full_disk_of_all_kinds ext4
}

@test "a full tmpfs: groups, exchanges, deduplication and workers" {
	full_disk_of_all_kinds tmpfs
}

@test "a full xfs: groups, exchanges, deduplication and workers" {
	full_disk_of_all_kinds xfs
}

@test "a full btrfs: groups, exchanges, deduplication and workers" {
	full_disk_of_all_kinds btrfs
}

# Past the reserve that senders keep, the disk itself says no, at any step: the
# room is a little more each time, so that each publish fails somewhere else.
@test "a disk that fills up within a publish: every queue gets it, or none" {
	disk ext4
	mq-create r
	mq-create -x fanout x
	mq-bind x q
	mq-bind x r
	head -c 400000 /dev/urandom >"$T/in"
	sent=0
	for room in {520..1400..40}; do
		avail=$(df --output=avail -k "$DISK" | tail -n 1)
		fallocate -l "$((avail - room))K" "$DISK/fill"
		if cat "$T/in" "$T/in" | mq-send -q -x x 2>err; then
			sent=$((sent + 1))
		else
			grep -xE 'mq-send: x: (the disk is full|.*No space left on device)' err >>errs
		fi
		same "$(mq-stat q | cut -f 2)" "$(mq-stat r | cut -f 2)"
		room_again
	done
	[ "$sent" -gt 2 ] && grep -q 'No space left' errs
	same "$sent" "$(mq-stat q | cut -f 2)"
	same "$sent" "$(mq-recv -a -n 100 r | wc -c | awk '{ print $1 / 800000 }')"
	no_litter
}

# ---- over quota ------------------------------------------------------------------

@test "over quota: the sender gets 75, consumers drain, then all is well" {
	disk btrfs
	btrfs quota enable "$DISK" 2>"$T/quota.err" || skip "no quotas: $(cat "$T/quota.err")"
	btrfs subvolume create "$DISK/own" >/dev/null
	export MQ_SPOOL=$DISK/own/spool
	mq-create q backoff=0
	head -c 60000 /dev/urandom >"$T/in"
	btrfs qgroup limit 8M "$DISK/own"
	for ((n = 0; n < 2000; n++)); do
		mq-send -q q "$T/in" 2>err || break
	done
	grep -qx 'mq-send: q: .*Disk quota exceeded' err
	fails 75 'mq-send: q: .*Disk quota exceeded' mq-send -D id q "$T/in"
	no_litter
	has q "$n" 0 0 0
	mq-nack -d 0 "$(mq-recv q)"
	same "$((n * 60000))" "$(mq-recv -a -n 2000 q | wc -c)"
	has q 0 0 0 0
	sync -f "$DISK" # there, what was removed counts until then
	ok '' mq-send -q -b more q
	same '[more]' "$(drain q)"
}

@test "a full ext4: a large batch can be taken, dead-lettered, extended and lapse" {
	small_disk ext4
	seq 600 | mq-send -q -l q
	fill_up
	mq-recv -n 300 q >"$T/receipts"
	same 300 "$(wc -l <"$T/receipts")"
	sed -n '1,100p' "$T/receipts" | mq-ack -
	sed -n '101,110p' "$T/receipts" | mq-nack -x -
	sed -n '111,120p' "$T/receipts" | mq-extend -v 1h -
	has q 300 190 0 10
	same 480 "$(later 31s mq-recv -n 1000 q | wc -l)"
	room_again
	has q/dlq 10 0 0 0
}

@test "the ballast is dropped for a full disk, and laid again" {
	small_disk ext4
	seq 300 | mq-send -q -l q
	same 262144 "$(cat "$MQ_SPOOL"/ballast/* | wc -c)"
	fill_up
	for i in {1..100}; do
		same "$i" "$(mq-recv -a q)"
	done
	room_again
	later 1m mq-recv -a q >/dev/null
	later 2m mq-recv -a q >/dev/null
	same 262144 "$(cat "$MQ_SPOOL"/ballast/* | wc -c)"
}

@test "a disk that fills up in a stream: what was accepted is there, whole and in order" {
	small_disk ext4
	seq -f "%06g $(printf 'x%.0s' {1..400})" 60000 >"$T/in"
	try mq-send -l q <"$T/in"
	# shellcheck disable=SC2154 # set by run
	[[ $stderr =~ ^mq-send:\ q:\ .*"disk is full".*:\ ([0-9]+)\ messages\ were\ accepted ]]
	accepted=${BASH_REMATCH[1]}
	same 75 "$status"
	[ "$accepted" -gt 1000 ]
	same "$accepted" "$(grep -c . <<<"$output")"
	same "$accepted" "$(mq-stat q | cut -f 2)"
	no_litter
	mq-recv -a -n 100000 q >"$T/out"
	head -n "$accepted" "$T/in" | tr -d '\n' | cmp - "$T/out"
	has q 0 0 0 0
}

@test "a payload too large for the disk: 75, and the room is free again" {
	small_disk ext4
	free=$(df --output=avail "$DISK" | tail -n 1)
	truncate -s 64M "$T/in"
	fails 75 'mq-send: q: .*No space left on device.*' mq-send q "$T/in"
	fails 75 'mq-send: q: .*No space left on device.*' mq-send q <"$T/in"
	no_litter
	has q 0 0 0 0
	now=$(df --output=avail "$DISK" | tail -n 1)
	[ "$now" -ge "$((free - 400))" ]
	ok '' mq-send -q -b x q
}

@test "a full disk: looking needs no room" {
	small_disk ext4
	mq-send -q -b x q
	fill_up
	ok $'q\n' mq-ls
	same 1 "$(mq-ls q | wc -l)"
	ok x mq-cat "$(path_of q)"
	mq-config q | grep -qx visibility=30s
	fails 75 'mq-create: .+' mq-create "$(printf 'n%.0s' {1..60})"
	same q "$(mq-ls)"
	fails 75 'mq-config: q: .+' mq-config q visibility=5s
	room_again
	grep -qx visibility=30s <(mq-config q)
}

@test "no inode is left: senders get 75, consumers drain" {
	DISK=$T/disk
	mounted "$DISK" -t tmpfs -o size=8m,nr_inodes=300 tmpfs
	export MQ_SPOOL=$DISK/spool
	mq-create q backoff=0
	for i in {1..20}; do
		mq-send -q -b "$i" q
	done
	i=0
	while : 2>/dev/null >"$DISK/fill$i"; do
		i=$((i + 1))
	done
	fails 75 'mq-send: q: .*disk is full.*' mq-send -b x q
	same "$(printf '[%s]' {1..20})" "$(drain q)"
	room_again
	ok '' mq-send -q -b x q
	same '[x]' "$(drain q)"
}

@test "a file size limit is an error, not a torn message" {
	mq-create q
	head -c 100000 /dev/zero >in
	try bash -c 'trap "" XFSZ; ulimit -f 40; exec mq-send q in'
	is 74 '' 'mq-send: q: .*File too large.*'
	has q 0 0 0 0
	no_litter
}

# ---- read-only -------------------------------------------------------------------

@test "a read-only spool: looking works, all else is 77" {
	mq-create q
	seq 3 | mq-send -q -l q
	receipt=$(mq-recv q)
	cp -r "$MQ_SPOOL" was
	mounted "$T/ro" --bind "$MQ_SPOOL"
	mount -o remount,ro,bind "$T/ro" 2>mount.err || skip "cannot remount: $(cat mount.err)"
	export MQ_SPOOL=$T/ro
	receipt=${receipt/"$T/spool"/"$T/ro"}
	for command in 'mq-send -b x q' 'mq-send -D id -b x q' 'mq-recv q' 'mq-recv -a q' 'mq-create r' 'mq-config q visibility=1s' 'mq-delete q'; do
		# shellcheck disable=SC2086 # words
		harmless 77 "${command%% *}: .*Read-only file system.*" $command
	done
	try mq-purge q
	is 77 $'0\n' 'mq-purge: q: .*Read-only file system.*'
	fails 77 'mq-send: q: .*Read-only file system.*' mq-send -l q <<<x
	for command in mq-ack mq-nack mq-extend 'mq-nack -x'; do
		# shellcheck disable=SC2086 # words
		harmless 77 "${command%% *}: .*Read-only file system.*" $command "$receipt"
	done
	ok $'q\n' mq-ls
	same 3 "$(mq-ls q | wc -l)"
	has q 2 1 0 0
	ok 1 mq-cat "$receipt"
	grep -qx visibility=30s <(mq-config q)
	diff -r was "$T/spool"
}

@test "a queue without write permission: 77, looking works" {
	need_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" 2>/dev/null || true
	as_nobody test -x "$MQ_BIN/mq-send" || skip "the build is not open to others"
	mq-create q
	mq-send -q -b x q
	chmod -R o=rX "$MQ_SPOOL"
	as_nobody test -r "$MQ_SPOOL/version" || skip "the scratch directory is not open to others"
	for command in 'mq-send -b x q' 'mq-recv q' 'mq-recv -a q' 'mq-create r' 'mq-config q visibility=1s' 'mq-delete q'; do
		# shellcheck disable=SC2086 # words
		harmless 77 "${command%% *}: .*Permission denied.*" as_nobody "$MQ_BIN"/$command
	done
	try as_nobody "$MQ_BIN/mq-purge" q
	is 77 $'0\n' 'mq-purge: q: .*Permission denied.*'
	same "$(mq-ls q | cut -f 1,2,4-)" "$(as_nobody "$MQ_BIN/mq-ls" q | cut -f 1,2,4-)"
	ok x as_nobody "$MQ_BIN/mq-cat" "$(path_of q)"
	has q 1 0 0 0
}

# ---- stdout -----------------------------------------------------------------------

@test "receipts that cannot be written: 74, the leases are given back, uncounted" {
	mq-create q
	seq 600 | mq-send -q -l q
	for to in to_closed to_full to_broken; do
		for command in 'mq-recv' 'mq-recv -n 5' 'mq-recv -j -n 5' 'mq-recv -a' 'mq-recv -a -n 5' 'mq-recv -0 -n 500'; do
			# shellcheck disable=SC2086 # words
			fails 74 'mq-recv: .+' $to $command q
			has q 600 0 0 0
		done
	done
	mq-recv -n 600 -j q >got
	same 1 "$(jq .receives got | sort -u)"
	same "$(seq 600)" "$(jq -r .body got | sort -n)"
}

@test "output that ends midway: what was written whole is leased, the rest is given back" {
	mq-create q
	seq 40 | mq-send -q -l q
	mq-recv -a q >/dev/null
	printf '\n' | mq-send -q q
	fails 74 'mq-recv: .+' bash -c 'trap "" XFSZ; ulimit -f 2; exec mq-recv -n 40 q >out'
	whole=$(wc -l <out) # what is cut off has no end of line
	[ "$whole" -ge 5 ] && [ "$whole" -le 39 ]
	has q "$((40 - whole))" "$whole" 0 0
	head -n "$whole" out | mq-ack -
	mq-recv -j -n 50 q >got
	same "$((40 - whole))" "$(wc -l <got)"
	same 1 "$(jq .receives got | sort -u)"
	same "$((whole + 2))" "$(head -n 1 got | jq -r .body)"
}

@test "-a to a full disk: only what was written whole is acked" {
	DISK=$T/disk
	mounted "$DISK" -t tmpfs -o size=16k tmpfs
	mq-create q
	for i in 1 2 3 4 5; do
		head -c 5000 /dev/zero | tr '\0' "$i" | mq-send -q q
	done
	to_disk() { "$@" >"$DISK/out"; }
	fails 74 'mq-recv: .+' to_disk mq-recv -a -n 5 q
	has q 2 0 0 0
	same '4 5' "$(mq-recv -j -n 5 q | jq -r '.body[:1]' | xargs)"
}

@test "what other commands cannot write: 74" {
	mq-create q
	mq-send -q -b x q
	mq-nack -x "$(mq-recv q)"
	for to in to_closed to_full to_broken; do
		fails 74 'mq-redrive: .+' $to mq-redrive -N q
		fails 74 'mq-send: .+' $to mq-send -b x q
		fails 74 'mq-send: .+' $to mq-send -l q <<<x
		fails 74 'mq-config: .+' $to mq-config q
		fails 74 'mq-ls: .+' $to mq-ls
		fails 74 'mq-ls: .+' $to mq-ls q
		fails 74 'mq-stat: .+' $to mq-stat
		fails 74 'mq-purge: .+' $to mq-purge q
		fails 74 'mq-create: .+' $to mq-create -h
	done
}

@test "an id that cannot be written: the message was sent all the same" {
	mq-create q
	fails 74 'mq-send: .+' to_full mq-send -b x q
	same '[x]' "$(drain q)"
}

@test "with stdin, stdout and stderr closed no file takes their place" {
	mq-create q
	mq-send -q -b one q
	all_closed() { "$@" <&- >&- 2>&-; }
	try all_closed mq-recv q
	same 74 "$status"
	try all_closed mq-send -b two q
	same 74 "$status"
	try all_closed mq-send nosuch
	same 66 "$status"
	try all_closed mq-config q max-receives=9
	same 0 "$status"
	grep -qx max-receives=9 <(mq-config q)
	same '' "$(grep -vE '^[a-z-]+=' "$MQ_SPOOL/q/q/conf")"
	same '[one][two]' "$(drain q)"
}

# ---- what people do ------------------------------------------------------------------

@test "stat/ removed at any time" {
	mq-create q
	mq-send -q -b 1 q
	rm -rf "$MQ_SPOOL/q/q/stat"
	mq-send -q -b 2 q
	rm -rf "$MQ_SPOOL/q/q/stat"
	receipt=$(mq-recv q)
	rm -rf "$MQ_SPOOL/q/q/stat"
	mq-ack "$receipt"
	same '[2]' "$(drain q)"
}

@test "the counters' page cut short or filled with noise" {
	mq-create q
	mq-send -q -b 1 q
	find "$MQ_SPOOL/q/q/stat" -type f -exec truncate -s 10 {} +
	mq-send -q -b 2 q
	find "$MQ_SPOOL/q/q/stat" -type f -exec dd if=/dev/urandom of={} bs=4096 count=1 status=none \;
	mq-send -q -b 3 q
	has q 3 0 0 0
	same '[1][2][3]' "$(drain q)"
}

# Times long past and far ahead, counts huge and negative.
@test "the counters' page filled with one number: all goes on, and is counted anew" {
	local byte
	for byte in 001 177 200 377; do
		rm -rf "$MQ_SPOOL"
		mq-create q max-depth=2 visibility=100ms
		mq-send -q -b 1 q
		mq-recv q >/dev/null
		head -c 4096 /dev/zero | tr '\0' "\\$byte" >"$MQ_SPOOL/q/q/stat/$(uname -n)"
		mq-send -q -b 2 q
		same '1 2' "$({ mq-recv -a -w 30 q && echo && mq-recv -a -w 30 q; } | sort | xargs)"
		same '2 2' "$(mq-stat -j q | jq -r '.acked, .received' | xargs)"
	done
}

@test "the ballast removed" {
	mq-create q
	rm -rf "$MQ_SPOOL/ballast"
	ok '' mq-send -q -b x q
	same '[x]' "$(drain q)"
}

@test "head hints removed or wrong" {
	mq-create q
	seq 2000 | mq-send -q -l q
	mq-recv -a -n 1000 q >/dev/null
	find "$MQ_SPOOL/q/q/ready" -name head -delete
	same "$(seq 1001 1010)" "$(mq-recv -j -n 10 q | jq -r .body)"
}

@test "a spool copied with tar works elsewhere" {
	mq-create q backoff=0
	seq 600 | mq-send -q -l q
	mq-recv -n 3 q >receipts
	mkdir elsewhere
	tar -C "$MQ_SPOOL" -cf - . | tar -C elsewhere -xf -
	export MQ_SPOOL=$T/elsewhere
	has q 597 3 0 0
	same "$(seq 600)" "$(later 31s mq-recv -j -n 1000 q | jq -r .body | sort -n)"
}

@test "a spool moved works where it is" {
	mq-create q
	mq-send -q -b x q
	mv "$MQ_SPOOL" moved
	export MQ_SPOOL=$T/moved
	same '[x]' "$(drain q)"
}

# ---- errors that look like the end, or like damage -----------------------------

# unreadable DIRECTORY COMMAND...: as if that directory of the queues could not be read.
unreadable() {
	local directory=$MQ_SPOOL/q/$1
	shift
	strace -qq -o /dev/null -P "$directory" -e inject=getdents64:error=EIO "$@"
}

@test "a directory that cannot be read is not the end of it" {
	command -v strace >/dev/null || skip "no strace"
	mq-create leased
	mq-create delayed
	mq-create group
	mq-send -q -b x leased
	receipt=$(mq-recv -v 1h leased)
	mq-send -q -d 1h -b x delayed
	for directory in leased/leased "leased/leased/$(basename "$(dirname "$receipt")")" delayed/delayed \
		"delayed/delayed/$(ls "$MQ_SPOOL/q/delayed/delayed")"; do
		queue=${directory%%/*}
		try unreadable "$directory" mq-wait -w 0 "$queue"
		is 74 '' "mq-wait: $queue: .*Input/output error.*"
		try unreadable "$directory" mq-ls -S leased,delayed "$queue"
		is 74 '' "mq-ls: $queue: .*Input/output error.*"
		try unreadable "$directory" mq-work -e "$queue" -- true
		is 74 '' "mq-work: $queue: .*Input/output error.*"
	done
	# That a message of a group is in flight, its token says.
	mq-send -q -g g -b x group
	receipt=$(mq-recv -v 1h group)
	for directory in leased "leased/$(basename "$(dirname "$receipt")")"; do
		try unreadable "group/$directory" mq-purge group
		is 74 $'0\n' 'mq-purge: group: .*Input/output error.*'
		has group 0 1 0 0
	done
	ok '' mq-ack "$receipt"
}

@test "a directory that cannot be looked through is not made a spool" {
	command -v strace >/dev/null || skip "no strace"
	mkdir dir
	touch dir/mine
	try strace -qq -o /dev/null -P "$T/dir" -e inject=getdents64:error=EIO mq-create -s "$T/dir" q
	is 74 '' 'mq-create: .*dir: cannot make the spool: Input/output error'
	same mine "$(ls dir)"
}

@test "no memory to read a message's properties is no damage" {
	crowded
	mq-create q
	mq-create aside
	# A block whose headers take more memory than its text.
	for ((i = 0; i < 5000; i++)); do
		echo "H$i: v"
	done >headers
	mapfile -t headers <headers
	args=()
	for header in "${headers[@]}"; do
		args+=(-H "$header")
	done
	mq-send -q "${args[@]}" -b x q
	failed=0
	for ((memory = 1024; memory < 12288; memory += 64)); do
		(ulimit -v "$memory" && exec mq-fsck -y q) >out 2>err || failed=$((failed + 1))
		[ ! -e "$MQ_SPOOL/q/q/bad" ]
	done
	[ "$failed" -gt 0 ]
	ok '' mq-fsck q
	same '[x]' "$(drain q)"
}

@test "what is interrupted is begun again" {
	! sanitized || skip "what loads shared libraries is interrupted, too"
	command -v strace >/dev/null || skip "no strace"
	cycle() {
		local step=$1 id receipt
		shift
		"$@" mq-create "q$step" backoff=0
		"$@" mq-send -g g -D key -b x "q$step" >id
		seq 100 | "$@" mq-send -q -l "q$step"
		"$@" mq-send -q -d 1h -b later "q$step"
		"$@" mq-recv "q$step" >receipt
		"$@" mq-extend -v 1h - <receipt
		"$@" mq-nack -r why - <receipt
		"$@" mq-recv -n 100 "q$step" | "$@" mq-ack -
		"$@" mq-recv "q$step" | "$@" mq-nack -x -
		"$@" mq-redrive "q$step" >count
		"$@" mq-purge "q$step" >count
		"$@" mq-delete "q$step"
	}
	calls=openat,openat2,mkdirat,unlinkat,renameat,renameat2,linkat,symlinkat,readlinkat,mknodat
	calls+=,newfstatat,fstat,statx,fstatfs,statfs,utimensat,fchmod,fchmodat,getdents64,flock,fsync
	for when in {1..8}; do # of each of these calls
		cycle "$when" strace -qq -o /dev/null -e inject="$calls:error=EINTR:when=$when"
	done
}

# full_worker: a worker is at a job while a btrfs fills up
full_worker() {
	mq-send -q -b 1 q
	mq-send -q -b 2 q
	mkfifo go
	# shellcheck disable=SC2016 # of the job
	start worker mq-work -j 1 -n 2 q -- sh -c 'echo >>started; read -r _ <"$1"' sh "$T/go"
	soon there "$T/started" 1
	full
	sync -f "$DISK" # so that the next store to the page of the queue needs a block
	echo >go
	soon there "$T/started" 2
	sync -f "$DISK"
	echo >go
	# shellcheck disable=SC2154 # set by start
	ends 0 "$pid"
	roomy
	has q 0 0 0 0
}

@test "a btrfs fills up under a worker: its counters stop, it does not" {
	disk btrfs
	mq-recv q || [ $? -eq 1 ]
	full_worker
}

@test "a btrfs fills up under a worker whose page is copied on write" {
	disk btrfs
	mq-recv q || [ $? -eq 1 ]
	# as it was made by earlier versions, or after a snapshot
	for page in "$MQ_SPOOL"/q/q/stat/*; do
		cat "$page" >"$page.new"
		mv "$page.new" "$page"
	done
	full_worker
	# and when there is room again, the page counts again
	mq-config q max-depth=2
	seq 3 | mq-send -q -l q || [ $? -eq 75 ]
	has q 2 0 0 0
}

# ---- without /proc ---------------------------------------------------------------

# without_proc COMMAND...
without_proc() {
	unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$@"
}

@test "where there is no /proc, a queue is put right once, not by each command" {
	! sanitized || skip "sanitizers need /proc"
	need_root
	without_proc true 2>/dev/null || skip "cannot be without /proc"
	need_strace
	mq-create q backoff=0
	without_proc mq-send -q -b 1 q
	for n in 2 3; do
		strace -qq -f -o calls -e trace=openat unshare -m sh -c \
			'mount -t tmpfs none /proc && exec "$@"' sh mq-send -q -b "$n" q
		same 0 "$(grep -c 'ready/p4/lock' calls)"
	done
	same '[1][2][3]' "$(drain q)"
}
