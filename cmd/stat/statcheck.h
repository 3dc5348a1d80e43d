/*
 * statcheck.h - checks of figures, as in 'visible>1000'
 */
#ifndef MQ_CMD_STATCHECK_H
#define MQ_CMD_STATCHECK_H

#include "share/figures.h"

enum statcheck_op { ABOVE, AT_LEAST, BELOW, AT_MOST, EQUAL, UNEQUAL, OPS };

struct statcheck {
	const char *text;
	enum figure figure;
	enum statcheck_op op;
	double value;
};

/* FIGURE OP VALUE, with or without blanks between them; exits with a usage error. */
void statcheck_parse(struct cmd *, const char *text, struct statcheck *);

/* Whether it is true; that is told on standard error then. */
int statcheck_run(struct cmd *, const char *queue, const struct statcheck *,
    const struct mq_stats *);

#endif
