/*
 * exchange.c - an exchange
 */
#include "spool/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {
	[FANOUT] = "fanout",
	[DIRECT] = "direct",
	[TOPIC] = "topic",
	[HEADERS] = "headers",
};

const char *exchange_type_name(enum exchange_type type)
{
	return types[type];
}

int exchange_type_of(const char *name, enum exchange_type *type)
{
	enum exchange_type t;

	for (t = FANOUT; t <= HEADERS; t++) {
		if (!strcmp(name, types[t])) {
			*type = t;
			return 0;
		}
	}
	return -1;
}

/* ---- conf -------------------------------------------------------------- */

int exchange_exists(const struct spool *s, const char *name)
{
	char path[EXCHANGE_PATH];

	exchange_path(name, "conf", path);
	return fs_exists(s->fd, path);
}

/* 0, or -1: a line is not understood. */
static int parse_conf(char *text, struct exchange_conf *c)
{
	char *line, *rest;
	int typed = -1;

	memset(c, 0, sizeof(*c));
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#')
			continue;
		if (!strncmp(line, "type=", 5)) {
			if ((typed = exchange_type_of(line + 5, &c->type)) == -1)
				return -1;
		} else if (!strncmp(line, "alternate=", 10) && mq_valid_name(line + 10)) {
			strcpy(c->alternate, line + 10);
		} else {
			return -1;
		}
	}
	return typed;
}

int exchange_read_conf(mq *h, struct spool *s, const char *name, struct exchange_conf *c)
{
	char path[EXCHANGE_PATH], *text;
	int r = MQ_OK;

	if (!mq_valid_name(name))
		return fail(h, MQ_NOTFOUND, name, "no such exchange: bad name");
	exchange_path(name, "conf", path);
	if ((text = fs_slurp(s->fd, path)) == NULL)
		return errno == ENOENT ? fail(h, MQ_NOTFOUND, name, "no such exchange") :
					 fail_errno(h, name, "cannot read its settings");
	if (parse_conf(text, c) == -1)
		r = fail(h, MQ_SETTING, name, "conf has a setting that is not known or not good");
	free(text);
	return r;
}

static int write_conf(mq *h, const char *path, const struct exchange_conf *c)
{
	char text[2 * QUEUE_NAME_SIZE];

	snprintf(text, sizeof(text), "type=%s\n%s%s%s", types[c->type],
	    c->alternate[0] ? "alternate=" : "", c->alternate, c->alternate[0] ? "\n" : "");
	return queue_write_file(h, h->spool->fd, path, text, 1);
}

int exchange_write_conf(mq *h, const char *name, const struct exchange_conf *c)
{
	char path[EXCHANGE_PATH];

	exchange_path(name, "conf", path);
	if (write_conf(h, path, c) == -1)
		return -1;
	exchange_path(name, "", path);
	return fs_sync_covers_name(h->spool->fd) ? 0 : fs_sync_path(h->spool->fd, path);
}

/* ---- making ------------------------------------------------------------ */

/* All of an exchange below the path, which is in tmp/. */
static int fill(mq *h, const char *path, const struct exchange_conf *c)
{
	char part[80];

	snprintf(part, sizeof(part), "%.64s/bind", path);
	if (fs_mkdir(h->spool->fd, path) == -1 || fs_mkdir(h->spool->fd, part) == -1)
		return -1;
	snprintf(part, sizeof(part), "%.64s/conf", path);
	return write_conf(h, part, c) == 0 ? fs_sync_path(h->spool->fd, path) : -1;
}

/* An exchange is whole when it has its name. */
static int put_in_place(mq *h, const char *made, const char *name)
{
	char path[EXCHANGE_PATH];
	int spool = h->spool->fd, r;

	snprintf(path, sizeof(path), "x/%.64s", name);
	r = fs_rename(spool, made, spool, path);
	if (fs_missed_dir(r, spool, "x"))
		r = fs_rename(spool, made, spool, path) == 0 ? fs_sync(spool) : -1;
	return r == 0 ? fs_sync_path(spool, "x") : -1;
}

