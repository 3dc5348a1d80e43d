#!/usr/bin/env bats
# record.bats - mq-stat: samples in a file, and the picture drawn from them
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
load ../lib

setup() {
	mq_setup
	mq-create q
	export TZ=UTC0
}

HEADER='#time queue visible in_flight delayed dead oldest_age bytes sent received acked nacked lapsed died expired'

# samples QUEUE COMMAND: those that awk prints as minute, visible, in flight, age, sent
# and acked
samples() {
	awk -v q="$1" -v OFS='\t' "$2" </dev/null | while IFS=$'\t' read -r minute visible flight age sent acked; do
		printf '@%d\t%s\t%s\t%s\t0\t0\t%s\t0\t%s\t%s\t%s\t0\t0\t0\t0\n' $((1800000000 + minute * 60)) \
			"$1" "$visible" "$flight" "$age" "$sent" "$acked" "$acked"
	done
}

# line COLOUR: the path that is drawn with it; fewer points than columns are one a sample
line() {
	sed -n "s/^<path d=\"\([^\"]*\)\" fill=\"none\" stroke=\"$1\".*/\1/p" picture.svg
}

VISIBLE=#3b82d6 IN=#2f9e5b OUT=#a463d0 AGE=#d0527f

# stretches COLOUR: of how many pieces its line is
stretches() {
	line "$1" | grep -o M | wc -l
}

# picture ARG...: drawn without complaint, and it is XML
picture() {
	mq-stat "$@" >picture.svg 2>err
	same '' "$(cat err)"
	xmllint --noout --nonet picture.svg
}

# texts: all that can be read in it
texts() {
	sed -n 's/.*<text[^>]*>\(.*\)<\/text>/\1/p' picture.svg
}

@test "--record: a header, then a line for each queue" {
	mq-create b
	seq 5 | mq-send -q -l q
	mq-recv -n 2 q >receipts
	head -n 1 receipts | mq-ack -
	mq-send -q -d 1h -b later b
	ok '' mq-stat -r samples
	same "$HEADER" "$(head -n 1 samples | tr '\t' ' ')"
	[[ $(sed -n 2p samples | tr '\t' ' ') =~ ^$ISO_RE' b 0 0 1 0 0.000 5 1 0 0 0 0 0 0'$ ]]
	[[ $(sed -n 3p samples | tr '\t' ' ') =~ ^$ISO_RE' q 3 1 0 0 '[0-9]+\.[0-9]{3}' 4 5 2 1 0 0 0 0'$ ]]
	same 3 "$(wc -l <samples)"
}

@test "--record: appends, to what is named, and only there" {
	mq-create b
	ok '' mq-stat --record=samples q
	ok '' mq-stat --record samples b
	ok '' mq-stat -r samples q b
	same '#time q b q b' "$(sed '1s/\t.*//; s/^2[^\t]*\t//; s/\t.*//' samples | xargs)"
}

@test "--record: what fails is told, the others are recorded" {
	try mq-stat -r samples nosuch q
	is 66 '' 'mq-stat: nosuch: no such queue.*'
	same q "$(sed 1d samples | cut -f 2)"
	mq-delete q
	rm samples
	fails 1 '' mq-stat -r samples
	[ ! -e samples ]
}

@test "--record: a file that cannot be written" {
	fails 66 'mq-stat: no/samples: open: No such file or directory' mq-stat -r no/samples
	fails 75 'mq-stat: /dev/full: write: No space left on device' mq-stat -r /dev/full
}

@test "--record: after a line that was cut short comes a new one" {
	mq-stat -r samples
	truncate -s -5 samples
	mq-stat -r samples
	same 3 "$(wc -l <samples)"
	same 2 "$(grep -c $'Z\tq\t' samples)"
	same 15 "$(tail -n 1 samples | awk -F '\t' '{ print NF }')"
}

@test "--record: on a full disk nothing is written, or all" {
	small_disk tmpfs
	many_queues 200
	mq-stat -r "$DISK/samples"
	cp "$DISK/samples" before
	fill_up
	# there is room for a part
	truncate -s -6000 "$DISK/fill"
	try mq-stat -r "$DISK/samples"
	is 75 '' 'mq-stat: .*/samples: write: No space left on device'
	cmp before "$DISK/samples"
}

@test "--record: many at once, and no line is mixed with another" {
	many_queues 200
	for i in {1..8}; do
		for _ in {1..5}; do mq-stat -r samples; done 2>err."$i" &
	done
	wait
	same '' "$(cat err.*)"
	# the runs come whole: the queues of each stand in their order
	same 1 "$(grep -c '^#' samples)"
	same "$((8 * 5 * 201))" "$(grep -cv '^#' samples)"
	same '' "$(grep -v '^#' samples | awk -F '\t' 'NF != 15')"
	same "$((8 * 5))" "$(grep -v '^#' samples | cut -f 2 | awk '$0 < last { n++ } { last = $0 } END { print n + 1 }')"
}

