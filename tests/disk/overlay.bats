#!/usr/bin/env bats
# A spool of an image: it is a lower layer of overlayfs.  There a file is copied when it
# is changed, which leaves it other inodes and links, and a directory cannot be
# renamed.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib
load ../groups

setup() {
	mq_setup
	need_root
	mq-create q backoff=0
}

# layered: what the spool holds now becomes the lower layer, and the spool is what is
# seen of both.
layered() {
	mounted "$T/layer" -t tmpfs tmpfs
	mkdir "$T/layer/upper" "$T/layer/work"
	mounted "$T/view" -t overlay \
		-o "lowerdir=$MQ_SPOOL,upperdir=$T/layer/upper,workdir=$T/layer/work,redirect_dir=off" overlay
	MQ_SPOOL=$T/view
}

# seen PATH: from below, as it was noted before.
seen() {
	echo "$MQ_SPOOL${1#"$T/spool"}"
}

@test "messages: sent, received, acked, nacked, extended, lapsed, dead, redriven" {
	seq 6 | mq-send -q -l q
	mq-send -q -d 1m -b later q
	first=$(mq-recv q)
	second=$(mq-recv q)
	mq-nack -x "$(mq-recv q)"
	layered
	mq-ack "$(seen "$first")"
	mq-extend -v 2m "$(seen "$second")"
	mq-send -q -b new q
	same '[4][5][6][new]' "$(drain q)"
	ok $'1\n' mq-redrive q
	same '[3]' "$(drain q)"
	mq-nack -d 0 "$(seen "$second")"
	receipt=$(mq-recv q)
	same 2 "$(mq-cat "$receipt")"
	same '[2][later]' "$(drain q 61s)"
	has q 0 0 0 0
	ok '' mq-fsck
}

@test "groups: waiting, delayed, in flight, held" {
	mq-config q group-on-dead=block
	put ready 1 2
	put leased 3 4
	put late 5 6
	put dead 7 8
	mq-recv -n 4 q >receipts
	mq-nack -d 0 "$(sed -n 1p receipts)"
	mq-nack -d 1m "$(sed -n 3p receipts)"
	mq-nack -x "$(sed -n 4p receipts)"
	layered
	put ready 9
	put new 10 11
	drain q >got
	same '1 2 9 10 11' "$(tr '[]' ' \n' <got | sort -n | xargs)"
	mq-redrive q
	same '[7][8]' "$(drain q)"
	mq-ack "$(seen "$(sed -n 2p receipts)")"
	same '[4]' "$(drain q)"
	same '[5][6]' "$(drain q 61s)"
	has q 0 0 0 0
	same '' "$(cd "$MQ_SPOOL/q/q" && find groups turns delayed leased ! -type d ! -name lock ! -name head ! -name tail)"
	ok '' mq-fsck
}

@test "groups that were left alone, after a boot" {
	put g 1 2
	mq-nack -d 1m "$(mq-recv q)"
	put h 3 4
	layered
	rm -r "$MQ_SPOOL/q/q/stat"
	same '[3][4]' "$(drain q)"
	same '[1][2]' "$(drain q 61s)"
	ok '' mq-fsck
}

@test "groups of a spool that was copied without its links" {
	mq-config q group-on-dead=block
	put g 1 2
	put h 3 4
	put held 5 6
	mq-nack -x "$(mq-recv -n 3 q | tail -n 1)"
	cp -r --no-preserve=links "$MQ_SPOOL" "$T/copy"
	MQ_SPOOL=$T/copy
	rm -r "$MQ_SPOOL/q/q/stat"
	same '1 2 3 4' "$(drain q 1m | tr '[]' ' \n' | sort -n | xargs)"
	mq-redrive q
	same '[5][6]' "$(drain q 1m)"
	ok '' mq-fsck
}

# Before they were links of one nonce, the two names of a token were one empty file.
@test "groups whose tokens are of before" {
	mq-config q max-receives=5
	put g 1 2
	put h 3 4
	mq-nack -d 0 "$(mq-recv q)"
	for token in "$MQ_SPOOL"/q/q/groups/*/*.token; do
		group=${token##*/}
		moving=$(find "$MQ_SPOOL/q/q/turns" -name "*,t${group%.token}*")
		rm "$token" "$moving"
		: >"$token"
		ln "$token" "$moving"
	done
	same '1 2 3 4' "$(drain q | tr '[]' ' \n' | sort -n | xargs)"
	ok '' mq-fsck
	has q 0 0 0 0
}

