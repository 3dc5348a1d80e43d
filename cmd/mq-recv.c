/*
 * mq-recv - lease messages and print their receipts, or take them outright
 *
 * What is printed for a message is its record: the receipt, a JSON line, or
 * with -a the payload.  A record counts as handed out when the system has
 * taken its last byte.  The lease of a message whose record was not wholly
 * written is given back, so that an output that fails (a full disk, a closed
 * pipe) holds nothing up.  With -a a message is acked once its record has been
 * handed out.
 */
#include "share/common.h"
#include "share/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ 'n', "max", "MAX", "no more than MAX messages (default: 1)" },
	{ 'w', "wait", "WAIT", "wait so long for the first message" },
	{ 'v', "visibility", "VISIBILITY", "lease for so long (default: the queue's visibility)" },
	{ 'c', "consumer", "CONSUMER", "lease for the consumer of this name" },
	{ 'P', "prefetch", "PREFETCH", "no more than PREFETCH unacked messages for CONSUMER" },
	{ '0', "null", NULL, "end receipts with NULs" },
	{ 'j', "json", NULL, "print JSON" },
	{ 'a', "ack", NULL, "print the payload, then ack" },
	{ 0 },
};

enum form { RECEIPT, JSON, PAYLOAD };

enum fate {
	UNTOUCHED,  /* not printed: give it back */
	PRINTED,    /* handed out, once the output is written up to its end */
	UNREADABLE, /* nothing of it was printed: a failed delivery */
	BROKEN,     /* the same, but a part was printed: it must be the last */
};

struct recv {
	struct cmd *c;
	enum form form;
	char terminator; /* of a receipt */
	mq_time visibility;
	mq_time wait;
	uint64_t left; /* no more than so many messages */
	const char *consumer;
	uint64_t prefetch;
	int failed; /* stop: a record broke off */

	/* the queues opened so far: an operand that is not needed is not looked at */
	mq_queue **queues;
	size_t nqueues;
	int next;         /* the operand to open next */
	mq_queue *source; /* that of the leases at hand */

	/* the leases at hand */
	mq_lease **leases;
	enum fate *fates;
	uint64_t *ends; /* where the record ends in the output */
	size_t n;
	size_t ended; /* so many of them are done with */
};

/* ---- records ----------------------------------------------------------- */

static enum fate print_opened(struct recv *r, mq_lease *lease)
{
	const struct mq_message *m = mq_lease_message(lease);
	struct json j = { .out = &r->c->out };
	enum fate fate = PRINTED;
	mq_reader *reader;
	int utf8 = 0;
	int status = mq_reader_of(lease, &reader);

	if (status == MQ_LAPSED)
		return UNTOUCHED; /* its turn came too late; it will come again */
	if (cmd_check(r->c, status))
		return UNREADABLE;
	if (r->form == JSON && (utf8 = json_probe(reader)) < 0)
		fate = UNREADABLE;
	else if (r->form == JSON && json_message(&j, m, reader, utf8))
		fate = BROKEN;
	else if (r->form == PAYLOAD && out_payload(&r->c->out, reader))
		fate = BROKEN;
	if (fate != PRINTED)
		cmd_error(r->c, MQ_IO, "%s", mq_error(r->c->mq));
	mq_reader_close(reader);
	return fate;
}

static enum fate print_record(struct recv *r, mq_lease *lease)
{
	if (r->form != RECEIPT)
		return print_opened(r, lease);
	out_text(&r->c->out, mq_lease_message(lease)->path);
	out_char(&r->c->out, r->terminator);
	return PRINTED;
}

/* ---- leases ------------------------------------------------------------ */

static void end_lease(struct recv *r)
{
	size_t i = r->ended++;
	mq_lease *lease = r->leases[i];
	int status = MQ_OK;

	if (r->fates[i] == UNREADABLE || r->fates[i] == BROKEN)
		status = mq_nack(lease, -1, "unreadable");
	else if (r->fates[i] == UNTOUCHED || r->ends[i] > r->c->out.written)
		status = mq_giveback(lease);
	else if (r->form == PAYLOAD)
		cmd_check(r->c, mq_ack(lease));
	if (status != MQ_LAPSED) /* it went back by itself */
		cmd_check(r->c, status);
	mq_lease_free(lease);
}

/* Ack what has been written: a payload that takes long to write must not keep
 * those before it waiting until their leases lapse. */
static void end_written(struct recv *r, size_t printed)
{
	while (r->ended < printed && r->fates[r->ended] == PRINTED &&
	    r->ends[r->ended] <= r->c->out.written)
		end_lease(r);
}

/* Hand out the leases at hand; how many of them had their turn. */
static size_t hand_out(struct recv *r)
{
	struct out *out = &r->c->out;
	mq_time now = mq_now(r->c->mq);
	mq_time half = now + (mq_lease_message(r->leases[0])->deadline - now) / 2;
	size_t i;

	for (i = 0; i < r->n && !out->error; i++) {
		/* when the reader is slow, the rest is better leased anew */
		if (r->form == PAYLOAD && i > 0 && mq_now(r->c->mq) > half)
			break;
		r->fates[i] = print_record(r, r->leases[i]);
		r->ends[i] = out->put;
		end_written(r, i + 1);
		if (r->fates[i] == BROKEN) {
			r->failed = 1;
			break;
		}
	}
	cmd_flush(r->c, "");
	while (r->ended < r->n)
		end_lease(r);
	return i;
}