@test "--svg: the time axis ends where the samples end, however few they are" {
	samples q 'BEGIN { print 1, 1, 0, 0, 0, 0 }' >one
	mq-stat -r two q
	later 5s mq-stat -r two q
	for file in one two; do
		picture -g "$file"
		edge=$(sed -n 's/.*<text x="\([0-9]*\)[^>]*text-anchor="end"[^>]*>[0-9]* samples\{0,1\}, .*/\1/p' picture.svg)
		[ -n "$edge" ]
		same "$edge" "$(line "$VISIBLE" | grep -oE '[ML][0-9]+ ' | tail -n 1 | tr -d 'ML ')"
	done
}

@test "--svg: a panel for each queue, its name, its times and round numbers" {
	samples q 'BEGIN { for (i = 0; i <= 120; i++) print i, i * 10, 5, i, i * 60, i * 30 }' >file
	samples b 'BEGIN { for (i = 0; i <= 120; i++) print i, 0, 0, 0, 0, 0 }' >>file
	picture -g file
	same 'q b' "$(grep 'font-weight="bold"' picture.svg | sed 's/.*>\(.*\)<.*/\1/' | xargs)"
	texts >got
	grep -qx '121 samples, 2027-01-15 08:00 to 2027-01-15 10:00 UTC' got
	for text in visible 'in flight' 'in, a second' 'out, a second' 'age of the oldest' \
		08:15 09:00 10:00 500 1000 1500 1 0.5 1m 2m; do
		grep -qx "$text" got
	done
	same '' "$(grep -i 'nan\|inf' picture.svg)"
}

@test "--svg: queues that are named, and one that is not there" {
	for q in a b c; do
		samples "$q" 'BEGIN { for (i = 0; i < 9; i++) print i, i, 5, i, i * 60, i * 30 }'
	done >file
	picture --svg=file c a
	same 'c a' "$(grep 'font-weight="bold"' picture.svg | sed 's/.*>\(.*\)<.*/\1/' | xargs)"
	mq-stat -g file c nosuch >picture.svg 2>err || same 66 "$?"
	same 'mq-stat: nosuch: no samples in file' "$(cat err)"
	same c "$(grep 'font-weight="bold"' picture.svg | sed 's/.*>\(.*\)<.*/\1/' | xargs)"
	fails 66 'mq-stat: nosuch: no samples in file' mq-stat -g file nosuch
}

@test "--svg: rates are what the totals grew by" {
	samples q 'BEGIN { for (i = 0; i <= 60; i++) print i, 0, 0, 0, i * 120, i * 30 }' >file
	picture -g file
	# 2 a second of a scale to 2; 0.5 of it is three fourths of 80 further down
	top=$(line "$IN" | sed 's/^M[0-9]* \([0-9.]*\).*/\1/')
	same 1 "$(line "$IN" | grep -o '[ML][0-9]* [0-9.]*' | cut -d ' ' -f 2 | sort -u | wc -l)"
	same 60.0 "$(line "$OUT" | sed 's/^M[0-9]* \([0-9.]*\).*/\1/' | awk -v top="$top" '{ printf "%.1f", $1 - top }')"
	# sixty intervals, the first of them before the first point
	same 60 "$(line "$IN" | grep -o '[ML]' | wc -l)"
}

@test "--svg: where samples are missing there is a gap" {
	samples q 'BEGIN { for (i = 0; i <= 60; i++) if (i < 20 || i > 30) print i, i, 0, 0, i, i }' >file
	picture -g file
	same '2 2 2' "$(stretches "$VISIBLE") $(stretches "$IN") $(stretches "$AGE")"
	# one is no gap, cron was late
	samples q 'BEGIN { for (i = 0; i <= 60; i++) if (i != 20) print i, i, 0, 0, i, i }' >file
	picture -g file
	same '1 1' "$(stretches "$VISIBLE") $(stretches "$IN")"
}

@test "--svg: a total that goes down makes no rate" {
	samples q 'BEGIN { for (i = 0; i <= 60; i++) print i, i, 0, 0, i < 30 ? 5000 + i * 60 : (i - 29) * 60, 0 }' >file
	picture -g file
	same '1 2' "$(stretches "$VISIBLE") $(stretches "$IN")"
	same 1 "$(line "$IN" | grep -o '[ML][0-9]* [0-9.]*' | cut -d ' ' -f 2 | sort -u | wc -l)"
}

