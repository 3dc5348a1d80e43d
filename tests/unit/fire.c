/*
 * fire.c - order in message groups, under fire
 *
 * Workers receive, nack, give back, extend, forget and ack messages of groups
 * while they are killed and stopped.  Each writes down when it had received a
 * message and when it began to ack it, before it does, so that a worker killed
 * in between has told, and one that was stopped cannot tell anything wrong:
 *
 *	- a message is never received before an ack of the one before it began
 *	- no message is acked twice
 *	- all come, and nothing is left, neither message nor lane
 *
 * MQ_FIRE="WORKERS GROUPS MESSAGES" and MQ_SEED choose; the seed is shown.
 */
#include "bench.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define LIMIT_S     600 /* it is stuck when it takes longer */
#define IDLE_NS     20000000

struct fire {
	struct bench b;
	char log[320];
	unsigned workers, groups, messages, seed;
	unsigned *sent; /* how many by group */
	unsigned kills, stops;
	pid_t pid[WORKERS_MAX];
};

struct record {
	char kind; /* 'I': about to ack; 'A': acked */
	unsigned group, n;
	int64_t received, began;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void nap(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static unsigned dice(unsigned sides)
{
	return (unsigned)rand() % sides;
}

/* ---- the workers ---------------------------------------------------------- */

static int read_body(mq_lease *l, struct record *r)
{
	mq_reader *reader;
	char body[64] = "";
	ssize_t n;

	if (mq_reader_of(l, &reader) != MQ_OK)
		return -1;
	n = mq_reader_read(reader, body, sizeof(body) - 1);
	mq_reader_close(reader);
	return n > 0 && sscanf(body, "%u %u", &r->group, &r->n) == 2 ? 0 : -1;
}

/* One write, so that records of several processes do not mix. */
static void tell(int log, char kind, const struct record *r)
{
	struct record told = *r;

	told.kind = kind;
	if (write(log, &told, sizeof(told)) != sizeof(told))
		_exit(2);
}

static void work_on(mq_lease *l, int log, int64_t received)
{
	struct record r = { .received = received };
	unsigned x = dice(100);

	if (read_body(l, &r) == -1)
		return; /* the lease was over */
	if (dice(50) == 0)
		nap((long)dice(100000));
	if (x < 8) {
		mq_nack(l, dice(3) ? 0 : MQ_SECOND / 50, NULL);
	} else if (x < 10) {
		mq_giveback(l);
	} else if (x >= 14) { /* else it is left to lapse */
		if (x < 30)
			mq_extend(l, MQ_SECOND / 5);
		r.began = now_us();
		tell(log, 'I', &r);
		if (mq_ack(l) == MQ_OK)
			tell(log, 'A', &r);
	}
}

static void work(const struct fire *f, unsigned seed)
{
	char spool[300];
	mq_lease *leases[4];
	size_t i, n;
	mq_queue *q;
	mq *h;
	int log = open(f->log, O_WRONLY | O_APPEND | O_CLOEXEC), r;

	srand(seed);
	snprintf(spool, sizeof(spool), "%s/spool", f->b.root);
	h = mq_open(spool);
	if (log == -1 || mq_queue_open(h, "q", &q) != MQ_OK)
		_exit(2);
	for (;;) {
		r = mq_recv(q, 1 + dice(4), MQ_SECOND / 20 + dice(300000000), leases, &n);
		for (i = 0; i < n; i++) {
			work_on(leases[i], log, now_us());
			mq_lease_free(leases[i]);
		}
		if (r == MQ_EMPTY)
			nap(IDLE_NS / 1000);
	}
}

static void start(struct fire *f, unsigned i)
{
	unsigned seed = (unsigned)rand();

	fflush(stdout);
	if ((f->pid[i] = fork()) == 0)
		work(f, seed);
}

static void end(struct fire *f, unsigned i)
{
	kill(f->pid[i], SIGKILL);
	waitpid(f->pid[i], NULL, 0);
}

/* ---- the fire --------------------------------------------------------------- */

static int send_all(const struct fire *f, const unsigned *to)
{
	char group[32], body[64];
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT, .group = group };
	unsigned i, *sent = calloc(f->groups, sizeof(*sent));
	size_t accepted;
	mq_batch *b;
	int r = mq_batch_open(f->b.q, &b);

	for (i = 0; r == MQ_OK && sent && i < f->messages; i++) {
		snprintf(group, sizeof(group), "group %u", to[i]);
		snprintf(body, sizeof(body), "%u %u", to[i], sent[to[i]]++);
		if ((r = mq_batch_begin(b, &p)) == MQ_OK &&
		    (r = mq_batch_write(b, body, strlen(body))) == MQ_OK)
			r = mq_batch_end(b);
		if (r == MQ_OK && (dice(40) == 0 || i + 1 == f->messages))
			r = mq_batch_commit(b, 0, &accepted, NULL, NULL);
	}
	mq_batch_close(b);
	free(sent);
	return r;
}

/* Choose who gets what, and have another process send it. */
static pid_t start_sender(struct fire *f)
{
	unsigned i, *to = calloc(f->messages, sizeof(*to));
	pid_t pid;

	if (to == NULL)
		return -1;
	for (i = 0; i < f->messages; i++)
		f->sent[to[i] = dice(f->groups)]++;
	fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(send_all(f, to));
	free(to);
	return pid;
}

/* Whether it has sent all: 1, not yet: 0, or failed: -1. */
static int has_sent(pid_t *sender)
{
	int status;

	if (*sender == 0)
		return 1;
	if (waitpid(*sender, &status, WNOHANG) == 0)
		return 0;
	*sender = 0;
	return status == 0 ? 1 : -1;
}

static uint64_t left(struct fire *f)
{
	struct mq_stats s;

	return mq_stat(f->b.q, &s) == MQ_OK ? s.visible + s.in_flight + s.delayed : UINT64_MAX;
}

static void hit(struct fire *f)
{
	unsigned i = dice(f->workers);

	if (dice(3) == 0) {
		kill(f->pid[i], SIGSTOP);
		nap((long)dice(400000));
		kill(f->pid[i], SIGCONT);
		f->stops++;
	} else {
		end(f, i);
		start(f, i);
		f->kills++;
	}
}

/* Until all is sent and the queue drained: 0, or -1 when that takes too long. */
static int fire(struct fire *f)
{
	int64_t over = now_us() + LIMIT_S * (int64_t)1000000;
	pid_t sender = start_sender(f);
	unsigned i;
	int r = 0;

	for (i = 0; i < f->workers; i++)
		start(f, i);
	while (r == 0 || (r == 1 && left(f) > 0)) {
		for (i = 0; i < 10; i++) {
			nap(5000 + (long)dice(40000));
			hit(f);
		}
		r = now_us() > over ? -1 : has_sent(&sender);
	}
	for (i = 0; i < f->workers; i++)
		end(f, i);
	if (sender > 0)
		kill(sender, SIGKILL);
	return r == 1 ? 0 : -1;
}

/* ---- what they told ----------------------------------------------------------- */

/* Of one message; times are 0 when nobody told. */
struct told {
	int64_t received; /* for the first time */
	int64_t began;    /* the ack that counted, or the first that may have */
	unsigned acked;
};

/* Where group g's messages start in a list of all. */
static unsigned first_of(const struct fire *f, unsigned g)
{
	unsigned i, n = 0;

	for (i = 0; i < g; i++)
		n += f->sent[i];
	return n;
}

static void take_in(struct told *t, const struct record *r)
{
	if (t->received == 0 || r->received < t->received)
		t->received = r->received;
	if (r->kind == 'A') {
		t->began = r->began;
		t->acked++;
	} else if (!t->acked && (t->began == 0 || r->began < t->began)) {
		t->began = r->began;
	}
}

static void read_log(const struct fire *f, struct told *all)
{
	FILE *log = fopen(f->log, "re");
	struct record r;

	if (log == NULL)
		return;
	while (fread(&r, sizeof(r), 1, log) == 1)
		if (r.group < f->groups && r.n < f->sent[r.group])
			take_in(&all[first_of(f, r.group) + r.n], &r);
	fclose(log);
}

static void check_told(struct tap *t, const struct fire *f)
{
	struct told *all = calloc(f->messages + 1, sizeof(*all)), *m = all;
	unsigned g, i, lost = 0, twice = 0, early = 0;

	if (all == NULL)
		return;
	read_log(f, all);
	for (g = 0; g < f->groups; g++) {
		for (i = 0; i < f->sent[g]; i++, m++) {
			lost += m->began == 0;
			twice += m->acked > 1;
			early += i > 0 && m->received < m[-1].began;
		}
	}
	free(all);
	CHECK(t, lost == 0);
	CHECK(t, twice == 0);
	CHECK(t, early == 0);
}

/* Lanes and tokens of the queue that are still there. */
static unsigned remains(const struct fire *f)
{
	char command[600];
	unsigned n = UINT_MAX;
	FILE *found;

	snprintf(command, sizeof(command),
	    "cd '%s/spool/q/q' && find groups turns leased delayed "
	    "'(' -path 'groups/*/*' -o -name '*,t*' ')' ! -name lock | wc -l",
	    f->b.root);
	if ((found = popen(command, "re")) == NULL)
		return n;
	if (fscanf(found, "%u", &n) != 1)
		n = UINT_MAX;
	pclose(found);
	return n;
}

/* A worker that was killed while it closed a lane has left it to the next. */
static void close_lanes(struct fire *f)
{
	mq_lease *l;
	size_t n;
	int i;

	for (i = 0; i < 100 && remains(f) > 0; i++) {
		bench_pass(&f->b, 30 * MQ_SECOND);
		mq_recv(f->b.q, 1, 0, &l, &n);
	}
}

int main(void)
{
	struct fire f = { .workers = 4, .groups = 20, .messages = 2000 };
	const char *size = getenv("MQ_FIRE"), *seed = getenv("MQ_SEED");
	struct tap t = { 0, 0 };
	int log;

	if (size && sscanf(size, "%u %u %u", &f.workers, &f.groups, &f.messages) != 3)
		return 64;
	if (f.workers > WORKERS_MAX || f.groups == 0)
		return 64;
	f.seed = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)now_us();
	printf("# MQ_SEED=%u MQ_FIRE=\"%u %u %u\"\n", f.seed, f.workers, f.groups, f.messages);
	srand(f.seed);
	f.sent = calloc(f.groups, sizeof(*f.sent));
	CHECK(&t, f.sent && bench_open(&f.b, "5s") == 0);
	mq_configure(f.b.mq, "q", &(struct mq_setting){ "max-receives", "0" }, 1);
	snprintf(f.log, sizeof(f.log), "%s/log", f.b.root);
	log = open(f.log, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(&t, log != -1);
	CHECK(&t, fire(&f) == 0);
	close(log);
	printf("# %u kills, %u stops\n", f.kills, f.stops);
	check_told(&t, &f);
	close_lanes(&f);
	CHECK(&t, left(&f) == 0 && remains(&f) == 0);
	bench_close(&f.b);
	free(f.sent);
	return tap_end(&t);
}
