/*
 * route.c - exchanges: what is bound, where a message goes, and that nothing
 * leads back to where it began
 */
#include "send/route.h"

#include "bench.h"

#include <string.h>
#include <time.h>

static mq_exchange *make(struct bench *b, const char *name, const char *type)
{
	mq_exchange *x = NULL;

	mq_exchange_create(b->mq, name, type, NULL, 0);
	mq_exchange_open(b->mq, name, &x);
	return x;
}

static int bind_key(mq_exchange *x, const char *target, const char *key)
{
	struct mq_binding b = { .key = key };

	return mq_bind(x, target, &b);
}

static int bind_headers(mq_exchange *x, const char *target, const struct mq_header *h, size_t n,
    int any)
{
	struct mq_binding b = { .headers = h, .nheaders = n, .any = any };

	return mq_bind(x, target, &b);
}

static int set(struct bench *b, const char *name, const char *key, const char *value)
{
	struct mq_setting s = { key, value };

	return mq_configure(b->mq, name, &s, 1);
}

/* The queues that get it, in order, as one text: their first letters. */
static const char *route(struct bench *b, const char *exchange, const char *key,
    const struct mq_header *h, size_t n)
{
	static char found[32];
	const uint32_t *queues;
	struct router *r;
	size_t i, k;
	int status;

	memset(found, 0, sizeof(found));
	if ((r = router_open(b->mq, b->mq->spool, exchange, &status)) == NULL)
		return "failed";
	n = router_route(r, key, h, n, &queues);
	for (i = 0; i < n; i++) {
		char c = router_queue(r, queues[i])[0];

		for (k = i; k > 0 && found[k - 1] > c; k--)
			found[k] = found[k - 1];
		found[k] = c;
	}
	router_close(r);
	return found;
}

static int goes(struct bench *b, const char *exchange, const char *key, const char *where)
{
	return strcmp(route(b, exchange, key, NULL, 0), where) == 0;
}

static void test_types(struct tap *t, struct bench *b)
{
	mq_exchange *f = make(b, "fan", "fanout"), *d = make(b, "dir", "direct");
	mq_exchange *p = make(b, "top", "topic");

	CHECK(t, goes(b, "fan", "k", ""));
	CHECK(t, bind_key(f, "q", NULL) == MQ_OK && bind_key(f, "r", NULL) == MQ_OK);
	CHECK(t, bind_key(f, "q", NULL) == MQ_OK && goes(b, "fan", "k", "qr"));
	CHECK(t,
	    bind_key(d, "q", "a") == MQ_OK && bind_key(d, "r", "b") == MQ_OK &&
		bind_key(d, "s", "b") == MQ_OK && bind_key(d, "s", "") == MQ_OK);
	CHECK(t, goes(b, "dir", "a", "q") && goes(b, "dir", "b", "rs") && goes(b, "dir", "c", ""));
	CHECK(t, goes(b, "dir", NULL, "s"));
	CHECK(t,
	    bind_key(p, "q", "*.x") == MQ_OK && bind_key(p, "q", "a.#") == MQ_OK &&
		bind_key(p, "r", "#") == MQ_OK);
	CHECK(t, goes(b, "top", "a.x", "qr") && goes(b, "top", "b", "r"));
	CHECK(t, bind_key(f, "q", "k") == MQ_USAGE && bind_key(d, "q", NULL) == MQ_USAGE);
	CHECK(t, bind_key(p, "q", "a*") == MQ_DATA && bind_key(d, "q", "a*") == MQ_OK);
	CHECK(t,
	    bind_key(f, "none", NULL) == MQ_NOTFOUND && bind_key(f, "../q", NULL) == MQ_NOTFOUND);
	mq_exchange_close(f);
	mq_exchange_close(d);
	mq_exchange_close(p);
}

