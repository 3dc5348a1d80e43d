/*
 * admin.c - create, configure, delete and name queues and exchanges
 */
#include "place/journal.h"
#include "place/repair.h"
#include "place/token.h"
#include "spool/exchange.h"
#include "spool/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the name is an exchange's: 1 or 0; what keeps from knowing that, an MQ_ status, in *r. */
static int is_exchange(mq *h, const char *name, int *r)
{
	int there;

	*r = spool_enter(h);
	if (*r != MQ_OK || !mq_valid_name(name))
		return 0;
	if ((there = exchange_exists(h->spool, name)) == -1)
		*r = fail_errno(h, name, "cannot look whether it is an exchange");
	return there == 1;
}

/* What is neither one nor the other. */
static int no_such_name(mq *h, const char *name)
{
	return valid_queue_name(name) ?
	    fail_not_in(h, h->spool ? h->spool->root : h->path, name, "no such queue or exchange") :
	    fail(h, MQ_NOTFOUND, name, "no such queue: bad name");
}

static int lock_names(mq *h, const char *name, int *lock)
{
	do
		*lock = exchange_lock(h);
	while (*lock == -1 && spool_drop_ballast(h->spool));
	return *lock == -1 ? fail_errno(h, name, "cannot lock the spool") : MQ_OK;
}

/* ---- settings of queues ------------------------------------------------ */

static int bad_setting(mq *h, const char *name, const struct mq_setting *s, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%.60s=%.60s: %s%s", s->key, s->value, why, conf_hint(s->key));
	return fail(h, MQ_SETTING, name, text);
}

#define WAY_MOST 1000 /* queues one after the other: nobody means as many */

/* A queue's name without "/dlq". */
static void without_dlq(char name[QUEUE_NAME_SIZE])
{
	name[strcspn(name, "/")] = '\0';
}

/* Where dead letters go from a queue, and from there, does not lead back, be it to its
 * own dead-letter queue. */
static int check_circle(mq *h, const char *name, const char *to)
{
	char at[QUEUE_NAME_SIZE], why[QUEUE_NAME_SIZE + 64];
	mq_queue *q;
	int steps, r;

	snprintf(at, sizeof(at), "%s", to);
	for (steps = 0; *at && steps < WAY_MOST; steps++) {
		without_dlq(at);
		if (!strcmp(at, name)) {
			snprintf(why, sizeof(why), "dead-letter-to: %s leads back to it", to);
			return fail(h, MQ_SETTING, name, why);
		}
		if ((r = queue_open(h, h->spool, at, &q)) == MQ_NOTFOUND)
			return MQ_OK; /* it was removed: the way ends there */
		if (r != MQ_OK)
			return r;
		snprintf(at, sizeof(at), "%s", q->conf.dead_letter_to);
		mq_queue_close(q);
	}
	return *at ? fail(h, MQ_SETTING, name, "dead-letter-to: it never ends") : MQ_OK;
}

/* What a single value cannot tell of itself. */
static int check_setting(mq *h, const char *name, const struct mq_setting *s)
{
	int is_dlq = strchr(name, '/') != NULL;

	if (is_dlq && !strcmp(s->key, "max-receives") && strcmp(s->value, "0") != 0)
		return fail(h, MQ_SETTING, name,
		    "max-receives: dead letters have nowhere to go: 0");
	if (strcmp(s->key, "dead-letter-to") != 0 || *s->value == '\0')
		return MQ_OK;
	if (is_dlq || !strcmp(s->value, name))
		return fail(h, MQ_SETTING, name, "dead-letter-to: a queue cannot take its own");
	if (queue_exists(h->spool, s->value) != 1)
		return fail(h, MQ_SETTING, name, "dead-letter-to: no such queue");
	return check_circle(h, name, s->value);
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

/* When group-on-dead=skip is set, no group is blocked any more. */
static int release_groups(mq_queue *q, const struct mq_setting *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(s[i].key, "group-on-dead") != 0 || strcmp(s[i].value, "skip") != 0)
			continue;
		repair(q);
		return token_release_all(q) == 0 ? MQ_OK :
						   queue_fail(q, "cannot let the groups go on");
	}
	return MQ_OK;
}

/* The queue that takes the dead letters knows whose, and the one before no more.  "" for
 * none. */
static int note_source(mq *h, const char *name, const char *before, const char *to)
{
	mq_queue *q;
	int r;

	if (!strcmp(before, to))
		return MQ_OK;
	if (*before && queue_open(h, h->spool, before, &q) == MQ_OK) {
		source_remove(q, name);
		mq_queue_close(q);
	}
	if (!*to)
		return MQ_OK;
	if ((r = queue_open(h, h->spool, to, &q)) != MQ_OK)
		return r;
	if (source_add(q, name) == -1)
		r = queue_fail(q, "cannot note whose dead letters it takes");
	mq_queue_close(q);
	return r;
}

