/*
 * route.c - which queues a message goes to
 *
 * Exchanges and queues are numbered as they are met, and each exchange's
 * bindings put into what finds those that match a message: a list (fanout), a
 * sorted list of keys (direct), a trie of patterns (topic), a list to try one
 * by one (headers).  A message is taken from exchange to exchange; one that
 * has been there, and a queue that has it, is passed over.
 */
#include "send/route.h"

#include "base/grow.h"
#include "format/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NONE UINT32_MAX

/* Where a binding leads. */
struct way {
	uint32_t to;
	int is_exchange;
	const struct mq_binding *wants; /* belongs to the exchange's bindings */
};

struct exchange {
	char name[QUEUE_NAME_SIZE];
	struct exchange_conf conf;
	struct stat conf_stat, bind_stat;
	struct bindings bindings;
	struct way *ways; /* in the order of their keys if direct */
	size_t nways;
	struct topic *topic; /* its ids are those of the ways */
	uint32_t alternate;  /* or NONE */
	unsigned seen;       /* the last message that came by */
};

struct queue {
	char name[QUEUE_NAME_SIZE];
	unsigned seen;
};

/* A name and its number among the queues or among the exchanges; no name: a
 * free slot. */
struct known {
	char name[QUEUE_NAME_SIZE];
	int is_exchange;
	uint32_t number;
};

/* What a name stands for. */
enum thing { NOTHING, A_QUEUE, AN_EXCHANGE };

/* A name that leads nowhere as long as it stands for that. */
struct astray {
	char name[QUEUE_NAME_SIZE];
	enum thing thing;
};

struct router {
	mq *mq;
	struct spool *spool;
	int young; /* made too soon after a change to tell the next */
	struct exchange *exchanges;
	struct queue *queues;
	size_t nexchanges, exchanges_room, nqueues, queues_room;
	struct known *known; /* a hash table of a power of two, at most half full */
	size_t nknown, known_room;
	struct astray *astray;
	size_t nastray, astray_room;
	unsigned message;   /* the number of the one at hand */
	uint32_t *result;   /* room for all queues */
	uint32_t *to_visit; /* room for all exchanges */
	size_t nresult, nvisit;
};

/* ---- numbering --------------------------------------------------------- */

/* The slot of a name, or the free one where it belongs. */
static struct known *find_known(const struct router *r, const char *name)
{
	uint64_t h = 14695981039346656037u;
	const char *p;
	size_t i;

