/*
 * publish.c - a batch to an exchange: all queues or the ones with room, in
 * order, and what a killed publisher left
 */
#include "bench.h"
#include "place/journal.h"

#include <string.h>

struct world {
	struct bench b;
	mq_exchange *x;
	mq_queue *r, *s;
};

static size_t told;

static void tell(void *ctx, const char *id)
{
	(void)ctx;
	(void)id;
	told++;
}

/* Publish n messages with that key; *accepted may be NULL. */
static int publish(struct world *w, const char *key, int n, mq_time wait, size_t *accepted)
{
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT, .key = key };
	mq_batch *batch;
	size_t kept;
	int i, r;

	mq_batch_open_exchange(w->x, &batch);
	for (i = 0; i < n; i++) {
		mq_batch_begin(batch, &p);
		mq_batch_write(batch, "hello", 5);
		mq_batch_end(batch);
	}
	told = 0;
	r = mq_batch_commit(batch, wait, &kept, tell, NULL);
	if (accepted)
		*accepted = kept;
	mq_batch_close(batch);
	return r;
}

static uint64_t visible(mq_queue *q)
{
	struct mq_stats s;

	return mq_stat(q, &s) == MQ_OK ? s.visible : 999999;
}

/* Receive and ack all: how many came in the order of their ids; -1: not so. */
static int drain(mq_queue *q)
{
	char last[KEY_SIZE] = "";
	mq_lease *leases[100];
	size_t n, i;
	int sum = 0;

	while (mq_recv(q, 100, 0, leases, &n) == MQ_OK) {
		for (i = 0; i < n; i++) {
			const char *id = mq_lease_message(leases[i])->id;

			if (sum >= 0)
				sum = strcmp(last, id) < 0 ? sum + 1 : -1;
			snprintf(last, sizeof(last), "%s", id);
			mq_ack(leases[i]);
			mq_lease_free(leases[i]);
		}
	}
	return sum;
}

static void bind(struct world *w, const char *target, const char *key)
{
	struct mq_binding b = { .key = key };

	mq_bind(w->x, target, &b);
}

static void test_all(struct tap *t, struct world *w)
{
	size_t n;

	CHECK(t, publish(w, "all", 1, 0, &n) == MQ_OK && n == 1 && told == 1);
	CHECK(t, visible(w->b.q) == 1 && visible(w->r) == 1 && visible(w->s) == 1);
	CHECK(t, publish(w, "q", 5, 0, &n) == MQ_OK && n == 5 && visible(w->b.q) == 6);
	CHECK(t, publish(w, "none", 2, 0, &n) == MQ_EMPTY && n == 0 && told == 0);
	CHECK(t, publish(w, "all", 600, 0, &n) == MQ_OK && publish(w, "all", 3, 0, &n) == MQ_OK);
	CHECK(t, publish(w, "all", 1000, 0, &n) == MQ_OK && n == 1000);
	CHECK(t, publish(w, "q", 70, 0, &n) == MQ_OK && publish(w, "all", 64, 0, &n) == MQ_OK);
	CHECK(t, drain(w->b.q) == 6 + 600 + 3 + 1000 + 70 + 64);
	CHECK(t, drain(w->r) == 1 + 600 + 3 + 1000 + 64 && drain(w->s) == 1668);
}

static void set(struct world *w, const char *queue, const char *key, const char *value)
{
	struct mq_setting s = { key, value };

	mq_configure(w->b.mq, queue, &s, 1);
}

static void test_full(struct tap *t, struct world *w)
{
	size_t n;

	set(w, "r", "max-depth", "3");
	CHECK(t, publish(w, "all", 5, 0, &n) == MQ_BUSY && n == 5);
	CHECK(t, strstr(mq_error(w->b.mq), "r: ") != NULL);
	CHECK(t, drain(w->b.q) == 5 && drain(w->r) == 3 && drain(w->s) == 5);
	set(w, "r", "overflow", "drop-head");
	CHECK(t, publish(w, "all", 5, 0, &n) == MQ_OK && drain(w->r) == 3);
	set(w, "r", "overflow", "dead-letter");
	CHECK(t, publish(w, "all", 5, 0, &n) == MQ_OK && drain(w->r) == 3);
	CHECK(t, publish(w, "r", 5, 0, &n) == MQ_OK && n == 5 && drain(w->r) == 3);
	/* Others get it at once, the publisher waits in vain. */
	set(w, "r", "overflow", "block");
	drain(w->b.q);
	CHECK(t, publish(w, "all", 5, MQ_SECOND / 20, &n) == MQ_BUSY && n == 5);
	CHECK(t, drain(w->b.q) == 5 && drain(w->r) == 3);
	set(w, "r", "max-depth", "0");
	set(w, "r", "max-message", "4");
	CHECK(t, publish(w, "all", 2, 0, &n) == MQ_DATA && n == 2 && drain(w->r) == 0);
	CHECK(t, publish(w, "r", 2, 0, &n) == MQ_DATA && n == 0);
	set(w, "r", "max-message", "0");
	drain(w->b.q);
	drain(w->s);
}

