/*
 * consume.c - a worker that receives
 *
 * What is checked at each delivery and each verdict stands here.
 */
#include "stress.h"

#include <poll.h>
#include <string.h>

#define TAKE_MAX 256

/* One lease. */
struct job {
	mq_lease *lease;
	unsigned queue;
	uint64_t number; /* its row's; 0: unknown */
	struct row *row;
	stamp start, end; /* of what is sure, see word.c */
	uint64_t mine;
	uint32_t group;
	uint64_t mine_of_group;
	int late; /* it was once extended when its deadline may have passed */
	int over;
};

struct taking {
	mq *mq;
	mq_queue *q;
	unsigned queue;
	int dlq, calm;
	unsigned naps;      /* this one is slow */
	mq_time visibility; /* at least */
	mq_time asked;
	stamp before;
	mq_lease *leases[TAKE_MAX];
	struct job jobs[TAKE_MAX];
	size_t n;
};

static unsigned fleeting(unsigned queue)
{
	return queues[queue].traits & FLEETING ? MAY(MQ_NOTFOUND) : 0;
}

/* ---- spans --------------------------------------------------------------- */

/* Of a lease that a call which began at that moment took or extended.  A step
 * while it ran may have been one after it.  The clock that is used here and the
 * one of deadlines may drift apart a bit. */
static stamp end_of(stamp before, mq_time visibility)
{
	return word_end(
	    word_of(before, before + (stamp)((visibility - visibility / 500) / UNIT) - 1));
}

/* Whether its queue was removed since: who has it open sees it fall to pieces. */
static int was_removed(unsigned queue, uint64_t word)
{
	return queues[queue].traits & FLEETING && atomic_load(&shared->removed) >= word_start(word);
}

static void claim(struct job *j)
{
	uint64_t was = atomic_load(&j->row->word);

	if (word_put(&j->row->word, &j->mine, j->start, j->end) && !was_removed(j->queue, was))
		wrong(word_acked(was) ? AGAIN : DOUBLE, j->number,
		    "sure from %u to %u, where another was from %u to %u", j->start, j->end,
		    word_start(was), word_end(was));
	if (j->group == NO_GROUP)
		return;
	was = atomic_load(&shared->held[j->group]);
	if (word_put(&shared->held[j->group], &j->mine_of_group, j->start, j->end))
		wrong(ORDER, j->number, "group %u: sure from %u to %u, another from %u to %u",
		    j->group, j->start, j->end, word_start(was), word_end(was));
}

/* A verdict begins. */
static stamp release(struct job *j)
{
	stamp at = now_stamp();

	word_release(&j->row->word, &j->mine, at);
	if (j->group != NO_GROUP)
		word_release(&shared->held[j->group], &j->mine_of_group, at);
	return at;
}

/* The deadline is a later one.  When the old one may have passed before that
 * was told, a reaper may have claimed the clock already, and puts it back: until
 * then, or until another does that in place of a killed one, the holder is told
 * that the lease is over, however often it has extended it.  Nobody else gets the
 * message. */
static void extended(struct job *j, stamp end)
{
	j->late |= now_stamp() >= word_end(word_of(j->start, j->end));
	j->end = end;
	claim(j);
}

/* It was told to be over: that may not be before its deadline. */
static void lapsed(struct job *j, const char *what)
{
	stamp at = now_stamp(), end = word_end(word_of(j->start, j->end));

	add(LAPSED, 1);
	tell(E_LAPSED, j->number, j->queue, 0);
	j->over = 1;
	if (j->late)
		add(UNDONE, 1);
	else if (at < end && !(queues[j->queue].traits & FLEETING))
		wrong(EARLY, j->number, "%s at %u, sure until %u", what, at, end);
}

/* ---- delivery -------------------------------------------------------------- */

static void check_before(struct job *j, uint64_t prev)
{
	struct row *row = prev ? row_of(prev) : NULL;
	uint64_t word;
	uint32_t flags;

	if (row == NULL)
		return;
	flags = atomic_load(&row->flags); /* first: an ack is no doubt when it is in the word */
	word = atomic_load(&row->word);
	/* Rejected, it gave way to this one, and may be back, redriven. */
	if (flags & (DOUBTS | DEAD))
		return;
	if (!word_acked(word))
		wrong(ORDER, j->number, "%llu before it is not done", (unsigned long long)prev);
	else if (j->start < j->end && j->start < (stamp)word)
		wrong(ORDER, j->number, "held at %u, before the ack of %llu at %u", j->start,
		    (unsigned long long)prev, (stamp)word);
}

