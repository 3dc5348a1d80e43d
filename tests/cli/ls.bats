#!/usr/bin/env bats
load ../lib

@test "delayed ones come in the order in which they are due, also those of the same moments" {
	mq-create q
	at=$(($(date +%s) + 7200))
	at=$((at - at % 16))
	for i in 7 3 11 15 0 8 1 14 2 13 9 4 12 6 10 5; do
		mq-send -q -a "@$((at + i))" -b "$i" q
	done
	mq-send -q -a "@$((at - 1))" -b first q
	mq-send -q -a "@$((at + 16))" -b last q
	same "$(echo first; seq 0 15; echo last)" \
		"$(mq-ls -S delayed q | cut -f 7 | while read -r path; do mq-cat "$path"; echo; done)"
}

@test "without a queue: their names, sorted, one per line" {
	for name in b a.c a Z 10 9; do
		mq-create "$name"
	done
	ok $'10\n9\nZ\na\na.c\nb\n' mq-ls
}

@test "a spool without queues, and no spool: nothing" {
	ok '' mq-ls
	[ ! -e "$MQ_SPOOL" ]
	mq-create q
	mq-delete q
	ok '' mq-ls
}

@test "an empty queue: nothing" {
	mq-create q
	ok '' mq-ls q
	ok '' mq-ls -j q
	ok '' mq-ls -S dead q
}

