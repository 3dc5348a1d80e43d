# groups.bash - messages of groups, for the test files that have some
# shellcheck shell=bash

# put GROUP PAYLOAD...: one by one.
put() {
	local group=$1 each
	shift
	for each; do
		mq-send -q -g "$group" -b "$each" q || return
	done
}

# mixed GROUPS EACH: JSON lines, GROUP:N, one of each group by turns.
mixed() {
	seq "$2" | awk -v groups="$1" '{ for (g = 1; g <= groups; g++)
		printf "{\"body\":\"%d:%d\",\"group\":\"g%d\"}\n", g, $1, g }'
}

# in_order N: the payloads GROUP:N on standard input are 1..N of each group.
in_order() {
	awk -F : -v n="$1" '
		$2 != seen[$1] + 1 { print "group " $1 ": " $2 " after " seen[$1] + 0; bad = 1 }
		{ seen[$1] = $2 }
		END {
			for (g in seen)
				if (seen[g] != n) {
					print "group " g " ended at " seen[g]
					bad = 1
				}
			exit bad
		}'
}
