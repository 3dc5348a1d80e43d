/*
 * stress.c - nothing lost, while everything happens at once
 *
 * usage: stress [-t SECONDS] [-s SEED] [-w WORKERS] [-d DIR]
 *
 * Workers send, receive, ack, nack, reject, give back, extend, keep and forget
 * messages of a dozen queues: plain ones and such with groups, priorities,
 * delays, limits, deduplication, an exchange.  A clerk purges, redrives, lists,
 * and changes settings.  Meanwhile they are killed (SIGKILL), stopped for longer
 * than their leases and replaced, and the wall clock of all of them is stepped
 * forward and back, each at a random moment.
 *
 * Every message has a number and a row in a table in shared memory, where
 * whoever does something with it writes that down: before it, what may be
 * found half done; after it, what the library has promised.  A killed worker
 * has thus told what it did, and what a stopped one tells late is not wrong.
 *
 * At each delivery and each verdict is checked:
 *
 *	torn    every byte came as it was sent
 *	double  nobody else holds it: spans of time in which one process held the
 *	        message for sure do not overlap (word.c says what is sure)
 *	again   it is neither delivered nor acked after an ack that was told to
 *	        have succeeded
 *	order   in a group: not before the message before it began to be acked or
 *	        rejected by who had it, and not while another of the group is held
 *	early   no lease is told to have lapsed before its deadline, but for one that
 *	        was extended when its old deadline had passed: consume.c says why
 *	ghost   it was sent, to this queue, and not refused
 *	twice   a repeated send with a deduplication id is told the id of the first
 *	often   not more than max-receives deliveries
 *	late    not after its time to live
 *	error   no call fails in a way that was not to be expected
 *
 * A round of fire lasts a minute.  Then all are killed at once, time passes, one
 * process drains all queues, and each row is looked at:
 *
 *	lost    what was accepted was acked, by then at the latest; or it had a
 *	        time to live; or was in a queue that drops at its limit; or it was
 *	        sent before the end of a purge, and no more went than the purges
 *	        said; or who acked or rejected it last was killed in doing so
 *	stuck   nobody acked anything for a minute
 *	left    a file that an empty queue should not have
 *
 * Stops, kills and steps come from the parent, which calls the library only
 * between rounds: one that waits for a stopped process would be no help to it.
 * Steps reach all workers by one signal to their process group, whose handler
 * shifts the clocks of the handle: none runs on with the old clock.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUND     60 /* seconds */
#define SHOWN     20 /* of each kind of wrong */
#define STEP_MOST (600 * MQ_SECOND)
#define WANT_MOST 50000
#define STUCK_FOR 60

struct shared *shared;
unsigned self;

#define PLAIN "backoff=0,sync=none,visibility=300ms,max-receives=0"

const struct queue queues[QUEUES] = {
	[Q_BULK] = { "bulk", 30, 1000, 0, 0, PLAIN },
	[Q_FULL] = { "full", 8, 100, REJECTS, 4,
	    "backoff=10ms..50ms,sync=full,visibility=300ms,max-receives=4" },
	[Q_GROUPS] = { "ordered", 14, 50, GROUPED | REJECTS, 0, PLAIN },
	[Q_MIXED] = { "mixed", 10, 50, PRIORITIES | DELAYS | LIVES | REJECTS, 0, PLAIN },
	[Q_DEDUP] = { "dedup", 6, 1, DEDUP | PRIORITIES, 0, PLAIN ",dedup-window=1h" },
	[Q_REJECT] = { "reject", 6, 50, 0, 0, PLAIN ",max-depth=300" },
	[Q_BLOCK] = { "block", 6, 50, 0, 0, PLAIN ",max-depth=300,overflow=block" },
	[Q_DROP] = { "drop", 6, 50, DROPS, 0, PLAIN ",max-depth=300,overflow=drop-head" },
	[Q_OVERFLOW] = { "overflow", 6, 50, SMALL, 0, PLAIN ",max-bytes=64K,overflow=dead-letter" },
	[Q_PURGED] = { "purged", 8, 100, PURGED, 0, PLAIN },
	[Q_LEFT] = { "left", 6, 100, 0, 0, PLAIN },
	[Q_RIGHT] = { "right", 6, 100, 0, 0, PLAIN },
	[Q_SIDE] = { "side", 0, 100, FLEETING, 0, PLAIN },
};

