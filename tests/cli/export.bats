#!/usr/bin/env bats
# shellcheck disable=SC2154 # set by run and start
load ../lib

setup() {
	mq_setup
	# libarchive leaks when it cannot write; all but that is looked for
	export ASAN_OPTIONS=detect_leaks=0
	mq-create q
	mq-create r
}

# facts QUEUE: what belongs to its messages, but for times that pass and paths; each
# queue's messages in its order.
facts() {
	mq-ls -j -S ready,delayed,leased,dead "$1" | jq -c 'del(.path, .age)'
}

# payloads QUEUE: of its messages, at most 20, in their order, by their sums
payloads() {
	mq-ls -n 20 -S ready,delayed,leased,dead "$1" | cut -f 7 | while IFS= read -r path; do
		mq-cat "$path" | cksum
	done
}

# numbers QUEUE: take all, of which each is one; in their order
numbers() {
	while mq-recv -n 1000 -j "$1" >.got; do
		jq -r .body .got
		jq -r .receipt .got | mq-ack -
	done
}

# entries QUEUE: the fields of its names that an import does not give
entries() {
	find "$MQ_SPOOL/q/$1" -name '*,b*' -printf '%f\n' |
		sed -E 's/^[^,]*,i([^,]*)/\1/; s/,[oh][0-9]+//g; s/,d[0-9a-f]{8}/,d/; s/,[ls][0-9a-f]{16}//
			/,g/s/,[rv][0-9]+//g' | sort
}

# an_archive PYTHON: those statements, with tar open as t and add(name, data,
# properties...) at hand, make the archive a.tar.  One python makes all of a test's.
an_archive() {
	local answer
	[ -n "${ARCHIVER_PID:-}" ] || coproc ARCHIVER { exec python3 -c "$MAKE_ARCHIVES" 3>&-; }
	printf '%s\0' "$1" >&"${ARCHIVER[1]}"
	read -r answer <&"${ARCHIVER[0]}"
	same made "$answer"
}

# What makes them reads statements up to a NUL, and answers "made".
IFS= read -r -d '' MAKE_ARCHIVES <<-'END' || true
	import io, sys, tarfile
	ID = "1763681547123456789-1a2b3c4d"
	def add(name, data=b"x", **properties):
	    i = tarfile.TarInfo(name)
	    i.size = len(data)
	    i.pax_headers = {"SCHILY.xattr.user.mq." + k.replace("_", "-"): v
	                     for k, v in properties.items()}
	    t.addfile(i, io.BytesIO(data))
	statements = ""
	while c := sys.stdin.read(1):
	    if c != "\0":
	        statements += c
	        continue
	    t = tarfile.open("a.tar", "w", format=tarfile.PAX_FORMAT)
	    exec(statements)
	    t.close()
	    print("made", flush=True)
	    statements = ""
END

# refused REGEX PYTHON [IMPORTED]: such an archive is, after a good message
refused() {
	an_archive "add('1763681547123456000-00000000', b'good'); $2"
	fails 65 "mq-import: r: a\.tar: $1: 1 message was imported" mq-import r a.tar
	same good "$(mq-recv -a r)"
	has r 0 0 0 0
	no_litter
	mq-delete r
	mq-create r
}

# ---- a round trip ---------------------------------------------------------

@test "a message with nothing but a payload" {
	id=$(mq-send -b hello q)
	mq-export q >a.tar
	same "$id" "$(tar -tf a.tar)"
	same hello "$(tar -xOf a.tar)"
	same "${id:0:10}" "$(tar --full-time --utc -tvf a.tar | awk '{ print $4, $5 }' |
		xargs -I{} date -u -d {} +%s)"
	has q 1 0 0 0
	ok $'1\n' mq-import r a.tar
	same "$(facts q)" "$(facts r)"
	same '[hello]' "$(drain r)"
	no_litter
}

@test "every property" {
	mq-send -q -b "$(printf 'a\nb')" -p 9 -H 'A: b' -H 'X-Y: cödé: x' -k a.b.c -R answers -C 42 q
	mq-send -q -b late -d 2h -t 1d q
	mq-send -q -b ttl -t 3d q
	mq-send -q -b '' -p 0 q
	mq-send -q -b x -g "$(printf 'group %% \377 \001 \n y')" -p 3 q
	mq-export q | mq-import r
	same "$(facts q)" "$(facts r)"
	same "$(payloads q)" "$(payloads r)"
	same "$(entries q)" "$(entries r)"
}

