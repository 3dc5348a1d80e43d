/*
 * fsparts.h - what the files that make system calls share
 */
#ifndef FSPARTS_H
#define FSPARTS_H

#include <errno.h>

/* Evaluate the call until it is not interrupted.  What changes names is only so on
 * file systems in other processes (FUSE) or on other machines, and then was not done. */
#define RETRY(result, call)        \
	do                         \
		(result) = (call); \
	while ((result) == -1 && errno == EINTR)

/* Return what the call returns then. */
#define RETURN_RETRIED(call)          \
	do {                          \
		int retried;          \
                                      \
		RETRY(retried, call); \
		return retried;       \
	} while (0)

#endif
