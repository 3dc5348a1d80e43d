/*
 * mq-bind - bind queues and exchanges to an exchange, unbind them, list bindings
 *
 * What follows the target is for the type of the exchange to say: headers for
 * one that goes by headers, else a key.  Whether there must be one, and which
 * is good, the library knows.
 */
#include "share/common.h"
#include "share/sendopts.h"

#include <stdlib.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ 'a', "any", NULL, "any of the headers is enough" },
	{ 'u', "unbind", NULL, "unbind; without a key or headers: TARGET altogether" },
	{ 'l', "list", NULL, "list the bindings (of EXCHANGE, to TARGET)" },
	{ 0 },
};

static int goes_by_headers(const mq_exchange *x)
{
	return strcmp(mq_exchange_type(x), "headers") == 0;
}

/* ---- bind and unbind --------------------------------------------------- */

/* The operands after the target; headers has room for them.  -1: one is
 * malformed, which was reported. */
static int parse_binding(struct cmd *c, const mq_exchange *x, struct mq_header *headers,
    struct mq_binding *b)
{
	if (!goes_by_headers(x)) {
		if (b->any)
			cmd_usage(c, "%s: -a is for exchanges of type headers", c->argv[0]);
		if (c->argc > 3)
			cmd_usage(c, "extra operand '%s'", c->argv[3]);
		b->key = c->argv[2]; /* or NULL */
		return 0;
	}
	for (int i = 2; i < c->argc; i++)
		if (sendopts_header(c, c->argv[i], &headers[b->nheaders++], c->argv[0]))
			return -1;
	b->headers = headers;
	return 0;
}

static void bind_target(struct cmd *c, mq_exchange *x, int unbind, int any)
{
	struct mq_header *headers = cmd_realloc(c, NULL, c->argc * sizeof(*headers));
	struct mq_binding binding = { .any = any };
	const struct mq_binding *b = &binding;

	if (parse_binding(c, x, headers, &binding) == 0) {
		if (unbind && c->argc == 2 && !any)
			b = NULL;
		cmd_check(c, unbind ? mq_unbind(x, c->argv[1], b) : mq_bind(x, c->argv[1], b));
	}
	free(headers);
}

/* ---- list -------------------------------------------------------------- */

struct list {
	struct cmd *c;
	const char *prefix; /* of each line: the exchange's name, or NULL */
	const char *target; /* only its bindings, or NULL */
	int headers;        /* the exchange goes by headers */
	int printed;
};

static int print_binding(void *ctx, const char *target, const struct mq_binding *b)
{
	struct list *l = ctx;
	struct out *o = &l->c->out;

	if (l->target && strcmp(l->target, target) != 0)
		return 0;
	if (l->prefix)
		out_format(o, "%s\t", l->prefix);
	out_text(o, target);
	if (l->headers)
		out_text(o, b->any ? "\tany" : "\tall");
	else if (b->key)
		out_format(o, "\t%s", b->key);
	for (size_t i = 0; i < b->nheaders; i++)
		out_format(o, "\t%s: %s", b->headers[i].name, b->headers[i].value);
	out_char(o, '\n');
	l->printed = 1;
	return o->error;
}

static void list_bindings(struct list *l, mq_exchange *x)
{
	int status;

	l->headers = goes_by_headers(x);
	status = mq_bindings(x, print_binding, l);
	if (status != MQ_EMPTY) /* an empty list is a list */
		cmd_check(l->c, status);
}

/* All that an exchange is bound to; where there is nothing, its name alone. */
static int list_exchange(void *ctx, const char *name)
{
	struct list *l = ctx;
	mq_exchange *x;
	int status = mq_exchange_open(l->c->mq, name, &x);

	if (status == MQ_NOTFOUND) /* removed meanwhile */
		return 0;
	if (cmd_check(l->c, status))
		return 0;
	l->prefix = name;
	l->printed = 0;
	list_bindings(l, x);
	if (!l->printed)
		out_format(&l->c->out, "%s\n", name);
	mq_exchange_close(x);
	return l->c->out.error;
}

/* ---- main -------------------------------------------------------------- */

static void list_one(struct cmd *c, mq_exchange *x)
{
	struct list l = { .c = c, .target = c->argv[1] }; /* or NULL */

	list_bindings(&l, x);
}

static void list_all(struct cmd *c)
{
	struct list l = { .c = c };

	cmd_check(c, mq_exchanges(c->mq, list_exchange, &l));
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-bind",
		.usage = "[-a] [-u | -l] [-s DIR] EXCHANGE TARGET [KEY | 'Name: value'...]",
		.about = "Bind a queue or an exchange to an exchange: it gets what matches.",
		.options = options,
		.may_be_empty_from = 3, /* a key */
	};
	int any = 0, unbind = 0, list = 0, opt;
	mq_exchange *x;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		any |= opt == 'a';
		unbind |= opt == 'u';
		list |= opt == 'l';
	}
	if (list && (unbind || any))
		cmd_usage(&c, "-l excludes -%c", unbind ? 'u' : 'a');
	cmd_start(&c, list ? 0 : 2, list ? 2 : -1);
	if (list && c.argc == 0) {
		list_all(&c);
		return cmd_end(&c);
	}
	x = cmd_exchange(&c, c.argv[0]);
	if (x && list)
		list_one(&c, x);
	else if (x)
		bind_target(&c, x, unbind, any);
	mq_exchange_close(x);
	return cmd_end(&c);
}