@test "bundles: in line, in flight, dead, taken whole and one by one" {
	mq-create r
	mq-create s
	for q in q r s; do
		seq -w 200 | mq-send -q -l "$q"
	done
	mq-recv -n 200 r >receipts
	mq-recv -n 200 s | mq-nack -x -
	there_is_one q/q/ready/p4/*+
	there_is_one q/r/leased/*/*+*
	layered
	seq -w 201 300 | mq-send -q -l q
	mq-recv -a q >got
	mq-recv -n 150 -j q | tee json | jq -rj .body >>got
	same "$(seq -w 151 | tr -d '\n')" "$(cat got)"
	mq-recv -a -n 1000 q >>got
	jq -r .receipt json | mq-ack -
	same "$(seq -w 300 | tr -d '\n')" "$(tr -d '\n' <got)"
	has q 0 0 0 0
	for n in {1..100}; do
		seen "$(sed -n "${n}p" receipts)"
	done | mq-ack -
	later 31s mq-recv -a -n 1000 r | tr -d '\n' >got
	same "$(seq -w 101 200 | tr -d '\n')" "$(cat got)"
	ok $'200\n' mq-redrive s
	mq-recv -a -n 1000 s | tr -d '\n' >got
	same "$(seq -w 200 | tr -d '\n')" "$(cat got)"
	ok '' mq-fsck
}

there_is_one() {
	(cd "$MQ_SPOOL" && compgen -G "$1" >/dev/null)
}

@test "bundles: purged, expired" {
	seq 200 | mq-send -q -l q
	mq-create r retention=1h
	seq 200 | mq-send -q -l r
	layered
	ok $'200\n' mq-purge q
	has q 0 0 0 0
	fails 1 '' later 2h mq-recv r
	same '0 0 0 0' "$(later 2h mq-stat r | awk -F '\t' '{ print $2, $3, $4, $5 }')"
	mq-send -q -b x r
	same '[x]' "$(drain r)"
	ok '' mq-fsck
}

@test "a publish that was cut short" {
	mq-create r
	mq-create -x fanout x
	mq-bind x q
	mq-bind x r
	for ((k = 1; k < 50; k++)); do
		seq -w 100 | strace -qq -o /dev/null -e trace=renameat -e inject="renameat:signal=KILL:when=$k" \
			mq-send -q -x x -l || true
		! compgen -G "$MQ_SPOOL/j/*/r~p4~*" >/dev/null || break
	done
	((k < 50))
	layered
	mq-recv -a -n 1000 r | tr -d '\n' >got
	same "$(seq -w 100 | tr -d '\n')" "$(cat got)"
	seq -w 101 200 | mq-send -q -x x -l
	mq-recv -a -n 1000 r | tr -d '\n' >got
	same "$(seq -w 101 200 | tr -d '\n')" "$(cat got)"
	same '' "$(ls "$MQ_SPOOL/j")"
	ok '' mq-fsck
}

@test "mq-delete, and the name again" {
	seq 200 | mq-send -q -l q
	put g 1 2
	mq-create -x fanout x
	mq-bind x q
	layered
	ok '' mq-delete x
	ok '' mq-delete q
	fails 66 'mq-recv: q: no such queue.*' mq-recv q
	ok '' mq-create q
	ok '' mq-create -x direct x
	has q 0 0 0 0
	mq-send -q -b x q
	same '[x]' "$(drain q)"
	ok '' mq-fsck
}

@test "deduplication, keys of mq-once, an import" {
	mq-send -q -D key -b 1 q
	mq-once key true
	mq-send -q -b 2 q
	mq-export q >exported
	layered
	mq-send -q -D key -b again q
	same '[1][2]' "$(drain q)"
	ok '' mq-once key echo again
	mq-create r
	mq-import r <exported
	same '[1][2]' "$(drain r)"
	ok '' mq-fsck
}
