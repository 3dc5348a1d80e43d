/*
 * packer.h - an archive that is written
 *
 * A pax archive, compressed or not, to standard output or to a file.  In two
 * steps, a tar stream that is put through a filter, since the filter can then be
 * ended and begun again: what was written so far is whole, and can be synced.
 */
#ifndef MQ_CMD_PACKER_H
#define MQ_CMD_PACKER_H

#include "share/common.h"

struct archive;
struct archive_entry;

struct packer {
	struct cmd *c;
	const char *name; /* of the file, for errors */
	int fd;

	/* private */
	const struct compression *compression; /* NULL: none */
	struct archive *tar, *filter;
	struct out out;
	uint64_t synced; /* bytes; what packer_sync() has made safe */
	int failed;      /* a failure was reported */
};

/* By its name, as -z takes it: 0, or -1 when there is no such. */
int packer_compression(struct packer *, const char *name);
/* By the suffix of a file's name, if it has one that tells. */
void packer_suffix(struct packer *, const char *file);

/* All of these return 0, or -1 when the failure has been reported. */

int packer_begin(struct packer *);
int packer_entry(struct packer *, struct archive_entry *);
int packer_data(struct packer *, const void *, size_t);
int packer_entry_end(struct packer *);

/* Between members: all that was put in is on stable storage. */
int packer_sync(struct packer *);
/* Go back to that, also after a failure. */
int packer_rewind(struct packer *);
/* The archive's end; all is written. */
int packer_end(struct packer *);

void packer_free(struct packer *);

#endif
