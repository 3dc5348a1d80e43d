/*
 * latency.c - from before a message is sent until a waiting process has it
 *
 *	latency SPOOL QUEUE COUNT
 *
 * One process sends 256 bytes that begin with the time, whenever the other one,
 * which waits as mq-recv -w does, says that it is about to sleep.  Prints
 * microseconds, a line for each.
 */
#include "bare.h"
#include "mq.h"

#include <string.h>
#include <sys/wait.h>

#define SIZE 256

/* So that the receiver sleeps by then. */
static const struct timespec pause_between = { 0, 2000000 };

static void check(int r, mq *h)
{
	if (r != MQ_OK) {
		fprintf(stderr, "latency: %s\n", mq_error(h));
		exit(1);
	}
}

static void send_when_told(char **argv, int told)
{
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT };
	char body[SIZE] = "", go;
	size_t accepted;
	double t;
	mq_queue *q;
	mq_batch *b;
	mq *h = mq_open(argv[1]);

	check(mq_queue_open(h, argv[2], &q), h);
	check(mq_batch_open(q, &b), h);
	while (read(told, &go, 1) == 1) {
		nanosleep(&pause_between, NULL);
		t = now();
		memcpy(body, &t, sizeof(t));
		check(mq_batch_begin(b, &p), h);
		check(mq_batch_write(b, body, sizeof(body)), h);
		check(mq_batch_end(b), h);
		check(mq_batch_commit(b, 0, &accepted, NULL, NULL), h);
	}
	mq_batch_close(b);
	mq_queue_close(q);
	mq_close(h);
}

static mq_lease *wait_for_one(mq *h, mq_queue *q, mq_wait *w)
{
	mq_time within;
	mq_lease *l;
	int look, r;
	size_t n;

	for (;;) {
		mq_wait_arm(w, &look, &within);
		if (look && (r = mq_recv(q, 1, 0, &l, &n)) != MQ_EMPTY)
			break;
		mq_wait_sleep(w, within);
	}
	check(r, h);
	return l;
}

static void receive(char **argv, int tell)
{
	int count = atoi(argv[3]);
	mq *h = mq_open(argv[1]);
	mq_reader *reader;
	mq_queue *q;
	mq_wait *w;
	mq_lease *l;
	double t;

	check(mq_queue_open(h, argv[2], &q), h);
	check(mq_wait_open(h, &q, 1, &w), h);
	for (; count > 0; count--) {
		must(write(tell, "", 1) == 1, "write");
		l = wait_for_one(h, q, w);
		check(mq_reader_of(l, &reader), h);
		must(mq_reader_read(reader, &t, sizeof(t)) == sizeof(t), "read");
		printf("%.1f\n", (now() - t) / 1000);
		mq_reader_close(reader);
		check(mq_ack(l), h);
		mq_lease_free(l);
	}
	mq_wait_close(w);
	mq_queue_close(q);
	mq_close(h);
}

int main(int argc, char **argv)
{
	int fds[2], status;
	pid_t sender;

	if (argc != 4 || atoi(argv[3]) <= 0) {
		fprintf(stderr, "usage: latency SPOOL QUEUE COUNT\n");
		return 64;
	}
	must(pipe(fds) == 0, "pipe");
	must((sender = fork()) != -1, "fork");
	if (sender == 0) {
		close(fds[1]);
		send_when_told(argv, fds[0]);
		return 0;
	}
	close(fds[0]);
	receive(argv, fds[1]);
	close(fds[1]);
	must(waitpid(sender, &status, 0) == sender && status == 0, "the sender");
	return 0;
}
