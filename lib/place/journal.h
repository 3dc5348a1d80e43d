/*
 * journal.h - publishes that are committed and are being delivered
 *
 *	SPOOL/j/ID/                    one of them
 *	SPOOL/j/ID/QUEUE~ENTRY         one message for that queue
 *	SPOOL/j/ID/QUEUE!ENTRY         one for its dead letters: it was full
 *	SPOOL/j/ID/QUEUE~pN~I/ENTRY    the I-th bundle for its level N
 *	SPOOL/j/ID/QUEUE~pN~I-/ENTRY   one that is delivered one by one
 *
 *	1  a directory in tmp/ is filled with a link for every queue and message
 *	2  it is renamed to j/ID, and the messages' file synced: the commit
 *	3  each member is renamed to where it belongs in its queue; a bundle as a
 *	   whole, or its entries one by one
 *	4  j/ID is removed
 *
 * Before 2 nothing was sent; after it, whoever comes by goes on with 3 from
 * the names alone, whether or not the publisher lives: every rename has one
 * winner, so nothing is delivered twice.  Members are delivered in the order of
 * their names.  The `/` of a dead-letter queue's name stands as `:`.
 *
 * A member names its queue, and a queue that is made anew has the name of one
 * before.  So who makes a queue, with the spool locked, first removes what is there
 * for its name, in the directories of step 1 and then in j/, since some move on
 * meanwhile.  And a publisher looks between 1 and 2 whether each queue is still
 * there: if so, a new one is made later than that, and all members are found.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "place/place.h"

#define JOURNAL_PATH 64
#define MEMBER_SIZE  (QUEUE_NAME_SIZE + NAME_SIZE)

/* A member that is one message. */
void journal_entry(const char *queue, const struct entry *, int dead, char member[MEMBER_SIZE]);
/* A member that is a bundle. */
void journal_bundle(const char *queue, unsigned level, unsigned i, char member[MEMBER_SIZE]);

/* Whether a member has a name that can be delivered. */
int journal_is_member(const char *name);

/* Step 2 but for the sync: 0, or -1 with errno. */
int journal_commit(struct spool *, const char *made, const char *id);

/* Open a queue: NULL and *gone when it is not there, or NULL when it cannot be
 * had now.  What it returns is good until the next call. */
typedef mq_queue *journal_queue_fn(void *ctx, const char *name, int *gone);

/* Steps 3 and 4: how many members this moved.  What cannot be delivered now stays;
 * *trouble is then the errno of a failure that keeps a message from the queue
 * concern (NULL: from any), or 0. */
unsigned journal_deliver(struct spool *s, const char *id, journal_queue_fn *open, void *ctx,
    const char *concern, int *trouble);

/* Remove the members for that queue and its dead letters from the directory at that
 * path in the spool: 0, or -1 with errno. */
int journal_drop(struct spool *, const char *path, const char *queue);

/* The same in all that there are, of a queue that is to be made, with the spool locked. */
int journal_forget(struct spool *, const char *queue);

/* Deliver all that there are. */
unsigned journal_help(mq *, struct spool *, const char *concern, int *trouble);

#endif