	for (p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (i = (size_t)(h ^ h >> 32);; i++) {
		struct known *k = &r->known[i & (r->known_room - 1)];

		if (!k->name[0] || !strcmp(k->name, name))
			return k;
	}
}

/* Room for one more. */
static int grow_known(struct router *r)
{
	struct known *old = r->known, *grown;
	size_t room = r->known_room, i;

	if (2 * (r->nknown + 1) <= room)
		return 0;
	if ((grown = calloc(room ? 2 * room : 64, sizeof(*grown))) == NULL)
		return -1;
	r->known = grown;
	r->known_room = room ? 2 * room : 64;
	for (i = 0; i < room; i++)
		if (old[i].name[0])
			*find_known(r, old[i].name) = old[i];
	free(old);
	return 0;
}

static int add_exchange(struct router *r, const char *name)
{
	struct exchange *grown =
	    grow(r->exchanges, &r->exchanges_room, r->nexchanges + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	r->exchanges = grown;
	memset(&grown[r->nexchanges], 0, sizeof(*grown));
	strcpy(grown[r->nexchanges].name, name);
	grown[r->nexchanges++].alternate = NONE;
	return 0;
}

static int add_queue(struct router *r, const char *name)
{
	struct queue *grown = grow(r->queues, &r->queues_room, r->nqueues + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	r->queues = grown;
	strcpy(grown[r->nqueues].name, name);
	grown[r->nqueues++].seen = 0;
	return 0;
}

/* What has that name: 0, or -1 with errno. */
static int thing_of(const struct router *r, const char *name, enum thing *thing)
{
	int there = strchr(name, '/') ? 0 : exchange_exists(r->spool, name);

	*thing = AN_EXCHANGE;
	if (there == 0) {
		there = queue_exists(r->spool, name);
		*thing = there == 1 ? A_QUEUE : NOTHING;
	}
	return there == -1 ? -1 : 0;
}

/* Number a name that is not known yet: 1, 0 when there is no such thing. */
static int number(struct router *r, struct known *k)
{
	enum thing thing;

	if (thing_of(r, k->name, &thing) == -1)
		return -1;
	if (thing == AN_EXCHANGE) {
		k->is_exchange = 1;
		k->number = (uint32_t)r->nexchanges;
		return add_exchange(r, k->name) == 0 ? 1 : -1;
	}
	if (thing == A_QUEUE) {
		k->number = (uint32_t)r->nqueues;
		return add_queue(r, k->name) == 0 ? 1 : -1;
	}
	return 0;
}

/* What a name stands for: 1, 0 when there is no such thing, or -1. */
static int look_up(struct router *r, const char *name, struct known *found)
{
	struct known *k;
	int there;

	if (grow_known(r) == -1)
		return -1;
	k = find_known(r, name);
	if (k->name[0]) {
		*found = *k;
		return 1;
	}
	snprintf(found->name, sizeof(found->name), "%s", name);
	found->is_exchange = 0;
	if ((there = number(r, found)) == 1) {
		*k = *found;
		r->nknown++;
	}
	return there;
}

/* Remember that a name leads nowhere. */
static int add_astray(struct router *r, const char *name, enum thing thing)
{
	struct astray *grown = grow(r->astray, &r->astray_room, r->nastray + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	r->astray = grown;
	strcpy(grown[r->nastray].name, name);
	grown[r->nastray++].thing = thing;
	return 0;
}

/* Whether one of those came to lead somewhere since. */
static int some_lead_now(const struct router *r)
{
	enum thing thing;
	size_t i;

	for (i = 0; i < r->nastray; i++)
		if (thing_of(r, r->astray[i].name, &thing) == -1 || thing != r->astray[i].thing)
			return 1;
	return 0;
}

/* ---- making ------------------------------------------------------------ */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct way *)a)->wants->key, ((const struct way *)b)->wants->key);
}

/* Make of the ways what finds them. */
static int index_ways(struct exchange *x)
{
	size_t i;

	if (x->conf.type == DIRECT)
		qsort(x->ways, x->nways, sizeof(*x->ways), compare_keys);
	if (x->conf.type != TOPIC)
		return 0;
	if ((x->topic = topic_new()) == NULL)
		return -1;
	for (i = 0; i < x->nways; i++)
		if (topic_add(x->topic, x->ways[i].wants->key, (uint32_t)i) == -1)
			return -1;
	return 0;
}

/* The ways of an exchange.  Numbers, not pointers: the exchanges may move. */
static int add_ways(struct router *r, size_t n, const struct bindings *l)
{
	struct way *ways = calloc(l->n + 1, sizeof(*ways));
	struct known k;
	size_t i, nways = 0;
	int there = 0;

	r->exchanges[n].ways = ways;
	if (ways == NULL)
		return -1;
	for (i = 0; i < l->n; i++) {
		if ((there = look_up(r, l->all[i].target, &k)) == -1)
			return -1;
		if (there)
			ways[nways++] = (struct way){ k.number, k.is_exchange, &l->all[i].wants };
		else if (add_astray(r, l->all[i].target, NOTHING) == -1)
			return -1;
	}
	r->exchanges[n].nways = nways;
	return index_ways(&r->exchanges[n]);
}

static int add_alternate(struct router *r, size_t n)
{
	struct known k;
	int there;

	if (!r->exchanges[n].conf.alternate[0])
		return 0;
	if ((there = look_up(r, r->exchanges[n].conf.alternate, &k)) == -1)
		return -1;
	if (there == 0 || !k.is_exchange)
		return add_astray(r, r->exchanges[n].conf.alternate, there ? A_QUEUE : NOTHING);
	r->exchanges[n].alternate = k.number;
	return 0;
}