static void test_headers(struct tap *t, struct bench *b)
{
	static const struct mq_header both[] = { { "Kind", "a" }, { "size", "1" } };
	static const struct mq_header same[] = { { "SIZE", "1" }, { "kind", "a" }, { "x", "" } };
	static const struct mq_header half[] = { { "kind", "a" }, { "size", "2" } };
	static const struct mq_header bad[] = { { "no name", "a" } };
	mq_exchange *x = make(b, "head", "headers");

	CHECK(t,
	    bind_headers(x, "q", both, 2, 0) == MQ_OK && bind_headers(x, "r", both, 2, 1) == MQ_OK);
	CHECK(t, !strcmp(route(b, "head", "", same, 3), "qr"));
	CHECK(t, !strcmp(route(b, "head", "", half, 2), "r"));
	CHECK(t, !strcmp(route(b, "head", "", NULL, 0), ""));
	CHECK(t, bind_headers(x, "s", NULL, 0, 0) == MQ_OK);
	CHECK(t, !strcmp(route(b, "head", "", NULL, 0), "s"));
	CHECK(t, bind_headers(x, "q", bad, 1, 0) == MQ_DATA && bind_key(x, "q", "k") == MQ_USAGE);
	mq_exchange_close(x);
}

/* Through other exchanges, once to each queue. */
static void test_chains(struct tap *t, struct bench *b)
{
	mq_exchange *one = make(b, "one", "topic"), *two = make(b, "two", "direct");
	mq_exchange *rest = make(b, "rest", "fanout");

	CHECK(t,
	    bind_key(one, "two", "a.*") == MQ_OK && bind_key(two, "q", "a.b") == MQ_OK &&
		bind_key(one, "q", "#.b") == MQ_OK && bind_key(rest, "s", NULL) == MQ_OK);
	CHECK(t, goes(b, "one", "a.b", "q") && goes(b, "one", "a.c", ""));
	CHECK(t, set(b, "two", "alternate", "rest") == MQ_OK && goes(b, "one", "a.c", "s"));
	CHECK(t,
	    goes(b, "one", "z", "") && set(b, "one", "alternate", "rest") == MQ_OK &&
		goes(b, "one", "z", "s"));
	CHECK(t, goes(b, "one", "a.b", "q"));
	/* Nothing leads back. */
	CHECK(t,
	    bind_key(rest, "one", NULL) == MQ_CREATE && bind_key(two, "two", "k") == MQ_CREATE);
	CHECK(t,
	    set(b, "rest", "alternate", "one") == MQ_CREATE &&
		set(b, "rest", "alternate", "rest") == MQ_CREATE);
	CHECK(t,
	    set(b, "rest", "alternate", "q") == MQ_SETTING &&
		set(b, "rest", "type", "topic") == MQ_SETTING &&
		set(b, "rest", "type", "fanout") == MQ_OK &&
		set(b, "rest", "no", "1") == MQ_SETTING);
	CHECK(t, set(b, "one", "alternate", "") == MQ_OK && goes(b, "one", "z", ""));
	/* A removed exchange has no alternates, nor is it bound. */
	CHECK(t, mq_delete(b->mq, "rest") == MQ_OK && goes(b, "one", "a.c", ""));
	CHECK(t, mq_delete(b->mq, "two") == MQ_OK && goes(b, "one", "a.b", "q"));
	CHECK(t, bind_key(two, "q", "k") == MQ_NOTFOUND && goes(b, "two", "k", "failed"));
	mq_exchange_close(one);
	mq_exchange_close(two);
	mq_exchange_close(rest);
}

static void test_unbind(struct tap *t, struct bench *b)
{
	mq_exchange *x = make(b, "dir", "direct");
	struct mq_binding a = { .key = "a" };

	CHECK(t, mq_unbind(x, "q", &a) == MQ_OK && mq_unbind(x, "q", &a) == MQ_EMPTY);
	CHECK(t, goes(b, "dir", "a", "") && goes(b, "dir", "b", "rs"));
	CHECK(t, mq_unbind(x, "s", NULL) == MQ_OK && mq_unbind(x, "s", NULL) == MQ_EMPTY);
	CHECK(t, goes(b, "dir", "b", "r"));
	/* A queue that is made anew is not bound. */
	CHECK(t, mq_delete(b->mq, "r") == MQ_OK && goes(b, "dir", "b", ""));
	CHECK(t, mq_create(b->mq, "r", NULL, 0) == MQ_OK && goes(b, "dir", "b", ""));
	mq_exchange_close(x);
}

