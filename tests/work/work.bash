# work.bash - what the suites of mq-work share
# shellcheck shell=bash

setup() {
	mq_setup
	limit 300
	mq-create q backoff=0
	job_scripts
}

# The reasons why the one dead letter of q failed.
reasons() {
	mq-ls -j -S dead q | jq -r '[.history[].reason] | join(", ")'
}

# verdicts FILE: of a log, each with what it was given for.
verdicts() {
	cut -f 4,5 "$1" | tr '\t' ' '
}

receives() {
	mq-ls -j q | jq .receives | xargs
}
