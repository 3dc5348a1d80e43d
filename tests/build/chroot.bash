# chroot.bash - a Debian that was just installed, for what must work there
#
# To be sourced by a script that make runs, as root, with $BUILD.  The script goes
# on in name spaces of its own.  debootstrap makes the Debian once and keeps it in
# $BUILD; each run unpacks it into memory.  With the name spaces go its processes,
# its mounts and its files, however the script ends.  $SUITE and $MIRROR choose
# another Debian than that of this machine; no step takes longer than $PATIENCE,
# 15 minutes.
# shellcheck shell=bash

if ((EUID != 0)); then
	echo "${0##*/}: needs root, for a chroot" >&2
	exit 77
fi
if [[ -z ${CHROOT_INSIDE:-} ]]; then
	CHROOT_INSIDE=1 exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi

: "${PATIENCE:=15m}"
: "${SUITE:=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)}"
# shellcheck disable=SC2016 # for apt-get
: "${MIRROR:=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)}"

# Where it is mounted; out of these name spaces, the directory stays empty.
work=$(realpath -m "${BUILD:-build}/chroot")
root=$work/root

step() {
	printf '== %s\n' "$*"
}

die() {
	printf '%s: FAILED: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# fresh_debian: it is in $root, $work is for what the script notes.
fresh_debian() {
	local kept=$work.$SUITE.tar

	mkdir -p "$work"
	mount -t tmpfs -o mode=755 tmpfs "$work"
	mkdir "$root"
	mount --bind "$root" "$root" # which pivot_root wants
	if [[ ! -e $kept ]]; then
		step "debootstrap $SUITE, kept for the next time"
		timeout "$PATIENCE" debootstrap --variant=minbase "$SUITE" "$root" "$MIRROR" >"$work/log" 2>&1 ||
			die "debootstrap: $(tail -n 5 "$work/log")"
		rm -f "$root"/var/cache/apt/archives/*.deb
		tar -cf "$kept.new" -C "$root" .
		mv "$kept.new" "$kept"
	else
		tar -xpf "$kept" -C "$root"
	fi
	mount -t proc proc "$root/proc"
	cp /etc/resolv.conf "$root/etc"
	apt-config dump Acquire >"$root/etc/apt/apt.conf.d/99acquire" # as this machine reaches its mirror
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # starts no service
	chmod +x "$root/usr/sbin/policy-rc.d"
}

# inside COMMAND...: it sees nothing else.  Of a process in a chroot, the kernel takes
# no user name spaces, which tests make.
inside() {
	# shellcheck disable=SC2016 # for sh
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		timeout --foreground "$PATIENCE" unshare --mount \
		sh -c 'cd "$0" && pivot_root . mnt && umount -l /mnt && exec "$@"' "$root" "$@" </dev/null
}

# apt ARG...
apt() {
	inside env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$work/log" 2>&1 ||
		die "apt-get $*: $(tail -n 20 "$work/log")"
}
