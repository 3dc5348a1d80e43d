#!/usr/bin/env bats
# readme.bats - that README.md and doc/ show what is so

load ../lib
load build

# shows PICTURE: the text in it, without its ids and times
shows() {
	"$TOP/doc/record" -t "$1"
}

@test "recording: what it shows is what the commands do" {
	ok '' "$TOP/doc/record" "$T/new.svg"
	diff <(shows "$TOP/doc/tour.svg") <(shows "$T/new.svg") || {
		echo "make recording makes it anew"
		false
	}
	xmllint --noout "$TOP/doc/tour.svg"
	[ "$(wc -c <"$TOP/doc/tour.svg")" -lt 40000 ]
	run ! grep -i '<script\|href\|url(' "$TOP/doc/tour.svg"
}

@test "recording: what the commands do otherwise is noticed" {
	mkdir "$T/bin"
	cat >"$T/bin/mq-redrive" <<-'END'
		#!/bin/sh
		echo none
	END
	chmod +x "$T/bin/mq-redrive"
	PATH=$T/bin:$PATH ok '' "$TOP/doc/record" "$T/new.svg"
	run diff <(shows "$TOP/doc/tour.svg") <(shows "$T/new.svg")
	[ "$status" -eq 1 ]
	grep -x '> none' <<<"$output"
}

@test "recording: nothing is drawn of a command that fails or complains" {
	mkdir "$T/bin"
	printf '#!/bin/sh\nexit 70\n' >"$T/bin/mq-send"
	chmod +x "$T/bin/mq-send"
	PATH=$T/bin:$PATH fails 1 'record: exit status 70: mq-send .*' "$TOP/doc/record" "$T/new.svg"
	printf '#!/bin/sh\necho odd >&2\n' >"$T/bin/mq-send"
	PATH=$T/bin:$PATH try "$TOP/doc/record" "$T/new.svg"
	[ "$status" -eq 1 ]
	[ ! -e "$T/new.svg" ]
}

# links FILE: where it links to in this repository, a line each
links() {
	grep -o '](\([^)]*\))' "$1" | sed 's/^](//; s/)$//; s/#.*//' | grep -v '^https\?:' | grep .
}

@test "README.md and doc/: each link leads to a file" {
	local page link bad=0
	for page in "$TOP"/README.md "$TOP"/doc/*.md; do
		while read -r link; do
			[ -e "${page%/*}/$link" ] || {
				echo "${page#"$TOP/"} links to $link, which is not there"
				bad=1
			}
		done < <(links "$page")
	done
	for page in "$TOP"/doc/*.md; do # and from README.md to each page
		links "$TOP/README.md" | grep -qx "doc/${page##*/}" || {
			echo "README.md does not link to doc/${page##*/}"
			bad=1
		}
	done
	[ "$bad" -eq 0 ]
}