static void check_message(const struct taking *t, struct job *j, const struct letter *l)
{
	const struct mq_message *m = mq_lease_message(j->lease);
	unsigned most = queues[j->queue].receives;
	uint32_t flags = atomic_load(&j->row->flags);

	if (!(flags & KNOWN) || flags & REFUSED || (flags & QUEUE_MASK) != j->queue)
		wrong(GHOST, j->number, "flags %#x in queue %s", flags, queues[j->queue].name);
	if (m->size != l->size || m->priority != l->priority)
		wrong(TORN, j->number, "size %llu priority %u, sent with %u and %u",
		    (unsigned long long)m->size, m->priority, l->size, l->priority);
	if (most && !t->dlq && m->receives > most)
		wrong(OFTEN, j->number, "delivery %u", m->receives);
}

/* The message of a lease, or over. */
static void meet(const struct taking *t, struct job *j)
{
	struct letter l;
	int r = letter_read(&l, j->lease);

	if (r == MQ_LAPSED || r == MQ_NOTFOUND) {
		lapsed(j, "read");
		return;
	}
	j->number = l.number;
	if (r == 0 && l.queue == TO_ALL)
		j->number += j->queue - Q_LEFT;
	j->row = row_of(j->number);
	if (r != 0 || j->row == NULL) {
		wrong(r ? TORN : GHOST, j->number, "read: %d: %s: %s", r,
		    mq_lease_message(j->lease)->path, r > 0 ? mq_error(t->mq) : "");
		j->over = 1;
		return;
	}
	j->group = t->dlq ? NO_GROUP : l.group;
	atomic_fetch_add(&j->row->deliveries, 1);
	add(DELIVERED, 1);
	tell(E_RECEIVED, j->number, j->queue, t->dlq);
	check_message(t, j, &l);
	claim(j);
	if (j->group != NO_GROUP)
		check_before(j, l.prev);
}

static void meet_all(struct taking *t, stamp after)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		struct job *j = &t->jobs[i];

		*j = (struct job){ .lease = t->leases[i],
			.queue = t->queue,
			.start = after + 1,
			.end = end_of(t->before, t->visibility),
			.group = NO_GROUP };
		meet(t, j);
	}
}

/* ---- verdicts -------------------------------------------------------------- */

static int verdict(const struct taking *t, struct job *j, enum event_kind kind, const char *what,
    int r)
{
	tell(kind, j->number, j->queue, r);
	r = expected(t->mq, r, MAY(MQ_OK) | MAY(MQ_LAPSED) | fleeting(j->queue), what, j->number);
	if (r == MQ_LAPSED)
		lapsed(j, what);
	j->over = 1;
	return r;
}

static void ack(const struct taking *t, struct job *j)
{
	stamp at = release(j);

	atomic_fetch_add(&j->row->flags, DOUBT);
	if (verdict(t, j, E_ACK, "ack", mq_ack(j->lease)) == MQ_OK) {
		if (word_ack(&j->row->word, j->mine, j->start, at))
			wrong(AGAIN, j->number, "acked, held since %u, when another had it",
			    j->start);
		add(ACKED, 1);
		atomic_fetch_sub(&shared->fill[j->queue], 1);
	}
	atomic_fetch_sub(&j->row->flags, DOUBT);
}

static void reject(const struct taking *t, struct job *j)
{
	release(j);
	atomic_fetch_add(&j->row->flags, DOUBT);
	if (verdict(t, j, E_REJECT, "reject", mq_reject(j->lease, chance(50) ? NULL : "bad")) ==
	    MQ_OK) {
		atomic_fetch_or(&j->row->flags, DEAD);
		add(REJECTED, 1);
	}
	atomic_fetch_sub(&j->row->flags, DOUBT);
}

static void nack(const struct taking *t, struct job *j)
{
	mq_time delay = chance(60) ? 0 : (mq_time)dice(100) * MQ_SECOND / 1000;

	release(j);
	if (verdict(t, j, E_NACK, "nack",
		mq_nack(j->lease, chance(20) ? -1 : delay, chance(90) ? NULL : "try again")) ==
	    MQ_OK)
		add(NACKED, 1);
}

static void give_back(const struct taking *t, struct job *j)
{
	release(j);
	if (verdict(t, j, E_GIVEBACK, "giveback", mq_giveback(j->lease)) == MQ_OK)
		add(GIVEN_BACK, 1);
}

static void forget(struct job *j)
{
	add(FORGOTTEN, 1);
	tell(E_FORGET, j->number, j->queue, 0);
	j->over = 1;
}

