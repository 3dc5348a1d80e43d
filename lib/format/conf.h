/*
 * conf.h - a queue's settings
 *
 * The file conf holds key=value lines, one for each setting that is not at
 * its default, the value as it was given.
 */
#ifndef CONF_H
#define CONF_H

#include "mq.h"
#include "base/units.h"

enum overflow { OVERFLOW_REJECT, OVERFLOW_BLOCK, OVERFLOW_DROP_HEAD, OVERFLOW_DEAD_LETTER };

struct conf {
	mq_time visibility;
	uint64_t max_receives; /* 0: no limit */
	mq_time backoff_min, backoff_max;
	mq_time retention, dlq_retention;
	uint64_t max_depth, max_bytes, max_message; /* 0: no limit */
	enum overflow overflow;
	mq_time dedup_window;
	char dead_letter_to[QUEUE_NAME_SIZE]; /* "": the queue's own */
	mq_time priority_aging;
	int paused;
	int group_blocks; /* group-on-dead=block */
	int sync;         /* durable before it is accepted */
};

#define CONF_SETTINGS 15
#define CONF_VALUE    QUEUE_NAME_SIZE

/* The texts that stand for a conf: what is printed and kept. */
struct conf_text {
	char value[CONF_SETTINGS][CONF_VALUE];
};

void conf_defaults(struct conf_text *);
const char *conf_key(size_t i); /* NULL past the last */

enum conf_error { CONF_OK, CONF_UNKNOWN, CONF_BAD };

/* Change one setting if the value is good. */
enum conf_error conf_set(struct conf_text *, const char *key, const char *value);

/* Take over the lines of a conf file, which is cut up: NULL, or the first line
 * that is not understood.  Nothing is guessed: a limit that was misspelt must
 * not be no limit.  Empty lines and those that begin with # are passed over. */
const char *conf_read(struct conf_text *, char *text);

/* The file's text; the caller frees it.  NULL: no memory. */
char *conf_write(const struct conf_text *);

void conf_parse(const struct conf_text *, struct conf *);

/* What a value must be, in words. */
const char *conf_hint(const char *key);

#endif
