/*
 * known.h - what directories were found to hold, remembered in a file
 *
 * To count the entries of a directory takes reading it; to see that it is as it was
 * when they were counted takes a look at its times.  So counts are kept, each with
 * the inode and the times that the directory had before it was read.  They are kept
 * only of directories that had not changed for a while by then: a later change
 * cannot have the same time.
 *
 * They stand in the file in the order in which a count asks for them, and so each
 * count goes through the file once, a block at a time: memory does not grow with the
 * queue, but for a bit for each.  What is counted anew is kept until the end, and is no
 * more than KNOWN_ANEW of them; the next count remembers some more.
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

/* Where a directory comes in a count, which asks for them in ascending order. */
struct known_place {
	uint64_t line, number;
};

struct known_dir {
	struct known_place place;
	uint64_t inode;
	int64_t ctime; /* which every change of mtime changes as well */
	int64_t until; /* the tally holds before that time; INT64_MAX: for ever */
	struct tally tally;
};

#define KNOWN_BLOCK 64
#define KNOWN_ANEW  16384

struct known {
	uint64_t kind;
	int fd;              /* of the file, or -1 */
	size_t nold, at;     /* so many are in it; the next one to compare */
	unsigned char *held; /* a bit for each of them: it still holds */
	struct known_dir block[KNOWN_BLOCK];
	size_t first;          /* that is in the block */
	struct known_dir *new; /* those counted anew */
	size_t nnew, room;
	uint64_t counted, entries; /* in those counted anew; in all that hold */
};

/* From the file at path; nothing when there is none.  known_free in any case. */
void known_load(struct known *, int dir, const char *path, uint64_t kind);

/* What the directory there holds, which looks like this: 1, or 0 when that is not
 * known. */
int known_find(struct known *, struct known_place, const struct stat *, int64_t now,
    struct tally *);

/* Remember what was counted in a directory there that looked like this before. */
void known_put(struct known *, struct known_place, const struct stat *, int64_t now, int64_t until,
    const struct tally *);

/* Write the file, by way of a scratch name, if it is worth it.  Whether that could be
 * done does not matter. */
void known_save(struct known *, int dir, const char *path, const char *scratch);

void known_free(struct known *);

#endif