@test "--svg: names are escaped" {
	samples 'a<b&c>"d' 'BEGIN { for (i = 0; i < 9; i++) print i, i, 5, i, i * 60, i * 30 }' >file
	picture -g file
	same 'a<b&c>"d' "$(xmllint --xpath "string(//*[@font-weight='bold'])" picture.svg)"
}

@test "--svg: lines that are no samples are told with their numbers, and the rest is drawn" {
	{
		samples q 'BEGIN { for (i = 0; i < 9; i++) print i, i, 5, i, i * 60, i * 30 }'
		echo '# a comment'
		echo
		echo 'what is this'
		samples q 'BEGIN { print 9, "x", 5, 1, 1, 1 }'
		samples q 'BEGIN { print 9, "-1", 5, 1, 1, 1 }'
		samples '' 'BEGIN { print 9, 1, 5, 1, 1, 1 }'
		samples $'a\001' 'BEGIN { print 9, 1, 5, 1, 1, 1 }'
		samples $'a\377' 'BEGIN { print 9, 1, 5, 1, 1, 1 }'
		samples q 'BEGIN { print 9, 1, 5, 1, 1, 1 }' | tr -d '\n' | sed 's/$/\t1\n/'
		samples q 'BEGIN { print 9, 1, 5, 1, 1, 1 }' | tr '\t' '\0'
		samples q 'BEGIN { print 9, 1, 5, 1, 1, 1 }'
		samples q 'BEGIN { print 9, 1, 5, 1, 1, 1 }' | head -c 20
	} >file
	mq-stat -g file >picture.svg 2>err || same 65 "$?"
	seq -f 'mq-stat: file: line %g is not a sample' 12 19 >want
	echo 'mq-stat: file: line 21 is not a sample' >>want
	diff want err
	xmllint --noout picture.svg
	texts | grep -q '^10 samples'
}

@test "--svg: of many bad lines the first are told" {
	seq 1000 >file
	try mq-stat -g file
	is 65 '' "$(seq -f 'mq-stat: file: line %g is not a sample' 10 && echo 'mq-stat: file: nor are 990 lines more')"
}

@test "--svg: one sample, or all at one time, or not in order" {
	samples q 'BEGIN { print 0, 7, 5, 1, 60, 30 }' >file
	picture -g file
	same 1 "$(stretches "$VISIBLE")"
	texts | grep -q '^1 sample,'
	samples q 'BEGIN { for (i = 0; i < 5; i++) print 0, 7, 5, 1, 60, 30 }' >file
	picture -g file
	same '' "$(grep -i 'nan\|inf' picture.svg)"
	samples q 'BEGIN { for (i = 50; i >= 0; i--) print i, i, 5, 1, 60, 30 }' >file
	picture -g file
	same '' "$(grep -i 'nan\|inf' picture.svg)"
}

@test "--svg: nothing there, no file, a pipe" {
	: >file
	fails 1 '' mq-stat -g file
	echo "#$HEADER" >file
	fails 1 '' mq-stat -g file
	fails 66 'mq-stat: nosuch: open: No such file or directory' mq-stat -g nosuch
	piped() { true | mq-stat -g /dev/stdin; }
	fails 74 'mq-stat: /dev/stdin: read twice: Illegal seek' piped
}

@test "--svg: what --record has written, twice" {
	seq 5 | mq-send -q -l q
	mq-stat -r file
	mq-recv -a -n 2 q >/dev/null
	mq-stat -r file
	picture -g file
	texts | grep -q '^2 samples'
}

@test "--svg: a million samples take little memory" {
	awk 'BEGIN { OFS = "\t"; for (i = 0; i < 500000; i++) for (q = 0; q < 2; q++)
		print "@" 1800000000 + i * 60, "q" q, i % 1000, 5, 0, 0, i % 100, 0, i, i, i, 0, 0, 0, 0 }' >file
	/usr/bin/time -f %M mq-stat -g file >picture.svg 2>peak
	lean 4096 peak
	xmllint --noout picture.svg
	[ "$(wc -c <picture.svg)" -lt 300000 ]
	texts | grep -q '^500000 samples'
}

@test "--record, --svg and others do not go together; bad options: 64" {
	: >file
	usage mq-stat -r file -g file
	usage mq-stat -r file -j
	usage mq-stat -g file -c 'visible>1'
	usage mq-stat -w -r file
	usage mq-stat -r
	usage mq-stat -g
}

@test "--svg: output that cannot be written: 74" {
	samples q 'BEGIN { for (i = 0; i < 9; i++) print i, i, 5, i, i * 60, i * 30 }' >file
	fails 74 'mq-stat: .+' to_full mq-stat -g file
}
