/*
 * bury.h - the death of a message in a lane
 *
 * Under group-on-dead=block the token is blocked first, under a name that says so, and
 * durably where a later sync does not tell the order: whatever comes then, the group
 * does not go on without the message.
 */
#ifndef BURY_H
#define BURY_H

#include "spool/queue.h"

/* Move the message of the leased token at path to the dead letters, then pass
 * on, or block the group.  ENOENT: there is no such message any more. */
int lane_bury(mq_queue *, const char *path, const struct entry *token, const char *reason);

#endif
