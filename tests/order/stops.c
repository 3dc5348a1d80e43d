/*
 * stops.c - the calls at which a role stops
 */
#include "inside.h"

#include <sys/syscall.h>

const long inside_calls[] = {
	SYS_openat,
	SYS_openat2,
	SYS_newfstatat,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_renameat,
	SYS_linkat,
	SYS_unlinkat,
	SYS_symlinkat,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_utimensat,
	SYS_flock,
	SYS_ppoll,
	SYS_clock_nanosleep,
};

const unsigned inside_ncalls = sizeof(inside_calls) / sizeof(*inside_calls);
