/*
 * json.h - a streaming JSON writer
 *
 * Values go straight to the output, so that a payload of any size costs no
 * memory.  Each function takes the key of the member it adds; inside an array
 * the key is NULL.  The commas are the writer's business.
 */
#ifndef MQ_CMD_JSON_H
#define MQ_CMD_JSON_H

#include "share/common.h"

struct json {
	struct out *out;
	int comma; /* the next value follows another one */
};

void json_open(struct json *, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *, char bracket);                 /* '}' or ']' */
void json_newline(struct json *);                             /* after each top-level value */

void json_string(struct json *, const char *key, const char *);
void json_count(struct json *, const char *key, uint64_t);
void json_number(struct json *, const char *key, double); /* not finite: null */
void json_bool(struct json *, const char *key, int);
void json_seconds(struct json *, const char *key, mq_time); /* 12.345 */
void json_time(struct json *, const char *key, mq_time);    /* ISO 8601 */

/* Read the payload through: 1 when it is UTF-8, 0 when not, -1 when it cannot
 * be read.  Leaves the reader rewound. */
int json_probe(mq_reader *);

/* group (as "group_base64" when it is not UTF-8), key, reply_to and correlation_id,
 * if any, and headers. */
void json_properties(struct json *, mq_reader *);

/* history: what has befallen the message. */
void json_history(struct json *, mq_reader *);

/* A leased message, all of it, as a line of its own; utf8 is what json_probe()
 * said.  -1: its payload could not be read, and the line breaks off in it. */
int json_message(struct json *, const struct mq_message *, mq_reader *, int utf8);

#endif