static void extend(const struct taking *t, struct job *j)
{
	mq_time more = (50 + dice(600)) * (MQ_SECOND / 1000);
	stamp before = now_stamp(), end = end_of(before, more);
	int r;

	if (end < j->end) { /* cut short */
		j->end = end;
		claim(j);
	}
	r = mq_extend(j->lease, more);
	tell(E_EXTEND, j->number, j->queue, r);
	r = expected(t->mq, r, MAY(MQ_OK) | MAY(MQ_LAPSED) | fleeting(j->queue), "extend",
	    j->number);
	if (r == MQ_OK) {
		extended(j, end_of(before, more));
		add(EXTENDED, 1);
	} else if (r == MQ_LAPSED) {
		lapsed(j, "extend");
	} else {
		j->over = 1;
	}
}

/* Be slow somewhere in what was taken: for long, or to about the deadline, when
 * an extend meets those who take the message back. */
static int rest(struct taking *t, const struct job *j)
{
	stamp now = now_stamp();

	if (t->naps == 0 || dice((unsigned)t->n) != 0)
		return 0;
	t->naps--;
	if (chance(50) || j->over || j->end < now)
		nap((long)dice(400000));
	else
		nap((long)((j->end - now) * (UNIT / 1000)) + dice(2000));
	return 1;
}

static void judge(struct taking *t, struct job *j)
{
	unsigned x = dice(1000);

	if ((rest(t, j) || dice(25) == 0) && !j->over)
		extend(t, j);
	if (!j->over && dice(100) == 0)
		extend(t, j);
	if (j->over)
		return;
	if (x < 30)
		nack(t, j);
	else if (x < 40)
		give_back(t, j);
	else if (x < 55)
		forget(j);
	else if (x < 75 && queues[j->queue].traits & REJECTS && !t->dlq)
		reject(t, j);
	else
		ack(t, j);
}

static void free_all(struct taking *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		mq_lease_free(t->jobs[i].lease);
	t->n = 0;
}

/* ---- receiving ------------------------------------------------------------- */

/* A message that was over before the call began must not come.  Of a step that was
 * just counted, the signal may come during the call. */
static void check_late(const struct taking *t, mq_time before, unsigned steps)
{
	size_t i;

	if (atomic_load(&shared->nsteps) != steps || mq_now(t->mq) < before)
		return;
	for (i = 0; i < t->n; i++) {
		const struct mq_message *m = mq_lease_message(t->leases[i]);

		if (m->expires && m->expires < before)
			wrong(LATE, 0, "%s", m->path);
	}
}

static int receive(struct taking *t, size_t max)
{
	unsigned steps = atomic_load(&shared->nsteps);
	mq_time before = mq_now(t->mq);
	stamp after;
	int r;

	t->visibility = t->asked ? t->asked : VISIBILITY_LEAST;
	t->before = now_stamp();
	r = t->calm || chance(95) ?
	    mq_recv(t->q, max, t->asked, t->leases, &t->n) :
	    mq_recv_for(t->q, chance(50) ? "alice" : "bob", 20, max, t->asked, t->leases, &t->n);
	after = now_stamp();
	r = expected(t->mq, r, MAY(MQ_OK) | MAY(MQ_EMPTY) | MAY(MQ_BUSY) | fleeting(t->queue),
	    "receive", 0);
	if (r == MQ_OK) {
		check_late(t, before, steps);
		meet_all(t, after);
	}
	return r;
}

static size_t choose_max(unsigned queue)
{
	unsigned most = queues[queue].batch < TAKE_MAX ? queues[queue].batch : TAKE_MAX;

	return chance(20) ? 1 : chance(50) ? most : 1 + dice(most);
}

static void wait_for_some(struct taking *t)
{
	mq_wait *w;
	mq_time within;
	int look;

	if (expected(t->mq, mq_wait_open(t->mq, &t->q, 1, &w), MAY(MQ_OK), "wait", 0) != MQ_OK)
		return;
	if (mq_wait_arm(w, &look, &within) == MQ_OK && !look) {
		struct pollfd p = { mq_wait_fd(w), POLLIN, 0 };

		poll(&p, 1, (int)dice(50));
	}
	mq_wait_close(w);
}

static void take_and_judge(struct taking *t)
{
	unsigned calls = 1 + dice(8);
	size_t i;

	t->asked = chance(30) ? 0 : (50 + dice(500)) * (MQ_SECOND / 1000);
	while (calls-- > 0) {
		if (receive(t, choose_max(t->queue)) != MQ_OK) {
			if (chance(10))
				wait_for_some(t);
			break;
		}
		for (i = 0; i < t->n; i++)
			judge(t, &t->jobs[i]);
		free_all(t);
	}
}