/* What a publisher that was killed after its commit leaves. */
static void leave(struct world *w, const char *queue, int64_t n, int segment)
{
	struct spool *s = w->b.mq->spool;
	struct entry e = { .priority = 4, .body = 5 };
	char member[MEMBER_SIZE], path[MEMBER_SIZE * 2], name[NAME_SIZE];
	int fd;

	fs_mkdir(s->fd, "tmp/made");
	key_format(e.key, n, 1);
	memcpy(e.id, e.key, KEY_SIZE);
	journal_entry(queue, &e, 0, member);
	if (segment) {
		journal_bundle(queue, 4, 0, member);
		snprintf(path, sizeof(path), "tmp/made/%s", member);
		fs_mkdir(s->fd, path);
		entry_format(&e, name);
		snprintf(path, sizeof(path), "tmp/made/%s/%s", member, name);
	} else {
		snprintf(path, sizeof(path), "tmp/made/%s", member);
	}
	fd = fs_create(s->fd, path);
	fs_write(fd, "hello", 5);
	fs_close(fd);
}

static int journal_is_empty(struct world *w)
{
	struct fs_dir d;
	int empty;

	fs_dir_open(&d, w->b.mq->spool->fd, "j");
	empty = fs_dir_next(&d) == NULL;
	fs_dir_close(&d);
	return empty;
}

static void test_help(struct tap *t, struct world *w)
{
	struct spool *s = w->b.mq->spool;
	mq_lease *l;
	size_t n;
	int trouble;

	leave(w, "q", 1000, 0);
	leave(w, "q", 1001, 0);
	leave(w, "r", 1000, 1);
	leave(w, "gone", 1000, 1);
	leave(w, "gone", 1001, 0);
	CHECK(t, journal_commit(s, "tmp/made", "1") == 0 && !journal_is_empty(w));
	/* A consumer of any queue finishes all of it. */
	CHECK(t, mq_recv(w->s, 1, 0, &l, &n) == MQ_EMPTY && journal_is_empty(w));
	CHECK(t, drain(w->b.q) == 2 && drain(w->r) == 1);
	/* The number of the next segment is taken: one by one. */
	leave(w, "r", 1002, 1);
	CHECK(t, journal_commit(s, "tmp/made", "2") == 0);
	journal_help(w->b.mq, s, NULL, &trouble);
	CHECK(t, trouble == 0 && journal_is_empty(w) && drain(w->r) == 1);
}

/* Bindings count from the next publish on, also for a batch that is open. */
static void test_rebind(struct tap *t, struct world *w)
{
	struct mq_properties p = { .priority = 4, .key = "new" };
	mq_batch *batch;
	size_t n;
	int i;

	mq_batch_open_exchange(w->x, &batch);
	for (i = 0; i < 3; i++) {
		mq_batch_begin(batch, &p);
		mq_batch_end(batch);
		if (i == 1)
			bind(w, "q", "new");
		if (i == 2)
			mq_delete(w->b.mq, "s");
		CHECK(t, mq_batch_commit(batch, 0, &n, NULL, NULL) == (i ? MQ_OK : MQ_EMPTY));
		CHECK(t, mq_batch_unrouted(batch) == (i ? 0 : 1));
		if (i == 1)
			bind(w, "s", "new");
	}
	CHECK(t, drain(w->b.q) == 2);
	p.dedup_id = "x";
	CHECK(t, mq_batch_begin(batch, &p) == MQ_USAGE);
	mq_batch_close(batch);
}

int main(void)
{
	struct tap t = { 0, 0 };
	struct world w = { 0 };
	mq *h;

	if (bench_open(&w.b, "30s") == -1)
		return 1;
	h = w.b.mq;
	mq_create(h, "r", NULL, 0);
	mq_create(h, "s", NULL, 0);
	mq_queue_open(h, "r", &w.r);
	mq_queue_open(h, "s", &w.s);
	mq_exchange_create(h, "x", "direct", NULL, 0);
	if (mq_exchange_open(h, "x", &w.x) != MQ_OK)
		return 1;
	bind(&w, "q", "all");
	bind(&w, "r", "all");
	bind(&w, "s", "all");
	bind(&w, "q", "q");
	bind(&w, "r", "r");
	test_all(&t, &w);
	test_full(&t, &w);
	test_help(&t, &w);
	test_rebind(&t, &w);
	mq_exchange_close(w.x);
	mq_queue_close(w.r);
	mq_queue_close(w.s);
	bench_close(&w.b);
	return tap_end(&t);
}
