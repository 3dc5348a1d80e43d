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
#include "common.h"
#include "json.h"

#include <string.h>

static const struct cmd_option options[] = {
	{ 'n', "max", "MAX", "no more than MAX messages (default: 1)" },
	{ 'v', "visibility", "VISIBILITY", "lease for so long (default: the queue's visibility)" },
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
	uint64_t max;
	int failed; /* stop: a record broke off */

	/* the leases at hand */
	mq_lease *leases[MQ_RECV_MAX];
	enum fate fates[MQ_RECV_MAX];
	uint64_t ends[MQ_RECV_MAX]; /* where the record ends in the output */
	size_t n;
	size_t settled; /* so many of them are done with */
};

/* ---- records ----------------------------------------------------------- */

static int print_json(struct recv *r, const struct mq_message *m, mq_reader *reader, int utf8)
{
	struct json j = { .out = &r->c->out };

	json_open(&j, NULL, '{');
	json_string(&j, "id", m->id);
	json_string(&j, "receipt", m->path);
	json_string(&j, "queue", m->queue);
	if (json_body(&j, reader, utf8))
		return -1;
	json_count(&j, "receives", m->receives);
	json_time(&j, "sent", m->sent);
	json_time(&j, "deadline", m->deadline);
	if (m->expires)
		json_time(&j, "expires", m->expires);
	json_count(&j, "priority", m->priority);
	json_properties(&j, reader);
	json_close(&j, '}');
	json_newline(&j);
	return 0;
}

static enum fate print_opened(struct recv *r, const struct mq_message *m)
{
	enum fate fate = PRINTED;
	mq_reader *reader;
	int utf8 = 0;
	int status = mq_reader_open(r->c->mq, m->path, &reader);

	if (status == MQ_LAPSED)
		return UNTOUCHED; /* its turn came too late; it will come again */
	if (cmd_check(r->c, status))
		return UNREADABLE;
	if (r->form == JSON && (utf8 = json_probe(reader)) < 0)
		fate = UNREADABLE;
	else if (r->form == JSON && print_json(r, m, reader, utf8))
		fate = BROKEN;
	else if (r->form == PAYLOAD && out_payload(&r->c->out, reader))
		fate = BROKEN;
	if (fate != PRINTED)
		cmd_error(r->c, MQ_IO, "%s", mq_error(r->c->mq));
	mq_reader_close(reader);
	return fate;
}

static enum fate print_record(struct recv *r, const struct mq_message *m)
{
	if (r->form != RECEIPT)
		return print_opened(r, m);
	out_text(&r->c->out, m->path);
	out_char(&r->c->out, r->terminator);
	return PRINTED;
}

/* ---- leases ------------------------------------------------------------ */

static void settle(struct recv *r)
{
	size_t i = r->settled++;
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
static void settle_written(struct recv *r, size_t printed)
{
	while (r->settled < printed && r->fates[r->settled] == PRINTED &&
	    r->ends[r->settled] <= r->c->out.written)
		settle(r);
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
		r->fates[i] = print_record(r, mq_lease_message(r->leases[i]));
		r->ends[i] = out->put;
		settle_written(r, i + 1);
		if (r->fates[i] == BROKEN) {
			r->failed = 1;
			break;
		}
	}
	cmd_flush(r->c, "");
	while (r->settled < r->n)
		settle(r);
	return i;
}

/* Receive up to max messages from one queue; how many there were. */
static uint64_t receive(struct recv *r, mq_queue *q)
{
	uint64_t taken = 0;
	int status = MQ_OK;

	while (status == MQ_OK && taken < r->max && !r->failed && !r->c->out.error) {
		uint64_t left = r->max - taken;

		memset(r->fates, 0, sizeof(r->fates));
		r->n = r->settled = 0;
		status = mq_recv(q, left < MQ_RECV_MAX ? left : MQ_RECV_MAX, r->visibility,
		    r->leases, &r->n);
		if (r->n > 0)
			taken += hand_out(r);
	}
	if (status != MQ_EMPTY)
		cmd_check(r->c, status);
	return taken;
}

static void receive_first(struct recv *r)
{
	uint64_t taken = 0;

	for (int i = 0; i < r->c->argc && taken == 0 && !r->failed && !r->c->out.error; i++) {
		mq_queue *q = cmd_queue(r->c, r->c->argv[i]);

		if (!q)
			continue;
		taken = receive(r, q);
		mq_queue_close(q);
	}
	if (taken == 0)
		cmd_check(r->c, MQ_EMPTY);
}

static void set_form(struct recv *r, enum form form, char terminator)
{
	if (r->form != RECEIPT || r->terminator != '\n')
		cmd_usage(r->c, "-0, -j and -a exclude each other");
	r->form = form;
	r->terminator = terminator;
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-recv",
		.usage = "[-n MAX] [-v VISIBILITY] [-0 | -j | -a] [-s DIR] QUEUE...",
		.about =
		    "Lease messages from the first of the queues that has any; print a receipt for each.",
		.options = options,
	};
	struct recv r = { .c = &c, .terminator = '\n', .max = 1 };
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'n':
			r.max = cmd_number(&c, opt, 1, UINT64_MAX);
			break;
		case 'v':
			r.visibility = cmd_visibility(&c, opt);
			break;
		case '0':
			set_form(&r, RECEIPT, '\0');
			break;
		case 'j':
			set_form(&r, JSON, '\n');
			break;
		case 'a':
			set_form(&r, PAYLOAD, '\n');
			break;
		}
	}
	cmd_start(&c, 1, -1);
	receive_first(&r);
	return cmd_end(&c);
}
