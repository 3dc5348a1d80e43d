/*
 * prometheus.h - figures of queues in Prometheus' text format
 *
 * All samples of a metric stand together there, so the figures of all queues are
 * kept until the end.
 */
#ifndef MQ_CMD_PROMETHEUS_H
#define MQ_CMD_PROMETHEUS_H

#include "share/common.h"

struct prometheus {
	struct prometheus_queue {
		char *name;
		struct mq_stats stats;
	} * queues;
	size_t n, room;
};

void prometheus_add(struct cmd *, struct prometheus *, const char *queue, const struct mq_stats *);

/* Write all, and forget them. */
void prometheus_write(struct out *, struct prometheus *);

#endif
