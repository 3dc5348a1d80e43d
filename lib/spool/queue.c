/*
 * queue.c - an open queue
 */
#include "spool/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const line_dir[LINES] = {
	[LINE_READY] = "ready",
	[LINE_BACK] = "back",
	[LINE_TURNS] = "turns",
};

const char *queue_line_dir(enum line line)
{
	return line_dir[line];
}

void queue_path(const char *name, char path[2 * QUEUE_NAME_SIZE])
{
	snprintf(path, 2 * QUEUE_NAME_SIZE, "q/%s", name);
}

int queue_exists(const struct spool *s, const char *name)
{
	char path[2 * QUEUE_NAME_SIZE];

	if (!valid_queue_name(name))
		return 0;
	queue_path(name, path);
	if (strchr(name, '/'))
		*strrchr(path, '/') = '\0';
	return fs_exists(s->fd, path);
}

void queue_dlq_name(const mq_queue *q, char name[QUEUE_NAME_SIZE])
{
	snprintf(name, QUEUE_NAME_SIZE, "%.64s/dlq", q->name);
}

void queue_scratch(void *queue, char path[ENTRY_PATH])
{
	scratch_path(((mq_queue *)queue)->mq, path, ENTRY_PATH);
}

struct strip queue_strip(const mq_queue *q, enum line line, unsigned level)
{
	struct strip s = { .dir = q->fd };

	snprintf(s.path, sizeof(s.path), "%s/p%u", line_dir[line], level);
	return s;
}

int queue_levels(mq_queue *q, enum line line, unsigned *mask)
{
	struct fs_dir d;
	const char *name;

	*mask = 0;
	if (fs_dir_open(&d, q->fd, line_dir[line]) == -1)
		return errno == ENOENT && line == LINE_TURNS ? 0 :
							       -1; /* made for the first group */
	while ((name = fs_dir_next(&d)) != NULL)
		if (name[0] == 'p' && name[1] >= '0' && name[1] <= '9' && !name[2])
			*mask |= 1u << (name[1] - '0');
	fs_dir_close(&d);
	return errno ? -1 : 0;
}

/* ---- making ------------------------------------------------------------ */

int queue_write_file(mq *h, int dir, const char *path, const char *text, int sync)
{
	char made[64];
	int fd, r = -1;

	scratch_path(h, made, sizeof(made));
	if ((fd = fs_create(dir, made)) == -1)
		return -1;
	if (fs_write(fd, text, strlen(text)) == 0 && (!sync || fs_sync(fd) == 0) &&
	    fs_rename(dir, made, dir, path) == 0)
		r = sync ? fs_sync_name(fd, dir, path) : 0;
	if (r == -1) {
		int saved = errno;

		fs_unlink(dir, made);
		errno = saved;
	}
	fs_close(fd);
	return r;
}

/* All of a queue below the path, which is in the spool's tmp/.  owner: NULL, or
 * for the lock of a private one. */
