/*
 * import.c - messages that were in a queue before: what they keep, what is
 * passed over
 */
#include "bench.h"

#include <string.h>

static const char id[] = "1763681547123456789-1a2b3c4d";
static const char other_id[] = "1763681547123456790-1a2b3c4d";

static int put(mq_import *im, const struct mq_properties *p, const struct mq_past *past)
{
	int r = mq_import_begin(im, p, past);

	if (r == MQ_OK && (r = mq_import_write(im, "x", 1)) == MQ_OK)
		r = mq_import_end(im);
	return r;
}

static int see(void *ctx, const struct mq_message *m)
{
	struct mq_message *seen = ctx;

	seen->receives = m->receives;
	seen->since = m->since;
	seen->sent = m->sent;
	seen->expires = m->expires;
	seen->size += m->size; /* counts them, too */
	return 0;
}

static void test_kept(struct tap *t, struct bench *b)
{
	struct mq_event event = { "server down", "q", 2, MQ_SECOND, 2 * MQ_SECOND };
	struct mq_properties p = { .priority = 7 };
	struct mq_past past = { .id = id, .state = MQ_READY, .receives = 3, .nevents = 1 };
	struct mq_message seen = { 0 };
	mq_import *im;

	past.events = &event;
	past.since = 1763681548 * MQ_SECOND;
	past.expires = mq_now(b->mq) + 3600 * MQ_SECOND;
	CHECK(t, mq_import_open(b->q, &im) == MQ_OK);
	CHECK(t, put(im, &p, &past) == MQ_OK);
	CHECK(t, mq_import_finish(im) == MQ_USAGE); /* not all is committed */
	CHECK(t, mq_import_commit(im) == MQ_OK && mq_import_count(im) == 1);
	CHECK(t, mq_import_finish(im) == MQ_OK);
	mq_import_close(im);
	CHECK(t, mq_list(b->q, MQ_READY, see, &seen) == MQ_OK && seen.size == 1);
	CHECK(t, seen.receives == 3 && seen.since == past.since);
	CHECK(t, seen.expires - past.expires < MQ_SECOND / 1000);
}

static void test_passed_over(struct tap *t, struct bench *b)
{
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT };
	struct mq_past past = { .id = id, .state = MQ_READY };
	mq_import *im, *second;
	uint64_t n;

	/* there since the test before */
	CHECK(t, mq_import_open(b->q, &im) == MQ_OK);
	CHECK(t, mq_import_open(b->q, &second) == MQ_BUSY && second == NULL);
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_EMPTY);
	past.id = other_id;
	CHECK(t, put(im, &p, &past) == MQ_OK && mq_import_commit(im) == MQ_OK);
	mq_import_close(im); /* not finished */

	/* remembered, though gone */
	CHECK(t, mq_purge(b->q, &n, NULL, NULL) == MQ_OK && n == 2);
	CHECK(t, mq_import_open(b->q, &im) == MQ_OK);
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_EMPTY);
	past.id = id;
	CHECK(t, put(im, &p, &past) == MQ_OK && mq_import_commit(im) == MQ_OK);
	CHECK(t, mq_import_finish(im) == MQ_OK);
	mq_import_close(im);

	/* and forgotten */
	CHECK(t, mq_purge(b->q, &n, NULL, NULL) == MQ_OK && n == 1);
	CHECK(t, mq_import_open(b->q, &im) == MQ_OK);
	CHECK(t, put(im, &p, &past) == MQ_OK && mq_import_commit(im) == MQ_OK);
	CHECK(t, mq_import_finish(im) == MQ_OK);
	mq_import_close(im);
	CHECK(t, mq_purge(b->q, &n, NULL, NULL) == MQ_OK && n == 1);
}

/* One that is met again in another state moved while its queue was exported. */
static void test_met_twice(struct tap *t, struct bench *b)
{
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT };
	struct mq_past past = { .id = id, .state = MQ_READY };
	struct mq_stats s;
	mq_import *im;

	CHECK(t, mq_import_open(b->q, &im) == MQ_OK);
	CHECK(t, put(im, &p, &past) == MQ_OK);
	past.state = MQ_DEAD;
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_EMPTY && mq_import_count(im) == 1);
	past.id = other_id;
	CHECK(t, put(im, &p, &past) == MQ_OK && mq_import_commit(im) == MQ_OK);
	CHECK(t, mq_import_finish(im) == MQ_OK);
	mq_import_close(im);
	CHECK(t, mq_stat(b->q, &s) == MQ_OK && s.visible == 1 && s.dead == 1);
}

static void test_malformed(struct tap *t, struct bench *b)
{
	struct mq_event event = { "a\tb", "q", 1, 0, 0 };
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT };
	struct mq_past past = { .id = "1", .state = MQ_READY };
	mq_import *im;

	CHECK(t, mq_import_open(b->q, &im) == MQ_OK);
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_DATA);
	past.id = "1763681547123456791-1a2b3c4d";
	past.since = -1;
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_DATA);
	past.since = 0;
	past.events = &event;
	past.nevents = 1;
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_DATA);
	event.reason = "fine";
	event.queue = "../q";
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_DATA);
	past.nevents = MQ_EVENTS_MAX + 1;
	CHECK(t, mq_import_begin(im, &p, &past) == MQ_DATA);
	CHECK(t, mq_import_count(im) == 0);
	mq_import_close(im);
}

int main(void)
{
	bench_test *const tests[] = { test_kept, test_passed_over, test_met_twice, test_malformed,
		NULL };

	return bench_run("30s", tests);
}
