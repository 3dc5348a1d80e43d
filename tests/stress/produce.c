/*
 * produce.c - a worker that sends
 *
 * Numbers are given out before a message is sent, and what became of it is
 * written down after.  What is published to the exchange takes a number, and a
 * row, for each queue that is bound.
 */
#include "stress.h"

#include <stdio.h>
#include <string.h>

struct sending {
	mq *mq;
	unsigned queue;
	unsigned rows; /* of each message */
	uint64_t first;
	unsigned n, told;
	int fan;
	char id[64]; /* of the message told last */
	uint64_t prev[GROUPS_EACH];
	uint32_t group[BATCH_MAX];
};

/* ---- rows ------------------------------------------------------------------ */

static uint64_t take_numbers(unsigned n)
{
	return atomic_fetch_add(&shared->next, n);
}

static void set_flags(uint64_t number, uint32_t flags)
{
	struct row *row = row_of(number);

	if (row)
		atomic_fetch_or(&row->flags, flags);
}

static void know(const struct sending *s, uint64_t number, const struct letter *l)
{
	unsigned i;

	for (i = 0; i < s->rows; i++)
		set_flags(number + i,
		    KNOWN | (s->queue + i) | (l->mortal ? MORTAL : 0) |
			(queues[s->queue + i].traits & FLEETING ? OPTIONAL : 0));
	tell(E_SEND, number, s->queue, 0);
}

/* Kept in every queue, or with REFUSED in none. */
static void settle(struct sending *s, unsigned i, uint32_t flag)
{
	uint64_t number = s->first + (uint64_t)i * s->rows;
	unsigned k;

	for (k = 0; k < s->rows; k++)
		set_flags(number + k, flag);
	tell(flag == ACCEPTED ? E_ACCEPTED : E_REFUSED, number, s->queue, 0);
}

static void on_kept(void *ctx, const char *id)
{
	struct sending *s = ctx;
	unsigned k;

	if (s->told == s->n)
		return;
	snprintf(s->id, sizeof(s->id), "%s", id);
	if (s->group[s->told] != NO_GROUP)
		atomic_store(&shared->last[s->group[s->told]], s->first + s->told);
	settle(s, s->told++, ACCEPTED);
	for (k = 0; k < s->rows; k++)
		atomic_fetch_add(&shared->fill[s->queue + k], 1);
}

/* ---- a batch --------------------------------------------------------------- */

/* The group, and the message before this one in it. */
static void choose_group(struct sending *s, struct letter *l)
{
	unsigned g = dice(GROUPS_EACH);

	l->group = self * GROUPS_EACH + g;
	l->prev = s->prev[g] ? s->prev[g] : atomic_load(&shared->last[l->group]);
	s->prev[g] = l->number;
}

static int put(struct sending *s, mq_batch *b, unsigned i)
{
	struct mq_properties p = { .priority = 0 };
	unsigned traits = queues[s->queue].traits;
	char group[32], dedup[32];
	struct letter l;
	int r;

	letter_make(&l, s->first + (uint64_t)i * s->rows, s->fan ? TO_ALL : s->queue);
	if (traits & GROUPED) {
		choose_group(s, &l);
		snprintf(group, sizeof(group), "group %u", l.group);
		p.group = group;
	}
	if (traits & DEDUP) {
		snprintf(dedup, sizeof(dedup), "%llu", (unsigned long long)l.number);
		p.dedup_id = dedup;
	}
	s->group[i] = l.group;
	p.priority = l.priority;
	if (traits & DELAYS && chance(20))
		p.visible_at = mq_now(s->mq) + dice(500) * (MQ_SECOND / 1000);
	if (l.mortal)
		p.ttl = (1 + dice(2000)) * (MQ_SECOND / 1000);
	know(s, l.number, &l);
	if ((r = mq_batch_begin(b, &p)) != MQ_OK || (r = letter_write(&l, b)) != MQ_OK)
		return r;
	return mq_batch_end(b);
}