static const char *const wrong_name[WRONGS] = { "lost", "torn", "double holders", "after ack",
	"out of order", "lapsed early", "not sent", "sent twice", "too often", "too late", "errors",
	"stuck", "left over" };

static const char *const count_name[COUNTS] = { "sent", "accepted", "refused", "deliveries", "acks",
	"nacks", "rejects", "given back", "extends", "kept", "forgotten", "lapsed", "extended late",
	"kills", "stops", "steps forward", "steps back", "purges", "dropped by purges", "redriven",
	"settings changed", "queues remade", "uncertain", "expired", "dropped", "purged",
	"litter" };

static const char *const event_name[] = { "send", "accepted", "refused", "received", "ack", "nack",
	"reject", "giveback", "extend", "keep", "forget", "lapsed", "redrive", "setting", "delete",
	"create", "purge", "kill", "step" };

/* ---- time and chance ------------------------------------------------------- */

static int64_t up(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * MQ_SECOND + t.tv_nsec + atomic_load(&shared->passed);
}

stamp now_stamp(void)
{
	return (stamp)((up() - shared->start) / UNIT);
}

void nap(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static uint64_t random_state;

void dice_seed(uint64_t seed)
{
	random_state = seed;
}

uint64_t dice_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned dice(unsigned sides)
{
	return (unsigned)(dice_next() >> 32) % sides;
}

/* ---- telling --------------------------------------------------------------- */

void add(enum count c, uint64_t n)
{
	atomic_fetch_add(&shared->count[c], n);
}

struct row *row_of(uint64_t number)
{
	uint64_t base = atomic_load(&shared->base);

	return number >= base && number - base < ROWS ? &shared->rows[number - base] : NULL;
}

void tell(enum event_kind kind, uint64_t number, unsigned queue, int status)
{
	uint64_t n = atomic_fetch_add(&shared->nevents, 1);

	shared->events[n % EVENTS] = (struct event){ number, now_stamp(), (int16_t)status,
		kind & 31, self & 31, queue & 15 };
}

static void show_event(const struct event *e)
{
	fprintf(stderr, "\t%u.%04u worker %u: %s %s: %d\n", e->at / 10000, e->at % 10000, e->worker,
	    e->queue < QUEUES ? queues[e->queue].name : "", event_name[e->kind], e->status);
}

/* What was told of a message, as far as it is still there, and what happened to
 * its queue and to all queues since. */
static void show_history(uint64_t number)
{
	uint64_t n = atomic_load(&shared->nevents), i = n > EVENTS ? n - EVENTS : 0;
	struct row *row = row_of(number);
	unsigned queue = row ? row->flags & QUEUE_MASK : QUEUES;
	int begun = 0;

	for (; i < n; i++) {
		const struct event *e = &shared->events[i % EVENTS];

		begun |= e->number == number;
		if (e->number == number ||
		    (begun && e->kind >= E_SETTING && (e->queue == queue || e->queue == QUEUES)))
			show_event(e);
	}
}

void wrong(enum wrong w, uint64_t number, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (atomic_fetch_add(&shared->wrong[w], 1) >= SHOWN)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(stderr, "stress: %s: %llu: worker %u: %s\n", wrong_name[w],
	    (unsigned long long)number, self, text);
	if (number)
		show_history(number);
}

int expected(mq *h, int r, unsigned allowed, const char *what, uint64_t number)
{
	if (!(allowed & MAY(r)))
		wrong(ERROR, number, "%s: %d: %s", what, r, mq_error(h));
	return r;
}

/* ---- a worker -------------------------------------------------------------- */

static mq *handle;

static void on_step(int sig)
{
	(void)sig;
	if (handle)
		mq_clock_shift(handle, atomic_load(&shared->passed), atomic_load(&shared->stepped));
}

mq *open_handle(void)
{
	handle = mq_open(shared->spool);
	on_step(0);
	return handle;
}

mq_queue *queue_at(mq *h, unsigned queue, int dlq)
{
	char name[80];
	mq_queue *q = NULL;
	int r;

	snprintf(name, sizeof(name), "%s%s", queues[queue].name, dlq ? "/dlq" : "");
	r = mq_queue_open(h, name, &q);
	expected(h, r, MAY(MQ_OK) | (queues[queue].traits & FLEETING ? MAY(MQ_NOTFOUND) : 0),
	    "open a queue", 0);
	return r == MQ_OK ? q : NULL;
}

static int64_t backlog(void)
{
	int64_t n = 0;
	unsigned i;

	for (i = 0; i < QUEUES; i++)
		n += atomic_load(&shared->fill[i]);
	return n;
}

static void work(void)
{
	mq *h = open_handle();
	sigset_t step;

	sigemptyset(&step);
	sigaddset(&step, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &step, NULL);
	repeat_send(h);
	for (;;) {
		if (self == 0)
			clerk(h);
		else if (backlog() < atomic_load(&shared->want) && chance(60))
			produce(h);
		else
			consume(h);
	}
}

/* ---- the fire --------------------------------------------------------------- */

struct worker {
	pid_t pid;
	int64_t stopped_until; /* 0: it runs */
};

struct fire {
	struct worker workers[WORKERS_MAX];
	unsigned n;
	pid_t group; /* of all workers */
	int64_t next_hit, next_step, next_want, next_line, started;
	uint64_t acked;
	int64_t acked_at;
};

static volatile sig_atomic_t interrupted;

static void on_end(int sig)
{
	interrupted = sig;
}

static void start(struct fire *f, unsigned i)
{
	uint64_t seed = dice_next();

	f->workers[i] = (struct worker){ fork(), 0 };
	if (f->workers[i].pid == 0) {
		setpgid(0, f->group);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_IGN);
		self = i;
		dice_seed(seed);
		work();
	}
	setpgid(f->workers[i].pid, f->group);
}

