/*
 * line.h - the lines of a queue, and the buckets of what is not in one
 *
 * Each level has three lines, which are strips: ready/, back/, which is taken from first,
 * and turns/, of tokens (lane.h).  What is delayed or leased stands in buckets, by the
 * time at which that ends.
 *
 * Each move takes the entry from a path, under the name that the entry then has, and
 * returns 0, or -1 with errno; ENOENT means that the entry was gone: somebody
 * else was first.  When the disk is full, moves out of a lease are tried
 * again on the ballast's room.
 */
#ifndef LINE_H
#define LINE_H

#include "spool/queue.h"

#define BUCKET_SECONDS 16

/* Where an entry stands now. */
struct source {
	int dir;
	const char *path;
	enum strip_how how; /* STRIP_LINK keeps the path */
};

/* Segments found during one batch; one for each level, to start STRIP_TAIL. */
struct tails {
	uint64_t segment[LEVELS];
	unsigned lot[LEVELS]; /* counts up to the entry that ends its segment */
};

/* As many entries as a segment has on average lie between two that end one; where in
 * such a row a batch begins is drawn, so that each entry has the same chance, however
 * the entries are batched. */
void tails_reset(mq_queue *, struct tails *);

/* To the end of its level's line.  tails: of the batch. */
int line_add(mq_queue *, enum line, const struct source *, const struct entry *, struct tails *);
/* At the end of a batch, after its file was synced: make its names durable. */
int line_sync(mq_queue *, struct tails *);
/* A group's token: to the end of its level's turns. */
int line_turn(mq_queue *, const struct source *, const struct entry *);
/* To the bucket of entry->visible. */
int line_delayed(mq_queue *, const struct source *, const struct entry *);
/* Out of the way, because it is no whole message; under its name and a nonce. */
int line_bad(mq_queue *, const char *path);

/* As strip_open and strip_head: single entries are taken from a bundle that was
 * opened, which needs room for its other name. */
int line_open(mq_queue *, const struct strip *, struct segment *);
int line_head(mq_queue *, const struct strip *, struct segment *);

/* The bucket, below "leased" or "delayed", of a moment. */
void bucket_path(const char *part, mq_time, char path[STRIP_PATH]);

/* The numbers of the buckets below "leased" or "delayed", in order; to be freed. */
int bucket_list(mq_queue *, const char *part, uint64_t **numbers, size_t *n);

/* The time from the number that names a bucket, which may be any. */
mq_time bucket_time(uint64_t number);

/* The bucket of what stands at a path below "leased" or "delayed". */
void bucket_of(const char *path, char bucket[STRIP_PATH]);

#endif
