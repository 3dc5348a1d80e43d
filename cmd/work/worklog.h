/*
 * worklog.h - what mq-work tells of its jobs: a log, and a line on a terminal
 */
#ifndef MQ_CMD_WORKLOG_H
#define MQ_CMD_WORKLOG_H

#include "share/common.h"

#define RATE_SECONDS 10

struct worklog {
	struct cmd *c;
	int terminal;     /* standard error is one */
	const char *file; /* the log; NULL: none */
	struct out *out;

	uint64_t done, failed;
	uint64_t ended[RATE_SECONDS]; /* in each of the last seconds, */
	int64_t second;               /* of which this is the last */
	int64_t first;                /* the second in which work began */
};

/* file NULL: no log; "-": standard error.  A failure is reported and exits. */
void worklog_open(struct worklog *, struct cmd *, const char *file);

/* A message has had its verdict.  started (wall clock) 0: no job saw it, which
 * is not worth a line. */
void worklog_end(struct worklog *, const struct mq_message *, mq_time started, const char *verdict,
    const char *status);

/* Where the work stands: so many in flight, and so many left (UINT64_MAX: not
 * known).  now is monotonic. */
void worklog_progress(struct worklog *, mq_time now, size_t in_flight, uint64_t left);

/* Write out what has ended. */
void worklog_flush(struct worklog *);

void worklog_close(struct worklog *);

#endif
