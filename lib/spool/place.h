/*
 * place.h - where an entry goes
 *
 * Every move of an entry between the parts of a queue is one of these.  Each
 * takes the entry from a path, under the name that the entry then has, and
 * returns 0, or -1 with errno; ENOENT means that the entry was gone: somebody
 * else was first.  When the disk is full, moves out of a lease are tried
 * again on the ballast's room.
 */
#ifndef PLACE_H
#define PLACE_H

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

/* To the end of its level's line, or of its group's lane.  tails: of the batch,
 * or NULL. */
int place_ready(mq_queue *, const struct source *, const struct entry *, struct tails *);
/* At the end of a batch, after its file was synced: make its names durable. */
int place_sync(mq_queue *, struct tails *);
int place_back(mq_queue *, const struct source *, const struct entry *);
/* A group's token: to the end of its level's turns. */
int place_turn(mq_queue *, const struct source *, const struct entry *);
/* Until entry->visible; in its lane if it has a group, so that all after it
 * wait as well. */
int place_delayed(mq_queue *, const struct source *, const struct entry *);
/* Whether a message's file, which seemed to have that size, is not what its name says,
 * as a power cut leaves one that was not accepted yet: 1 only after a second look,
 * at the file itself.  0, or -1 with errno: that cannot be told; ENOENT: it is gone. */
int place_is_torn(mq_queue *, const char *path, const struct entry *, uint64_t size);
/* Out of the way, because it is no whole message; under its name and a nonce. */
int place_bad(mq_queue *, const char *path);

/* To where a message that failed belongs: gone if it has expired, the dead
 * letters if it was delivered max-receives times, else delayed until
 * entry->visible, or back.  reason: why, should it die of it. */
int place_return(mq_queue *, const struct source *, struct entry *);

/* To the dead letters with its history.  Where there are none to go to (the
 * queue is a dlq), back. */
int place_dead(mq_queue *, const struct source *, struct entry *, const char *reason);

/* As strip_open and strip_head: single entries are taken from a bundle that was
 * opened, which needs room for its other name. */
int place_open(mq_queue *, const struct strip *, struct segment *);
int place_head(mq_queue *, const struct strip *, struct segment *);

/* Remove an entry for good: 0, or -1 with ENOENT when somebody was first. */
int place_drop(mq_queue *, int dir, const char *path, const struct entry *);
/* The same for a message that has expired, which is counted as such.  There is no
 * other way for one to go. */
int place_expire(mq_queue *, int dir, const char *path, const struct entry *);

/* The bucket, below "leased" or "delayed", of a moment. */
void bucket_path(const char *part, mq_time, char path[STRIP_PATH]);

/* The time from the number that names a bucket, which may be any. */
mq_time bucket_time(uint64_t number);

/* The bucket of what stands at a path below "leased" or "delayed". */
void bucket_of(const char *path, char bucket[STRIP_PATH]);

/* The delay before the next delivery by the queue's backoff, with jitter. */
mq_time place_backoff(mq_queue *, unsigned receives);

#endif
