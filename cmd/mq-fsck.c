/*
 * mq-fsck - look for what is broken in a spool, and repair it
 *
 * A row for each fault, as it is met.  What a name on disk holds is shown with
 * its control bytes escaped.
 */
#include "share/common.h"
#include "share/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ 'n', "dry-run", NULL, "only report (the default)" },
	{ 'y', "yes", NULL, "repair" },
	{ 0 },
};

static const struct column columns[] = {
	{ "QUEUE", -16 },
	{ "WHAT", -48 },
	{ "DONE", -24 },
	{ "PATH", 0 },
	{ NULL, 0 },
};

struct fsck {
	struct cmd *c;
	int repair;
	uint64_t left;   /* faults about which nothing was done */
	uint64_t litter; /* in the present queue: shown when it is removed */
	struct table table;
	int begun;
};

/* The text with \xHH for bytes that would do something to a terminal or a row. */
static char *escaped(struct cmd *c, const char *text)
{
	char *made = cmd_realloc(c, NULL, 4 * strlen(text) + 1), *p = made;

	for (; *text; text++) {
		unsigned char b = (unsigned char)*text;

		if (b < ' ' || b >= 0x7f || b == '\\')
			p += sprintf(p, "\\x%02x", b);
		else
			*p++ = (char)b;
	}
	*p = '\0';
	return made;
}

static int show(void *ctx, const struct mq_fault *f)
{
	struct fsck *k = ctx;
	char *path;

	if (f->litter && f->done == NULL) {
		k->litter++;
		return 0;
	}
	path = escaped(k->c, f->path);
	if (!k->begun)
		table_begin(&k->table, &k->c->out, columns);
	k->begun = 1;
	k->left += f->done == NULL;
	table_text(&k->table, f->queue ? f->queue : "-");
	table_text(&k->table, f->what);
	table_text(&k->table, f->done ? f->done : "-");
	table_text(&k->table, path);
	free(path);
	return k->c->out.error != 0;
}

/* Not broken, but good to know. */
static void tell_more(struct fsck *k, const char *name)
{
	mq_queue *q;
	uint64_t n;

	cmd_flush(k->c, ""); /* after the rows, also where both go to one place */
	if (k->litter)
		cmd_error(k->c, MQ_OK, "%s: %llu files of killed commands, which -y removes", name,
		    (unsigned long long)k->litter);
	k->litter = 0;

	if (mq_queue_open(k->c->mq, name, &q) != MQ_OK)
		return; /* that was told */
	if (mq_count_bad(q, &n) == MQ_OK && n > 0)
		cmd_error(k->c, MQ_OK, "%s: %llu %s in bad/", name, (unsigned long long)n,
		    n == 1 ? "file" : "files");
	mq_queue_close(q);
}

static int check(void *ctx, const char *name)
{
	struct fsck *k = ctx;
	int status = mq_check_queue(k->c->mq, name, k->repair, show, k);

	/* One that was listed and is gone by now has no faults. */
	if (status != MQ_NOTFOUND || k->c->argc > 0)
		cmd_check(k->c, status);
	if (status == MQ_OK)
		tell_more(k, name);
	return k->c->out.error != 0;
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-fsck",
		.usage = "[-n|-y] [-s DIR] [QUEUE]...",
		.about = "Look for what is broken in a spool, or in some queues, and repair it.",
		.options = options,
	};
	struct fsck k = { .c = &c };
	int opt, i;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		k.repair = opt == 'y';
	cmd_start(&c, 0, -1);
	if (c.argc == 0 && !cmd_check(&c, mq_check_spool(c.mq, k.repair, show, &k)))
		cmd_check(&c, mq_queues(c.mq, check, &k));
	for (i = 0; i < c.argc; i++)
		check(&k, c.argv[i]);
	if (k.left && c.exit == 0)
		c.exit = 1;
	return cmd_end(&c);
}