static int fill_queue(mq *h, int dir, const char *path, const char *conf, int *owner)
{
	static const char *const parts[] = { "tmp", "ready", "back", "delayed", "leased" };
	size_t i;
	int fd, r = 0;

	if (fs_mkdir(dir, path) == -1 || (fd = fs_open_dir(dir, path)) == -1)
		return -1;
	for (i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = fs_mkdir(fd, parts[i]);
	if (r == 0 && *conf)
		r = queue_write_file(h, fd, "conf", conf, owner == NULL);
	if (r == 0 && owner && (*owner = fs_lock(fd, QUEUE_OWNER, LOCK_AT_ONCE)) == -1)
		r = -1;
	/* Whole before it has its name: to sync that one later is not enough on
	 * btrfs, which has met this directory by then, as that of conf. */
	if (r == 0 && owner == NULL)
		r = fs_sync(fd);
	fs_close(fd);
	return r;
}

static int no_such_queue(mq *h, const struct spool *s, const char *name)
{
	return fail_not_in(h, s ? s->root : h->path, name, "no such queue");
}

/* A dead-letter queue goes with its queue, which may have been removed just now. */
static int not_made(mq *h, const struct spool *s, const char *name, const char *what)
{
	if (errno == ENOENT && strchr(name, '/'))
		return no_such_queue(h, s, name);
	return fail_errno(h, name, what);
}

/* A queue is whole when it has its name. */
static int make(mq *h, struct spool *s, const char *name, const char *conf, int *owner)
{
	char made[64], path[2 * QUEUE_NAME_SIZE];
	int saved;

	scratch_path(h, made, sizeof(made));
	queue_path(name, path);
	if (fill_queue(h, s->fd, made, conf, owner) == 0 &&
	    fs_rename(s->fd, made, s->fd, path) == 0) {
		/* Its name must be durable before a message is accepted in it. */
		*strrchr(path, '/') = '\0';
		return owner || fs_sync_path(s->fd, path) == 0 ?
		    MQ_OK :
		    not_made(h, s, name, "cannot sync the queue");
	}
	saved = errno;
	fs_remove_tree(s->fd, made);
	errno = saved;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return MQ_OK;
	return not_made(h, s, name, "cannot make the queue");
}

int queue_make(mq *h, struct spool *s, const char *name, const char *conf)
{
	return make(h, s, name, conf, NULL);
}

int queue_make_private(mq *h, struct spool *s, const char *name, int *owner)
{
	return make(h, s, name, "sync=none\n", owner);
}

/* ---- settings ---------------------------------------------------------- */

static int read_conf_file(mq_queue *q, const char *path, struct conf_text *text)
{
	char *lines = fs_slurp(q->fd, path), why[128];
	const char *bad;
	int r = MQ_OK;

	if (lines == NULL)
		return errno == ENOENT ? MQ_OK : queue_fail(q, "cannot read its settings");
	if ((bad = conf_read(text, lines)) != NULL) {
		snprintf(why, sizeof(why),
		    "conf has a setting that is not known or not good: %.40s", bad);
		r = fail(q->mq, MQ_SETTING, q->name, why);
	}
	free(lines);
	return r;
}

/* Dead letters stay until somebody takes them: nothing counts them out, and
 * the queue that they died in says how long they are kept. */
static int read_dlq_defaults(mq_queue *q, struct conf_text *text)
{
	struct conf_text parent;
	size_t i, kept = 0;
	int r;

	conf_defaults(&parent);
	if ((r = read_conf_file(q, "../conf", &parent)) != MQ_OK)
		return r;
	for (i = 0; conf_key(i); i++)
		if (!strcmp(conf_key(i), "dlq-retention"))
			kept = i;
	conf_set(text, "retention", parent.value[kept]);
	conf_set(text, "max-receives", "0");
	return MQ_OK;
}

/* Who opens a queue for one thing has just read its settings. */
#define FRESH_FOR (10 * MILLISECOND)

int queue_refresh(mq_queue *q)
{
	if (q->opened && clock_up(&q->mq->clock) - q->opened < FRESH_FOR)
		return MQ_OK;
	return queue_reread(q);
}

int queue_reread(mq_queue *q)
{
	struct stat st;
	int there, r;

	memset(&st, 0, sizeof(st));
	there = fs_stat(q->fd, "conf", &st) == 0;
	if (!there && errno != ENOENT)
		return queue_fail(q, "cannot read its settings");
	/* A dlq also follows its queue's. */
	if (q->conf.visibility && !q->is_dlq && !q->conf_young && fs_same(&st, &q->conf_stat))
		return MQ_OK;
	q->conf_young = fs_young(&st);
	conf_defaults(&q->conf_text);
	if ((q->is_dlq && (r = read_dlq_defaults(q, &q->conf_text)) != MQ_OK) ||
	    (there && (r = read_conf_file(q, "conf", &q->conf_text)) != MQ_OK))
		return r;
	conf_parse(&q->conf_text, &q->conf);
	q->conf_stat = st;
	mq_queue_close(q->dead);
	q->dead = NULL;
	return MQ_OK;
}

/* ---- opening ----------------------------------------------------------- */

static int open_queue_dir(mq *h, struct spool *s, const char *name, int *fd)
{
	char path[2 * QUEUE_NAME_SIZE];
	int r;

	queue_path(name, path);
	*fd = fs_open_dir(s->fd, path);
	if (*fd == -1 && errno == ENOENT && strchr(name, '/')) {
		*strrchr(path, '/') = '\0';
		if ((r = fs_exists(s->fd, path)) != 1)
			return r == 0 ? no_such_queue(h, s, name) :
					fail_errno(h, name, "cannot open the queue");
		if ((r = queue_make(h, s, name, "")) != MQ_OK)
			return r;
		queue_path(name, path);
		*fd = fs_open_dir(s->fd, path);
	}
	if (*fd == -1)
		return errno == ENOENT || errno == ENOTDIR ?
		    no_such_queue(h, s, name) :
		    fail_errno(h, name, "cannot open the queue");
	return MQ_OK;
}

struct page *queue_page(mq_queue *q)
{
	char scratch[ENTRY_PATH];

	if (!q->page) {
		queue_scratch(q, scratch);
		page_open(&q->page_use, q->fd, scratch);
	}
	return q->page = page_now(&q->page_use);
}

void queue_ring(mq_queue *q)
{
	_Atomic uint64_t *bell = &queue_page(q)->bell;

	if (atomic_load(bell) && atomic_exchange(bell, 0))
		fs_touch(q->fd, "bell");
}

void queue_count(mq_queue *q, enum meter_kind kind, uint64_t n)
{
	meter_count(&queue_page(q)->meter, queue_now(q), kind, n);
}

int queue_open(mq *h, struct spool *s, const char *name, mq_queue **out)
{
	mq_queue *q;
	int fd, r;

	*out = NULL;
	if (!valid_queue_name(name))
		return fail(h, MQ_NOTFOUND, name, "no such queue: bad name");
	if ((r = open_queue_dir(h, s, name, &fd)) != MQ_OK)
		return r;
	if ((q = calloc(1, sizeof(*q))) == NULL) {
		fs_close(fd);
		return fail_errno(h, name, "cannot open the queue");
	}
	q->refs = 1;
	q->mq = h;
	q->spool = spool_ref(s);
	q->fd = fd;
	strcpy(q->name, name);
	q->is_dlq = strchr(name, '/') != NULL;
	q->is_private = strncmp(name, QUEUE_PRIVATE, strlen(QUEUE_PRIVATE)) == 0 &&
	    fs_exists(fd, QUEUE_OWNER) == 1;
	q->covers = -1;
	if (asprintf(&q->path, "%s/q/%s", s->root, name) == -1)
		q->path = NULL;
	if (q->path == NULL || fs_fstat(fd, &q->self) == -1)
		r = fail_errno(h, name, "cannot open the queue");
	else
		r = queue_refresh(q);
	if (r != MQ_OK) {
		mq_queue_close(q);
		return r;
	}
	q->opened = clock_up(&h->clock);
	*out = q;
	return MQ_OK;
}

int queue_parse_path(const char *path, struct whereabouts *w)
{
	char *absolute;
	int r;

	if (*path == '/' || (absolute = fs_absolute(path)) == NULL)
		return whereabouts_parse(path, w);
	r = whereabouts_parse(absolute, w);
	free(absolute);
	return r;
}

int queue_open_in(mq *h, const char *spool, const char *name, mq_queue **out)
{
	struct spool *s;
	int r;

	*out = NULL;
	if ((s = spool_open(h, spool, &r)) == NULL && r == MQ_NOTFOUND && spool_enter(h) == MQ_OK &&
	    queue_exists(h->spool, name) == 1)
		s = spool_ref(h->spool);
	if (s == NULL)
		return r == MQ_NOTFOUND || r == MQ_CREATE ?
		    fail(h, MQ_DATA, spool, "no message's path: not a spool") :
		    r;
	r = queue_open(h, s, name, out);
	spool_unref(s);
	return r;
}

int mq_queue_open(mq *h, const char *name, mq_queue **out)
{
	int r = spool_enter(h);

	*out = NULL;
	if (r == MQ_NOTFOUND)
		return no_such_queue(h, NULL, name);
	return r == MQ_OK ? queue_open(h, h->spool, name, out) : r;
}

mq_queue *queue_ref(mq_queue *q)
{
	q->refs++;
	return q;
}

void mq_queue_close(mq_queue *q)
{
	if (q == NULL || --q->refs > 0)
		return;
	if (q->forget)
		q->forget(q);
	mq_queue_close(q->dead);
	page_close(&q->page_use);
	fs_close(q->fd);
	spool_unref(q->spool);
	free(q->path);
	free(q);
}

void mq_close(mq *h)
{
	if (h == NULL)
		return;
	mq_queue_close(h->last);
	spool_unref(h->spool);
	nonce_free(&h->nonce);
	free(h->path);
	free(h);
}

const char *mq_queue_name(const mq_queue *q)
{
	return q->name;
}

int queue_sync_covers_name(mq_queue *q)
{
	if (q->covers == -1)
		q->covers = fs_sync_covers_name(q->fd);
	return q->covers;
}

int queue_is_there(mq_queue *q)
{
	char path[2 * QUEUE_NAME_SIZE];
	struct stat st;

	queue_path(q->name, path);
	if (fs_stat(q->spool->fd, path, &st) == -1)
		return errno != ENOENT; /* what cannot be looked at was not removed */
	return st.st_ino == q->self.st_ino && st.st_dev == q->self.st_dev;
}

int queue_removed(mq_queue *q)
{
	return fail(q->mq, MQ_NOTFOUND, q->name, "the queue was removed");
}

int queue_fail(mq_queue *q, const char *what)
{
	int e = errno;
	char text[128];

	if (e == ENOENT && !queue_is_there(q))
		return queue_removed(q);
	errno = e;
	if (e != ENOENT)
		return fail_errno(q->mq, q->name, what);
	snprintf(text, sizeof(text), "%.64s (mq-fsck -y makes what is missing)", what);
	return fail_errno(q->mq, q->name, text);
}

/* ---- time -------------------------------------------------------------- */

mq_time queue_now(const mq_queue *q)
{
	return clock_wall(&q->mq->clock);
}

#define STEP_TOLERANCE (2 * MQ_SECOND)

static void grace_until(struct page *p, int64_t up)
{
	int64_t grace = atomic_load(&p->grace);

	while (grace < up && !atomic_compare_exchange_weak(&p->grace, &grace, up))
		;
}

/* Notice a step of the wall clock against the one that counts from boot: the time.
 * What is known is read first: who is stopped after it has looked at the clocks takes
 * back no step that others have noticed meanwhile. */
struct clock_moment queue_moment(mq_queue *q)
{
	struct page *p = queue_page(q);
	int64_t known = atomic_load(&p->wall_to_up);
	struct clock_moment now = clock_moment(&q->mq->clock);
	int64_t seen = now.wall - now.up;

	if (known == 0) {
		atomic_store(&p->wall_to_up, seen);
	} else if (seen > known + STEP_TOLERANCE || seen < known - STEP_TOLERANCE) {
		/* Before others can take the step for known. */
		if (seen > known)
			grace_until(p, now.up + q->conf.visibility);
		atomic_compare_exchange_strong(&p->wall_to_up, &known, seen);
	}
	return now;
}

mq_time queue_deadline(mq_queue *q, mq_time visibility)
{
	return fs_keepable(&q->self, queue_moment(q).wall + visibility);
}

int queue_lapsed_at(const mq_queue *q, const struct clock_moment *at, mq_time deadline)
{
	return at->wall >= deadline && at->up >= atomic_load(&q->page->grace);
}

int queue_lapsed(mq_queue *q, mq_time deadline)
{
	struct clock_moment now = queue_moment(q);

	return queue_lapsed_at(q, &now, deadline);
}

void queue_due(mq_queue *q, mq_time at)
{
	_Atomic int64_t *due = &queue_page(q)->due;
	int64_t known = atomic_load(due);

	while ((known == 0 || at < known) && !atomic_compare_exchange_weak(due, &known, at))
		;
}

void queue_new_keys(mq_queue *q, struct entry *entries, size_t n)
{
	int64_t first = page_reserve_ids(queue_page(q), queue_now(q), (int64_t)n);
	uint32_t nonce = (uint32_t)nonce_next(&q->mq->nonce);
	size_t i;

	for (i = 0; i < n; i++)
		key_format(entries[i].key, first + (int64_t)i, nonce);
}

mq_time queue_expiry(const mq_queue *q, const struct entry *e)
{
	mq_time ttl = e->expires * MILLISECOND;
	int own = e->group[0] && e->death[0] && ttl; /* see redrive.c */
	mq_time kept = q->conf.retention && !own ? key_time(e->key) + q->conf.retention : 0;

	if (ttl == 0 || kept == 0)
		return ttl ? ttl : kept;
	return ttl < kept ? ttl : kept;
}