/* ---- queues ------------------------------------------------------------ */

static int open_next(struct recv *r)
{
	mq_queue *q = NULL;

	while (!q && r->next < r->c->argc)
		q = cmd_queue(r->c, r->c->argv[r->next++]);
	if (q)
		r->queues[r->nqueues++] = q;
	return q != NULL;
}

/* So many may be at hand. */
static size_t at_most(const struct recv *r)
{
	return r->left < MQ_RECV_MAX ? r->left : MQ_RECV_MAX;
}

/* MQ_OK: there are leases at hand. */
static int lease(struct recv *r, mq_queue *q)
{
	size_t max = at_most(r);

	memset(r->fates, 0, max * sizeof(*r->fates));
	r->n = r->ended = 0;
	r->source = q;
	if (r->consumer)
		return mq_recv_for(q, r->consumer, r->prefetch, max, r->visibility, r->leases,
		    &r->n);
	return mq_recv(q, max, r->visibility, r->leases, &r->n);
}

/* Lease from the first queue that has any.  To have all that one may have of a
 * queue is a failure only when no other has any. */
static int look(void *ctx)
{
	struct recv *r = ctx;
	char busy[512] = "";
	int result = MQ_EMPTY;

	for (size_t i = 0; i < r->nqueues || open_next(r); i++) {
		int status = lease(r, r->queues[i]);

		if (status == MQ_OK)
			return status;
		if (status == MQ_BUSY && r->consumer)
			snprintf(busy, sizeof(busy), "%s", mq_error(r->c->mq));
		else if (status != MQ_EMPTY)
			result = cmd_check(r->c, status);
	}
	if (!*busy)
		return result;
	cmd_error(r->c, MQ_BUSY, "%s", busy);
	return MQ_BUSY;
}

/* Hand out what was leased, and more of it. */
static void receive(struct recv *r)
{
	int status = MQ_OK;

	while (status == MQ_OK) {
		r->left -= hand_out(r);
		if (r->left == 0 || r->failed || r->c->out.error)
			return;
		status = lease(r, r->source);
	}
	if (status != MQ_EMPTY && !(status == MQ_BUSY && r->consumer))
		cmd_check(r->c, status);
}

static void receive_first(struct recv *r)
{
	int status;

	r->queues = cmd_realloc(r->c, NULL, r->c->argc * sizeof(*r->queues));
	r->leases = cmd_realloc(r->c, NULL, at_most(r) * sizeof(*r->leases));
	r->fates = cmd_realloc(r->c, NULL, at_most(r) * sizeof(*r->fates));
	r->ends = cmd_realloc(r->c, NULL, at_most(r) * sizeof(*r->ends));
	status = look(r);
	if (status == MQ_EMPTY && r->wait && r->nqueues)
		status = cmd_wait(r->c, r->queues, r->nqueues, r->wait, look, r);
	if (status == MQ_OK)
		receive(r);
	else
		cmd_check(r->c, MQ_EMPTY);
	while (r->nqueues)
		mq_queue_close(r->queues[--r->nqueues]);
	free(r->queues);
	free(r->leases);
	free(r->fates);
	free(r->ends);
}

static void set_form(struct recv *r, enum form form, char terminator)
{
	if (r->form != RECEIPT || r->terminator != '\n')
		cmd_usage(r->c, "-0, -j and -a exclude each other");
	r->form = form;
	r->terminator = terminator;
}

static void take_option(struct recv *r, int opt)
{
	switch (opt) {
	case 'n':
		r->left = cmd_number(r->c, opt, 1, UINT64_MAX);
		break;
	case 'w':
		r->wait = cmd_duration(r->c, opt);
		break;
	case 'v':
		r->visibility = cmd_visibility(r->c, opt);
		break;
	case 'c':
		r->consumer = optarg;
		break;
	case 'P':
		r->prefetch = cmd_number(r->c, opt, 1, SIZE_MAX);
		break;
	case '0':
		set_form(r, RECEIPT, '\0');
		break;
	case 'j':
		set_form(r, JSON, '\n');
		break;
	case 'a':
		set_form(r, PAYLOAD, '\n');
		break;
	}
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-recv",
		.usage = "[-n MAX] [-w WAIT] [-v VISIBILITY] [-c CONSUMER] [-P PREFETCH] "
			 "[-0 | -j | -a] [-s DIR] QUEUE...",
		.about =
		    "Lease messages from the first of the queues that has any; print a receipt for each.",
		.options = options,
	};
	struct recv r = { .c = &c, .terminator = '\n', .left = 1 };
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		take_option(&r, opt);
	cmd_start(&c, 1, -1);
	if (r.prefetch && !r.consumer)
		cmd_usage(&c, "-P needs -c");
	receive_first(&r);
	return cmd_end(&c);
}
