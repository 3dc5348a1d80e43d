/*
 * mq-work - run a command for each message
 *
 * One loop, one thread.  Each round: keep the leases, see to who has taken too
 * long, give messages to the slots that are free, then sleep in ppoll(2) until
 * a child ends, a signal comes, a message may have come, a pipe is ready, or
 * the next thing is due.
 *
 *	feed.c     messages: received, kept, settled
 *	crew.c     slots: processes that work on them, killed when need be
 *	job.c      a slot with a process for each message
 *	lines.c    a slot with a process that stays (-L)
 *	process.c  how a command is found and started
 *	worklog.c  the log and the progress line
 *
 * To stop is to take no more: then the loop goes on until nothing runs.
 */
#include "work/crew.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct cmd_option options[] = {
	{ 'j', "jobs", "JOBS", "so many jobs at once (default: one per CPU)" },
	{ 'n', "max", "MAX", "stop after MAX messages" },
	{ 'e', "drain", NULL, "exit when the queues are drained" },
	{ 'i', "idle", "IDLE", "exit when idle for so long" },
	{ 'v', "visibility", "VISIBILITY", "lease for so long (default: the queue's visibility)" },
	{ 'T', "timeout", "TIMEOUT", "kill a job that takes longer: it has failed" },
	{ 'r', "reply", NULL, "send the output of a job to its message's reply-to" },
	{ 'I', "in-place", NULL, "{} is the message's own file, where it has one" },
	{ 'L', "lines", NULL, "COMMAND stays: JSON lines in, ok, retry or dead out" },
	{ 'P', "prefetch", "PREFETCH", "read so many messages ahead (default: by the pace)" },
	{ 'l', "log", "FILE", "append a line per job to FILE; - is standard error" },
	{ 0 },
};

struct work {
	struct cmd *c;
	struct feed feed;
	struct crew crew;
	struct worklog log;
	const char *log_file;
	size_t jobs;
	uint64_t max;
	int drain;
	mq_time idle, visibility;

	int signals;  /* a descriptor that tells of them */
	int told;     /* to stop: so many times */
	int stopping; /* nothing more is taken */
	int ebb;      /* read no more ahead: there was not as much, or it lay too long */
};

/* ---- messages ---------------------------------------------------------- */

static void stop(struct work *w)
{
	w->stopping = 1;
	feed_leave(&w->feed);
	feed_giveback(&w->feed, NEVER);
}

/* How many messages to receive, some of them for slots that are free.  What is
 * read ahead is filled up when half of it is gone, and while there is more. */
static size_t wanted(struct work *w, size_t hunger)
{
	size_t ahead = crew_ahead(&w->crew), have = w->feed.ahead.n;
	uint64_t allowed = w->max - w->feed.finished - w->feed.held;
	size_t want = hunger + (ahead > have ? ahead - have : 0);

	if (hunger == 0 && (w->ebb || 2 * have > ahead))
		return 0;
	return want < allowed ? want : allowed;
}

/* Whether nothing more may be taken, not even what is at hand. */
static int must_stop(const struct work *w)
{
	return w->told || w->crew.stop || w->feed.failed || w->feed.present == 0;
}

static void read_signals(struct work *w)
{
	struct signalfd_siginfo s[16];
	ssize_t n = read(w->signals, s, sizeof(s));
	int ended = 0;

	for (size_t i = 0; n > 0 && i < n / sizeof(*s); i++) {
		if (s[i].ssi_signo == SIGCHLD) {
			ended = 1;
		} else if (w->told++ > 0) {
			w->c->exit = 128 + (int)s[i].ssi_signo;
			crew_abort(&w->crew);
		}
	}
	if (ended)
		crew_reap(&w->crew);
}

static void take(struct work *w)
{
	size_t hunger, want, got;
	struct task *t;

	for (;;) {
		while (!must_stop(w) && crew_room(&w->crew) > 0 && (t = feed_next(&w->feed)))
			crew_take(&w->crew, t);
		hunger = crew_hunger(&w->crew);
		if (must_stop(w) || (want = wanted(w, hunger)) == 0)
			return;
		got = feed_receive(&w->feed, want, hunger > 0);
		w->ebb = got < want;
		if (got == 0)
			return;
		read_signals(w); /* what is not begun yet can be given back */
	}
}

/* Whether there is no more to take. */
static int has_enough(struct work *w)
{
	struct feed *f = &w->feed;

	if (f->held > 0)
		return 0;
	return f->finished >= w->max || f->now - f->active >= w->idle ||
	    (w->drain && feed_drained(f));
}

/* ---- events ------------------------------------------------------------ */

/* When to go on though nothing has happened. */
static mq_time next_due(struct work *w)
{
	struct feed *f = &w->feed;
	mq_time times[] = { feed_due(f), crew_due(&w->crew), NEVER, NEVER, NEVER };
	mq_time due = NEVER;

	if (w->idle != NEVER && f->held == 0 && !w->stopping)
		times[2] = f->active + w->idle;
	if (w->crew.prefetch < 0 && f->ahead.n > 0)
		times[3] = f->ahead.first->taken + MQ_SECOND;
	if (w->log.terminal)
		times[4] = f->now + MQ_SECOND;
	for (size_t i = 0; i < NELEMS(times); i++)
		if (times[i] < due)
			due = times[i];
	return due;
}

static struct timespec duration_to(const struct work *w, mq_time due)
{
	mq_time d = due > w->feed.now ? due - w->feed.now : 0;

	return (struct timespec){ d / MQ_SECOND, d % MQ_SECOND };
}