@test "piped: id, state, age, receives, size, priority, path, between tabs" {
	mq-create q
	id=$(mq-send -p 6 -b hello q)
	mq-ls q >got
	same 1 "$(wc -l <got)"
	IFS=$'\t' read -r -a f <got
	same 7 "${#f[@]}"
	same "$id ready 0 5 6" "${f[0]} ${f[1]} ${f[3]} ${f[4]} ${f[5]}"
	[[ ${f[2]} =~ ^[0-9]+(\.[0-9]+)?$ ]]
	[[ ${f[6]} == "$MQ_SPOOL"/q/q/ready/p6/*/"$id"* ]]
	same hello "$(cat "${f[6]}")"
	has q 1 0 0 0
}

@test "age is in seconds" {
	mq-create q
	mq-send -q -b x q
	age=$(later 100s mq-ls q | cut -f 3)
	[ "${age%.*}" -ge 100 ]
	[ "${age%.*}" -le 130 ]
	age=$(later 100s mq-ls -j q | jq '.age | floor')
	[ "$age" -ge 100 ]
	[ "$age" -le 130 ]
}

@test "states, in the order in which they would be taken" {
	mq-create q
	mq-send -q -b leased q
	receipt=$(mq-recv q)
	mq-send -q -b dead -p 9 q
	mq-nack -x "$(mq-recv q)"
	mq-send -q -b late -d 1h q
	mq-send -q -b low -p 0 q
	mq-send -q -b one q
	mq-send -q -b two q
	mq-send -q -b high -p 9 q
	list() {
		mq-ls "$@" q | while IFS=$'\t' read -r _ state _ _ _ _ path; do
			printf '%s:%s ' "$state" "$(mq-cat "$path")"
		done
	}
	same 'ready:high ready:one ready:two ready:low delayed:late leased:leased ' "$(list)"
	same 'ready:high ready:one ready:two ready:low ' "$(list -S ready)"
	same 'delayed:late ' "$(list -S delayed)"
	same 'leased:leased ' "$(list --state leased)"
	same 'dead:dead ' "$(list -S dead)"
	same 'delayed:late leased:leased ' "$(list -S delayed,leased)"
	same 'delayed:late dead:dead ' "$(list -S delayed -S dead)"
	same 'ready:high ready:one ' "$(list -n 2)"
	same 'ready:high ' "$(list --max 1 -S ready)"
	same "$receipt" "$(path_of q -S leased)"
}

@test "what ls shows first is what comes first" {
	mq-create q backoff=0
	for p in 4 0 9 4 7 0 9; do
		mq-send -q -b x -p "$p" q
	done
	mq-recv -n 3 q | mq-nack -
	ids_of q >listed
	same 7 "$(wc -l <listed)"
	same "$(cat listed)" "$(mq-recv -n 9 -j q | jq -r .id)"
}

@test "-j: one object per message" {
	mq-create q
	id=$(mq-send -b hello -p 3 q)
	mq-ls -j q >got
	same '["age","id","path","priority","receives","size","state"]' "$(jq -c 'keys - ["headers"]' got)"
	same "{\"id\":\"$id\",\"priority\":3,\"receives\":0,\"size\":5,\"state\":\"ready\"}" \
		"$(jq -cS '{id,state,receives,size,priority}' got)"
	same number "$(jq -r '.age | type' got)"
	same "$(path_of q)" "$(jq -r .path got)"
}

@test "-j: headers, reply_to and correlation_id where there are any" {
	mq-create q
	mq-send -q -b x -H 'A: b' -R r -C c q
	same '{"correlation_id":"c","headers":{"A":"b"},"reply_to":"r"}' "$(mq-ls -j q | jq -cS '{headers,reply_to,correlation_id}')"
}

@test "-j: the history of dead letters" {
	mq-create q
	mq-send -q -b x q
	mq-nack -x -r why "$(mq-recv q)"
	mq-ls -j -S dead q >got
	same '[{"count":1,"queue":"q","reason":"why"}]' "$(jq -cS '[.history[] | {reason,queue,count}]' got)"
	[[ $(jq -r '.history[0].first' got) =~ ^$ISO_RE$ ]]
	[[ $(jq -r '.history[0].last' got) =~ ^$ISO_RE$ ]]
	same dead "$(jq -r .state got)"
}

@test "control bytes and quotes in a header: still one JSON object per line" {
	mq-create q
	mq-send -q -b x -H 'A: "q" \ é' q
	same '"q" \ é' "$(mq-ls -j q | jq -r .headers.A)"
}

@test "a table with a header on a terminal" {
	need_terminal
	mq-create q
	id=$(mq-send -b hello q)
	on_terminal 'mq-ls q' >got
	same 2 "$(wc -l <got)"
	[[ $(sed -n 1p got) =~ ^ID\ +STATE\ +AGE\ +RECEIVES\ +SIZE\ +PRIORITY\ +PATH$ ]]
	[[ $(sed -n 2p got) =~ ^$id\ +ready\ .*\ "$MQ_SPOOL" ]]
	same 0 "$(grep -c $'\t' got)"
}

@test "looking takes nothing and changes nothing" {
	mq-create q
	seq 10 | mq-send -q -l q
	mq-recv -n 2 q >receipts
	local before after
	census before
	mq-ls q >/dev/null
	mq-ls -j -S ready,leased,delayed,dead q >/dev/null
	mq-ls >/dev/null
	census after
	same "$before" "$after"
}

@test "unknown queues and bad names: 66" {
	mq-create q
	harmless 66 'mq-ls: nosuch: no such queue.*' mq-ls nosuch
	harmless 66 "mq-ls: \.\./q: $BAD_NAME" mq-ls ../q
}

@test "bad options: 64" {
	mq-create q
	usage mq-ls -S gone q
	usage mq-ls -S '' q
	usage mq-ls -S ready,gone q
	usage mq-ls -n x q
	usage mq-ls -n -1 q
	usage mq-ls --nosuch q
}

@test "output that cannot be written: 74" {
	mq-create q
	mq-send -q -b x q
	fails 74 'mq-ls: .+' to_full mq-ls
	fails 74 'mq-ls: .+' to_closed mq-ls
	fails 74 'mq-ls: .+' to_full mq-ls q
	fails 74 'mq-ls: .+' to_closed mq-ls -j q
	fails 74 'mq-ls: .+' to_broken mq-ls q
	has q 1 0 0 0
}

@test "5,000 queues in a listing" {
	many_queues 5000
	command time -f %M -o mem mq-ls >got
	lean 8192 mem
	same "$(seq -f 'q%06g' 5000)" "$(cat got)"
	command time -f %M -o mem mq-stat >got
	lean 8192 mem
	same "$(seq -f 'q%06g' 5000)" "$(cut -f 1 got)"
}

@test "a listing of 50,000 messages needs little memory" {
	mq-create q
	seq 50000 | mq-send -q -l q
	command time -f %M -o mem mq-ls q >got
	lean 8192 mem
	same 50000 "$(wc -l <got)"
	sort -c -u got
}
