#!/usr/bin/env bats
load ../lib

setup() {
	mq_setup
	mq-create q backoff=0
}

# ---- delays ----------------------------------------------------------------

@test "-d: not before the delay has passed" {
	mq-send -q -d 1m -b x q
	has q 0 0 1 0
	same delayed "$(mq-ls q | cut -f 2)"
	fails 1 '' mq-recv q
	fails 1 '' later 50s mq-recv q
	same '[x]' "$(drain q 61s)"
}

@test "-d 0: at once" {
	mq-send -q -d 0 -b x q
	has q 1 0 0 0
	same '[x]' "$(drain q)"
}

@test "delayed messages come as they fall due, before what waits" {
	mq-send -q -d 3m -b c q
	mq-send -q -d 1m -b a q
	mq-send -q -d 2m -b b q
	seq 4 | mq-send -q -l q
	ok 1 mq-recv -a q
	ok a2 later 61s mq-recv -a -n 2 q
	ok b3 later 121s mq-recv -a -n 2 q
	ok c4 later 181s mq-recv -a -n 2 q
}

@test "a long delay" {
	mq-send -q -d 365d -b x q
	fails 1 '' later 364d mq-recv q
	same '[x]' "$(drain q 366d)"
}

@test "-a @EPOCH" {
	now=$(date +%s)
	mq-send -q -a "@$((now + 3600))" -b x q
	fails 1 '' later 3500s mq-recv q
	same '[x]' "$(drain q 3601s)"
}

@test "-a ISO 8601: UTC, with an offset, local" {
	mq-send -q -a "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" -b utc q
	mq-send -q --at "$(TZ=XYZ-5:30 date -d '+1 hour' +%Y-%m-%dT%H:%M:%S%:z)" -b offset q
	TZ=XYZ-9 mq-send -q -a "$(TZ=XYZ-9 date -d '+1 hour' +%Y-%m-%dT%H:%M:%S)" -b local q
	has q 0 0 3 0
	fails 1 '' later 3500s mq-recv q
	later 3602s mq-recv -j -n 9 q | jq -r .body | sort >got
	same 'local offset utc' "$(xargs <got)"
}

@test "-a a time that is past: at once" {
	mq-send -q -a @1 -b a q
	mq-send -q -a 2001-02-03 -b b q
	same '[a][b]' "$(drain q)"
}

@test "delayed messages survive with all they have" {
	id=$(mq-send -d 1m -p 6 -H 'A: b' -b x q)
	same "$id 6 b x 1" "$(later 61s mq-recv -j q | jq -r '"\(.id) \(.priority) \(.headers.A) \(.body) \(.receives)"')"
}

@test "several thousand that fall due at once" {
	seq 3000 | mq-send -q -l -d 1m q
	has q 0 0 3000 0
	same "$(seq 3000)" "$(later 77s mq-recv -n 5000 -j q | jq -r .body)"
}

@test "a wall clock that jumps ahead and back loses no delayed message" {
	later 0 mq-send -q -d 1m -b x q
	stepped -1h mq-recv q || true
	stepped 2h mq-stat q >/dev/null
	same '[x]' "$(drain q 61s)"
}

# ---- TTL -------------------------------------------------------------------

@test "-t: delivered before, not after" {
	mq-send -q -t 1m -b a q
	mq-send -q -t 1m -b b q
	ok a later 50s mq-recv -a q
	fails 1 '' later 61s mq-recv q
	has q 0 0 0 0
}

@test "what has expired is not counted and not listed" {
	mq-send -q -t 1m -b x q
	mq-send -q -b y q
	same 1 "$(later 61s mq-stat q | cut -f 2)"
	same 1 "$(later 61s mq-stat q | cut -f 7)"
	same 1 "$(later 61s mq-ls q | wc -l)"
}

@test "what has expired is removed when met" {
	mq-send -q -t 1m -b gone q
	mq-send -q -b kept q
	same '[kept]' "$(drain q 61s)"
	same 0 "$(find "$MQ_SPOOL/q/q" -name '[0-9]*,p4*' | wc -l)"
}

@test "many expired ones do not hide what comes after" {
	seq 2000 | mq-send -q -l -t 1m q
	mq-send -q -b kept q
	same '[kept]' "$(drain q 61s)"
}

@test "the deadline is told: Mq-Expires and expires" {
	id=$(mq-send -t 1h -b x q)
	mq-recv -j q >got
	expires=$(jq -r .expires got)
	same 3600 "$(($(date -u -d "$expires" +%s) - $(date -u -d "$(sent_at "$id")" +%s)))"
	same "$expires" "$(mq-cat -H "$(jq -r .receipt got)" | sed -n 's/^Mq-Expires: //p')"
}

@test "a TTL counts from the sending, also with a delay" {
	usage mq-send -q -d 1m -t 30s -b never q
	mq-send -q -d 1m -t 90s -b once q
	fails 1 '' later 40s mq-recv q
	ok once later 61s mq-recv -a q
	fails 1 '' later 62s mq-recv q
}

@test "a delayed message that expired is gone" {
	mq-send -q -d 1m -t 90s -b x q
	fails 1 '' later 2m mq-recv q
	same '0 0 0' "$(later 2m mq-stat q | cut -f 2-4 | tr '\t' ' ')"
}

@test "what is leased may be finished after its TTL, but not come back" {
	mq-send -q -t 10s -b x q
	receipt=$(mq-recv q)
	ok '' later 20s mq-ack "$receipt"
	mq-send -q -t 10s -b y q
	receipt=$(mq-recv q)
	ok '' later 21s mq-nack -d 0 "$receipt"
	fails 1 '' later 22s mq-recv q
	mq-send -q -t 10s -b z q
	mq-recv q >receipt
	fails 1 '' later 1m mq-recv q
}

@test "dead letters do not expire by their TTL" {
	mq-send -q -t 10s -b x q
	mq-nack -x "$(mq-recv q)"
	same 1 "$(later 1h mq-stat q | cut -f 5)"
	same '[x]' "$(drain q/dlq 1h)"
}

# ---- retention ---------------------------------------------------------------

@test "retention: older messages are gone" {
	mq-config q retention=1h
	mq-send -q -b old q
	later 50m mq-send -q -b new q
	same 2 "$(later 59m mq-stat q | cut -f 2)"
	same 1 "$(later 61m mq-stat q | cut -f 2)"
	same '[new]' "$(drain q 61m)"
}

@test "retention holds for returned and delayed messages too" {
	mq-config q retention=1h
	mq-send -q -b returned q
	mq-nack "$(mq-recv q)"
	mq-send -q -d 2h -b delayed q
	fails 1 '' later 3h mq-recv q
	same '0 0 0' "$(later 3h mq-stat q | cut -f 2-4 | tr '\t' ' ')"
}

@test "the shorter of TTL and retention counts" {
	mq-config q retention=1h
	mq-send -q -t 2h -b a q
	mq-send -q -t 1m -b b q
	ok a later 2m mq-recv -a q
	mq-send -q -t 2h -b c q
	fails 1 '' later 61m mq-recv q
}

@test "retention can be taken off again" {
	mq-config q retention=1h
	mq-send -q -b x q
	mq-config q retention=0
	same '[x]' "$(drain q 2h)"
}

@test "dlq-retention counts from the dead-lettering" {
	mq-config q dlq-retention=1h retention=0
	later 0 mq-send -q -b x q
	later 2h mq-nack -x "$(later 2h mq-recv q)"
	same 1 "$(later 179m mq-stat q | cut -f 5)"
	same 0 "$(later 181m mq-stat q | cut -f 5)"
	fails 1 '' later 181m mq-recv q/dlq
}
