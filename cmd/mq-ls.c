/*
 * mq-ls - look at the messages of a queue without taking them
 *
 * Messages come in the order in which they would be taken, and are printed as
 * they are met: memory does not grow with the queue.  Without a queue it lists
 * the queues.
 */
#include "share/common.h"
#include "share/json.h"
#include "share/table.h"
#include "share/words.h"

static const struct cmd_option options[] = {
	{ 'S', "state", "STATE", "only ready, delayed, leased or dead ones; repeatable" },
	{ 'n', "max", "MAX", "no more than MAX messages" },
	{ 'j', "json", NULL, "print JSON" },
	{ 0 },
};

static const struct column columns[] = {
	{ "ID", -28 },
	{ "STATE", -7 },
	{ "AGE", 6 },
	{ "RECEIVES", 8 },
	{ "SIZE", 6 },
	{ "PRIORITY", 8 },
	{ "PATH", 0 },
	{ NULL, 0 },
};

struct ls {
	struct cmd *c;
	unsigned states;
	uint64_t left; /* how many more to print */
	int json;
	struct table table;
};

static void print_json(struct ls *ls, const struct mq_message *m, mq_reader *reader)
{
	struct json j = { .out = &ls->c->out };
	struct mq_event e;

	json_open(&j, NULL, '{');
	json_string(&j, "id", m->id);
	json_string(&j, "state", state_name(m->state));
	json_seconds(&j, "age", mq_now(ls->c->mq) - m->sent);
	json_count(&j, "receives", m->receives);
	json_count(&j, "size", m->size);
	if (m->ttl_ends)
		json_time(&j, "expires", m->ttl_ends);
	json_count(&j, "priority", m->priority);
	json_properties(&j, reader);
	if (m->state == MQ_DEAD || mq_reader_event(reader, 0, &e))
		json_history(&j, reader);
	json_string(&j, "path", m->path);
	json_close(&j, '}');
	json_newline(&j);
}

static void print_row(struct ls *ls, const struct mq_message *m)
{
	table_text(&ls->table, m->id);
	table_text(&ls->table, state_name(m->state));
	table_age(&ls->table, mq_now(ls->c->mq) - m->sent);
	table_count(&ls->table, m->receives);
	table_size(&ls->table, m->size);
	table_count(&ls->table, m->priority);
	table_text(&ls->table, m->path);
}

static int show_message(void *ctx, const struct mq_message *m)
{
	struct ls *ls = ctx;
	mq_reader *reader;
	int status;

	if (!ls->json) {
		print_row(ls, m);
	} else {
		status = mq_reader_open(ls->c->mq, m->path, &reader);
		if (status == MQ_NOTFOUND || status == MQ_LAPSED)
			return 0; /* someone took it meanwhile */
		if (cmd_check(ls->c, status))
			return 0;
		print_json(ls, m, reader);
		mq_reader_close(reader);
	}
	return --ls->left == 0 || ls->c->out.error;
}

static int show_name(void *ctx, const char *name)
{
	struct ls *ls = ctx;

	if (ls->json) {
		struct json j = { .out = &ls->c->out };

		json_open(&j, NULL, '{');
		json_string(&j, "queue", name);
		json_close(&j, '}');
		json_newline(&j);
	} else {
		out_format(&ls->c->out, "%s\n", name);
	}
	return --ls->left == 0 || ls->c->out.error;
}

static void list_messages(struct ls *ls, const char *name)
{
	mq_queue *q = cmd_queue(ls->c, name);
	int status;

	if (!q)
		return;
	if (!ls->json)
		table_begin(&ls->table, &ls->c->out, columns);
	status = mq_list(q, ls->states, show_message, ls);
	if (status != MQ_EMPTY) /* an empty list is a list */
		cmd_check(ls->c, status);
	mq_queue_close(q);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-ls",
		.usage = "[-S ready|delayed|leased|dead] [-n MAX] [-j] [-s DIR] [QUEUE]",
		.about =
		    "List the messages of a queue (by default the ready, delayed and leased ones),\n"
		    "or the queues.",
		.options = options,
	};
	struct ls ls = { .c = &c, .left = UINT64_MAX };
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'S':
			ls.states |= cmd_states(&c, opt);
			break;
		case 'n':
			ls.left = cmd_number(&c, opt, 1, UINT64_MAX);
			break;
		case 'j':
			ls.json = 1;
			break;
		}
	}
	cmd_start(&c, 0, 1);
	if (!ls.states)
		ls.states = MQ_READY | MQ_DELAYED | MQ_LEASED;
	if (c.argc > 0)
		list_messages(&ls, c.argv[0]);
	else
		cmd_check(&c, mq_queues(c.mq, show_name, &ls));
	return cmd_end(&c);
}
