/*
 * tokenparts.h - what the files about lanes and tokens share
 *
 * A token is what it says, not which file it is: not every file system keeps inodes and
 * link counts (overlayfs, when a file of a lower layer is copied up), nor does every
 * copy of a spool.  A second link is made where it can be, as that tells at a look
 * that the token is somewhere.
 */
#ifndef TOKENPARTS_H
#define TOKENPARTS_H

#include "spool/line.h"

#define IDENTITY_SIZE 24
#define ODD_PAUSE     MQ_SECOND

/* A token for the message that was in no place yet: names in turns/ are never used
 * twice, so it has a nonce as if it had been leased before. */
void token_new(mq_queue *, const struct entry *message, struct entry *token);

/* With the lock: a new token in tmp/, which alone is valid from now on. */
int token_make(mq_queue *, const char *group, char made[ENTRY_PATH]);

/* That of the valid one: 1, 0 when there is none, or one of before there were such
 * links, or -1. */
int token_identity(mq_queue *, const char *group, char identity[IDENTITY_SIZE]);

/* HASH.token and HASH.delayed of a lane that is not there. */
int token_unlink_links(mq_queue *, const char *group);

/* With the lock: another token.  It is valid last: who takes it before that, as this
 * was killed, finds HASH.token as it was, and mends it. */
int token_revive(mq_queue *, const char *group);

/* Whether the token has to wait for what its name says: 1, 0, -1. */
int token_has_reason(mq_queue *, const struct entry *token);

/* The name of a blocked token that is blocked no more. */
void token_let_go(mq_queue *, struct entry *token);

/* Look at the lane of the token at path again in a while. */
int token_pause(mq_queue *, const char *path, const struct entry *token, mq_time pause);

#endif
