/*
 * spool.h - the handle, its errors, and the spool's directory
 *
 *	SPOOL/version   "mq spool 1"
 *	SPOOL/q/        the queues
 *	SPOOL/tmp/      directories being built or removed
 *	SPOOL/ballast/  files that hold room for a full disk to drain
 */
#ifndef SPOOL_H
#define SPOOL_H

#include "base/clock.h"
#include "mq.h"

#define SPOOL_FORMAT 1
#define ERROR_SIZE   5120 /* a path of any length, and what is wrong with it */

struct spool {
	int refs;
	int fd;
	char *root; /* absolute */
};

struct mq {
	char *path;          /* as given */
	struct spool *spool; /* NULL until needed */
	struct clock clock;
	struct nonce nonce;
	int polling;    /* mq_poll() */
	mq_queue *last; /* the queue of the last receipt: the next is likely its neighbour */
	char error[ERROR_SIZE];
};

/* Set the handle's error to "OBJECT: WHAT" and return status. */
int fail(mq *, int status, const char *object, const char *what);
/* The same for what is not in a spool: MQ_NOTFOUND, with the spool's path. */
int fail_not_in(mq *, const char *root, const char *object, const char *what);
/* The same with errno's text, and the status that errno stands for. */
int fail_errno(mq *, const char *object, const char *what);

/* The spool that the handle is on: MQ_NOTFOUND when it is not there, MQ_CREATE
 * when something else is. */
int spool_enter(mq *);
/* As spool_enter, making it first if need be. */
int spool_enter_or_make(mq *);

/* The spool at another path; NULL: the handle's error tells, *status what. */
struct spool *spool_open(mq *, const char *path, int *status);
struct spool *spool_ref(struct spool *);
void spool_unref(struct spool *);

/* A name below SPOOL/tmp or QUEUE/tmp that nobody else uses. */
void scratch_path(mq *, char *path, size_t size);

/* A full disk refuses renames, so nothing could be received or returned.  Give
 * some ballast away: 1 when there was some, so that trying again makes sense. */
int spool_drop_ballast(struct spool *);
/* Lay it again when there is room in plenty. */
void spool_lay_ballast(mq *, struct spool *);
/* Senders leave this much, or what drains the queue would have no room. */
int spool_has_room(struct spool *);

#endif
