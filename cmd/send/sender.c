/*
 * sender.c - messages into batches, and what is told of them
 */
#include "send/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct note sender_accepted(const struct sender *s)
{
	struct note note;

	snprintf(note.text, sizeof(note.text), ": %llu message%s accepted",
	    (unsigned long long)s->accepted, s->accepted == 1 ? " was" : "s were");
	return note;
}

int sender_is_stream(const struct sender *s)
{
	return s->mode && s->mode != 'b';
}

/* What ends the sending: returns -1. */
static int fail(struct sender *s, enum mq_status status, const char *text)
{
	cmd_error(s->c, status, "%s%s", text, s->many ? sender_accepted(s).text : "");
	return -1;
}

static void print_id(void *ctx, const char *id)
{
	struct sender *s = ctx;

	if (!s->quiet)
		out_format(&s->c->out, "%s\n", id);
}

int sender_commit(struct sender *s)
{
	size_t n = 0;
	int status;

	if (mq_batch_count(s->batch) == 0)
		return 0;
	status = mq_batch_commit(s->batch, s->wait, &n, print_id, s);
	s->accepted += n;
	s->unrouted += mq_batch_unrouted(s->batch);
	if (status && status != MQ_EMPTY)
		return fail(s, status, mq_error(s->c->mq));
	return cmd_flush(s->c, sender_accepted(s).text);
}

/* "QUEUE: FILE: line 3: what is wrong", or the member's path for the line, as far as that
 * tells anything; to be freed. */
static char *refusal(const struct sender *s, const char *why)
{
	char record[40] = "", *text;

	if (sender_is_stream(s) && s->mode != 'A')
		snprintf(record, sizeof(record), "%s %llu: ", s->mode == '0' ? "record" : "line",
		    (unsigned long long)s->input.number);
	if (asprintf(&text, "%s: %s%s%s%s%s%s", s->name, s->source ? s->source : "",
		s->source ? ": " : "", s->path ? s->path : "", s->path ? ": " : "", record,
		why) < 0)
		text = NULL;
	return text;
}

int sender_refuse(struct sender *s, enum mq_status status, const char *why)
{
	char *text = refusal(s, why);
	int result = -1;

	if (!sender_is_stream(s) && status == MQ_DATA) {
		cmd_error(s->c, status, "%s", text ? text : why);
		result = 1;
	} else if (sender_commit(s) == 0) {
		fail(s, status, text ? text : why);
	}
	free(text);
	return result;
}

mq_time sender_visible_at(const struct sender *s)
{
	return s->delay ? mq_now(s->c->mq) + s->delay : s->given.props.visible_at;
}

int sender_begin(struct sender *s, const struct mq_properties *props)
{
	int status = mq_batch_begin(s->batch, props);

	if (status) {
		sender_refuse(s, status, mq_error_of(s->c->mq, s->name));
		return -1; /* with these properties none can be sent */
	}
	return 0;
}

int sender_write(struct sender *s, const char *data, size_t n)
{
	int status = mq_batch_write(s->batch, data, n);

	if (!status)
		return 0;
	mq_batch_abort(s->batch);
	return sender_refuse(s, status, mq_error_of(s->c->mq, s->name));
}

int sender_end(struct sender *s)
{
	int status = mq_batch_end(s->batch);

	if (status)
		return sender_refuse(s, status, mq_error_of(s->c->mq, s->name));
	return mq_batch_full(s->batch) ? sender_commit(s) : 0;
}

int sender_message(struct sender *s, const struct mq_properties *props, const char *data, size_t n)
{
	int result = sender_begin(s, props);

	if (!result)
		result = sender_write(s, data, n);
	if (!result)
		result = sender_end(s);
	return result;
}
