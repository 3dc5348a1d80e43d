/*
 * mq-call - send a request and wait for its reply
 *
 * The reply comes to a queue made for this one call, whose name is the
 * request's reply-to; it is known by its correlation id.
 *
 * A signal may come while the request is read, while there is no room for it,
 * or while the reply is awaited.  So it is a thread that waits for signals; it
 * removes the queue and ends the process.
 */
#include "share/common.h"
#include "share/records.h"
#include "share/sendopts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const struct cmd_option options[] = {
	{ 'w', "wait", "WAIT", "wait so long for the reply (default: 30s)" },
	{ 0 },
};

/* The signals that remove the queue, and what for. */
struct guard {
	sigset_t signals;
	const char *spool, *queue;
	pthread_mutex_t mutex; /* of whoever removes it, until the end */
};

struct call {
	struct cmd *c;
	struct sendopts given;
	mq_time wait;
	mq_queue *requests, *replies;
	const char *id; /* the correlation id */
	int fd;         /* of the request, unless its text was given */
	struct guard guard;
};

/* ---- signals ----------------------------------------------------------- */

static void *remove_on_signal(void *ctx)
{
	struct guard *g = ctx;
	int sig;
	mq *m;

	sigwait(&g->signals, &sig);
	pthread_mutex_lock(&g->mutex);
	m = mq_open(g->spool); /* another handle: they belong to one thread each */
	if (m)
		mq_delete(m, g->queue);
	_exit(128 + sig);
}

/* Keep the signals back, but for those that are ignored: the thread would get
 * these too. */
static void hold_signals(struct guard *g)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;

	sigemptyset(&g->signals);
	for (size_t i = 0; i < NELEMS(ends); i++)
		if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&g->signals, ends[i]);
	pthread_sigmask(SIG_BLOCK, &g->signals, NULL);
}

/* Without the thread a signal has its usual effect; a later call tidies up. */
static void watch_signals(struct guard *g)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, remove_on_signal, g))
		pthread_sigmask(SIG_UNBLOCK, &g->signals, NULL);
}

/* ---- the request ------------------------------------------------------- */

/* Its time to live counts from when the first part of it has been read. */
static int write_input(struct call *k, mq_batch *b)
{
	struct records input = { 0 };
	enum piece piece = PIECE_PART;
	const char *data;
	size_t n;
	int status = MQ_OK;

	records_begin(&input, k->fd, RECORDS_WHOLE);
	for (int first = 1; !status && piece == PIECE_PART; first = 0) {
		piece = records_next(&input, &data, &n);
		if (piece == PIECE_ERROR) {
			cmd_errno(k->c, k->fd ? k->c->argv[1] : "standard input", "read");
			records_free(&input);
			return MQ_IO;
		}
		if (first)
			status = mq_batch_begin(b, &k->given.props);
		if (!status)
			status = mq_batch_write(b, data, n);
	}
	records_free(&input);
	return cmd_check(k->c, status);
}

static int write_text(struct call *k, mq_batch *b, const char *text)
{
	int status = mq_batch_begin(b, &k->given.props);

	if (!status)
		status = mq_batch_write(b, text, strlen(text));
	return cmd_check(k->c, status);
}

static int send_request(struct call *k, mq_time *end)
{
	const char *text = k->given.text;
	size_t accepted;
	mq_batch *b;
	int status = cmd_check(k->c, mq_batch_open(k->requests, &b));

	if (status)
		return status;
	status = text ? write_text(k, b, text) : write_input(k, b);
	*end = monotonic() + k->wait;
	if (!status)
		status = cmd_check(k->c, mq_batch_end(b));
	if (!status)
		status = cmd_check(k->c, mq_batch_commit(b, k->wait, &accepted, NULL, NULL));
	mq_batch_close(b);
	return status;
}

/* ---- the reply --------------------------------------------------------- */

/* When the queue is gone because of a signal, there is nothing to report: then
 * this does not return. */
