/*
 * strip.h - a line of entries whose head is found in constant time
 *
 * A strip is a directory of numbered segments, each a directory of some 256
 * entries:
 *
 *	DIR/tail -> 17     the segment that takes new entries
 *	DIR/head -> 3      a hint: no entry stands in a segment before this
 *	DIR/lock           held while the tail moves
 *	DIR/3/ENTRY ...
 *	DIR/5+/ENTRY ...   a bundle, which stands before the segment 5
 *	DIR/5-/ENTRY ...   a bundle that was opened
 *
 *	add     read tail, rename or link into that segment; ENOENT: it was
 *	        sealed meanwhile, read tail again.
 *	rotate  once in 256 entries, if there are many and the lock is free: look
 *	        that tail is still the segment meant, make the next one, put tail
 *	        on it.
 *	take    list the head segment, lowest name first.  Found empty, and tail
 *	        beyond it: rmdir it, and every few segments move head.
 *
 *	install a bundle, which is a directory that was filled elsewhere, with the
 *	        lock: make the next segment, put tail on it, rename the bundle to
 *	        that number.  Or several, which nobody else can install: the
 *	        renames first, then tail behind the last.
 *	open    rename a bundle to its other name, to take single entries.
 *	take    read tail, then look for the bundle of a number, closed or opened,
 *	        then for the segment.  Only when tail is beyond the number is the
 *	        bundle known to have been there, if there is one: otherwise look
 *	        once more after the segment was found to have an entry.
 *
 * Nothing is put into a bundle, and nothing taken out before it was opened: as
 * it leaves its name by one rename, whoever has that has all that it listed.
 * Take it whole, or open it.
 *
 * The rmdir is the seal: nothing can be renamed or linked into a removed
 * directory, so an entry lands in front of every later reader or its sender
 * tries again.  The tail segment is never removed, numbers are never used
 * again, and head only follows an rmdir.  Segments order whatever the clock
 * does; inside one the entries' keys do.
 */
#ifndef STRIP_H
#define STRIP_H

#include "format/name.h"

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_ENTRIES 256
#define SEGMENT_MOST    8192 /* no segment has more, but by a chance of 1 in 10^11 */
#define BUNDLE_ENTRIES  250  /* at most: four make a batch */
#define BUNDLES         4    /* so many are installed at once */
#define BUNDLE_MIN      64   /* fewer are not worth a directory */
#define STRIP_PATH      64   /* "ready/p4", or the longest: that of a lane's strip */
#define ENTRY_PATH      (NAME_SIZE + 96)

struct strip {
	int dir; /* of the queue; not owned */
	char path[STRIP_PATH];
};

/* A scratch name below dir that nobody else uses, for what is built before it
 * is put in place. */
typedef void scratch_fn(void *ctx, char path[ENTRY_PATH]);

enum strip_how { STRIP_RENAME, STRIP_LINK };

/* The one system call of the two. */
int strip_move(enum strip_how, int fromdir, const char *from, int todir, const char *to);

/* Put the file or entry at from under a name never used before: by rename, or
 * by link, which keeps from.  *segment is the segment to try, or STRIP_TAIL;
 * it is then the one used, good for more entries of the same moment.  Makes
 * the strip if it is not there.  ENOENT: from is gone. */
#define STRIP_TAIL UINT64_MAX
int strip_add(const struct strip *, uint64_t *segment, int fromdir, const char *from,
    const char *name, enum strip_how, scratch_fn *, void *ctx);

/* Make the strip whole, by way of a scratch name; 0 also when it is there. */
int strip_make(const struct strip *, scratch_fn *, void *ctx);

/* With no scratch_fn, strip_add does not make the strip: ENXIO when there is
 * none.  If that is how all add to it, an empty strip can be taken away: 0, or
 * -1 with ENOTEMPTY when it has an entry after all; then it is as before. */
int strip_remove(const struct strip *, scratch_fn *, void *ctx);

/* The segment that takes new entries: 0, or -1 with errno. */
int strip_tail(const struct strip *, uint64_t *segment);