@test "receive counts, histories, dead letters" {
	mq-config q backoff=0 max-receives=3
	mq-send -q -b twice q
	mq-nack -r 'server down' "$(mq-recv q)"
	mq-nack -r 'server "still" down; ö' "$(mq-recv q)"
	mq-send -q -b dead -H 'A: b' q
	mq-send -q -b dead2 q
	mq-recv -n 3 q | tail -n 2 | mq-nack -x -r 'no good' -
	has q 0 1 0 2
	mq-export q | mq-import r
	has r 1 0 0 2
	same "$(facts q | jq -c 'select(.state == "dead")')" "$(facts r | jq -c 'select(.state == "dead")')"
	same "$(facts q | jq -c 'select(.state == "leased") | .state = "ready"')" \
		"$(facts r | jq -c 'select(.state == "ready")')"
	same 3 "$(mq-ls -j r | jq .receives)"
	same 2 "$(mq-ls -j r | jq '.history | length')"
	ok $'2\n' mq-redrive -t r r
	no_litter
}

@test "Q/dlq alone, and into one" {
	mq-send -q -b dead q
	mq-nack -x -r 'no good' "$(mq-recv q)"
	mq-export q/dlq | mq-import r/dlq
	has r 0 0 0 1
	same "$(facts q)" "$(facts r)"
	mq-create s
	mq-export q | mq-import s/dlq
	same "$(facts q)" "$(facts s)"
}

@test "the order: of priorities, of what came back, of groups" {
	mq-config q backoff=0
	seq 600 | mq-send -q -l q
	seq 601 700 | mq-send -q -l -p 7 q
	mq-recv -n 5 q | mq-nack -
	for g in a b c; do
		seq 1000 1100 | mq-send -q -l -g "$g" -p 9 q
	done
	mq-nack -d 1h "$(mq-recv q)"
	mq-export q | mq-import r
	# of the groups among each other there is no order
	same "$(facts q | jq -sc 'sort_by(.group)[]')" "$(facts r | jq -sc 'sort_by(.group)[]')"
	same "$(entries q)" "$(entries r)"
}

@test "groups are delivered in order after an import, whatever their state" {
	mq-config q backoff=0
	for g in a b c; do
		seq 100 | mq-send -q -l -g "$g" q
	done
	receipts=$(mq-recv -n 3 q)
	mq-nack -d 1h "$(sed -n 1p <<<"$receipts")"
	mq-nack -r again "$(sed -n 2p <<<"$receipts")"
	mq-export q | mq-import r
	mq-delete q
	executable job <<-'END'
		cat >>"out.$MQ_GROUP"
		echo >>"out.$MQ_GROUP"
	END
	later 2h mq-work -e -j 2 r -- ./job
	for g in a b c; do
		same "$(seq 100)" "$(cat "out.$g")"
	done
}

@test "the receive count of a group's message is kept, and counts on" {
	mq-config q backoff=0
	mq-config r backoff=0 max-receives=3
	mq-send -q -b one -g a q
	mq-send -q -b two -g a q
	mq-nack -r again "$(mq-recv q)"
	mq-nack "$(mq-recv q)"
	mq-export q | mq-import r
	same '2 0' "$(mq-ls -j r | jq .receives | xargs)"
	same again "$(mq-ls -j r | jq -r '.history[0].reason' | head -n 1)"
	mq-nack "$(mq-recv r)"
	has r 1 0 0 1
	same '[two]' "$(drain r)"
}

@test "age counts for priority-aging and retention" {
	mq-send -q -p 1 -b old q
	mq-export q | mq-import r
	mq-config r priority-aging=1h retention=5h
	later 4h mq-send -q -p 4 -b new r
	same old "$(later 4h mq-recv -a r)"
	mq-config q retention=1h
	mq-export q | mq-import r
	mq-config r retention=0
	has r 2 0 0 0
	same 2 "$(later 2h mq-stat r | cut -f 2)"
}

@test "large payloads, and each kind of compression, by suffix and by -z" {
	head -c 3000000 /dev/urandom >big
	mq-send -q q big
	seq 2000 | mq-send -q -l q
	for suffix in tar tar.gz tgz tar.zst tar.xz; do
		ok '' mq-export q "a.$suffix"
		mq-create "$suffix"
		ok $'2001\n' mq-import "$suffix" "a.$suffix"
		same "$(facts q)" "$(facts "$suffix")"
		same "$(payloads q)" "$(payloads "$suffix")"
	done
	gzip -t a.tgz
	zstd -q -t a.tar.zst
	xz -t a.tar.xz
	for how in gzip zstd xz none; do
		mq-create "$how"
		mq-export --compress "$how" q | mq-import "$how"
		same "$(facts q)" "$(facts "$how")"
	done
	mq-export -z none q b.gz
	cmp a.tar b.gz
}