static int report(struct call *k, int status)
{
	pthread_mutex_lock(&k->guard.mutex);
	cmd_check(k->c, status);
	pthread_mutex_unlock(&k->guard.mutex);
	return status;
}

/* MQ_EMPTY: it is not the one. */
static int print_reply(struct call *k, mq_lease *lease)
{
	mq_reader *reader;
	const char *id;
	int status = report(k, mq_reader_of(lease, &reader));

	if (status)
		return status;
	id = mq_reader_correlation_id(reader);
	if (!id || strcmp(id, k->id) != 0)
		status = MQ_EMPTY;
	else if (out_payload(&k->c->out, reader))
		status = report(k, MQ_IO);
	mq_reader_close(reader);
	return status;
}

static int receive_reply(void *ctx)
{
	struct call *k = ctx;
	mq_lease *lease;
	size_t n;
	int status, found = MQ_EMPTY;

	while (found == MQ_EMPTY) {
		status = mq_recv(k->replies, 1, 0, &lease, &n);
		if (status)
			return status == MQ_EMPTY ? status : report(k, status);
		found = print_reply(k, lease);
		if (found == MQ_EMPTY)
			report(k, mq_ack(lease));
		mq_lease_free(lease);
	}
	return found;
}

/* ---- the call ---------------------------------------------------------- */

/* A correlation id that no other call has. */
static void make_id(struct call *k, char text[33])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		cmd_errno(k->c, "correlation id", "getrandom");
		exit(cmd_end(k->c));
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	k->given.props.correlation_id = text;
}

static void call(struct call *k)
{
	mq_time end;

	hold_signals(&k->guard);
	if (cmd_check(k->c, mq_private_open(k->c->mq, &k->replies)))
		return;
	k->guard.spool = k->c->spool;
	k->guard.queue = k->given.props.reply_to = mq_queue_name(k->replies);
	watch_signals(&k->guard);
	if (send_request(k, &end) == MQ_OK)
		cmd_wait(k->c, &k->replies, 1, end - monotonic(), receive_reply, k);
	pthread_mutex_lock(&k->guard.mutex);
	mq_private_close(k->replies);
}

/* What can fail before there is anything to remove; non-zero: it has. */
static int prepare(struct call *k)
{
	struct cmd *c = k->c;
	const char *file = c->argc > 1 && strcmp(c->argv[1], "-") != 0 ? c->argv[1] : NULL;

	k->fd = STDIN_FILENO;
	k->requests = cmd_queue(c, c->argv[0]);
	if (!k->requests || sendopts_headers(c, &k->given, c->argv[0]))
		return -1;
	if (file && (k->fd = cmd_open(file, O_RDONLY)) < 0) {
		cmd_errno(c, file, "open");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-call",
		.usage = "[-w WAIT] [-b TEXT] [-p PRIORITY] [-t TTL] [-g GROUP] [-k KEY] "
			 "[-H 'Name: value']... [-C CORRELATION-ID] [-s DIR] QUEUE [FILE]",
		.about = "Send standard input, or FILE, as a request; print the reply.",
		.options = options,
		.may_be_empty = "bkH", /* an empty header is malformed: 65 */
		.more_options = sendopts_options,
	};
	struct call k = { .c = &c,
		.wait = 30 * MQ_SECOND,
		.guard.mutex = PTHREAD_MUTEX_INITIALIZER,
		.given.props = { .priority = MQ_PRIORITY_DEFAULT, .ttl = -1 } };
	char id[33];
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		if (opt == 'w')
			k.wait = cmd_duration(&c, opt);
		else
			sendopts_take(&c, &k.given, opt);
	cmd_start(&c, 1, 2);
	if (k.given.text && c.argc > 1)
		cmd_usage(&c, "-b takes no FILE");
	if (k.given.props.ttl < 0)
		k.given.props.ttl = k.wait;
	if (!k.given.props.correlation_id)
		make_id(&k, id);
	k.id = k.given.props.correlation_id;
	if (prepare(&k) == 0)
		call(&k);
	mq_queue_close(k.requests);
	free(k.given.headers);
	return cmd_end(&c);
}
