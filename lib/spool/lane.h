/*
 * lane.h - the lanes of message groups
 *
 * The messages of a group wait in a lane of their own, and one token of the
 * group moves about instead of them:
 *
 *	groups/HH/HASH/        the lane: ENTRY...; from some dozens on also a
 *	                       strip, more/, which takes what comes
 *	groups/HH/HASH.token   tells the valid token from what a crash left: both are
 *	                       symbolic links with one target, a nonce
 *	groups/HH/HASH.delayed a symbolic link to the token in delayed/, if it is there
 *	groups/HH/lock         held while a lane there is born or removed
 *	turns/pN/              a strip of tokens, which have something to deliver
 *
 * HASH is that of the group's key, HH its first two digits.  A message stays in
 * its lane until it is acked or dead: neither nack nor lapse nor crash can put
 * it behind a later one.  Who holds the token leased may deliver the first
 * message; so the group has one lease at a time, and the token carries the
 * delivery count of that message.
 *
 * What keeps a group from getting stuck: as long as its lane, a directory, is
 * there, its token moves, by rename: turns/ -> leased/ -> turns/ or delayed/.
 * So a sender who finds the lane makes one link and is done.
 *
 *	birth	with the lock: link a new token as HASH.token, rename it to
 *		turns/, then mkdir the lane.
 *	close	with the token leased and the lock: rmdir the lane, which is the
 *		seal, for it fails if a message has come; then unlink HASH.token,
 *		then the token.
 *
 * A kill during either leaves a token without a lane: whoever takes it closes
 * it, or finds that another is valid, and drops it.  After the machine came
 * down, lane_repair() gives a token to lanes whose token did not survive.
 *
 * A token is in delayed/ for a reason: the first message comes later, or, under
 * group-on-dead=block, a dead letter is to come back first (TOKEN_HELD).  The
 * reason may go before its time: another message comes first, the dead letter is
 * redriven, the lane is purged.  So that neither side misses the other,
 *
 *	delay	HASH.delayed, rename the token to delayed/, then look at the lane;
 *		if the reason is gone, wake it
 *	change	change what is first in the lane, then wake its token
 *	wake	read HASH.delayed, rename the token from there to turns/ as it is:
 *		who takes it looks whether it has to wait
 *
 * Only who has the token leased delays it.  HASH.delayed may be stale: names are not
 * used twice, so it leads nowhere then.
 * A held token comes due now and then, and who takes it looks whether its dead
 * letter is back: so a redrive that is killed before it wakes holds no group.
 */
#ifndef LANE_H
#define LANE_H

#include "base/names.h"
#include "spool/line.h"

/* Whether the entry belongs into a lane: dead letters stand in one line. */
static inline int lane_wants(const mq_queue *q, const struct entry *e)
{
	return e->group[0] != '\0' && !q->is_dlq;
}

/* Put a message into its group's lane. */
int lane_add(mq_queue *, const struct source *, const struct entry *);

/* A message in its lane. */
struct lane_message {
	char path[ENTRY_PATH];
	struct entry entry;
};

struct lane_view {
	int found, has_next;
	struct lane_message first; /* or the one with the key asked for */
	struct lane_message next;  /* the first but that */
};

/* Look at a lane.  key NULL: first and next; else the message with that key and
 * the first other one.  -1 with errno, ENOENT when there is no lane. */
int lane_look(mq_queue *, const char *group, const char *key, struct lane_view *);

/* Whether the token at path is its group's valid one: 1, 0, -1. */
int lane_token_valid(mq_queue *, const char *group, const char *path);

/* The token in the state of a message: its key, priority, count and history. */
void lane_token(const struct entry *message, struct entry *token);

/* Token at path -> turns/ or, while token->visible is to come and its message not
 * over, delayed/.  ENOENT: it is somebody else's by now. */
int lane_return(mq_queue *, const char *path, struct entry *token);

/* Having leased the token at path as it was in turns/, to where it belongs by what
 * is in its lane: it may be held still, or for a message that comes later or is not
 * first any more; or the lane may be empty. */
int lane_sort(mq_queue *, const char *path, struct entry *token);

/* Something is wrong with the lane of the token at path: look again in a while. */
int lane_put_off(mq_queue *, const char *path, const struct entry *token);

/* Having leased the token at path, and done with its message: on to the next,
 * or close the lane.  next NULL: look for it.  ENOENT as above. */
int lane_pass_on(mq_queue *, const char *path, const struct entry *token, const struct entry *next);

/* The token at path to delayed/, held: until its dead letter is back, or for a while. */
int lane_hold(mq_queue *, const char *path, struct entry *token);

/* The count and the history of a lane's message, if the token is for it. */
void lane_take_over(struct entry *message, const struct entry *token);

/* The tokens that were somewhere, for those who look at many lanes. */
struct lane_tokens {
	struct names names; /* "GROUP TARGET" */
	int known;
};

/* Whether the lane has no token that moves, and nobody is making one: 1, 0. */
int lane_is_stuck(mq_queue *, const char *group, struct lane_tokens *);

/* Such a lane gets one. */
int lane_mend(mq_queue *, const char *group);

/* Call each for every token, on its way or leased; non-zero ends it. */
int lane_walk_tokens(mq_queue *,
    int (*each)(void *ctx, mq_queue *, const char *path, const struct entry *), void *ctx);

/* What is first in the lane may be another one by now: if its token is delayed, see
 * that somebody looks. */
int lane_wake(mq_queue *, const char *group);

/* The same, and a held group goes on without its dead letter. */
int lane_release(mq_queue *, const char *group);
int lane_release_all(mq_queue *);

/* Call each for every lane; non-zero ends it. */
int lane_walk(mq_queue *, int (*each)(void *ctx, mq_queue *, const char *group), void *ctx);

/* After a crash of the machine.  EWOULDBLOCK: others had locks at that time, of the
 * clock from boot; some lanes are as they were. */
int lane_repair(mq_queue *, mq_time until);

/* The strip of a lane's later messages. */
struct strip lane_more(const mq_queue *, const char *group);
void lane_path(const char *group, const char *below, char path[ENTRY_PATH]);

#endif