@test "-S: only these" {
	mq-send -q -b ready q
	mq-send -q -b late -d 1h q
	mq-send -q -p 9 -b leased q
	mq-recv q
	mq-send -q -p 9 -b dead q
	mq-nack -x "$(mq-recv q)"
	for state in ready leased dead; do
		same "$state" "$(mq-export -S "$state" q | tar -xOf -)"
	done
	same late "$(mq-export --state delayed q | tar -xOf -)"
	same 'readylate' "$(mq-export -S ready,delayed q | tar -xOf -)"
	same 4 "$(mq-export q | tar -tf - | wc -l)"
	usage mq-export -S nosuch q
}

@test "an empty queue is an archive without members" {
	mq-export q >a.tar
	same '' "$(tar -tf a.tar)"
	ok $'0\n' mq-import r a.tar
	has r 0 0 0 0
}

@test "unpacked and packed again by tar, some of them" {
	# where extended attributes can be kept
	mkdir x
	touch x/probe
	setfattr -n user.a -v b x/probe 2>/dev/null || skip "no user.* attributes here"
	rm x/probe
	mq-send -q -b one -p 8 -H 'A: b' q
	mq-send -q -b two q
	mq-export q | tar --xattrs -C x -xf -
	rm "x/$(ids_of q | tail -n 1)"
	tar --xattrs -cf - x | mq-import r
	same "$(facts q | head -n 1)" "$(facts r)"
}

@test "exporting changes nothing" {
	seq 300 | mq-send -q -l q
	mq-recv -n 10 q
	local before after
	census before
	mq-export q >/dev/null
	mq-export q a.tar.gz
	census after
	same "$before" "$after"
}

# ---- the file -------------------------------------------------------------

@test "a FILE is replaced when it is whole, and not before" {
	mq-send -q -b x q
	echo old >a.tar
	fails 66 "mq-export: nosuch: no such queue in $MQ_SPOOL" mq-export nosuch a.tar
	same old "$(cat a.tar)"
	ok '' mq-export q a.tar
	same x "$(tar -xOf a.tar)"
	same a.tar "$(echo ./*tar* | sed 's|^./||')"
	fails 73 'mq-export: no/such/a\.tar: create: No such file or directory' mq-export q no/such/a.tar
	ok '' mq-export q /dev/null
	test -c /dev/null
}

@test "interrupted, there is no FILE; the signal tells" {
	for _ in 1 2 3 4; do
		head -c 10000000 /dev/urandom | mq-send -q q
	done
	start x mq-export q a.tar.xz
	soon there_are 1 'a.tar.xz.*'
	kill -INT "$pid"
	ends 130 "$pid"
	there_are 0 'a.tar.xz*'
}

@test "a terminal is refused" {
	need_terminal
	[[ $(on_terminal 'mq-export q') == 'mq-export: standard output is a terminal'* ]]
	[[ $(on_terminal 'mq-import q') == 'mq-import: standard input is a terminal'* ]]
	for command in mq-export mq-import; do
		try script -qec "$command q" /dev/null </dev/null
		same 64 "$status"
	done
}

@test "standard output: closed, broken, full" {
	seq 1000 | mq-send -q -l q
	fails 74 'mq-export: standard output: write: .+' to_closed mq-export q
	fails 74 'mq-export: standard output: write: Broken pipe' to_broken mq-export q
	fails 74 'mq-export: standard output: write: No space left on device' to_full mq-export q
	fails 74 'mq-export: standard output: write: No space left on device' to_full mq-export -z gzip q
	fails 75 'mq-export: /dev/full: write: No space left on device' mq-export q /dev/full
	fails 74 'mq-import: standard output: write: .+' to_full mq-import r <(mq-export q)
}

@test "progress is shown on a terminal alone" {
	seq 3 | mq-send -q -l q
	ok '' mq-export q a.tar
	ok $'3\n' mq-import r a.tar
}

@test "a full disk: no FILE is left, and the queue is what it was" {
	mq-send -q q <(head -c 3000000 /dev/urandom)
	mounted "$T/small" -t tmpfs -o size=1m tmpfs
	fails 75 'mq-export: small/a\.tar: write: No space left on device' mq-export q small/a.tar
	same '' "$(ls -A small)"
	has q 1 0 0 0
}

