/*
 * jsonin.h - messages as JSON lines, in the form that mq-recv -j prints
 */
#ifndef MQ_CMD_JSONIN_H
#define MQ_CMD_JSONIN_H

#include "share/common.h"

struct jsonin {
	struct mq_properties props;
	const char *body;
	size_t size;

	/* private */
	struct json_t *root;
	char *decoded;
	int grouped; /* the line has a group of its own, */
	char *group; /* and this one was decoded */
	struct mq_header *headers;
};

/* Parse one line.  What it does not give is as in defaults; its headers are
 * added to those of defaults, and win over them.  visible_at of defaults is
 * taken as it is; a delay in the line counts from now.  0, or -1 with the
 * reason in why.  In both cases jsonin_free() comes next; until then the
 * strings live, provided that defaults does. */
int jsonin_parse(struct jsonin *, const char *line, size_t n, const struct mq_properties *defaults,
    mq_time now, char *why, size_t size);
void jsonin_free(struct jsonin *);

#endif