void strip_segment_path(const struct strip *, uint64_t segment, char path[ENTRY_PATH]);
void strip_entry_path(const struct strip *, uint64_t segment, const char *name,
    char path[ENTRY_PATH]);

/* Move tail beyond segment, unless somebody is at it or has done so. */
int strip_rotate(const struct strip *, uint64_t segment, scratch_fn *, void *ctx);

/* Put the directory at from, which is full of entries, in place as a bundle, and
 * tail behind it.  1; 0: not now, as somebody is moving the tail, or the number
 * is taken; -1 with errno.  ENOENT: from is gone. */
int strip_install(const struct strip *, int fromdir, const char *from, scratch_fn *, void *ctx);

/* The same for up to BUNDLES directories of the caller's own, in their order.  1: all;
 * 0: not now; -1 with errno: *done of them stand in the line. */
int strip_install_all(const struct strip *, int fromdir, char (*from)[ENTRY_PATH], size_t n,
    size_t *done, scratch_fn *, void *ctx);

/* What is wrong with head and tail, in words; NULL: nothing, or there is no such
 * strip.  A rotation under way looks wrong: it has the lock. */
const char *strip_fault(const struct strip *);

/* A number from a name that is one and nothing else: 0, or -1. */
int strip_number(const char *name, uint64_t *number);

/* What may stand under a number, in the order in which it is read. */
enum form { FORM_BUNDLE, FORM_OPENED, FORM_SEGMENT, FORMS };

/* The same for the name of a segment or a bundle. */
int strip_segment_number(const char *name, uint64_t *number);

/* After a crash of the machine: put head and tail right by what is there.  EWOULDBLOCK:
 * another had the lock for longer than the patience, in ns. */
int strip_repair(const struct strip *, int64_t patience, scratch_fn *, void *ctx);

struct sorted_name {
	uint64_t order; /* its key's time, or 0 when it has none */
	uint64_t inode; /* the same for the messages of one file */
	const char *name;
};

/* The names of one segment or bundle, sorted. */
struct segment {
	uint64_t number;
	enum form form;
	int fixed; /* a bundle that nobody can rename, so that it needs no opening */
	size_t n;
	struct sorted_name *names;
	char *text;
	size_t text_size, names_size;
};

/* Load the first segment that is not empty, opening it if it is a bundle: 1, 0
 * when the strip is empty (or not there), -1 with errno.  Removes empty segments
 * on the way. */
int strip_head(const struct strip *, struct segment *, scratch_fn *, void *ctx);
/* The same, but leave a bundle closed; and do not look before the number that was
 * found the last time, which a segment of zeros has not. */
int strip_first(const struct strip *, struct segment *, scratch_fn *, void *ctx);

/* Whether single entries may not be taken from it yet. */
int segment_is_closed(const struct segment *);

/* Open the bundle that was loaded, and load what is in it then: 1; 0: others took
 * it or what was in it, so look for the first one anew; -1 with errno.  Where
 * directories cannot be renamed (EXDEV: overlayfs, if they are of a lower layer),
 * nobody can have it whole, and it is as good as opened. */
int strip_open(const struct strip *, struct segment *);

/* Open the bundle, if it is one, in which the entry at path stands; path then has
 * its new name.  0 also when another has opened it, or -1. */
int strip_open_at(int dir, char *path);

/* The path of a segment or bundle that was loaded, and of an entry in it. */
void segment_path(const struct strip *, const struct segment *, char path[ENTRY_PATH]);
void segment_entry_path(const struct strip *, const struct segment *, const char *name,
    char path[ENTRY_PATH]);

/* Load what stands under the number in this form: 1 when it has entries, 0 when
 * not, -1. */
int strip_load(const struct strip *, uint64_t number, enum form, struct segment *);
/* The segments' numbers, ascending; the caller frees them.  Good for every
 * directory of numbered ones: buckets and windows are. */
int strip_segments(const struct strip *, uint64_t **numbers, size_t *n);
/* The names of any one directory, sorted: 0 also when it is not there, or -1. */
int segment_read(int dir, const char *path, struct segment *);
void segment_free(struct segment *);

#endif