static void wait_for_events(struct work *w)
{
	struct pollfd fds[2 + SLOT_FDS * w->jobs], *p = fds + 2, *ready;
	struct crew *crew = &w->crew;
	size_t counts[w->jobs];
	struct timespec ts;
	mq_time due;

	fds[0] = (struct pollfd){ .fd = w->signals, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = feed_poll(&w->feed), .events = POLLIN };
	for (size_t i = 0; i < w->jobs && crew->kind->poll; i++)
		p += counts[i] = crew->kind->poll(crew_slot(crew, i), p);
	due = next_due(w);
	ts = duration_to(w, due);
	w->feed.hurry = 0; /* that has been heeded */
	if (ppoll(fds, p - fds, due == NEVER ? NULL : &ts, NULL) < 0)
		return;
	feed_tick(&w->feed);
	if (fds[1].revents)
		feed_told(&w->feed);
	ready = fds + 2;
	for (size_t i = 0; ready < p; ready += counts[i++])
		for (size_t k = 0; k < counts[i]; k++)
			if (ready[k].revents)
				crew->kind->ready(crew_slot(crew, i), &ready[k]);
	if (fds[0].revents)
		read_signals(w);
}

/* The loop. */
static void work(struct work *w)
{
	for (;;) {
		feed_tick(&w->feed);
		if (w->crew.prefetch < 0 && feed_giveback(&w->feed, w->feed.now - MQ_SECOND) > 0)
			w->ebb = 1; /* until something ends, that was too much */
		if (!w->stopping)
			take(w);
		if (!w->stopping && (must_stop(w) || has_enough(w)))
			stop(w);
		feed_tick(&w->feed); /* to take may have taken longer than a lease lasts */
		crew_check(&w->crew);
		if (w->stopping)
			crew_dismiss(&w->crew);
		if (w->stopping && !crew_running(&w->crew))
			return;
		worklog_flush(&w->log);
		if (w->log.terminal)
			worklog_progress(&w->log, w->feed.now, w->feed.held,
			    w->drain ? feed_left(&w->feed) : UINT64_MAX);
		wait_for_events(w);
	}
}

/* ---- start ------------------------------------------------------------- */

/* Signals come by a descriptor.  Our parent may have ignored some: SIGHUP as
 * nohup(1) does, which holds; SIGCHLD, and there would be nothing to wait for. */
static void open_signals(struct work *w)
{
	struct sigaction hangup;
	sigset_t set, too_large;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&too_large); /* a file, which write(2) tells as well */
	sigaddset(&too_large, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &too_large, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0) {
		cmd_errno(w->c, "signals", "signalfd");
		exit(cmd_end(w->c));
	}
}

static size_t count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

/* The spool is that of the jobs as well, wherever they are. */
static void export_spool(const char *spool)
{
	char *path = realpath(spool, NULL);

	if (path)
		setenv("MQ_SPOOL", path, 1);
	free(path);
}

static void run(struct work *w, char **command)
{
	struct cmd *c = w->c;

	cmd_start(c, 1, -1);
	export_spool(c->spool);
	command_find(&w->crew.command, c, command);
	if (w->crew.kind->answers && (w->crew.reply || w->crew.command.payload_path))
		cmd_usage(c, "%s has no meaning with -L", w->crew.reply ? "-r" : "{}");
	open_signals(w);
	worklog_open(&w->log, c, w->log_file);
	feed_open(&w->feed, c, &w->log, c->argv, c->argc, w->visibility);
	crew_open(&w->crew, c, &w->feed, w->jobs);
	work(w);
	crew_close(&w->crew);
	feed_close(&w->feed);
	worklog_close(&w->log);
	close(w->signals);
}

static mq_time positive_duration(struct cmd *c, int letter)
{
	mq_time t = cmd_duration(c, letter);

	if (!t)
		cmd_usage(c, "-%c: 0 is too short", letter);
	return t;
}

/* The first -- ends the queues; what follows is the command. */
static char **split(int argc, char **argv, int *n)
{
	for (*n = 1; *n < argc; ++*n)
		if (strcmp(argv[*n], "--") == 0)
			return argv + *n + 1;
	return NULL;
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-work",
		.usage =
		    "[-j JOBS] [-n MAX] [-eI] [-i IDLE] [-v VISIBILITY] [-T TIMEOUT] [-r | -L] "
		    "[-P PREFETCH] [-l FILE] [-s DIR] QUEUE[=WEIGHT]... -- COMMAND [ARG]...",
		.about = "Run COMMAND for each message, with the payload as its standard input.",
		.options = options,
	};
	struct work w = { .c = &c, .jobs = count_cpus(), .max = UINT64_MAX, .idle = NEVER };
	char **command = split(argc, argv, &argc);
	int opt;

	w.crew.kind = &slot_job;
	w.crew.prefetch = -1;
	w.crew.timeout = NEVER;
	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'j':
			w.jobs = cmd_number(&c, opt, 1, 10000);
			break;
		case 'n':
			w.max = cmd_number(&c, opt, 1, UINT64_MAX);
			break;
		case 'e':
			w.drain = 1;
			break;
		case 'i':
			w.idle = cmd_duration(&c, opt);
			break;
		case 'v':
			w.visibility = positive_duration(&c, opt);
			break;
		case 'T':
			w.crew.timeout = positive_duration(&c, opt);
			break;
		case 'r':
			w.crew.reply = 1;
			break;
		case 'I':
			w.crew.in_place = 1;
			break;
		case 'L':
			w.crew.kind = &slot_lines;
			break;
		case 'P':
			w.crew.prefetch = cmd_number(&c, opt, 0, MQ_RECV_MAX);
			break;
		case 'l':
			w.log_file = optarg;
			break;
		}
	}
	if (!command || !*command)
		cmd_usage(&c, "missing -- and COMMAND after the queues");
	run(&w, command);
	return cmd_end(&c);
}
