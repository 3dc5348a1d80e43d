/*
 * group.h - the verdict on a message of a group
 *
 * What place.h does with an entry that is leased by itself, these do with one
 * that is leased through its group's token (lane.h).  Each begins with the step
 * that decides, and ENOENT says that the lease was over:
 *
 *	ack     unlink the message in its lane
 *	return  rename the token
 *	dead    rename the message to the dead letters
 *
 * then the receipt goes, and the token goes on.
 */
#ifndef GROUP_H
#define GROUP_H

#include "receive/lease.h"

int group_ack(const mq_lease *);

/* As place_return: e is the lease's entry with its new count and history, and
 * until when it is delayed. */
int group_return(const mq_lease *, const struct entry *e);

/* After a verdict: whether the token is no longer leased.  When it could not be
 * passed on, its clock has to stay. */
int group_goes_on(const mq_lease *);

int group_dead(const mq_lease *, const char *reason);

#endif
