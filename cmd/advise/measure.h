/*
 * measure.h - what a file system is, and how long it takes over what a queue does
 */
#ifndef MQ_CMD_MEASURE_H
#define MQ_CMD_MEASURE_H

#include "share/common.h"

struct disk {
	const char *type;                 /* ext4, xfs, ...; "unknown" */
	int shared;                       /* several hosts may have it */
	int volatile_;                    /* it is main memory: a power cut empties it */
	unsigned syncs;                   /* that a durable message takes */
	uint64_t free_bytes, free_inodes; /* for us; UINT64_MAX: no such limit */

	int measured; /* what follows is there; times are seconds, medians */
	double sync, create, link, rename, unlink;
	uint64_t allocated; /* bytes on disk of a payload */
};

/* Look at the file system of the spool, or of where it would be made.  0, or -1
 * when the failure has been reported. */
int disk_look(struct cmd *, struct disk *);

/* And try it: for about half a second, in a directory of our own, with files of
 * so many bytes.  It is removed also when a signal ends us: then this does not
 * return.  -1: it could not be done, the failure has been reported. */
int disk_measure(struct cmd *, struct disk *, uint64_t size);

#endif