/* The times of a part of an exchange; what is gone has none. */
static void read_time(const struct router *r, const char *name, const char *part, struct stat *st)
{
	char path[EXCHANGE_PATH];

	memset(st, 0, sizeof(*st));
	exchange_path(name, part, path);
	fs_stat(r->spool->fd, path, st);
}

/* Of all that it is read from. */
static void read_times(const struct router *r, const char *name, struct stat *conf,
    struct stat *bind)
{
	read_time(r, name, "conf", conf);
	read_time(r, name, "bind", bind);
}

static int fail_bindings(struct router *r, const char *name, const char *bad)
{
	char why[NAME_SIZE + 32];

	if (errno != EINVAL)
		return fail_errno(r->mq, name, "cannot read its bindings");
	snprintf(why, sizeof(why), "a malformed binding: %s", bad);
	return fail(r->mq, MQ_SETTING, name, why);
}

/* Read one, the times first: what changes after that is seen in them. */
static int read_exchange(struct router *r, struct exchange *x)
{
	char bad[NAME_SIZE] = "";
	int status;

	read_times(r, x->name, &x->conf_stat, &x->bind_stat);
	status = exchange_read_conf(r->mq, r->spool, x->name, &x->conf);
	if (status != MQ_OK)
		return status;
	return bindings_read(r->spool->fd, x->name, x->conf.type, &x->bindings, bad) == 0 ?
	    MQ_OK :
	    fail_bindings(r, x->name, bad);
}

/* Whether it was removed, made anew or configured since. */
static int has_changed(const struct router *r, const struct exchange *x)
{
	struct stat conf;

	read_time(r, x->name, "conf", &conf);
	return !fs_same(&conf, &x->conf_stat);
}

/* Its bindings are read one by one, and one that is removed loses them all at once: of
 * what was read then only a part may be there. */
static int read_whole(struct router *r, struct exchange *x)
{
	int status = read_exchange(r, x);

	while (has_changed(r, x)) {
		bindings_free(&x->bindings);
		status = read_exchange(r, x);
	}
	return status;
}

static int load(struct router *r, size_t n)
{
	int status = read_whole(r, &r->exchanges[n]);
	const struct exchange *x = &r->exchanges[n];

	r->young |= fs_young(&x->conf_stat) || fs_young(&x->bind_stat);
	if (status == MQ_NOTFOUND && n > 0) {
		r->young = 1; /* it went this moment: as if nothing were bound to it */
		return MQ_OK;
	}
	if (status != MQ_OK)
		return status;
	return add_ways(r, n, &x->bindings) == 0 && add_alternate(r, n) == 0 ?
	    MQ_OK :
	    fail_errno(r->mq, r->exchanges[n].name, "cannot read its bindings");
}

static int load_all(struct router *r, const char *exchange)
{
	struct known k;
	size_t n;
	int status = MQ_OK, there = mq_valid_name(exchange) ? look_up(r, exchange, &k) : 0;

	if (there != 1 || !k.is_exchange)
		return there == -1 ? fail_errno(r->mq, exchange, "cannot read the exchange") :
				     fail(r->mq, MQ_NOTFOUND, exchange, "no such exchange");
	for (n = 0; status == MQ_OK && n < r->nexchanges; n++)
		status = load(r, n);
	if (status != MQ_OK)
		return status;
	r->result = calloc(r->nqueues + 1, sizeof(*r->result));
	r->to_visit = calloc(r->nexchanges, sizeof(*r->to_visit));
	return r->result && r->to_visit ? MQ_OK : fail_errno(r->mq, exchange, "cannot route");
}

struct router *router_open(mq *h, struct spool *s, const char *exchange, int *status)
{
	struct router *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		*status = fail_errno(h, exchange, "cannot route");
		return NULL;
	}
	r->mq = h;
	r->spool = s;
	if ((*status = load_all(r, exchange)) != MQ_OK) {
		router_close(r);
		return NULL;
	}
	return r;
}

void router_close(struct router *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->nexchanges; i++) {
		bindings_free(&r->exchanges[i].bindings);
		topic_free(r->exchanges[i].topic);
		free(r->exchanges[i].ways);
	}
	free(r->known);
	free(r->astray);
	free(r->exchanges);
	free(r->queues);
	free(r->result);
	free(r->to_visit);
	free(r);
}

