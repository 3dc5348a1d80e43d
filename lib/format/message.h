/*
 * message.h - the block of properties before a payload
 *
 * "Name: value" lines and an empty line, in UTF-8, only when there is a
 * property to tell.  What the queue itself understands starts with "Mq-".
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "mq.h"

#define MESSAGE_REPLY_TO       "Mq-Reply-To"
#define MESSAGE_CORRELATION_ID "Mq-Correlation-Id"
#define MESSAGE_GROUP          "Mq-Group" /* bytes that are no text as %XX */
#define MESSAGE_KEY            "Mq-Key"
#define MESSAGE_BLOCK_MAX      (1024 * 1024)

/* The block for these properties, or "" with *size 0 when there are none.
 * The caller frees it.  NULL: *why says what is wrong, or is NULL when memory
 * ran out. */
char *message_block(const struct mq_properties *, size_t *size, const char **why);

struct message_block {
	char *text; /* cut into strings */
	struct mq_header *headers;
	size_t n;
	char *group; /* as it was given; NULL: none */
};

/* Cut a block's text, which now belongs to the block: 0, or -1 with errno, EBADMSG when
 * it is malformed, and else the block says nothing of itself (ENOMEM). */
int message_parse(char *text, size_t size, struct message_block *);
void message_free(struct message_block *);

/* Control bytes have no place in a line of text. */
int message_has_control(const char *);

#endif
