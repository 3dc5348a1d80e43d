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
 * group-on-dead=block, a dead letter is to come back first (TOKEN_BLOCKED).  The
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
 * A blocked token comes due now and then, and who takes it looks whether its dead
 * letter is back: so a redrive that is killed before it wakes blocks no group.
 */
#ifndef LANE_H
#define LANE_H

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

/* Call each for every lane; non-zero ends it. */
int lane_walk(mq_queue *, int (*each)(void *ctx, mq_queue *, const char *group), void *ctx);

/* The strip of a lane's later messages. */
struct strip lane_more(const mq_queue *, const char *group);
void lane_path(const char *group, const char *below, char path[ENTRY_PATH]);

/* The lock of the lanes that share a directory, which is made if need be; for fs_unlock.
 * EWOULDBLOCK: somebody has had it for so long. */
int lane_lock(mq_queue *, const char *group, mq_time patience);

#endif
