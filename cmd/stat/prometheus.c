/*
 * prometheus.c - figures of queues in Prometheus' text format
 *
 * Names and types follow its conventions: base units, totals that only go up; the
 * latency is a summary.
 */
#include "stat/prometheus.h"

#include "share/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void prometheus_add(struct cmd *c, struct prometheus *p, const char *queue,
    const struct mq_stats *s)
{
	struct prometheus_queue *q;

	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		p->queues = cmd_realloc(c, p->queues, p->room * sizeof(*p->queues));
	}
	q = &p->queues[p->n];
	q->stats = *s;
	if ((q->name = strdup(queue)) != NULL)
		p->n++;
	else
		cmd_errno(c, queue, "keep its figures");
}

static void head(struct out *out, const char *metric, const char *type, const char *help)
{
	out_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

/* The label that all have.  Names of queues have no character that must be escaped but
 * the quote and the backslash. */
static void labels(struct out *out, const char *metric, const char *queue, const char *key,
    const char *value)
{
	out_format(out, "%s{queue=\"", metric);
	for (; *queue; queue++) {
		if (*queue == '"' || *queue == '\\')
			out_char(out, '\\');
		out_char(out, *queue);
	}
	out_char(out, '"');
	if (key)
		out_format(out, ",%s=\"%s\"", key, value);
	out_text(out, "} ");
}

static void count(struct out *out, const char *metric, const char *queue, const char *state,
    uint64_t n)
{
	labels(out, metric, queue, state ? "state" : NULL, state);
	out_format(out, "%llu\n", (unsigned long long)n);
}

static void seconds(struct out *out, const char *metric, const char *queue, const char *quantile,
    mq_time t)
{
	labels(out, metric, queue, quantile ? "quantile" : NULL, quantile);
	out_format(out, "%.9g\n", (double)t / MQ_SECOND);
}

static void write_messages(struct out *out, const struct prometheus *p)
{
	head(out, "mq_messages", "gauge", "Messages in the queue, by what they wait for.");
	for (size_t i = 0; i < p->n; i++) {
		const struct mq_stats *s = &p->queues[i].stats;
		const char *name = p->queues[i].name;

		count(out, "mq_messages", name, "visible", s->visible);
		count(out, "mq_messages", name, "in_flight", s->in_flight);
		count(out, "mq_messages", name, "delayed", s->delayed);
		count(out, "mq_messages", name, "dead", s->dead);
	}
}

static void write_gauges(struct out *out, const struct prometheus *p)
{
	head(out, "mq_payload_bytes", "gauge", "Payload of the messages that are not dead.");
	for (size_t i = 0; i < p->n; i++)
		count(out, "mq_payload_bytes", p->queues[i].name, NULL, p->queues[i].stats.bytes);
	head(out, "mq_oldest_message_age_seconds", "gauge",
	    "Age of the oldest message that can be taken now.");
	for (size_t i = 0; i < p->n; i++)
		seconds(out, "mq_oldest_message_age_seconds", p->queues[i].name, NULL,
		    p->queues[i].stats.oldest_age);
	head(out, "mq_paused", "gauge", "Whether the queue is paused.");
	for (size_t i = 0; i < p->n; i++)
		count(out, "mq_paused", p->queues[i].name, NULL, p->queues[i].stats.paused ? 1 : 0);
}

static void write_counters(struct out *out, const struct prometheus *p)
{
	char metric[32];

	for (const struct counter *k = counters; k < counters + COUNTERS; k++) {
		snprintf(metric, sizeof(metric), "mq_%s_total", k->name);
		head(out, metric, "counter", k->help);
		for (size_t i = 0; i < p->n; i++)
			count(out, metric, p->queues[i].name, NULL,
			    counter_value(&p->queues[i].stats.total, k));
	}
}

static void write_latency(struct out *out, const struct prometheus *p)
{
	static const char *const quantiles[] = { "0.5", "0.95", "0.99" };

	head(out, "mq_latency_seconds", "summary",
	    "Time from send to ack, of the last 5 to 10 minutes.");
	for (size_t i = 0; i < p->n; i++) {
		const struct mq_stats *s = &p->queues[i].stats;

		for (size_t k = 0; k < NELEMS(quantiles); k++) {
			labels(out, "mq_latency_seconds", p->queues[i].name, "quantile",
			    quantiles[k]);
			if (s->latency[k])
				out_format(out, "%.9g\n", (double)s->latency[k] / MQ_SECOND);
			else
				out_text(out, "NaN\n");
		}
		seconds(out, "mq_latency_seconds_sum", p->queues[i].name, NULL, s->waited);
		count(out, "mq_latency_seconds_count", p->queues[i].name, NULL, s->total.acked);
	}
}

void prometheus_write(struct out *out, struct prometheus *p)
{
	write_messages(out, p);
	write_gauges(out, p);
	write_counters(out, p);
	write_latency(out, p);
	while (p->n > 0)
		free(p->queues[--p->n].name);
	free(p->queues);
	*p = (struct prometheus){ 0 };
}