@test "usage" {
	usage mq-export
	usage mq-export q a b
	usage mq-export -z lzw q
	usage mq-export -m q
	usage mq-export -m -S ready q a.tar
	usage mq-import
	usage mq-import q a b
	usage mq-import -r 0 q
	usage mq-import -m x q
	fails 66 "mq-import: nosuch: no such queue in $MQ_SPOOL" mq-import nosuch </dev/null
	fails 66 'mq-import: nosuch: open: No such file or directory' mq-import q nosuch
}

# ---- moving ---------------------------------------------------------------

@test "-m: what is ready goes to the file, uncounted; the rest stays" {
	mq-config q backoff=0
	seq 2500 | mq-send -q -l q
	for g in a b; do
		seq 3 | mq-send -q -l -g "$g" q
	done
	mq-nack -r again "$(mq-recv q)"
	mq-send -q -d 1h -b late q
	facts q | jq -c 'select(.state == "ready")' | sort >before
	ok '' mq-export -m q a.tar.gz
	has q 0 0 1 0
	mq-export q | tar -xOf - | grep -q late
	ok $'2506\n' mq-import r a.tar.gz
	same "$(cat before)" "$(facts r | sort)"
	same "$( (seq 2500 && seq 3 && seq 3) | sort -n)" "$(numbers r | sort -n)"
	no_litter
}

@test "-m needs a file, and a new one" {
	mq-send -q -b x q
	echo old >a.tar
	harmless 73 'mq-export: a\.tar: it is there: .+' mq-export -m q a.tar
	same old "$(cat a.tar)"
	usage mq-export --move q /dev/null
	mkfifo pipe
	usage mq-export -m q pipe
	ok '' mq-export -m r b.tar
	same '' "$(tar -tf b.tar)"
}

@test "-m on a full disk: the file has what was acked, the queue the rest" {
	seq 2400 | mq-send -q -l q
	mounted "$T/small" -t tmpfs -o size=1500k tmpfs
	fails 75 'mq-export: small/a\.tar: write: No space left on device' mq-export -m q small/a.tar
	same 1000 "$(tar -tf small/a.tar | wc -l)"
	has q 1400 0 0 0
	same 0 "$(mq-ls -j q | jq .receives | sort -u)"
	ok $'1000\n' mq-import r small/a.tar
	same 2400 "$({ ids_of q; ids_of r; } | sort -u | wc -l)"
	mq-send -q q <(head -c 2000000 /dev/urandom) -p 9
	fails 75 'mq-export: small/b\.tar: write: .+' mq-export -m q small/b.tar
	same a.tar "$(ls small)"
}

@test "-m that is killed: each message is in the queue or in the file" {
	seq 20000 | mq-send -q -l q
	ids_of q | sort >all
	start x mq-export -m q a.tar
	soon test -s a.tar
	kill -9 "$pid"
	wait "$pid" || true
	mq-import r a.tar || same 65 $?
	{
		ids_of q
		ids_of r
	} | sort -u | cmp - all
	later 3m mq-stat q >/dev/null
	later 3m mq-export q | mq-import r >/dev/null
	ids_of r | sort | cmp - all
}

# ---- doing it again -------------------------------------------------------

@test "what is there already is passed over, in whatever state" {
	seq 5 | mq-send -q -l q
	mq-send -q -b late -d 1h q
	mq-recv q
	mq-nack -x "$(mq-recv q)"
	mq-export q >a.tar
	try mq-import q a.tar
	is 0 $'0\n' 'mq-import: q: 6 of the messages were there already'
	has q 3 1 1 1
	mq-ack "$(path_of q -S leased)"
	try mq-import q a.tar
	is 0 $'1\n' 'mq-import: q: 5 of the messages were there already'
}

@test "an import that failed is done again: nothing twice, also what was taken" {
	seq 3000 | mq-send -q -l q
	mq-export q >a.tar
	head -c 2500000 a.tar >cut.tar
	fails 65 'mq-import: r: cut\.tar: .*: 2441 messages were imported' mq-import r cut.tar
	mq-recv -n 1000 r | mq-ack -
	has r 1441 0 0 0
	[ -d "$MQ_SPOOL/q/r/import" ]
	try mq-import r a.tar
	is 0 $'559\n' 'mq-import: r: 2441 of the messages were there already'
	same "$(seq 1001 3000)" "$(numbers r)"
	[ ! -e "$MQ_SPOOL/q/r/import" ]
	no_litter
}