/* What is set last counts. */
static const char *dead_letter_to(const struct mq_setting *s, size_t n, const char *otherwise)
{
	while (n-- > 0)
		if (!strcmp(s[n].key, "dead-letter-to"))
			return s[n].value;
	return otherwise;
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
	if (r == MQ_OK)
		r = note_source(q->mq, q->name, q->conf.dead_letter_to,
		    dead_letter_to(s, n, q->conf.dead_letter_to));
	return r == MQ_OK ? release_groups(q, s, n) : r;
}

/* Several at once: each starts from what the one before it has written. */
static int configure_locked(mq_queue *q, const struct mq_setting *s, size_t n)
{
	int r, lock;

	if ((lock = fs_lock(q->fd, "lock", LOCK_FOREVER)) == -1)
		return queue_fail(q, "cannot lock its settings");
	if ((r = queue_reread(q)) == MQ_OK)
		r = configure(q, s, n);
	fs_unlock(lock);
	return r;
}

/* One at a time says where dead letters go: two might close a circle. */
static int configure_ways(mq_queue *q, const struct mq_setting *s, size_t n)
{
	int r, lock;
	size_t i;

	for (i = 0; i < n && strcmp(s[i].key, "dead-letter-to") != 0; i++)
		;
	if (i == n)
		return configure_locked(q, s, n);
	if ((r = lock_names(q->mq, q->name, &lock)) != MQ_OK)
		return r;
	r = configure_locked(q, s, n);
	fs_unlock(lock);
	return r;
}

static int configure_queue(mq *h, const char *name, const struct mq_setting *s, size_t n)
{
	mq_queue *q;
	int r;

	if ((r = mq_queue_open(h, name, &q)) != MQ_OK)
		return r == MQ_NOTFOUND ? no_such_name(h, name) : r;
	r = configure_ways(q, s, n);
	mq_queue_close(q);
	return r;
}

/* ---- settings of exchanges --------------------------------------------- */

static int bad_exchange_setting(mq *h, const char *name, const struct mq_setting *s,
    const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%.60s=%.60s: %s", s->key, s->value, why);
	return fail(h, MQ_SETTING, name, text);
}

/* What the value alone tells. */
static int apply_to_exchange(mq *h, const char *name, struct exchange_conf *c,
    const struct mq_setting *s)
{
	if (!strcmp(s->key, "type"))
		return strcmp(s->value, exchange_type_name(c->type)) == 0 ?
		    MQ_OK :
		    bad_exchange_setting(h, name, s, "the type cannot be changed");
	if (strcmp(s->key, "alternate") != 0)
		return bad_exchange_setting(h, name, s, "no such setting of an exchange");
	if (*s->value && !mq_valid_name(s->value))
		return bad_exchange_setting(h, name, s, "not an exchange's name, or nothing");
	strcpy(c->alternate, s->value);
	return MQ_OK;
}

static int apply_all_to_exchange(mq *h, const char *name, struct exchange_conf *c,
    const struct mq_setting *s, size_t n)
{
	size_t i;
	int r = MQ_OK;

	for (i = 0; r == MQ_OK && i < n; i++)
		r = apply_to_exchange(h, name, c, &s[i]);
	return r;
}

/* The alternate is there and does not lead back. */
static int check_alternate(mq *h, const char *name, const char *alternate)
{
	int there = exchange_exists(h->spool, alternate), back;
	char why[QUEUE_NAME_SIZE + 64];

	if (there == 0)
		return fail(h, MQ_SETTING, name, "alternate: no such exchange");
	if (there == -1 || (back = exchange_reaches(h, alternate, name)) == -1)
		return fail_errno(h, name, "cannot read where the alternate leads");
	snprintf(why, sizeof(why), "alternate: %s leads back to it", alternate);
	return back ? fail(h, MQ_CREATE, name, why) : MQ_OK;
}

/* With the spool locked. */
static int configure_exchange(mq *h, const char *name, const struct mq_setting *s, size_t n)
{
	struct exchange_conf old, c;
	int r;

	if ((r = exchange_read_conf(h, h->spool, name, &old)) != MQ_OK)
		return r;
	c = old;
	if ((r = apply_all_to_exchange(h, name, &c, s, n)) != MQ_OK ||
	    !strcmp(c.alternate, old.alternate))
		return r;
	if (c.alternate[0] && (r = check_alternate(h, name, c.alternate)) != MQ_OK)
		return r;
	return exchange_write_conf(h, name, &c) == 0 ?
	    MQ_OK :
	    fail_errno(h, name, "cannot write its settings");
}