/* A member that is there as long as the group is needed. */
static void make_group(struct fire *f)
{
	if ((f->group = fork()) == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	setpgid(f->group, f->group);
}

static void bury(struct fire *f, unsigned i)
{
	int status;

	if (waitpid(f->workers[i].pid, &status, 0) == -1 || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		wrong(ERROR, 0, "worker %u ended by itself: %#x", i, status);
	if (i == 0)
		end_purge();
}

static void hit(struct fire *f, int64_t now)
{
	unsigned i = dice(f->n);
	struct worker *w = &f->workers[i];

	if (i == 0 && chance(50))
		return;
	if (chance(40)) {
		if (w->stopped_until)
			return;
		kill(w->pid, SIGSTOP);
		w->stopped_until = now + dice(dice(10) ? 300 : 1500) * (MQ_SECOND / 1000);
		add(STOPS, 1);
	} else {
		kill(w->pid, SIGKILL);
		bury(f, i);
		start(f, i);
		tell(E_KILL, 0, QUEUES, (int)i);
		add(KILLS, 1);
	}
}

/* Those who were stopped for long enough go on. */
static void wake(struct fire *f, int64_t now)
{
	unsigned i;

	for (i = 0; i < f->n; i++) {
		struct worker *w = &f->workers[i];

		if (w->stopped_until && now >= w->stopped_until) {
			kill(w->pid, SIGCONT);
			w->stopped_until = 0;
		}
	}
}

static void step_clock(const struct fire *f)
{
	int64_t by = (3 + dice(chance(80) ? 10 : 300)) * MQ_SECOND, to = shared->stepped;
	unsigned n = shared->nsteps;
	struct step *s = &shared->steps[n % STEPS];
	int forward = to - by < -STEP_MOST || (to + by < STEP_MOST && chance(50));

	if (forward) {
		atomic_store(&s->end, UINT32_MAX);
		atomic_store(&s->begin, now_stamp());
		atomic_store(&shared->nsteps, n + 1);
	}
	atomic_store(&shared->stepped, forward ? to + by : to - by);
	kill(-f->group, SIGUSR1);
	if (forward)
		atomic_store(&s->end, now_stamp() + 1);
	tell(E_STEP, 0, QUEUES, (int)(by / MQ_SECOND) * (forward ? 1 : -1));
	add(forward ? FORWARD : BACKWARD, 1);
}

static void say(const struct fire *f, int64_t now)
{
	fprintf(stderr,
	    "stress: %llds: %llu accepted, %llu acked, backlog %lld, %llu kills, %llu stops\n",
	    (long long)((now - f->started - atomic_load(&shared->passed)) / MQ_SECOND),
	    (unsigned long long)shared->count[TAKEN], (unsigned long long)shared->count[ACKED],
	    (long long)backlog(), (unsigned long long)shared->count[KILLS],
	    (unsigned long long)shared->count[STOPS]);
}

static int is_stuck(struct fire *f, int64_t now)
{
	if (shared->count[ACKED] != f->acked || f->acked_at == 0) {
		f->acked = shared->count[ACKED];
		f->acked_at = now;
	}
	return now - f->acked_at > STUCK_FOR * MQ_SECOND;
}

static void burn(struct fire *f, int64_t until)
{
	int64_t now;

	while ((now = up()) < until && !interrupted && row_of(shared->next + 100 * BATCH_MAX)) {
		if (now >= f->next_hit) {
			hit(f, now);
			f->next_hit = now + dice(200) * (MQ_SECOND / 1000);
		}
		if (now >= f->next_step) {
			step_clock(f);
			f->next_step = now + (300 + dice(4000)) * (MQ_SECOND / 1000);
		}
		if (now >= f->next_want) {
			shared->want = dice(WANT_MOST);
			shared->neglected = dice(2 * QUEUES);
			f->next_want = now + (1000 + dice(6000)) * (MQ_SECOND / 1000);
		}
		if (now >= f->next_line) {
			say(f, now);
			f->next_line += 10 * MQ_SECOND;
		}
		wake(f, now);
		if (is_stuck(f, now)) {
			wrong(STUCK, 0, "nobody acked anything for %d s", STUCK_FOR);
			return;
		}
		nap(2000);
	}
}

/* ---- a round --------------------------------------------------------------- */

/* Stamps, rows and what hangs on them begin anew. */
static void begin_round(struct fire *f)
{
	uint64_t used = shared->next - shared->base;
	int64_t before = up();

	memset(shared->rows, 0, (used < ROWS ? used : ROWS) * sizeof(shared->rows[0]));
	memset(shared->held, 0, sizeof(shared->held));
	memset((void *)shared->purged_below, 0, sizeof(shared->purged_below));
	memset((void *)shared->retry, 0, sizeof(shared->retry));
	memset((void *)shared->fill, 0, sizeof(shared->fill));
	shared->base = shared->next;
	shared->nsteps = 0;
	shared->removed = 0;
	shared->start = before;
	f->acked_at = 0;
	f->next_hit = f->next_step = f->next_want = before;
}

static void end_round(struct fire *f)
{
	unsigned i;
	mq *h;

	kill(-f->group, SIGKILL);
	waitpid(f->group, NULL, 0);
	for (i = 0; i < f->n; i++)
		bury(f, i);
	atomic_fetch_add(&shared->passed, 3600 * MQ_SECOND);
	h = open_handle();
	for (i = 0; i < QUEUES; i++)
		mq_configure(h, queues[i].name, &(struct mq_setting){ "paused", "no" }, 1);
	drain(h);
	handle = NULL;
	mq_close(h);
	audit();
}

static void fire_round(struct fire *f, int64_t until)
{
	unsigned i;

	begin_round(f);
	make_group(f);
	for (i = 0; i < f->n; i++)
		start(f, i);
	burn(f, until);
	end_round(f);
}

/* ---- before and after --------------------------------------------------------- */

static int make_queue(mq *h, const struct queue *q)
{
	struct mq_setting s[8];
	char text[256], *p = text, *value;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", q->settings);
	while (p && n < 8) {
		char *next = strchr(p, ',');

		if (next)
			*next++ = '\0';
		value = strchr(p, '=');
		*value++ = '\0';
		s[n++] = (struct mq_setting){ p, value };
		p = next;
	}
	return mq_create(h, q->name, s, n);
}

static int prepare(mq *h)
{
	mq_exchange *x = NULL;
	unsigned i;
	int r = MQ_OK;

	for (i = 0; r == MQ_OK && i < QUEUES; i++)
		r = make_queue(h, &queues[i]);
	if (r == MQ_OK)
		r = mq_exchange_create(h, EXCHANGE, "fanout", NULL, 0);
	if (r == MQ_OK)
		r = mq_exchange_open(h, EXCHANGE, &x);
	for (i = Q_LEFT; r == MQ_OK && i < QUEUES; i++)
		r = mq_bind(x, queues[i].name, &(struct mq_binding){ 0 });
	mq_exchange_close(x);
	if (r != MQ_OK)
		fprintf(stderr, "stress: %s\n", mq_error(h));
	return r;
}

static int sum_up(double seconds)
{
	unsigned i;
	int bad = 0;

	printf("%-20s %12.0f\n", "seconds", seconds);
	for (i = 0; i < COUNTS; i++)
		printf("%-20s %12llu\n", count_name[i], (unsigned long long)shared->count[i]);
	printf("%-20s %12.0f\n", "accepted/s", (double)shared->count[TAKEN] / seconds);
	for (i = 0; i < WRONGS; i++) {
		printf("%-20s %12llu\n", wrong_name[i], (unsigned long long)shared->wrong[i]);
		bad |= shared->wrong[i] != 0;
	}
	return bad;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int fire(struct fire *f, int64_t seconds)
{
	int64_t until = (f->started = up()) + seconds * MQ_SECOND, passed = 0, now;
	double took = 0;

	f->next_line = f->started + 10 * MQ_SECOND;
	while ((now = up() - passed) < until && !interrupted) {
		int64_t left = until - now;

		fire_round(f, up() + (left < 2 * ROUND * MQ_SECOND ? left : ROUND * MQ_SECOND));
		f->next_line += shared->passed - passed;
		passed = shared->passed;
	}
	took = (double)(up() - passed - f->started) / 1e9;
	return sum_up(took);
}

static int usage(void)
{
	fprintf(stderr, "usage: stress [-t SECONDS] [-s SEED] [-w WORKERS] [-d DIR]\n");
	return 64;
}

static int read_options(int argc, char **argv, struct fire *f, int64_t *seconds, const char **dir)
{
	int c;

	while ((c = getopt(argc, argv, "t:s:w:d:")) != -1) {
		switch (c) {
		case 't':
			*seconds = atoll(optarg);
			break;
		case 's':
			shared->seed = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			f->n = (unsigned)atoi(optarg);
			break;
		case 'd':
			*dir = optarg;
			break;
		default:
			return -1;
		}
	}
	return optind == argc && *seconds > 0 && f->n >= 2 && f->n <= WORKERS_MAX ? 0 : -1;
}

static int map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	shared->base = shared->next = 1;
	shared->seed = (uint64_t)time(NULL);
	return 0;
}

static void catch_signals(void)
{
	struct sigaction step = { .sa_handler = on_step, .sa_flags = SA_RESTART };
	struct sigaction end = { .sa_handler = on_end };
	sigset_t steps;

	sigaction(SIGUSR1, &step, NULL);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigemptyset(&steps);
	sigaddset(&steps, SIGUSR1);
	sigprocmask(SIG_BLOCK, &steps, NULL); /* until a worker has its handle */
}

int main(int argc, char **argv)
{
	const char *dir = getenv("TMPDIR");
	struct fire f = { .n = 8 };
	int64_t seconds = 60;
	int bad;
	mq *h;

	if (map_shared() == -1 || read_options(argc, argv, &f, &seconds, &dir) == -1)
		return usage();
	snprintf(shared->spool, sizeof(shared->spool), "%.250s/mq-stress-XXXXXX",
	    dir ? dir : "/tmp");
	if (mkdtemp(shared->spool) == NULL) {
		fprintf(stderr, "stress: %s: %s\n", shared->spool, strerror(errno));
		return 73;
	}
	strcat(shared->spool, "/spool");
	printf("seed %llu, %u workers, spool %s\n", (unsigned long long)shared->seed, f.n,
	    shared->spool);
	fflush(stdout);
	dice_seed(shared->seed);
	catch_signals();
	h = mq_open(shared->spool);
	if (prepare(h) != MQ_OK)
		return 1;
	mq_close(h);
	bad = fire(&f, seconds);
	if (bad) {
		fprintf(stderr, "stress: kept: %s\n", shared->spool);
	} else {
		*strrchr(shared->spool, '/') = '\0';
		nftw(shared->spool, remove_one, 32, FTW_PHYS | FTW_DEPTH);
	}
	return bad;
}
