#!/usr/bin/env bats
# html.bats - the manual as a site: what can be seen without a browser
#
# make check-html looks at it in one.

load ../lib
load build

# site: in $T/html; it is made once
site() {
	local once=$BATS_FILE_TMPDIR/html
	[ -d "$once" ] || "$TOP/doc/html" "$once"
	cp -r "$once" "$T/html"
}

links() {
	"$TOP/tests/html/links" "$T/html"
}

@test "html: a page for each of the manual, an index and a style sheet" {
	site
	same "$( (cd "$TOP/man" && printf '%s.html\n' index *.[1-8] && echo mq.css) | sort)" "$(ls "$T/html")"
	build -n html BUILD="$T" | grep -x "doc/html $T/html"
	run ! grep -il '<script\|@import\|url(' "$T/html"/*
}

@test "html: each link leads to a page and a place in it" {
	site
	ok '' links
	grep -q 'href="mq-send.1.html"' "$T/html/mq.7.html"
	grep -q 'href="https://manpages.debian.org/inotify.7"' "$T/html/mq.7.html"
}

@test "html: the tour comes first in the index, and each page with its one line" {
	site
	same mq-tour.7.html "$(grep -m 1 -o 'mq-[^"]*html' "$T/html/index.html")"
	same "$(sed -n 's/^\.Nd //p' "$TOP"/man/*.[1-8] | sort)" \
		"$(sed -n 's|<dd>\(.*\)</dd>|\1|p' "$T/html/index.html" | sort)"
}

@test "html: a link that leads nowhere is noticed, and a page that nobody links to" {
	site
	sed -i '0,/href="#ORDER"/s//href="#ODER"/' "$T/html/mq.7.html"
	cp "$T/html/mq-ack.1.html" "$T/html/mq-new.1.html"
	rm "$T/html/mq-once.1.html"
	run links
	[ "$status" -eq 1 ]
	grep -x 'links: mq.7.html: #ODER leads to no place in mq.7.html' <<<"$output"
	grep -x 'links: index.html: mq-once.1.html leads nowhere' <<<"$output"
	grep -x 'links: index.html does not link to mq-new.1.html once' <<<"$output"
}
