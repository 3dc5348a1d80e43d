/*
 * checkspool.c - look for faults in what belongs to no queue
 *
 * The names in q/ and x/, exchanges and what is bound to them, and publishes
 * that are committed.
 */
#include "base/names.h"
#include "manage/check.h"
#include "place/journal.h"
#include "spool/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct spool_check {
	struct check c;
	mq *mq;
	int fd;
};

#define SPOOL_PATH (4 * NAME_SIZE)

/* In one look: it may be removed at any moment. */
static int is_there_but_no_directory(int fd, const char *path)
{
	struct stat st;

	return fs_stat(fd, path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* As in a queue, but the spool's bad/ is made here: nothing else goes there. */
static void set_aside(struct spool_check *k, const char *path, const char *what)
{
	char bad[SPOOL_PATH];
	int r;

	if (!k->c.repair) {
		check_fault(&k->c, path, what, NULL);
		return;
	}
	snprintf(bad, sizeof(bad), "bad/%.*s~%016llx", NAME_SIZE - 20, strrchr(path, '/') + 1,
	    (unsigned long long)nonce_next(&k->mq->nonce));
	r = fs_have_dir(k->fd, "bad") == -1 ? -1 : fs_rename(k->fd, path, k->fd, bad);
	check_repaired(&k->c, path, what, r, "moved to bad/");
}

/* What bears a name that no command would give it. */
static void check_names_in(struct spool_check *k, const char *dir, int (*fits)(const char *name),
    int directories, const char *what)
{
	struct names l = { 0 };
	char path[SPOOL_PATH];
	size_t i;

	names_read(&l, k->fd, dir);
	for (i = 0; i < l.n && !k->c.ended; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, l.name[i]);
		if (!fits(l.name[i]))
			set_aside(k, path, what);
		else if (directories && is_there_but_no_directory(k->fd, path))
			set_aside(k, path, "not a directory");
	}
	names_free(&l);
}

/* ---- publishes ------------------------------------------------------------ */

static void check_publish(struct spool_check *k, const char *id)
{
	char path[SPOOL_PATH];

	snprintf(path, sizeof(path), "j/%s", id);
	if (is_there_but_no_directory(k->fd, path))
		set_aside(k, path, "not a publish");
	else
		check_names_in(k, path, journal_is_member, 0, "not part of a publish");
}

static void check_journal(struct spool_check *k)
{
	struct names ids = { 0 };
	size_t i;

	names_read(&ids, k->fd, "j");
	for (i = 0; i < ids.n && !k->c.ended; i++)
		check_publish(k, ids.name[i]);
	names_free(&ids);
}

/* ---- exchanges ------------------------------------------------------------ */

/* 1, 0; -1: not known. */
static int target_exists(struct spool_check *k, const char *target)
{
	int r = exchange_exists(k->mq->spool, target);

	return r == 0 ? queue_exists(k->mq->spool, target) : r;
}

static int is_bound(struct spool_check *k, const char *exchange, const char *target)
{
	struct names targets = { 0 };
	int found = binding_targets(k->fd, exchange, &targets) == -1; /* not known: as it seemed */
	size_t i;

	for (i = 0; !found && i < targets.n; i++)
		found = !strcmp(targets.name[i], target);
	names_free(&targets);
	return found;
}

/* What is removed is unbound first, so the binding is looked at after its target. */
static int leads_nowhere(struct spool_check *k, const char *exchange, const char *target)
{
	return target_exists(k, target) == 0 && is_bound(k, exchange, target) &&
	    target_exists(k, target) == 0;
}

/* How many bindings were removed, or -1 with errno.  With the lock nobody makes the target. */
static int unbind(struct spool_check *k, const char *exchange, enum exchange_type type,
    const char *target)
{
	int lock = exchange_lock(k->mq), n = 0;

	if (lock == -1)
		return -1;
	if (leads_nowhere(k, exchange, target))
		n = binding_remove(k->mq, exchange, type, target, NULL);
	fs_unlock(lock);
	return n;
}

static void check_target(struct spool_check *k, const char *exchange, enum exchange_type type,
    const char *target)
{
	char path[EXCHANGE_PATH], named[SPOOL_PATH];
	int n, r = CHECK_ONLY;

	if (!leads_nowhere(k, exchange, target))
		return;
	if (k->c.repair) {
		if ((n = unbind(k, exchange, type, target)) == 0)
			return;
		r = n == -1 ? -1 : 0;
	}
	exchange_path(exchange, "bind", path);
	snprintf(named, sizeof(named), "%s/%s", path, target);
	check_repaired(&k->c, named, "bound to what is not there", r, "unbound");
}

static void check_bindings(struct spool_check *k, const char *exchange, enum exchange_type type)
{
	struct bindings all = { 0 };
	char path[EXCHANGE_PATH], named[SPOOL_PATH], bad[NAME_SIZE] = "";
	size_t i;

	exchange_path(exchange, "bind", path);
	check_names_in(k, path, binding_is_name, 0, "not a binding");
	while (bindings_read(k->fd, exchange, type, &all, bad) == -1) {
		snprintf(named, sizeof(named), "%s/%s", path, bad);
		if (errno != EINVAL) {
			check_fault(&k->c, path, strerror(errno), NULL);
			return;
		}
		set_aside(k, named, "a binding that is not understood");
		if (!k->c.repair || fs_exists(k->fd, named) != 0)
			return;
	}
	for (i = 0; i < all.n && !k->c.ended; i++)
		if (i == 0 || strcmp(all.all[i].target, all.all[i - 1].target) != 0)
			check_target(k, exchange, type, all.all[i].target);
	bindings_free(&all);
}

/* Its settings cannot be read: no fault if it was removed meanwhile. */
static void check_unreadable(struct spool_check *k, const char *name)
{
	const char *why = mq_error(k->mq);
	char path[EXCHANGE_PATH];

	exchange_path(name, ".", path);
	if (fs_exists(k->fd, path) == 0)
		return;
	exchange_path(name, "conf", path);
	check_fault(&k->c, path, strncmp(why, name, strlen(name)) ? why : why + strlen(name) + 2,
	    NULL);
}

static int check_exchange(void *ctx, const char *name)
{
	struct spool_check *k = ctx;
	struct exchange_conf conf;
	char path[EXCHANGE_PATH];

	if (exchange_read_conf(k->mq, k->mq->spool, name, &conf) != MQ_OK) {
		check_unreadable(k, name);
		return k->c.ended;
	}
	if (conf.alternate[0] && exchange_exists(k->mq->spool, conf.alternate) == 0) {
		exchange_path(name, "conf", path);
		check_fault(&k->c, path, "its alternate is not there", NULL);
	}
	check_bindings(k, name, conf.type);
	return k->c.ended;
}

int mq_check_spool(mq *h, int repair, int (*each)(void *ctx, const struct mq_fault *), void *ctx)
{
	struct spool_check k = { .c = { NULL, repair, each, ctx, 0 }, .mq = h };
	int r = spool_enter(h), trouble;

	if (r != MQ_OK)
		return r;
	k.fd = h->spool->fd;
	if (repair)
		journal_help(h, h->spool, NULL, &trouble); /* what stays, is told of below */
	check_names_in(&k, "q", mq_valid_name, 1, "a name that no queue or exchange can have");
	check_names_in(&k, "x", mq_valid_name, 1, "a name that no queue or exchange can have");
	check_journal(&k);
	return k.c.ended ? MQ_OK : mq_exchanges(h, check_exchange, &k);
}