static void commit(struct sending *s, mq_batch *b)
{
	mq_time wait =
	    queues[s->queue].traits & DROPS || chance(50) ? 0 : dice(300) * (MQ_SECOND / 1000);
	size_t accepted;
	int r = mq_batch_commit(b, wait, &accepted, on_kept, s);

	add(SENT, s->n * s->rows);
	add(TAKEN, s->told * s->rows);
	if (accepted != s->told)
		wrong(ERROR, s->first, "%zu accepted, %u told", accepted, s->told);
	if (expected(s->mq, r, MAY(MQ_OK) | MAY(MQ_BUSY), "send", s->first) == MQ_BUSY) {
		add(DENIED, (s->n - s->told) * s->rows);
		while (!s->fan && s->told < s->n)
			settle(s, s->told++, REFUSED);
	}
}

static void send_batch(struct sending *s, mq_batch *b)
{
	unsigned i;
	int r = MQ_OK;

	s->told = 0;
	for (i = 0; r == MQ_OK && i < s->n; i++)
		r = put(s, b, i);
	if (expected(s->mq, r, MAY(MQ_OK), "put into a batch", s->first) == MQ_OK)
		commit(s, b);
}

/* ---- deduplication --------------------------------------------------------- */

/* The same again is no second message. */
static void send_again(struct sending *s, mq_batch *b)
{
	char id[sizeof(s->id)];

	strcpy(id, s->id);
	send_batch(s, b);
	if (s->told == 1 && *id && strcmp(id, s->id) != 0)
		wrong(TWICE, s->first, "first %s, again %s", id, s->id);
}

static void send_deduplicated(struct sending *s, mq_batch *b)
{
	atomic_store(&shared->retry[self], s->first);
	send_batch(s, b);
	while (s->told == 1 && chance(30))
		send_again(s, b);
	atomic_store(&shared->retry[self], 0);
}

void repeat_send(mq *h)
{
	struct sending s = { .mq = h, .queue = Q_DEDUP, .rows = 1, .n = 1 };
	mq_batch *b;
	mq_queue *q;

	s.first = atomic_load(&shared->retry[self]);
	if (s.first == 0 || (q = queue_at(h, Q_DEDUP, 0)) == NULL)
		return;
	if (expected(h, mq_batch_open(q, &b), MAY(MQ_OK), "open a batch", 0) == MQ_OK) {
		send_deduplicated(&s, b);
		mq_batch_close(b);
	}
	mq_queue_close(q);
}

/* ---- what to send ------------------------------------------------------------ */

static unsigned choose_queue(void)
{
	unsigned all = 0, i, x;

	for (i = 0; i < QUEUES; i++)
		all += queues[i].share;
	for (x = dice(all), i = 0; x >= queues[i].share; i++)
		x -= queues[i].share;
	return i;
}

static unsigned choose_count(unsigned most)
{
	switch (dice(10)) {
	case 0:
	case 1:
		return 1;
	case 2:
	case 3:
		return most;
	default:
		return 1 + dice(most);
	}
}

static int open_batch(struct sending *s, mq_batch **b)
{
	mq_exchange *x;
	mq_queue *q;
	int r;

	if (!s->fan) {
		if ((q = queue_at(s->mq, s->queue, 0)) == NULL)
			return -1;
		r = mq_batch_open(q, b);
		mq_queue_close(q);
	} else if ((r = mq_exchange_open(s->mq, EXCHANGE, &x)) == MQ_OK) {
		r = mq_batch_open_exchange(x, b);
		mq_exchange_close(x);
	}
	return expected(s->mq, r, MAY(MQ_OK), "open a batch", 0);
}

void produce(mq *h)
{
	struct sending s = { .mq = h, .queue = choose_queue() };
	unsigned rounds = 1 + dice(4);
	mq_batch *b;

	s.fan = s.queue >= Q_LEFT;
	if (s.fan)
		s.queue = Q_LEFT;
	s.rows = s.fan ? FAN : 1;
	if (open_batch(&s, &b) != MQ_OK)
		return;
	while (rounds-- > 0) {
		s.n = choose_count(queues[s.queue].batch);
		s.first = take_numbers(s.n * s.rows);
		if (row_of(s.first + s.n * s.rows - 1) == NULL)
			break; /* enough for this round */
		memset(s.prev, 0, sizeof(s.prev));
		if (queues[s.queue].traits & DEDUP)
			send_deduplicated(&s, b);
		else
			send_batch(&s, b);
	}
	mq_batch_close(b);
}