static void test_names(struct tap *t, struct bench *b)
{
	CHECK(t, mq_create(b->mq, "fan", NULL, 0) == MQ_CREATE);
	CHECK(t, mq_exchange_create(b->mq, "q", "fanout", NULL, 0) == MQ_CREATE);
	CHECK(t, mq_exchange_create(b->mq, "fan", "topic", NULL, 0) == MQ_CREATE);
	CHECK(t, mq_exchange_create(b->mq, "fan", "fanout", NULL, 0) == MQ_OK);
	CHECK(t, mq_exchange_create(b->mq, "-x", "fanout", NULL, 0) == MQ_CREATE);
	CHECK(t, mq_exchange_create(b->mq, "new", "none", NULL, 0) == MQ_USAGE);
	CHECK(t, mq_delete(b->mq, "none") == MQ_NOTFOUND);
}

static int print_sorted(void *ctx, const char *target, const struct mq_binding *b)
{
	strcat(strcat(strcat(strcat(ctx, target), " "), b->key), ",");
	return 0;
}

static void test_list(struct tap *t, struct bench *b)
{
	mq_exchange *x = make(b, "list", "topic");
	char text[256] = "";

	bind_key(x, "s", "b");
	bind_key(x, "q/dlq", "#");
	bind_key(x, "q", "z");
	bind_key(x, "s", "a");
	CHECK(t,
	    mq_bindings(x, print_sorted, text) == MQ_OK && !strcmp(text, "q z,q/dlq #,s a,s b,"));
	CHECK(t, goes(b, "list", "z", "qq"));
	mq_exchange_close(x);
}

/* A router that is good for more than one batch: some time after the last change. */
static struct router *lasting(struct bench *b, const char *exchange)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	struct router *r = NULL;
	int status, tries;

	for (tries = 0; tries < 3000; tries++) {
		router_close(r);
		if ((r = router_open(b->mq, b->mq->spool, exchange, &status)) == NULL)
			break;
		if (router_holds(r))
			return r;
		nanosleep(&pause, NULL);
	}
	router_close(r);
	return NULL;
}

/* Whether it holds for good, and no more when there is an exchange of that name. */
static int notices(struct bench *b, struct router *r, const char *name)
{
	mq_exchange *x;
	int held = r && router_holds(r);

	mq_exchange_close(x = make(b, name, "fanout"));
	held = held && x && !router_holds(r);
	router_close(r);
	return held;
}

/* What led nowhere when the router was made. */
static void test_astray(struct tap *t, struct bench *b)
{
	mq_exchange *from = make(b, "from", "fanout");
	struct router *r;

	/* An alternate; that was deleted, and had its name taken by a queue. */
	mq_exchange_close(make(b, "last", "fanout"));
	CHECK(t, set(b, "from", "alternate", "last") == MQ_OK && mq_delete(b->mq, "last") == MQ_OK);
	CHECK(t, notices(b, lasting(b, "from"), "last"));
	CHECK(t, mq_delete(b->mq, "last") == MQ_OK && mq_create(b->mq, "last", NULL, 0) == MQ_OK);
	r = lasting(b, "from");
	CHECK(t, r && mq_delete(b->mq, "last") == MQ_OK);
	mq_exchange_close(make(b, "last", "fanout"));
	CHECK(t, !router_holds(r));
	router_close(r);
	CHECK(t, goes(b, "from", "k", "") && mq_delete(b->mq, "last") == MQ_OK);
	/* A queue that is bound and was removed by hand. */
	CHECK(t,
	    mq_create(b->mq, "hand", NULL, 0) == MQ_OK && bind_key(from, "hand", NULL) == MQ_OK);
	CHECK(t, fs_remove_tree(b->mq->spool->fd, "q/hand") == 0);
	r = lasting(b, "from");
	CHECK(t, r && mq_create(b->mq, "hand", NULL, 0) == MQ_OK && !router_holds(r));
	router_close(r);
	mq_exchange_close(from);
}

int main(void)
{
	struct tap t = { 0, 0 };
	struct bench b = { 0 };

	if (bench_open(&b, "30s") == -1 || mq_create(b.mq, "r", NULL, 0) != MQ_OK ||
	    mq_create(b.mq, "s", NULL, 0) != MQ_OK)
		return 1;
	test_types(&t, &b);
	test_headers(&t, &b);
	test_chains(&t, &b);
	test_unbind(&t, &b);
	test_names(&t, &b);
	test_list(&t, &b);
	test_astray(&t, &b);
	bench_close(&b);
	return tap_end(&t);
}