/* ---- settings of either ------------------------------------------------ */

int mq_configure(mq *h, const char *name, const struct mq_setting *s, size_t n)
{
	int r, lock;

	if (!is_exchange(h, name, &r))
		return r == MQ_OK || r == MQ_NOTFOUND ? configure_queue(h, name, s, n) : r;
	if ((r = lock_names(h, name, &lock)) != MQ_OK)
		return r;
	r = configure_exchange(h, name, s, n);
	fs_unlock(lock);
	return r;
}

static int exchange_settings(mq *h, const char *name,
    void (*each)(void *ctx, const char *key, const char *value), void *ctx)
{
	struct exchange_conf c;
	int r = exchange_read_conf(h, h->spool, name, &c);

	if (r == MQ_OK) {
		each(ctx, "type", exchange_type_name(c.type));
		each(ctx, "alternate", c.alternate);
	}
	return r;
}

int mq_settings(mq *h, const char *name,
    void (*each)(void *ctx, const char *key, const char *value), void *ctx)
{
	mq_queue *q;
	size_t i;
	int r;

	if (is_exchange(h, name, &r))
		return exchange_settings(h, name, each, ctx);
	if (r != MQ_OK && r != MQ_NOTFOUND)
		return r;
	if ((r = mq_queue_open(h, name, &q)) != MQ_OK)
		return r == MQ_NOTFOUND ? no_such_name(h, name) : r;
	for (i = 0; conf_key(i); i++)
		each(ctx, conf_key(i), q->conf_text.value[i]);
	mq_queue_close(q);
	return MQ_OK;
}

/* ---- making ------------------------------------------------------------ */

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

static int bad_name(mq *h, const char *name)
{
	return fail(h, MQ_CREATE, name,
	    "a name has 1 to 64 of A-Z a-z 0-9 _ . - and begins with none of . -");
}

/* With the spool locked.  One that had the name before may have been published to.
 * MQ_EMPTY: it is there. */
static int make_anew(mq *h, const char *name, const char *conf)
{
	int there = queue_exists(h->spool, name);

	if (exchange_exists(h->spool, name) == 1)
		return fail(h, MQ_CREATE, name, "there is an exchange of this name");
	if (there == 1)
		return MQ_EMPTY;
	if (there == -1 || journal_forget(h->spool, name) == -1)
		return fail_errno(h, name, "cannot make the queue");
	return queue_make(h, h->spool, name, conf);
}

/* Queues and exchanges share their names, so one at a time is made. */
static int make_queue(mq *h, const char *name, const char *conf)
{
	int r, lock;

	if ((r = lock_names(h, name, &lock)) != MQ_OK)
		return r;
	r = make_anew(h, name, conf);
	fs_unlock(lock);
	return r;
}

#define CREATE_TRIES 100 /* others remove it, and make it, all the time */

/* It may be removed, or made by another, after the look. */
static int create(mq *h, const char *name, const char *conf, const struct mq_setting *s, size_t n)
{
	int r, tries = 0;
	size_t i;

	if ((r = spool_enter_or_make(h)) != MQ_OK)
		return r;
	for (i = 0; i < n; i++)
		if ((r = check_setting(h, name, &s[i])) != MQ_OK)
			return r;
	do {
		if (queue_exists(h->spool, name) == 1)
			r = configure_queue(h, name, s, n);
		else if ((r = make_queue(h, name, conf)) == MQ_OK)
			return note_source(h, name, "", dead_letter_to(s, n, ""));
	} while ((r == MQ_NOTFOUND || r == MQ_EMPTY) && ++tries < CREATE_TRIES);
	return r;
}

int mq_create(mq *h, const char *name, const struct mq_setting *s, size_t n)
{
	char *conf = NULL;
	int r;

	if (!mq_valid_name(name))
		return bad_name(h, name);
	if ((r = check_all(h, name, s, n, &conf)) == MQ_OK)
		r = create(h, name, conf, s, n);
	free(conf);
	return r;
}

/* With the spool locked: make it, or see that it is of the same type. */
static int create_exchange(mq *h, const char *name, const struct exchange_conf *c,
    const struct mq_setting *s, size_t n)
{
	struct exchange_conf old;
	char why[64];
	int r;

	if (queue_exists(h->spool, name) == 1)
		return fail(h, MQ_CREATE, name, "there is a queue of this name");
	if (exchange_exists(h->spool, name) != 1) {
		if (c->alternate[0] && (r = check_alternate(h, name, c->alternate)) != MQ_OK)
			return r;
		return exchange_make(h, name, c);
	}
	if ((r = exchange_read_conf(h, h->spool, name, &old)) != MQ_OK)
		return r;
	snprintf(why, sizeof(why), "there is a %s exchange of this name",
	    exchange_type_name(old.type));
	return old.type == c->type ? configure_exchange(h, name, s, n) :
				     fail(h, MQ_CREATE, name, why);
}

