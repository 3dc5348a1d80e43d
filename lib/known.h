/*
 * known.h - leaf: what directories were found to hold, remembered in a file
 *
 * To count the entries of a directory takes reading it; to see that it is as it was
 * when they were counted takes a look at its times.  So counts are kept, each with
 * the inode and the times that the directory had before it was read.  They are kept
 * only of directories that had not changed for a while by then: a later change
 * cannot have the same time.
 *
 * The file is a cache.  What is not whole, or was made for another purpose (kind),
 * is as good as none.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct tally {
	uint64_t n;
	uint64_t bytes;
	int64_t oldest; /* the earliest key's time, ns; 0: none */
};

struct known_dir {
	uint64_t inode;
	int64_t mtime, ctime;
	int64_t until; /* the tally holds before that time; INT64_MAX: for ever */
	struct tally tally;
};

struct known {
	struct known_dir *old, *new; /* as loaded, by inode; those that still hold */
	size_t nold, nnew, room;
	uint64_t counted; /* entries that were counted anew, and are in new */
	uint64_t kind;
};

/* From the file at path; nothing when there is none.  known_free in any case. */
void known_load(struct known *, int dir, const char *path, uint64_t kind);

/* What a directory holds that looks like this: 1, or 0 when that is not known. */
int known_find(struct known *, const struct stat *, int64_t now, struct tally *);

/* Remember what was counted in a directory that looked like this before. */
void known_put(struct known *, const struct stat *, int64_t now, int64_t until,
    const struct tally *);

/* Write the file, by way of a scratch name, if it is worth it.  Whether that could be
 * done does not matter. */
void known_save(struct known *, int dir, const char *path, const char *scratch);

void known_free(struct known *);

#endif
