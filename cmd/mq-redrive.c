/*
 * mq-redrive - dead letters back to where they came from
 *
 * Walks the dead letters of the queue once, in order; each that matches moves
 * by one call, so that a redrive that is killed has moved some and lost none.
 * What someone else moves or removes meanwhile is passed over.
 */
#include "share/common.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const struct cmd_option options[] = {
	{ 'n', "max", "MAX", "no more than MAX messages" },
	{ 'r', "rate", "RATE", "no more than RATE messages per second" },
	{ 't', "to", "QUEUE", "to this queue instead" },
	{ 'i', "id", "ID", "only the message with this id; repeatable" },
	{ 'm', "match", "'Name: GLOB'", "only messages with such a header" },
	{ 'N', "dry-run", NULL, "only print what would go where" },
	{ 0 },
};

struct redrive {
	struct cmd *c;
	const char *target; /* NULL: where each came from */
	const char **ids;   /* none: all */
	size_t nids;
	char *name, *glob; /* of the header to match, or NULL */
	int dry_run;
	mq_time period; /* from one message to the next; 0: no limit */
	mq_time due;
	uint64_t max;
	uint64_t count;
};

/* ---- what matches ------------------------------------------------------ */

static int id_matches(const struct redrive *r, const char *id)
{
	for (size_t i = 0; i < r->nids; i++)
		if (strcmp(r->ids[i], id) == 0)
			return 1;
	return r->nids == 0;
}

static int header_matches(struct redrive *r, const struct mq_message *m)
{
	const char *name, *value;
	mq_reader *reader;
	int found = 0, status;

	if (!r->name)
		return 1;
	status = mq_reader_open(r->c->mq, m->path, &reader);
	if (status == MQ_NOTFOUND)
		return 0;
	if (cmd_check(r->c, status))
		return 0;
	for (size_t i = 0; !found && mq_reader_header(reader, i, &name, &value); i++)
		found = strcasecmp(name, r->name) == 0 && fnmatch(r->glob, value, 0) == 0;
	mq_reader_close(reader);
	return found;
}

/* ---- moving ------------------------------------------------------------ */

/* Wait until the next message is due.  Counted from the first one on, so that
 * the time a move takes does not slow the rate. */
static void pace(struct redrive *r)
{
	struct timespec ts = { .tv_sec = r->due / MQ_SECOND, .tv_nsec = r->due % MQ_SECOND };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	r->due += r->period;
}

static int is_gone(const struct mq_message *m)
{
	return access(m->path, F_OK) && errno == ENOENT;
}

/* Print where it would go. */
static int preview(struct redrive *r, const struct mq_message *m)
{
	char target[256];

	if (!r->target) {
		int status = mq_redrive_target(r->c->mq, m->path, target, sizeof(target));

		if (status)
			return status;
	}
	out_format(&r->c->out, "%s\t%s\n", m->id, r->target ? r->target : target);
	return MQ_OK;
}

static int redrive(struct redrive *r, const struct mq_message *m)
{
	if (r->period > 0)
		pace(r);
	return mq_redrive(r->c->mq, m->path, r->target);
}

static int each_letter(void *ctx, const struct mq_message *m)
{
	struct redrive *r = ctx;
	int status;

	if (!id_matches(r, m->id) || !header_matches(r, m))
		return 0;
	status = r->dry_run ? preview(r, m) : redrive(r, m);
	if (status == MQ_OK) {
		r->count++;
		if (!r->dry_run)
			cmd_progress(r->c, r->count, "redriven");
	} else if (status != MQ_NOTFOUND || !is_gone(m)) {
		cmd_check(r->c, status);
		if (status != MQ_NOTFOUND && status != MQ_DATA)
			return 1; /* the next one would fare no better */
	}
	return r->count == r->max || r->c->out.error;
}

static void redrive_queue(struct redrive *r, const char *name)
{
	mq_queue *q = cmd_queue(r->c, name);
	int status;

	if (!q)
		return;
	r->due = monotonic();
	status = mq_list(q, MQ_DEAD, each_letter, r);
	if (status != MQ_EMPTY)
		cmd_check(r->c, status);
	out_format(&r->c->out, "%llu\n", (unsigned long long)r->count);
	if (r->count == 0)
		cmd_check(r->c, MQ_EMPTY);
	mq_queue_close(q);
}

/* ---- arguments --------------------------------------------------------- */

/* Messages per second, as the time between two. */
static mq_time parse_rate(struct cmd *c, const char *text)
{
	char *end;
	double rate = strtod(text, &end);

	if (strspn(text, "0123456789.") != strlen(text) || *end || rate < 1e-6)
		cmd_usage(c, "-r: '%s' is not a rate", text);
	return MQ_SECOND / rate;
}

/* 'Name: GLOB' */
static void parse_match(struct redrive *r, char *text)
{
	char *colon = strchr(text, ':');

	if (!colon || colon == text)
		cmd_usage(r->c, "-m: '%s' is not of the form 'Name: GLOB'", text);
	if (r->name)
		cmd_usage(r->c, "-m: only one header can be matched");
	*colon = '\0';
	r->name = text;
	r->glob = colon + 1 + strspn(colon + 1, " \t");
}

/* Q/dlq means Q: it is the dead letters of Q that go back. */
static void strip_dlq(char *name)
{
	char *slash = strchr(name, '/');

	if (slash && slash != name && strcmp(slash, "/dlq") == 0)
		*slash = '\0';
}

static int target_exists(struct redrive *r)
{
	mq_queue *q;

	if (!r->target)
		return 1;
	q = cmd_queue(r->c, r->target);
	if (!q)
		return 0;
	mq_queue_close(q);
	return 1;
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-redrive",
		.usage =
		    "[-n MAX] [-r RATE] [-t QUEUE] [-i ID]... [-m 'Name: GLOB'] [-N] [-s DIR] QUEUE",
		.about = "Put the dead letters of a queue back to where they came from.",
		.options = options,
	};
	struct redrive r = { .c = &c, .max = UINT64_MAX };
	int opt;

	cmd_begin(&c, argc, argv);
	r.ids = cmd_realloc(&c, NULL, argc * sizeof(*r.ids));
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'n':
			r.max = cmd_number(&c, opt, 1, UINT64_MAX);
			break;
		case 'r':
			r.period = parse_rate(&c, optarg);
			break;
		case 't':
			r.target = optarg;
			break;
		case 'i':
			r.ids[r.nids++] = optarg;
			break;
		case 'm':
			parse_match(&r, optarg);
			break;
		case 'N':
			r.dry_run = 1;
			break;
		}
	}
	cmd_start(&c, 1, 1);
	strip_dlq(c.argv[0]);
	if (target_exists(&r))
		redrive_queue(&r, c.argv[0]);
	free(r.ids);
	return cmd_end(&c);
}
