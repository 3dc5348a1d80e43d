/*
 * groups.c - what a message of a group costs
 *
 *	groups SPOOL QUEUE GROUPS COUNT
 *
 * sends COUNT messages, each in a file of its own, then receives and acks them
 * one by one, through the library.  They are of so many groups, by turns; 0: of
 * none.  Prints nanoseconds per
 * message: of send, and of receive and ack.
 */
#include "mq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int r, mq *h)
{
	if (r != MQ_OK) {
		fprintf(stderr, "groups: %s\n", mq_error(h));
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void send_all(mq *h, mq_queue *q, int groups, int count)
{
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT };
	char body[100], group[20];
	size_t accepted;
	mq_batch *b;
	int i;

	memset(body, 'x', sizeof(body));
	if (groups > 0)
		p.group = group;
	must(mq_batch_open(q, &b), h);
	for (i = 0; i < count; i++) {
		snprintf(group, sizeof(group), "g%d", groups > 0 ? i % groups : 0);
		must(mq_batch_begin(b, &p), h);
		must(mq_batch_write(b, body, sizeof(body)), h);
		must(mq_batch_end(b), h);
		must(mq_batch_commit(b, 0, &accepted, NULL, NULL), h);
	}
	mq_batch_close(b);
}

static void receive_all(mq *h, mq_queue *q, int count)
{
	mq_lease *l;
	size_t n;

	for (; count > 0; count--) {
		must(mq_recv(q, 1, 0, &l, &n), h);
		must(mq_ack(l), h);
		mq_lease_free(l);
	}
}

int main(int argc, char **argv)
{
	int count = argc == 5 ? atoi(argv[4]) : 0, groups = argc == 5 ? atoi(argv[3]) : 0;
	double t[3];
	mq_queue *q;
	mq *h;

	if (count <= 0 || groups < 0) {
		fprintf(stderr, "usage: groups SPOOL QUEUE GROUPS COUNT\n");
		return 64;
	}
	h = mq_open(argv[1]);
	must(mq_queue_open(h, argv[2], &q), h);
	t[0] = now();
	send_all(h, q, groups, count);
	t[1] = now();
	receive_all(h, q, count);
	t[2] = now();
	printf("%.0f %.0f\n", (t[1] - t[0]) / count, (t[2] - t[1]) / count);
	mq_queue_close(q);
	mq_close(h);
	return 0;
}
