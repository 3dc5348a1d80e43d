#!/usr/bin/env bats
# sync.bats - what is synced before mq-send says that it has accepted a message
load ../lib

setup() {
	mq_setup
	! sanitized || skip "sanitizers do not run under strace"
	command -v strace >/dev/null || skip "no strace"
	need_strace
	need_root
}

# on TYPE: the spool is there
on() {
	case $1 in
	tmpfs) mounted "$T/disk" -t tmpfs tmpfs ;;
	overlay)
		# whose type is none of those that are known to do with less
		mkdir "$T/lower" "$T/upper" "$T/work"
		mounted "$T/disk" -t overlay -o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work" overlay
		;;
	esac
	MQ_SPOOL=$T/disk/spool
	mq-create q
	mq-create r
	mq-create -x fanout ex
	mq-bind ex q
	mq-bind ex r
	for i in q r; do # what the first message makes
		mq-send -q -b first "$i"
		mq-send -q -D first -b first "$i"
		mq-send -q -g g -b first "$i"
		mq-send -q -d 1h -b first "$i"
	done
	mq-send -q -x ex -b first
}

# steps COMMAND...: what it does, a word each: file and directory are synced; a
# file gets its place by move or link, a journal by commit.
steps() {
	local at to line
	strace -f -qq -y -o calls -e trace=fsync,fdatasync,renameat,linkat "$@"
	sed "/ = -1 /d; s|$MQ_SPOOL/||g" calls | while IFS= read -r line; do
		at=${line#*<}
		at=${at%%>*}
		to=${line##*, \"}
		case $line:$to in
		*rename*:j/*) echo commit ;;
		*rename*:dedup/pending/*) echo pending ;;
		*rename*:ready/* | *rename*:delayed/* | *rename*:groups/*) echo move ;;
		*link*:ready/*) echo link ;;
		*sync\(*)
			if [[ $at == *,b[0-9]* || $at == *tmp/* ]]; then
				echo "file"
			else
				echo directory
			fi
			;;
		esac
	done | uniq | xargs
}

@test "where the sync of a file covers its name: the file, once it is in place" {
	on tmpfs
	same 'move file' "$(steps mq-send -q -b x q)"
	same 'move file' "$(steps mq-send -q -d 1h -b x q)"
	same 'move file' "$(steps mq-send -q -g g -b x q)"
	same 'move file' "$(seq 100 | steps mq-send -q -l q)" # a bundle
	same 'pending file move file' "$(steps mq-send -q -D id -b x q)"
}

@test "of a publish the journal, before it is delivered" {
	on tmpfs
	same 'commit file move' "$(steps mq-send -q -x ex -b x)"
}

@test "elsewhere the file before it is moved, and its directory after that" {
	on overlay
	# One in 256 begins a new directory, and then that comes first.
	[[ $(steps mq-send -q -b x q) =~ ^file\ move\ (file\ directory|directory\ file)$ ]]
	[[ $(seq 100 | steps mq-send -q -l q) =~ ^file\ link\ (.*move\ .*directory|.*directory\ .*move\ file)$ ]]
	same 'file move directory file' "$(steps mq-send -q -d 1h -b x q)"
	same 'file move directory file' "$(steps mq-send -q -g g -b x q)"
}

@test "sync=none: nothing" {
	on overlay
	mq-config q sync=none
	same 'move' "$(steps mq-send -q -b x q)"
	same 'move' "$(seq 100 | steps mq-send -q -l q)"
	same 'pending move' "$(steps mq-send -q -D id -b x q)"
}

@test "a thousand messages are synced once" {
	on tmpfs
	seq 1000 | strace -f -qq -o calls -e trace=fsync,fdatasync mq-send -q -l q
	same 1 "$(grep -c sync calls)"
}
