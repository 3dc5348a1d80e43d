/*
 * operands.c - what a command is to work on, and to wait for
 */
#include "share/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void each_on_stdin(struct cmd *c, int zero, void (*each)(void *ctx, const char *), void *ctx)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	/* what comes with an error is not the whole of a line */
	while ((n = getdelim(&line, &size, zero ? '\0' : '\n', stdin)) >= 0 && !ferror(stdin)) {
		if (!zero && n > 0 && line[n - 1] == '\n')
			line[--n] = '\0';
		/* cut there, what comes after it would be passed over in silence */
		if (!zero && strlen(line) != (size_t)n)
			cmd_error(c, MQ_DATA,
			    "standard input: a NUL in a line: -0 reads such lists");
		else if (*line)
			each(ctx, line);
	}
	if (ferror(stdin))
		cmd_errno(c, "standard input", "read");
	clearerr(stdin);
	free(line);
}

void cmd_operands(struct cmd *c, int first, int zero, void (*each)(void *ctx, const char *),
    void *ctx)
{
	for (int i = first; i < c->argc; i++)
		if (strcmp(c->argv[i], "-") == 0)
			each_on_stdin(c, zero, each, ctx);
		else
			each(ctx, c->argv[i]);
}

struct verdict {
	struct cmd *c;
	int (*apply)(mq_lease *, void *ctx);
	void *ctx;
};

static void apply_verdict(void *ctx, const char *receipt)
{
	const struct verdict *v = ctx;
	mq_lease *lease;

	if (cmd_check(v->c, mq_lease_of(v->c->mq, receipt, &lease)))
		return;
	cmd_check(v->c, v->apply(lease, v->ctx));
	mq_lease_free(lease);
}

void cmd_verdicts(struct cmd *c, int zero, int (*verdict)(mq_lease *, void *ctx), void *ctx)
{
	struct verdict v = { c, verdict, ctx };

	cmd_operands(c, 0, zero, apply_verdict, &v);
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
