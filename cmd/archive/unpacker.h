/*
 * unpacker.h - an archive that is read, and not trusted
 *
 * Nothing is ever unpacked to a file; a stored path is but text.  Refused is what
 * expands beyond the ratio, a member beyond the size, and an archive that ends
 * before its end: of a tar archive that is a block of zeros, since one that was
 * cut between two members looks whole otherwise.
 */
#ifndef MQ_CMD_UNPACKER_H
#define MQ_CMD_UNPACKER_H

#include "share/common.h"

struct archive;
struct archive_entry;

#define UNPACKER_RATIO  1000
#define UNPACKER_MEMBER ((uint64_t)1 << 30)
#define UNPACKER_FREE   ((uint64_t)64 << 20) /* what may come out whatever the ratio */

struct unpacker {
	int fd;
	uint64_t ratio;      /* bytes out for each byte in, at most */
	uint64_t max_member; /* bytes */
	int any; /* whatever libarchive reads, with warnings; else tar archives, without */

	/* after -1 from a function: */
	enum mq_status status;
	char why[512];

	/* private */
	struct archive *archive;
	struct archive_entry *entry;
	uint64_t size;    /* of the member, so far */
	uint64_t payload; /* of all members */
	int64_t end;      /* of the last member */
};

int unpacker_begin(struct unpacker *); /* 0, or -1 */

/* The next member: 1, 0 at the end, -1. */
int unpacker_next(struct unpacker *, struct archive_entry **);
int unpacker_is_regular(struct archive_entry *);
int unpacker_is_directory(struct archive_entry *);

/* The next bytes of it: the count, 0 at its end, -1. */
ssize_t unpacker_data(struct unpacker *, void *, size_t);
/* The rest of it is not wanted: 0, or -1. */
int unpacker_skip(struct unpacker *);

void unpacker_free(struct unpacker *);

#endif