/* ---- holding --------------------------------------------------------------- */

static void keep(struct taking *t, mq_hold *h, size_t from)
{
	stamp before = now_stamp();
	mq_time again;
	int r = mq_hold_keep(h, &again);
	size_t i;

	r = expected(t->mq, r, MAY(MQ_OK) | MAY(MQ_LAPSED) | fleeting(t->queue), "keep", 0);
	for (i = from; i < t->n; i++) {
		struct job *j = &t->jobs[i];

		if (j->over)
			continue;
		tell(E_KEEP, j->number, j->queue, r);
		if (r == MQ_OK) {
			extended(j, end_of(before, t->asked));
		} else {
			lapsed(j, "keep");
		}
	}
	add(KEPT, 1);
}

/* One clock for all that is taken; it is kept while they are worked on. */
static void hold_and_judge(struct taking *t)
{
	mq_hold *h;
	stamp after;
	size_t i;
	int r;

	t->visibility = t->asked = (100 + dice(400)) * (MQ_SECOND / 1000);
	if (expected(t->mq, mq_hold_open(t->q, t->asked, &h), MAY(MQ_OK), "hold", 0) != MQ_OK)
		return;
	t->before = now_stamp();
	r = mq_hold_recv(h, choose_max(t->queue), t->leases, &t->n);
	after = now_stamp();
	r = expected(t->mq, r, MAY(MQ_OK) | MAY(MQ_EMPTY) | fleeting(t->queue), "receive", 0);
	if (r == MQ_OK)
		meet_all(t, after);
	for (i = 0; i < t->n; i++) {
		if (rest(t, &t->jobs[i]) || dice(100) == 0)
			keep(t, h, i);
		if (!t->jobs[i].over && chance(3))
			forget(&t->jobs[i]);
		else if (!t->jobs[i].over && chance(95))
			ack(t, &t->jobs[i]);
		else if (!t->jobs[i].over)
			nack(t, &t->jobs[i]);
	}
	free_all(t);
	mq_hold_close(h);
}

/* ---- what to do ------------------------------------------------------------ */

/* One that has something, more likely the more it has. */
static unsigned choose_queue(void)
{
	int64_t all = 0, fill[QUEUES], x;
	unsigned i;

	for (i = 0; i < QUEUES; i++) {
		fill[i] = atomic_load(&shared->fill[i]);
		fill[i] = fill[i] < 20 ? 20 : fill[i];
		all += fill[i];
	}
	x = (int64_t)(dice_next() % (uint64_t)all);
	for (i = 0; x >= fill[i]; i++)
		x -= fill[i];
	return i;
}

void consume(mq *h)
{
	static struct taking t;

	t.mq = h;
	if ((t.queue = choose_queue()) == atomic_load(&shared->neglected))
		return;
	t.dlq = chance(3);
	t.naps = chance(6) ? 1 + dice(3) : 0;
	if ((t.q = queue_at(h, t.queue, t.dlq)) == NULL)
		return;
	if (chance(20))
		hold_and_judge(&t);
	else
		take_and_judge(&t);
	mq_queue_close(t.q);
}

/* ---- at the end ------------------------------------------------------------ */

static uint64_t drain_queue(struct taking *t)
{
	uint64_t n = 0;
	size_t i;

	t->asked = 600 * MQ_SECOND;
	while (receive(t, TAKE_MAX) == MQ_OK || t->n > 0) {
		for (i = 0; i < t->n; i++)
			if (!t->jobs[i].over)
				ack(t, &t->jobs[i]);
		n += t->n;
		free_all(t);
	}
	return n;
}

/* All that is left, in peace. */
void drain(mq *h)
{
	static struct taking t;
	int again = 3;

	t.mq = h;
	t.calm = 1;
	while (again-- > 0) {
		uint64_t n = 0;

		for (t.queue = 0; t.queue < QUEUES; t.queue++) {
			for (t.dlq = 0; t.dlq < 2; t.dlq++) {
				if ((t.q = queue_at(h, t.queue, t.dlq)) == NULL)
					continue;
				n += drain_queue(&t);
				mq_queue_close(t.q);
			}
		}
		if (n > 0)
			again = 3;
		atomic_fetch_add(&shared->passed, 3600 * MQ_SECOND);
		mq_clock_shift(h, atomic_load(&shared->passed), atomic_load(&shared->stepped));
	}
}