int exchange_make(mq *h, const char *name, const struct exchange_conf *c)
{
	char made[64];
	int saved;

	scratch_path(h, made, sizeof(made));
	if (fill(h, made, c) == 0 && put_in_place(h, made, name) == 0)
		return MQ_OK;
	saved = errno;
	fs_remove_tree(h->spool->fd, made);
	errno = saved;
	return fail_errno(h, name, "cannot make the exchange");
}

/* ---- where it leads ---------------------------------------------------- */

static int is_among(const struct names *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (!strcmp(l->name[i], name))
			return 1;
	return 0;
}

/* Add where one exchange leads to those that are to be looked at. */
static int add_next(mq *h, const char *name, struct names *seen)
{
	struct exchange_conf c;
	struct names next = { 0 };
	size_t i;
	int r = 0;

	errno = 0;
	if (exchange_read_conf(h, h->spool, name, &c) != MQ_OK)
		return errno == 0 || errno == ENOENT ? 0 : -1; /* it leads nowhere */
	if (c.alternate[0])
		r = names_add(&next, c.alternate);
	if (r == 0)
		r = binding_targets(h->spool->fd, name, &next);
	for (i = 0; r == 0 && i < next.n; i++)
		if (mq_valid_name(next.name[i]) && !is_among(seen, next.name[i]))
			r = names_add(seen, next.name[i]);
	names_free(&next);
	return r;
}

int exchange_reaches(mq *h, const char *from, const char *to)
{
	struct names seen = { 0 };
	size_t i;
	int r = names_add(&seen, from), found = 0;

	for (i = 0; r == 0 && !found && i < seen.n; i++) {
		found = !strcmp(seen.name[i], to);
		r = found ? 0 : add_next(h, seen.name[i], &seen);
	}
	names_free(&seen);
	return r == -1 ? -1 : found;
}

int exchange_lock(mq *h)
{
	return fs_lock(h->spool->fd, "lock", LOCK_FOREVER);
}

/* ---- an open one ------------------------------------------------------- */

int mq_exchange_open(mq *h, const char *name, mq_exchange **out)
{
	struct exchange_conf c;
	int r = spool_enter(h);

	*out = NULL;
	if (r == MQ_NOTFOUND)
		return fail(h, MQ_NOTFOUND, name, "no such exchange");
	if (r != MQ_OK || (r = exchange_read_conf(h, h->spool, name, &c)) != MQ_OK)
		return r;
	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return fail_errno(h, name, "cannot open the exchange");
	(*out)->refs = 1;
	(*out)->mq = h;
	(*out)->spool = spool_ref(h->spool);
	(*out)->conf = c;
	strcpy((*out)->name, name);
	return MQ_OK;
}

mq_exchange *exchange_ref(mq_exchange *x)
{
	x->refs++;
	return x;
}

void mq_exchange_close(mq_exchange *x)
{
	if (x == NULL || --x->refs > 0)
		return;
	page_close(&x->page);
	spool_unref(x->spool);
	free(x);
}

const char *mq_exchange_type(const mq_exchange *x)
{
	return types[x->conf.type];
}

struct page *exchange_page(mq_exchange *x)
{
	char path[EXCHANGE_PATH], scratch[80], made[64];
	int dir;

	if (x->page_opened)
		return page_now(&x->page);
	x->page_opened = 1;
	/* Made in the spool's tmp/, where litter is looked for. */
	scratch_path(x->mq, made, sizeof(made));
	snprintf(scratch, sizeof(scratch), "../../%s", made);
	exchange_path(x->name, "", path);
	if ((dir = fs_open_dir(x->spool->fd, path)) != -1) {
		page_open(&x->page, dir, scratch);
		fs_close(dir);
	}
	return page_now(&x->page);
}