@test "an import that cannot be opened leaves the notes of the one before: nothing twice" {
	command -v strace >/dev/null || skip "no strace"
	seq 3000 | mq-send -q -l q
	mq-export q >a.tar
	head -c 2500000 a.tar >cut.tar
	fails 65 'mq-import: r: cut\.tar: .*: 2441 messages were imported' mq-import r cut.tar
	mq-recv -n 1000 r | mq-ack -
	notes=$(cat "$MQ_SPOOL/q/r/import/"[0-9]* | cksum)
	for directory in ready back ready/p4 import; do
		try strace -qq -o /dev/null -P "$MQ_SPOOL/q/r/$directory" \
			-e inject=getdents64:error=EIO mq-import r a.tar
		is 74 '' 'mq-import: r: .*Input/output error.*'
		same "$notes" "$(cat "$MQ_SPOOL/q/r/import/"[0-9]* | cksum)"
	done
	try mq-import r a.tar
	is 0 $'559\n' 'mq-import: r: 2441 of the messages were there already'
	same "$(seq 1001 3000)" "$(numbers r)"
}

@test "killed again and again: nothing is lost, nothing is there twice" {
	seq 20000 | mq-send -q -l q
	mq-export q >a.tar
	rounds=0
	until [ -e ended ]; do
		rounds=$((rounds + 1))
		start "x" sh -c 'mq-import r a.tar && : >ended'
		for ((i = 0; i < rounds; i++)); do
			pause
		done
		pkill -9 -P "$pid" mq-import || true
		wait "$pid" || true
	done
	same "$(ids_of q | cksum)" "$(ids_of r | cksum)"
	same 20000 "$(mq-stat r | cut -f 2)"
	ok '' mq-fsck r
}

@test "killed, with a consumer at work: each message is taken once" {
	seq 5000 | mq-send -q -l q
	mq-export q >a.tar
	: >taken
	for step in 300000 1200000 2700000 3900000 5100000; do
		head -c "$step" a.tar | mq-import r 2>/dev/null || same 65 $?
		numbers r >>taken
	done
	mq-import r a.tar 2>/dev/null
	numbers r >>taken
	same "$(seq 5000)" "$(cat taken)"
}

@test "a commit that was killed: what it placed is told by what is there" {
	seq 10 | mq-send -q -l q
	mq-export q >a.tar
	mkdir -p "$MQ_SPOOL/q/r/import"
	# the first five were placed, of which the first three were taken since
	head -c $((5 * 1024)) a.tar | mq-import r 2>/dev/null || same 65 $?
	mq-recv -n 3 r | mq-ack -
	rm -r "$MQ_SPOOL/q/r/import"
	mkdir "$MQ_SPOOL/q/r/import"
	ids_of q >"$MQ_SPOOL/q/r/import/1~"
	try mq-import r a.tar
	is 0 $'5\n' 'mq-import: r: 5 of the messages were there already'
	same '[4][5][6][7][8][9][10]' "$(drain r)"
}

@test "two imports into one queue: the second is refused" {
	seq 10 | mq-send -q -l q
	mkfifo pipe
	start x mq-import r pipe
	exec 9>pipe
	mq-export q | head -c 3000 >&9
	soon test -e "$MQ_SPOOL/q/r/import/lock"
	fails 75 'mq-import: r: another import into it is under way' mq-import r <(mq-export q)
	exec 9>&-
	ends 65 "$pid"
	mq-export q | mq-import r
	same "$(facts q)" "$(facts r)"
}

@test "a queue that is full: 75, and on when there is room" {
	seq 30 | mq-send -q -l q
	mq-config r max-depth=12
	mq-export q >a.tar
	fails 75 'mq-import: r: a\.tar: .*full.*: 12 messages were imported' mq-import r a.tar
	mq-recv -n 12 r | mq-ack -
	mq-config r max-depth=0
	try mq-import r a.tar
	is 0 $'18\n' 'mq-import: r: 12 of the messages were there already'
	same "$(seq 13 30 | xargs)" "$(drain r | sorted)"
}

@test "a full disk: nothing half made, and on when there is room" {
	small_disk tmpfs
	MQ_SPOOL=$T/spool mq-create big
	seq 3000 | MQ_SPOOL=$T/spool mq-send -q -l big
	MQ_SPOOL=$T/spool mq-export big >a.tar
	fill_up
	fails 75 'mq-import: q: a\.tar: .+: 0 messages were imported' mq-import q a.tar
	room_again
	mq-import q a.tar
	has q 3000 0 0 0
	no_litter
}