int router_holds(struct router *r)
{
	struct stat conf, bind;
	size_t i;

	if (r->young)
		return 0;
	for (i = 0; i < r->nexchanges; i++) {
		read_times(r, r->exchanges[i].name, &conf, &bind);
		if (!fs_same(&conf, &r->exchanges[i].conf_stat) ||
		    !fs_same(&bind, &r->exchanges[i].bind_stat))
			return 0;
	}
	return !some_lead_now(r);
}

size_t router_queues(const struct router *r)
{
	return r->nqueues;
}

const char *router_queue(const struct router *r, size_t i)
{
	return r->queues[i].name;
}

/* ---- routing ----------------------------------------------------------- */

struct message {
	struct router *router;
	const struct exchange *at;
	const char *key;
	const struct mq_header *headers;
	size_t nheaders;
	int matched; /* something, at this exchange */
};

static void visit(struct router *r, uint32_t exchange)
{
	if (r->exchanges[exchange].seen == r->message)
		return;
	r->exchanges[exchange].seen = r->message;
	r->to_visit[r->nvisit++] = exchange;
}

static void take(void *ctx, uint32_t way)
{
	struct message *m = ctx;
	struct router *r = m->router;
	const struct way *w = &m->at->ways[way];

	m->matched = 1;
	if (w->is_exchange) {
		visit(r, w->to);
	} else if (r->queues[w->to].seen != r->message) {
		r->queues[w->to].seen = r->message;
		r->result[r->nresult++] = w->to;
	}
}

static void take_direct(struct message *m)
{
	const struct exchange *x = m->at;
	size_t low = 0, high = x->nways, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(x->ways[middle].wants->key, m->key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < x->nways && !strcmp(x->ways[low].wants->key, m->key); low++)
		take(m, (uint32_t)low);
}

/* Names of headers are compared as mq_batch_begin does. */
static int has_header(const struct message *m, const struct mq_header *h)
{
	size_t i;

	for (i = 0; i < m->nheaders; i++)
		if (!strcasecmp(m->headers[i].name, h->name))
			return !strcmp(m->headers[i].value, h->value);
	return 0;
}

static int matches_headers(const struct message *m, const struct mq_binding *b)
{
	size_t i;

	/* The first that tells: one that is there, or one that is not. */
	for (i = 0; i < b->nheaders; i++)
		if (has_header(m, &b->headers[i]) == b->any)
			return b->any;
	return !b->any;
}

static void take_matching(struct message *m)
{
	const struct exchange *x = m->at;
	size_t i;

	switch (x->conf.type) {
	case FANOUT:
		for (i = 0; i < x->nways; i++)
			take(m, (uint32_t)i);
		break;
	case DIRECT:
		take_direct(m);
		break;
	case TOPIC:
		if (x->topic)
			topic_match(x->topic, m->key, take, m);
		break;
	case HEADERS:
		for (i = 0; i < x->nways; i++)
			if (matches_headers(m, x->ways[i].wants))
				take(m, (uint32_t)i);
		break;
	}
}

static void next_message(struct router *r)
{
	size_t i;

	r->nresult = r->nvisit = 0;
	if (++r->message != 0)
		return;
	for (i = 0; i < r->nexchanges; i++)
		r->exchanges[i].seen = 0;
	for (i = 0; i < r->nqueues; i++)
		r->queues[i].seen = 0;
	r->message = 1;
}

size_t router_route(struct router *r, const char *key, const struct mq_header *headers,
    size_t nheaders, const uint32_t **queues)
{
	struct message m = { r, NULL, key ? key : "", headers, nheaders, 0 };
	size_t i;

	next_message(r);
	visit(r, 0);
	for (i = 0; i < r->nvisit; i++) {
		m.at = &r->exchanges[r->to_visit[i]];
		m.matched = 0;
		take_matching(&m);
		if (!m.matched && m.at->alternate != NONE)
			visit(r, m.at->alternate);
	}
	*queues = r->result;
	return r->nresult;
}
