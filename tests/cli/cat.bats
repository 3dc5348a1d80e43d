#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q
}

@test "cat writes the payload, exactly" {
	printf 'a\0\377\n' >in
	mq-send -q q <in
	receipt=$(mq-recv q)
	mq-cat "$receipt" | cmp - in
	mq-cat "$receipt" | cmp - in
	has q 0 1 0 0
}

@test "several payloads, one after the other" {
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	ok 3121 mq-cat "${r[2]}" "${r[0]}" "${r[1]}" "${r[0]}"
}

@test "paths of mq-ls work, and nothing is taken" {
	mq-send -q -H 'A: b' -b ready q
	mq-send -q -d 1h -b delayed q
	ok ready mq-cat "$(path_of q -S ready)"
	ok delayed mq-cat "$(path_of q -S delayed)"
	has q 1 0 1 0
}

@test "a path relative to the working directory" {
	mq-send -q -b x q
	path=$(path_of q)
	cd "$MQ_SPOOL/q"
	ok x mq-cat "${path#"$MQ_SPOOL/q/"}"
	cd "$(dirname "$path")"
	ok x mq-cat "$(basename "$path")"
}

@test "the path of another spool" {
	mq-create -s other q
	mq-send -s other -q -b x q
	ok x mq-cat "$(mq-recv -s other q)"
}

@test "-H prints the properties instead" {
	id=$(mq-send -b hello q)
	ok "Mq-Id: $id
Mq-Queue: q
Mq-Sent: $(sent_at "$id")
Mq-Priority: 4
Mq-Receives: 0
Mq-Size: 5
" mq-cat -H "$(path_of q)"
	receipt=$(mq-recv q)
	ok "Mq-Id: $id
Mq-Queue: q
Mq-Sent: $(sent_at "$id")
Mq-Priority: 4
Mq-Receives: 1
Mq-Size: 5
" mq-cat --headers "$receipt"
}

@test "-H: all there is, in its order" {
	id=$(mq-send -H 'B: 2' -H 'A: 1' -C cor -R rep -t 1h -p 9 -b hello q)
	mq-cat -H "$(mq-recv q)" >got
	expires=$(sed -n 's/^Mq-Expires: //p' got)
	[[ $expires =~ ^$ISO_RE$ ]]
	same 3600 "$(($(date -u -d "$expires" +%s) - $(date -u -d "$(sent_at "$id")" +%s)))"
	same "Mq-Id: $id
Mq-Queue: q
Mq-Sent: $(sent_at "$id")
Mq-Priority: 9
Mq-Receives: 1
Mq-Size: 5
Mq-Expires: $expires
Mq-Reply-To: rep
Mq-Correlation-Id: cor
B: 2
A: 1" "$(cat got)"
}

@test "-H: the history of a dead letter" {
	mq-send -q -b x q
	mq-nack -x -r 'no good' "$(mq-recv q)"
	mq-cat -H "$(path_of q -S dead)" >got
	[[ $(tail -n 1 got) =~ ^'Mq-History: no good; queue=q; count=1; first='($ISO_RE)'; last='($ISO_RE)$ ]]
	same "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	same 1 "$(grep -c '^Mq-History' got)"
}

@test "a receipt that was acked: 3" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	mq-ack "$receipt"
	fails 3 'mq-cat: .+' mq-cat "$receipt"
	fails 3 'mq-cat: .+' mq-cat -H "$receipt"
}

@test "the path of a message that is gone: 66" {
	mq-send -q -b x q
	path=$(path_of q)
	mq-recv -a q
	fails 66 'mq-cat: .+' mq-cat "$path"
}

@test "what is no message: 65" {
	mq-send -q -b x q
	ln -s "$(path_of q)" link
	cp "$(path_of q)" copy
	mkdir dir
	for path in /etc/passwd "$T/copy" "$T/link" dir "$MQ_SPOOL/version" "$MQ_SPOOL/q/q/conf" "$MQ_SPOOL" garbage '' /dev/zero; do
		harmless 65 'mq-cat: .+' mq-cat "$path"
	done
}

@test "the rest is done when one fails, whose code is the exit code" {
	seq 3 | mq-send -q -l q
	readarray -t r < <(mq-recv -n 3 q)
	mq-ack "${r[1]}"
	try mq-cat "${r[0]}" "${r[1]}" garbage "${r[2]}"
	is 3 13 $'mq-cat: .+\nmq-cat: .*garbage.*'
}

@test "no operand: 64" {
	usage mq-cat
	usage mq-cat -x
}

@test "output that cannot be written: 74" {
	mq-send -q -b x q
	receipt=$(mq-recv q)
	fails 74 'mq-cat: .+' to_full mq-cat "$receipt"
	fails 74 'mq-cat: .+' to_closed mq-cat "$receipt"
	fails 74 'mq-cat: .+' to_broken mq-cat "$receipt"
	fails 74 'mq-cat: .+' to_full mq-cat -H "$receipt"
	has q 0 1 0 0
}
