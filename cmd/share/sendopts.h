/*
 * sendopts.h - the options that say what to send, of mq-send and mq-call
 */
#ifndef MQ_CMD_SENDOPTS_H
#define MQ_CMD_SENDOPTS_H

#include "share/common.h"

extern const struct cmd_option sendopts_options[];

struct sendopts {
	struct mq_properties props; /* the command sets the priority to the default first */
	const char *text;           /* -b, or NULL */
	struct mq_header *headers;  /* as props has them, to be freed */
};

/* One of these options; others are passed over. */
void sendopts_take(struct cmd *, struct sendopts *, int opt);

/* Whether the message would expire before it is visible. */
static inline int sendopts_too_late(const struct mq_properties *p, mq_time now)
{
	return p->ttl > 0 && p->visible_at > now && p->visible_at - now > p->ttl;
}

#define SENDOPTS_TOO_LATE "it would expire before it is visible"

/* Once all are taken, cut the headers to names and values.  -1: one is
 * malformed; that was reported, as a failure with object. */
int sendopts_headers(struct cmd *, struct sendopts *, const char *object);

/* The same for one: cut 'Name: value' in place, the blanks around the value left
 * out.  Whether name and value are good is for the library to say. */
int sendopts_header(struct cmd *, char *text, struct mq_header *, const char *object);

#endif
