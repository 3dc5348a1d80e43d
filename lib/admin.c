/*
 * admin.c - verb: create, configure, delete and name queues
 */
#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---------------------------------------------------------- */

static int bad_setting(mq *h, const char *name, const struct mq_setting *s, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%.60s=%.60s: %s%s", s->key, s->value, why, conf_hint(s->key));
	return fail(h, MQ_SETTING, name, text);
}

/* What a single value cannot tell of itself. */
static int check_setting(mq *h, const char *name, const struct mq_setting *s)
{
	char path[2 * QUEUE_NAME_SIZE];
	int is_dlq = strchr(name, '/') != NULL;

	if (is_dlq && !strcmp(s->key, "max-receives") && strcmp(s->value, "0") != 0)
		return fail(h, MQ_SETTING, name,
		    "max-receives: dead letters have nowhere to go: 0");
	if (strcmp(s->key, "dead-letter-to") != 0 || *s->value == '\0')
		return MQ_OK;
	if (is_dlq || !strcmp(s->value, name))
		return fail(h, MQ_SETTING, name, "dead-letter-to: a queue cannot take its own");
	queue_path(s->value, path);
	if (fs_exists(h->spool->fd, path) != 1)
		return fail(h, MQ_SETTING, name, "dead-letter-to: no such queue");
	return MQ_OK;
}

static int apply(mq *h, const char *name, struct conf_text *t, const struct mq_setting *s, size_t n)
{
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		switch (conf_set(t, s[i].key, s[i].value)) {
		case CONF_UNKNOWN:
			return bad_setting(h, name, &s[i], "no such setting");
		case CONF_BAD:
			return bad_setting(h, name, &s[i], "not ");
		case CONF_OK:
			break;
		}
		if (h->spool && (r = check_setting(h, name, &s[i])) != MQ_OK)
			return r;
	}
	return MQ_OK;
}

static int configure(mq_queue *q, const struct mq_setting *s, size_t n)
{
	struct conf_text t = q->conf_text;
	char *text;
	int r;

	if ((r = apply(q->mq, q->name, &t, s, n)) != MQ_OK || n == 0)
		return r;
	if ((text = conf_write(&t)) == NULL ||
	    queue_write_file(q->mq, q->fd, "conf", text, 1) == -1)
		r = queue_fail(q, "cannot write its settings");
	free(text);
	return r;
}

/* Several at once: each starts from what the one before it has written. */
static int configure_locked(mq_queue *q, const struct mq_setting *s, size_t n)
{
	int r, lock;

	if ((lock = fs_lock(q->fd, "lock", 1)) == -1)
		return queue_fail(q, "cannot lock its settings");
	if ((r = queue_refresh(q)) == MQ_OK)
		r = configure(q, s, n);
	fs_unlock(lock);
	return r;
}

int mq_configure(mq *h, const char *name, const struct mq_setting *s, size_t n)
{
	mq_queue *q;
	int r;

	if ((r = mq_queue_open(h, name, &q)) != MQ_OK)
		return r;
	r = configure_locked(q, s, n);
	mq_queue_close(q);
	return r;
}

int mq_settings(mq *h, const char *name,
    void (*each)(void *ctx, const char *key, const char *value), void *ctx)
{
	mq_queue *q;
	size_t i;
	int r;

	if ((r = mq_queue_open(h, name, &q)) != MQ_OK)
		return r;
	for (i = 0; conf_key(i); i++)
		each(ctx, conf_key(i), q->conf_text.value[i]);
	mq_queue_close(q);
	return MQ_OK;
}

/* ---- queues ------------------------------------------------------------ */

/* The settings alone, before anything is made for them. */
static int check_all(mq *h, const char *name, const struct mq_setting *s, size_t n, char **conf)
{
	struct conf_text t;
	int r;

	conf_defaults(&t);
	if ((r = apply(h, name, &t, s, n)) != MQ_OK)
		return r;
	*conf = conf_write(&t);
	return *conf ? MQ_OK : fail_errno(h, name, "cannot make the queue");
}