@test "a queue whose messages were taken is filled again after an import that ended well" {
	seq 3 | mq-send -q -l q
	mq-export q >a.tar
	mq-import r a.tar
	same '[1][2][3]' "$(drain r)"
	ok $'3\n' mq-import r a.tar
	same '[1][2][3]' "$(drain r)"
}

# ---- what is bad ----------------------------------------------------------

@test "truncated at any place: what is whole before that is imported, 65" {
	seq 4 | mq-send -q -l q
	mq-send -q -b x -p 9 -H 'A: b' q
	mq-export q >a.tar
	size=$(stat -c %s a.tar)
	for ((n = 0; n < size - 1024; n += 256)); do
		head -c "$n" a.tar >cut.tar
		try mq-import r cut.tar
		is 65 '' 'mq-import: r: cut\.tar: .+: [0-5] messages? w(as|ere) imported'
		rm -rf "$MQ_SPOOL/q/r/import"
		mq-purge r >/dev/null
	done
	for how in gzip zstd xz; do
		mq-export -z "$how" q >a
		size=$(stat -c %s a)
		for n in 1 10 $((size / 2)) $((size - 1)); do
			head -c "$n" a >cut.tar
			try mq-import r cut.tar
			is 65 '' 'mq-import: r: cut\.tar: .+: [0-5] messages? w(as|ere) imported'
			rm -rf "$MQ_SPOOL/q/r/import"
			mq-purge r >/dev/null
		done
	done
	no_litter
}

@test "corrupt: a bit that is wrong, a compressed stream that is damaged, no archive at all" {
	seq 100 | mq-send -q -l q
	mq-export q >a.tar
	printf '\377' | dd of=a.tar bs=1 seek=$((50 * 1024 + 150)) conv=notrunc 2>/dev/null
	try mq-import r a.tar
	is 65 '' 'mq-import: r: a\.tar: .+: 50 messages were imported'
	for how in gzip zstd xz; do
		mq-export -z "$how" q >a
		printf 'XXXXXXXXXXXX' | dd of=a bs=1 seek=$(($(stat -c %s a) / 2)) conv=notrunc 2>/dev/null
		try mq-import r a
		is 65 '' 'mq-import: r: a: .+: [0-9]+ messages? w(as|ere) imported'
		rm -rf "$MQ_SPOOL/q/r/import"
		mq-purge r >/dev/null
	done
	fails 65 'mq-import: r: /etc/passwd: .+: 0 messages were imported' mq-import r /etc/passwd
	fails 65 'mq-import: r: standard input: .+: 0 messages were imported' mq-import r </dev/null
	fails 74 'mq-import: r: \.: read: Is a directory: 0 messages were imported' mq-import r .
}

@test "what is behind an end: another archive, or damage" {
	seq 4 | mq-send -q -l q
	mq-export q >a.tar
	ok $'8\n' mq-import r < <(cat a.tar a.tar)
	same '[1][2][3][4][1][2][3][4]' "$(drain r)"
	# zeros that end it in the middle of a member, as damage to a compressed one makes them
	dd if=/dev/zero of=a.tar bs=256 seek=5 count=6 conv=notrunc 2>/dev/null
	fails 65 'mq-import: r: a\.tar: .+' mq-import r a.tar
}

@test "links, devices, holes: refused" {
	refused 'l: neither a file nor a directory' "i = tarfile.TarInfo('l'); i.type = tarfile.SYMTYPE; i.linkname = '/etc/passwd'; t.addfile(i)"
	refused 'l: neither a file nor a directory' "i = tarfile.TarInfo('l'); i.type = tarfile.LNKTYPE; i.linkname = ID; t.addfile(i)"
	refused 'd: neither a file nor a directory' "i = tarfile.TarInfo('d'); i.type = tarfile.CHRTYPE; i.devmajor = 1; i.devminor = 5; t.addfile(i)"
	refused 'f: neither a file nor a directory' "i = tarfile.TarInfo('f'); i.type = tarfile.FIFOTYPE; t.addfile(i)"
	truncate -s 1T "1763681547123456789-1a2b3c4d"
	tar -Scf a.tar 1763681547123456789-1a2b3c4d
	fails 65 'mq-import: r: a\.tar: .*: (a file with holes|larger than .*): 0 messages were imported' mq-import r a.tar
}

