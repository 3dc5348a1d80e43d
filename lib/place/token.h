/*
 * token.h - the tokens of message groups, which move instead of the messages
 *
 * lane.h tells how lanes and tokens play together.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include "spool/line.h"

/* Whether the token at path is its group's valid one: 1, 0, -1. */
int token_valid(mq_queue *, const char *group, const char *path);

/* The token in the state of a message: its key, priority, count and history. */
void token_of(const struct entry *message, struct entry *token);

/* Token at path -> turns/ or, while token->visible is to come and its message not
 * over, delayed/.  ENOENT: it is somebody else's by now. */
int token_return(mq_queue *, const char *path, struct entry *token);

/* Having leased the token at path as it was in turns/, to where it belongs by what
 * is in its lane: it may be blocked still, or for a message that comes later or is not
 * first any more; or the lane may be empty. */
int token_sort(mq_queue *, const char *path, struct entry *token);

/* Something is wrong with the lane of the token at path: look again in a while. */
int token_put_off(mq_queue *, const char *path, const struct entry *token);

/* Having leased the token at path, and done with its message: on to the next,
 * or close the lane.  next NULL: look for it.  ENOENT as above. */
int token_pass_on(mq_queue *, const char *path, const struct entry *token,
    const struct entry *next);

/* The token at path to delayed/, blocked: until its dead letter is back, or for a while. */
int token_block(mq_queue *, const char *path, struct entry *token);

/* The count and the history of a lane's message, if the token is for it. */
void token_take_over(struct entry *message, const struct entry *token);

/* Call each for every token, on its way or leased; non-zero ends it. */
int token_walk(mq_queue *, visit_fn *each, void *ctx);

/* What is first in the lane may be another one by now: if its token is delayed, see
 * that somebody looks. */
int token_wake(mq_queue *, const char *group);

/* The token at path, and if it is blocked, without its dead letter; 0 also when it has
 * moved on. */
int token_release(mq_queue *, const char *path, const struct entry *token);

/* All that are delayed or blocked. */
int token_release_all(mq_queue *);

#endif