int mq_exchange_create(mq *h, const char *name, const char *type, const struct mq_setting *s,
    size_t n)
{
	struct exchange_conf c = { 0 };
	int r, lock;

	if (!mq_valid_name(name))
		return bad_name(h, name);
	if (exchange_type_of(type, &c.type) == -1)
		return fail(h, MQ_USAGE, name, "a type is fanout, direct, topic or headers");
	if ((r = apply_all_to_exchange(h, name, &c, s, n)) != MQ_OK ||
	    (r = spool_enter_or_make(h)) != MQ_OK || (r = lock_names(h, name, &lock)) != MQ_OK)
		return r;
	r = create_exchange(h, name, &c, s, n);
	fs_unlock(lock);
	return r;
}

/* ---- removing ---------------------------------------------------------- */

/* Out of sight by one rename, then removed: who is at work in it finds its
 * paths gone and the name no longer leading there. */
static int remove_directory(mq *h, const char *name, const char *path)
{
	char doomed[64], parent[2 * QUEUE_NAME_SIZE];
	int r = MQ_OK;

	scratch_path(h, doomed, sizeof(doomed));
	if (fs_take_away(h->spool->fd, path, doomed) == -1)
		return errno == ENOENT ? no_such_name(h, name) :
					 fail_errno(h, name, "cannot remove it");
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (fs_sync_path(h->spool->fd, parent) == -1)
		r = fail_errno(h, name, "cannot sync that it was removed");
	/* Where removed files that are open keep a name (NFS, FUSE), their
	 * directories stay, as litter. */
	if (fs_remove_tree(h->spool->fd, doomed) == -1 && errno != ENOTEMPTY && errno != EEXIST &&
	    r == MQ_OK)
		r = fail_errno(h, name, "cannot remove all of it");
	return r;
}

/* Its bindings first: should this be cut short, nothing is bound to a name that
 * another queue may take. */
static int remove_bound(mq *h, const char *name, const char *path)
{
	int r, lock;

	if ((r = lock_names(h, name, &lock)) != MQ_OK)
		return r;
	r = binding_remove_everywhere(h, name) == 0 ?
	    remove_directory(h, name, path) :
	    fail_errno(h, name, "cannot remove its bindings");
	fs_unlock(lock);
	return r;
}

static int delete_queue(mq *h, const char *name)
{
	char path[2 * QUEUE_NAME_SIZE];
	int bound, r;
	mq_queue *q;

	if ((r = mq_queue_open(h, name, &q)) != MQ_OK)
		return r == MQ_NOTFOUND ? no_such_name(h, name) : r;
	/* The name of a private one is not used again, and those are many. */
	bound = !q->is_dlq && !q->is_private;
	mq_queue_close(q);
	queue_path(name, path);
	return bound ? remove_bound(h, name, path) : remove_directory(h, name, path);
}

int mq_delete(mq *h, const char *name)
{
	char path[EXCHANGE_PATH];
	int r;

	if (!is_exchange(h, name, &r))
		return r == MQ_OK || r == MQ_NOTFOUND ? delete_queue(h, name) : r;
	snprintf(path, sizeof(path), "x/%.64s", name);
	return remove_bound(h, name, path);
}

/* ---- listing ----------------------------------------------------------- */

static int list_names(mq *h, const char *directory, int (*each)(void *ctx, const char *name),
    void *ctx)
{
	struct names l = { 0 };
	size_t i;
	int r;

	if ((r = spool_enter(h)) != MQ_OK)
		return r == MQ_NOTFOUND ? MQ_OK : r; /* no spool, nothing in it */
	if (names_read(&l, h->spool->fd, directory) == -1)
		r = fail_errno(h, h->path, "cannot list what is there");
	for (i = 0; r == MQ_OK && i < l.n; i++)
		if (mq_valid_name(l.name[i]) && each(ctx, l.name[i]) != 0)
			break;
	names_free(&l);
	return r;
}

int mq_queues(mq *h, int (*each)(void *ctx, const char *name), void *ctx)
{
	return list_names(h, "q", each, ctx);
}

int mq_exchanges(mq *h, int (*each)(void *ctx, const char *name), void *ctx)
{
	return list_names(h, "x", each, ctx);
}