@test "names: paths are ignored, what is no id is refused" {
	an_archive "add('../../../etc/' + ID, b'1'); add('/' + ID[:-1] + '0', b'2'); i = tarfile.TarInfo('dir'); i.type = tarfile.DIRTYPE; t.addfile(i); add('./a/b/' + ID[:-1] + '1', b'3')"
	ok $'3\n' mq-import r a.tar
	same '[1][2][3]' "$(drain r)"
	refused 'passwd: not the id of a message' "add('../../etc/passwd')"
	refused 'not the id of a message' "add('dir/' + ID + '/', b'')" || refused '.*not the id of a message' "add('x/' + ID + 'x')"
	refused '1763681547123456789-1a2b3c4dx: not the id of a message' "add(ID + 'x')"
	refused '.{100}: not the id of a message' "add('x' * 50000)"
}

@test "properties that are malformed, unknown, absurd: refused" {
	refused '.+: a property that this version does not know' "add(ID, colour='red')"
	refused '.+: priority: not a number from 0 to 9' "add(ID, priority='10')"
	refused '.+: priority: not a number from 0 to 9' "add(ID, priority='-1')"
	refused '.+: receives: not a number' "add(ID, receives='99999999999')"
	refused '.+: state: no such state' "add(ID, state='gone')"
	for time in visible expires since; do
		refused ".+: $time: not a time" "add(ID, $time='tomorrow')"
		refused ".+: $time: not a time" "add(ID, $time='99999999999.000000000')"
		refused ".+: $time: not a time" "add(ID, $time='1763681547.5')"
	done
	refused '.+: headers: malformed' "add(ID, headers='A b\n')"
	refused '.+: headers: malformed' "add(ID, headers='A: b')"
	refused ".+: header names that start with Mq- are reserved" "add(ID, headers='Mq-Group: x\n')"
	refused ".+: a header is given twice" "add(ID, headers='A: b\nA: c\n')"
	refused ".+: a header's value has a control character" "add(ID, reply_to='a\nb')"
	refused '.+: a routing key has at most 255 bytes' "add(ID, key='x' * 256)"
	refused ".+: a message group's key has 1 to 4096 bytes" "add(ID, group='x' * 5000)"
	refused '.+: history: malformed' "add(ID, history='1 2 3 q\n')"
	refused '.+: history: malformed' "add(ID, history='1 2 3 q why\n' * 65)"
	refused '.+: a malformed event in its history' "add(ID, history='1 2 3 ../q why\n')"
	refused '.+: a malformed event in its history' "add(ID, history='1 2 3 q ' + 'x' * 300 + '\n')"
	refused '.+: a malformed event in its history' "add(ID, history='1 2 3 q a\tb\n')"
	refused '.+' "add(ID, headers='A: ' + 'x' * 2000000 + '\n')"
}

@test "attributes of others are ignored" {
	an_archive "i = tarfile.TarInfo(ID); i.size = 1; i.pax_headers = {'SCHILY.xattr.security.selinux': 'x', 'SCHILY.xattr.user.other': 'y'}; t.addfile(i, io.BytesIO(b'x'))"
	ok $'1\n' mq-import r a.tar
}

@test "too large: a member, by -m and by the queue" {
	an_archive "add(ID, b'x' * 5000)"
	fails 65 'mq-import: r: a\.tar: .+: larger than 4096 bytes: 0 messages were imported' mq-import -m 4K r a.tar
	ok $'1\n' mq-import --max-message 5000 r a.tar
	mq-purge r
	mq-config r max-message=4K
	fails 65 'mq-import: r: a\.tar: .+: .*max-message.*: 0 messages were imported' mq-import r a.tar
	# a size that nothing follows
	python3 -c "
import tarfile
i = tarfile.TarInfo('1763681547123456789-1a2b3c4d'); i.size = 1 << 62
open('a.tar', 'wb').write(i.tobuf(tarfile.GNU_FORMAT))"
	fails 65 'mq-import: r: a\.tar: .+: larger than 1073741824 bytes: 0 messages were imported' mq-import r a.tar
}

@test "a bomb: refused by its ratio, which can be raised" {
	an_archive "add(ID, b'0' * 100000000)"
	for how in gzip zstd xz; do
		"$how" -kfq a.tar -S .z 2>/dev/null || "$how" -fq a.tar -o a.tar.z
		try mq-import -r 100 r a.tar.z
		is 65 '' 'mq-import: r: a\.tar\.z: .+: expands to more than 100 times its size: 0 messages were imported'
		has r 0 0 0 0
		no_litter
	done
	fails 65 'mq-import: r: a\.tar\.z: .+: expands to more than 1000 times its size: .+' mq-import r a.tar.z
	ok $'1\n' mq-import --max-ratio 100000 r a.tar.z
}

# ---- any archive, to be sent ----------------------------------------------