static int create(mq *h, const char *name, const char *conf, const struct mq_setting *s, size_t n)
{
	char path[2 * QUEUE_NAME_SIZE];
	size_t i;
	int r;

	if ((r = spool_enter_or_make(h)) != MQ_OK)
		return r;
	for (i = 0; i < n; i++)
		if ((r = check_setting(h, name, &s[i])) != MQ_OK)
			return r;
	queue_path(name, path);
	if (fs_exists(h->spool->fd, path) == 1)
		return mq_configure(h, name, s, n);
	return queue_make(h, h->spool, name, conf);
}

int mq_create(mq *h, const char *name, const struct mq_setting *s, size_t n)
{
	char *conf = NULL;
	int r;

	if (!mq_valid_name(name))
		return fail(h, MQ_CREATE, name,
		    "a name has 1 to 64 of A-Z a-z 0-9 _ . - and begins with none of . -");
	if ((r = check_all(h, name, s, n, &conf)) == MQ_OK)
		r = create(h, name, conf, s, n);
	free(conf);
	return r;
}

/* Out of sight by one rename, then removed: who is at work in it finds its
 * paths gone and the name no longer leading there. */
int mq_delete(mq *h, const char *name)
{
	char path[2 * QUEUE_NAME_SIZE], doomed[64];
	mq_queue *q;
	int r;

	if ((r = mq_queue_open(h, name, &q)) != MQ_OK)
		return r;
	mq_queue_close(q);
	scratch_path(h, doomed, sizeof(doomed));
	queue_path(name, path);
	if (fs_rename(h->spool->fd, path, h->spool->fd, doomed) == -1)
		return errno == ENOENT ? fail(h, MQ_NOTFOUND, name, "no such queue") :
					 fail_errno(h, name, "cannot remove the queue");
	*strrchr(path, '/') = '\0';
	if (fs_sync_path(h->spool->fd, path) == -1)
		return fail_errno(h, name, "cannot sync that the queue was removed");
	/* Where removed files that are open keep a name (NFS, FUSE), their
	 * directories stay, as litter. */
	if (fs_remove_tree(h->spool->fd, doomed) == -1 && errno != ENOTEMPTY && errno != EEXIST)
		return fail_errno(h, name, "cannot remove all of the queue");
	return MQ_OK;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **name;
	size_t n, room;
};

static int add_name(struct names *l, const char *name)
{
	char **grown;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		if ((grown = realloc(l->name, l->room * sizeof(*grown))) == NULL)
			return -1;
		l->name = grown;
	}
	if ((l->name[l->n] = strdup(name)) == NULL)
		return -1;
	l->n++;
	return 0;
}

static int read_names(mq *h, struct names *l)
{
	struct fs_dir d;
	const char *name;
	int r = 0;

	if (fs_dir_open(&d, h->spool->fd, "q") == -1)
		return -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL)
		if (mq_valid_name(name))
			r = add_name(l, name);
	if (r == 0 && errno)
		r = -1;
	fs_dir_close(&d);
	return r;
}

int mq_queues(mq *h, int (*each)(void *ctx, const char *name), void *ctx)
{
	struct names l = { 0 };
	size_t i;
	int r;

	if ((r = spool_enter(h)) != MQ_OK)
		return r == MQ_NOTFOUND ? MQ_OK : r; /* no spool, no queues */
	if (read_names(h, &l) == -1) {
		r = fail_errno(h, h->path, "cannot list the queues");
	} else if (l.n) {
		qsort(l.name, l.n, sizeof(*l.name), compare_texts);
		for (i = 0; i < l.n && each(ctx, l.name[i]) == 0; i++)
			;
	}
	for (i = 0; i < l.n; i++)
		free(l.name[i]);
	free(l.name);
	return r;
}
