/*
 * operands.c - what a command is to work on, and to wait for
 */
#include "share/common.h"
#include "share/records.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

mq_queue *cmd_queue(struct cmd *c, const char *name)
{
	mq_queue *q = NULL;

	return cmd_check(c, mq_queue_open(c->mq, name, &q)) ? NULL : q;
}

mq_exchange *cmd_exchange(struct cmd *c, const char *name)
{
	mq_exchange *x = NULL;

	return cmd_check(c, mq_exchange_open(c->mq, name, &x)) ? NULL : x;
}

/* ---- operands, and those on standard input --------------------------------- */

struct operands {
	struct cmd *c;
	void (*each)(void *ctx, const char *);
	void *ctx;
};

static void take_record(const struct operands *o, const char *data, size_t n)
{
	char *operand = strndup(data, n);

	if (!operand)
		cmd_error(o->c, MQ_IO, "standard input: out of memory");
	/* cut there, what comes after it would be passed over in silence */
	else if (strlen(operand) != n)
		cmd_error(o->c, MQ_DATA, "standard input: a NUL in a line: -0 reads such lists");
	else if (*operand)
		o->each(o->ctx, operand);
	free(operand);
}

static void take_stdin(const struct operands *o, int zero, void (*pause)(void *ctx))
{
	struct records in = { 0 };
	enum piece piece;
	const char *data;
	size_t n;

	records_begin(&in, STDIN_FILENO, zero ? '\0' : '\n');
	while ((piece = records_next(&in, &data, &n)) != PIECE_END && piece != PIECE_ERROR) {
		if (piece == PIECE_PAUSE && pause)
			pause(o->ctx);
		else if (piece == PIECE_LAST)
			take_record(o, data, n);
		else if (piece == PIECE_PART)
			cmd_error(o->c, MQ_DATA, "standard input: a line that is too long");
	}
	if (piece == PIECE_ERROR)
		cmd_errno(o->c, "standard input", "read");
	records_free(&in);
}

void cmd_operands(struct cmd *c, int first, int zero, void (*each)(void *ctx, const char *),
    void (*pause)(void *ctx), void *ctx)
{
	struct operands o = { c, each, ctx };

	for (int i = first; i < c->argc; i++)
		if (strcmp(c->argv[i], "-") == 0)
			take_stdin(&o, zero, pause);
		else
			each(ctx, c->argv[i]);
}

/* ---- verdicts ---------------------------------------------------------- */

#define AT_HAND 1000 /* leases */

struct verdicts {
	struct cmd *c;
	cmd_verdict_fn *apply;
	void *ctx;
	mq_lease *leases[AT_HAND];
	size_t n;
};

static void settle(void *ctx)
{
	struct verdicts *v = ctx;
	size_t at = 0, done;

	while (at < v->n) {
		cmd_check(v->c, v->apply(v->leases + at, v->n - at, &done, v->ctx));
		for (; done > 0; done--)
			mq_lease_free(v->leases[at++]);
	}
	v->n = 0;
}

static void take_receipt(void *ctx, const char *receipt)
{
	struct verdicts *v = ctx;

	if (cmd_check(v->c, mq_lease_of(v->c->mq, receipt, &v->leases[v->n])) == MQ_OK)
		v->n++;
	if (v->n == AT_HAND)
		settle(v);
}

void cmd_verdicts(struct cmd *c, int zero, cmd_verdict_fn *apply, void *ctx)
{
	struct verdicts v = { .c = c, .apply = apply, .ctx = ctx };

	cmd_operands(c, 0, zero, take_receipt, settle, &v);
	settle(&v);
}

/* ---- waiting ----------------------------------------------------------- */

mq_wait *cmd_wait_open(struct cmd *c, mq_queue *const *queues, size_t n)
{
	cmd_check(c, mq_wait_open(c->mq, queues, n, &c->wait));
	return c->wait;
}

static int wait_until(struct cmd *c, mq_wait *w, mq_time end, int (*receive)(void *ctx), void *ctx)
{
	mq_time within, left;
	int look, status;

	for (;;) {
		status = cmd_check(c, mq_wait_arm(w, &look, &within));
		if (status)
			return status;
		status = look ? receive(ctx) : MQ_EMPTY;
		left = end - monotonic();
		if (status != MQ_EMPTY || left <= 0)
			return status;
		mq_wait_sleep(w, within < 0 || within > left ? left : within);
	}
}

int cmd_wait(struct cmd *c, mq_queue *const *queues, size_t n, mq_time wait,
    int (*receive)(void *ctx), void *ctx)
{
	mq_time end = monotonic() + wait;
	mq_wait *w = cmd_wait_open(c, queues, n);
	int status;

	if (!w)
		return MQ_IO;
	status = wait_until(c, w, end, receive, ctx);
	mq_wait_leave(w);
	if (status == MQ_EMPTY)
		cmd_check(c, status);
	return status;
}