# some_files: a tree with what archives can have
some_files() {
	mkdir -p tree/sub
	echo one >tree/one
	printf two >"tree/sub/100 %.txt"
	printf three >tree/ünï
	: >tree/empty
	ln -s one tree/link
}

# sent QUEUE: paths and payloads
sent() {
	mq-recv -n 100 -j "$1" | jq -r '"\(.headers.Path)=\(.body | gsub("\n"; "$"))"' | sort
}

@test "send -A: tar, cpio, zip: a message for each file, its path a header" {
	some_files
	want=$(printf '%s\n' tree/empty= 'tree/one=one$' 'tree/sub/100 %25.txt=two' tree/ünï=three | sort)
	tar -cf a.tar tree
	tar -czf a.tgz tree
	zip -qry a.zip tree
	find tree | cpio -oH newc >a.cpio 2>/dev/null
	for archive in a.tar a.tgz a.zip a.cpio; do
		mq-create "$archive"
		try mq-send --archive "$archive" "$archive"
		is 0 "$output" ''
		same 4 "$(wc -l <<<"${output%$'\n'}")"
		same "$want" "$(sent "$archive")"
	done
	mq-send -q -A - q <a.zip
	same "$want" "$(sent q)"
}

@test "send -A: with the options of all messages, and to an exchange" {
	some_files
	tar -cf a.tar tree/one
	mq-send -q -A a.tar -p 8 -H 'A: b' -g g -t 1h -C 7 q
	same '{"priority":8,"group":"g","correlation_id":"7","headers":{"A":"b","Path":"tree/one"}}' \
		"$(mq-ls -j q | jq -c '{priority, group, correlation_id, headers}')"
	mq-create -x fanout x
	mq-bind x r
	mq-send -q -A a.tar -x x
	same 'tree/one=one$' "$(sent r)"
	mq-send -q -A a.tar -d 1h r
	has r 0 1 1 0
	usage mq-send -A a.tar q a.tar
	usage mq-send -A a.tar -l q
	usage mq-send -A a.tar -b x q
	usage mq-send -A a.tar -A a.tar q
	usage mq-send -A a.tar -D id q
	fails 65 'mq-send: q: a\.tar: tree/one: a header is given twice: 0 messages were accepted' mq-send -A a.tar -H 'path: x' q
}

@test "send -A: names that are no text" {
	mkdir tree
	echo x >"tree/$(printf 'a\nb\377')"
	tar -cf a.tar tree
	mq-send -q -A a.tar q
	same 'tree/a%0Ab%FF' "$(mq-ls -j q | jq -r .headers.Path)"
}

@test "send -A: what cannot be read: 65, and what came before is kept" {
	some_files
	head -c 100000 /dev/urandom >tree/zz
	tar -cf a.tar --sort=name tree
	head -c 60000 a.tar >cut.tar
	try mq-send -q -A cut.tar q
	is 65 '' 'mq-send: q: cut\.tar: tree/zz: .+: 3 messages were accepted'
	has q 3 0 0 0
	for bad in /etc/passwd /dev/null; do
		fails 65 "mq-send: r: $bad: .+: 0 messages were accepted" mq-send -A "$bad" r
	done
	fails 66 'mq-send: r: nosuch: open: No such file or directory: 0 messages were accepted' mq-send -A nosuch r
	harmless 66 "mq-send: nosuch: no such queue in $MQ_SPOOL" mq-send -A a.tar nosuch
	mq-config r max-message=1K
	fails 65 'mq-send: r: a\.tar: tree/zz: .*max-message.*: 3 messages were accepted' mq-send -q -A a.tar r
	no_litter
}

@test "send -A: an archive that names files of this machine is not read as one" {
	printf '#mtree\n./x type=file contents=/etc/passwd\n' >m
	fails 65 'mq-send: q: m: Unrecognized archive format: 0 messages were accepted' mq-send -A m q
}

@test "send -A: a bomb, a queue that is full" {
	head -c 200000000 /dev/zero >zeros
	zip -q a.zip zeros
	try mq-send -q -A a.zip q
	is 65 '' 'mq-send: q: a\.zip: zeros: expands to more than 1000 times its size: 0 messages were accepted'
	has q 0 0 0 0
	some_files
	tar -cf a.tar tree
	mq-config q max-depth=2
	try mq-send -q -A a.tar q
	is 75 '' 'mq-send: q: .*full.*: 2 messages were accepted'
	no_litter
}

@test "mq-send needs no libarchive" {
	run ! grep -q libarchive "$MQ_BIN/mq-send"
	grep -q libarchive "$MQ_BIN/mq-import"
}
