/*
 * crew.c - who works on the messages: so many slots, each with a process
 *
 * A process that has ended is dealt with first (WNOWAIT) and reaped then: so
 * long its group cannot be mistaken for another that has got its number.  If it
 * was being killed, what it left of its group is killed as well.
 */
#include "work/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE  (5 * MQ_SECOND) /* between SIGTERM and SIGKILL */
#define MOMENT (20 * MILLISECOND)
#define SLOW   (50 * MILLISECOND) /* nothing is read ahead for such tasks */

#define PATIENCE 4 /* a process that cannot be started is tried again so often */
#define TOO_LONG "its properties are too long for an environment"

struct slot *crew_slot(const struct crew *crew, size_t i)
{
	return (struct slot *)(crew->slots + i * crew->kind->size);
}

void crew_open(struct crew *crew, struct cmd *c, struct feed *feed, size_t n)
{
	crew->c = c;
	crew->feed = feed;
	crew->slots = cmd_realloc(c, NULL, n * crew->kind->size);
	memset(crew->slots, 0, n * crew->kind->size);
	crew->n = n;
	crew->no_input = cmd_open("/dev/null", O_RDONLY);
	crew->no_output = cmd_open("/dev/null", O_WRONLY);
	if (crew->no_input < 0 || crew->no_output < 0) {
		cmd_errno(c, "/dev/null", "open");
		exit(cmd_end(c));
	}
	for (size_t i = 0; i < n; i++) {
		struct slot *s = crew_slot(crew, i);

		s->crew = crew;
		s->term_at = s->kill_at = NEVER;
		crew->kind->open(s);
	}
}

void crew_close(struct crew *crew)
{
	close(crew->no_input);
	close(crew->no_output);
	for (size_t i = 0; i < crew->n && crew->kind->close; i++)
		crew->kind->close(crew_slot(crew, i));
	command_free(&crew->command);
	free(crew->slots);
}

/* ---- work -------------------------------------------------------------- */

size_t crew_room(const struct crew *crew)
{
	size_t room = 0;

	for (size_t i = 0; i < crew->n; i++)
		room += crew->kind->room(crew_slot(crew, i));
	return room;
}

size_t crew_hunger(const struct crew *crew)
{
	size_t hunger = 0;

	for (size_t i = 0; i < crew->n; i++) {
		const struct slot *s = crew_slot(crew, i);
		size_t room = crew->kind->room(s);

		hunger += room >= s->tasks.n ? room : 0;
	}
	return hunger;
}

void crew_take(struct crew *crew, struct task *t)
{
	struct slot *best = NULL;

	for (size_t i = 0; i < crew->n; i++) {
		struct slot *s = crew_slot(crew, i);

		if (crew->kind->room(s) > 0 && (!best || s->tasks.n < best->tasks.n))
			best = s;
	}
	t->started = mq_now(crew->c->mq);
	crew->kind->take(best, t);
}

size_t crew_ahead(const struct crew *crew)
{
	if (crew->kind->poll) /* such slots are given what is to be read ahead */
		return 0;
	if (crew->prefetch >= 0)
		return crew->prefetch;
	return in_a_moment(crew->pace, crew->n, 64);
}

void crew_broken(struct crew *crew, enum mq_status status, const char *text)
{
	if (!crew->feed->failed)
		feed_refused(crew->feed, status == MQ_BUSY ? MQ_IO : status, text);
}

/* Whether no file at all can be opened. */
static int cannot_open(void)
{
	int fd = cmd_open("/dev/null", O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

void crew_unreadable(struct crew *crew, struct task *t, int status)
{
	struct verdict v = { NACK, -1, "unreadable", "unreadable" };
	const char *error = mq_error(crew->c->mq);

	if (status == MQ_IO && cannot_open()) {
		crew_broken(crew, MQ_IO, error);
		v = (struct verdict){ .kind = GIVEBACK, .status = "not started" };
	} else if (status != MQ_LAPSED && status != MQ_NOTFOUND) { /* of these the verdict tells */
		cmd_error(crew->c, MQ_OK, "%s", error);
	}
	feed_settle(crew->feed, t, v);
}

/* ---- what is written to -------------------------------------------------- */

/* Why nothing more can be written there: an errno, or 0.  A pipe or a terminal
 * tells that nobody is at its other end; a disk, that it is full. */
static int write_error(int fd)
{
	struct pollfd p = { .fd = fd };
	struct statvfs fs;
	struct stat st;

	if (poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP))
		return EPIPE;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fstatvfs(fd, &fs) == 0 &&
	    fs.f_blocks > 0 && (geteuid() == 0 ? fs.f_bfree : fs.f_bavail) == 0)
		return ENOSPC;
	return 0;
}

/* The same for a temporary file, to which a page can be added to find out.  What
 * takes more than half of its disk has itself to blame. */
static int write_error_of_own(int fd)
{
	static const char page[4096];
	struct statvfs fs;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || fstatvfs(fd, &fs) ||
	    (uint64_t)st.st_blocks * 512 > (uint64_t)fs.f_blocks * fs.f_frsize / 2)
		return 0;
	n = pwrite(fd, page, sizeof(page), st.st_size);
	if (n >= 0)
		return n == sizeof(page) ? 0 : ENOSPC;
	return errno == EFBIG ? 0 : errno;
}

int crew_blames_output(struct crew *crew, int own)
{
	int ours = !crew->reply && !crew->kind->answers;
	const struct {
		const char *name;
		int error;
	} outputs[] = {
		{ "temporary file", own < 0 ? 0 : write_error_of_own(own) },
		{ "standard output", ours ? write_error(STDOUT_FILENO) : 0 },
		{ "standard error", write_error(STDERR_FILENO) },
	};
	char text[80];

	for (size_t i = 0; !crew->feed->failed && i < NELEMS(outputs); i++) {
		if (!outputs[i].error)
			continue;
		snprintf(text, sizeof(text), "%s: write: %s", outputs[i].name,
		    strerror(outputs[i].error));
		crew_broken(crew, MQ_IO, text);
	}
	return crew->feed->failed;
}

mq_time follow(mq_time mean, mq_time value)
{
	if (mean > 0)
		value = mean + (value - mean) / 4;
	return value > 0 ? value : 1;
}

size_t in_a_moment(mq_time pace, size_t at_a_time, size_t most)
{
	size_t n;

	if (pace <= 0 || pace > SLOW)
		return 0;
	n = at_a_time * MOMENT / pace;
	return n < most ? n : most;
}

/* ---- processes --------------------------------------------------------- */

/* The command cannot be executed. */
static void stop_for(struct crew *crew, int error)
{
	int status = command_cannot_run(&crew->command, crew->c, error);

	crew->stop = 1;
	if (!crew->c->exit)
		crew->c->exit = status;
}

/* No process can be made, or somebody still writes the command's file.  That may
 * pass: try again after 1, 2, 4 and 8 seconds. */
static void start_later(struct crew *crew, int error)
{
	const char *name = crew->command.args[0];
	char text[160];

	snprintf(text, sizeof(text), "%.80s: cannot start: %s", name, strerror(error));
	if (crew->refusals == PATIENCE) {
		crew_broken(crew, MQ_IO, text);
		return;
	}
	if (crew->refusals == 0)
		cmd_error(crew->c, MQ_OK, "%s; trying again", text);
	crew->start_at = crew->feed->now + (MQ_SECOND << crew->refusals++);
}

int crew_may_start(const struct crew *crew)
{
	return !crew->stop && !crew->feed->failed && crew->feed->now >= crew->start_at;
}

int crew_is_told(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	    (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1 ||
		sigismember(&set, SIGHUP) == 1);
}

/* Whose fault it is.  With the environment and the arguments that mq-work itself was
 * started with there is room for the command: what is too long is the message's. */
int slot_start(struct slot *s, int in, int out, const char *path, struct verdict *v)
{
	struct crew *crew = s->crew;
	int error = command_start(&crew->command, crew->c, in, out, path, &s->pid);

	if (!error) {
		crew->refusals = 0;
		return 0;
	}
	s->pid = 0;
	*v = (struct verdict){ .kind = GIVEBACK, .status = "not started" };
	switch (error) {
	case EAGAIN:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ETXTBSY:
		start_later(crew, error);
		break;
	case E2BIG:
		if (path) {
			*v = (struct verdict){ NACK, -1, TOO_LONG, "not started" };
			break;
		}
		/* fall through */
	default:
		stop_for(crew, error);
	}
	return -1;
}

/* It may have left its group for another one. */
static void signal_group(const struct slot *s, int signal)
{
	if (kill(-s->pid, signal))
		kill(s->pid, signal);
}

/* Send SIGTERM, and later SIGKILL, or that at once. */
static void slot_end(struct slot *s, enum killed why)
{
	s->killed = why;
	signal_group(s, SIGTERM);
	s->term_at = NEVER;
	s->kill_at = s->crew->feed->now + GRACE;
}

void slot_kill(struct slot *s, enum killed why)
{
	s->killed = why;
	signal_group(s, SIGKILL);
	s->term_at = s->kill_at = NEVER;
}

static int has_lost_lease(const struct slot *s)
{
	for (struct task *t = s->tasks.first; t; t = t->next)
		if (t->fate == LAPSED)
			return 1;
	return 0;
}

/* When the first of its tasks has taken too long. */
static mq_time timeout_of(const struct slot *s)
{
	if (!s->tasks.first || s->killed || s->crew->timeout == NEVER)
		return NEVER;
	return s->turn + s->crew->timeout;
}

void crew_check(struct crew *crew)
{
	mq_time now = crew->feed->now;

	for (size_t i = 0; i < crew->n; i++) {
		struct slot *s = crew_slot(crew, i);

		if (!s->pid)
			continue;
		if (crew->kind->check)
			crew->kind->check(s);
		if (s->killed != LEASE_LOST && has_lost_lease(s))
			slot_kill(s, LEASE_LOST);
		else if (now >= timeout_of(s))
			slot_end(s, TIMED_OUT);
		else if (now >= s->term_at)
			slot_end(s, DISMISSED);
		else if (now >= s->kill_at)
			slot_kill(s, s->killed);
	}
}

mq_time crew_due(const struct crew *crew)
{
	mq_time due = crew->start_at > crew->feed->now ? crew->start_at : NEVER;

	for (size_t i = 0; i < crew->n; i++) {
		const struct slot *s = crew_slot(crew, i);
		const mq_time times[] = { timeout_of(s), s->term_at, s->kill_at,
			crew->kind->due ? crew->kind->due(s) : NEVER };

		for (size_t k = 0; k < NELEMS(times); k++)
			if (times[k] < due)
				due = times[k];
	}
	return due;
}

/* ---- the end ----------------------------------------------------------- */

static struct slot *slot_of(struct crew *crew, pid_t pid)
{
	for (size_t i = 0; i < crew->n; i++)
		if (crew_slot(crew, i)->pid == pid)
			return crew_slot(crew, i);
	return NULL; /* a child that we had before we were mq-work */
}

static void end_slot(struct slot *s, const siginfo_t *info)
{
	s->crew->kind->ended(s, info);
	if (s->killed)
		kill(-s->pid, SIGKILL);
	s->pid = 0;
	s->killed = NOT_KILLED;
	s->term_at = s->kill_at = NEVER;
}

/* Nobody will tell us how our processes end. */
static void lose_all(struct crew *crew)
{
	const siginfo_t unknown = { .si_code = CLD_KILLED, .si_status = SIGKILL };
	char text[80];

	snprintf(text, sizeof(text), "jobs: wait: %s", strerror(errno));
	for (size_t i = 0; i < crew->n; i++) {
		struct slot *s = crew_slot(crew, i);

		if (!s->pid)
			continue;
		crew_broken(crew, MQ_IO, text);
		slot_kill(s, ABORTED);
		end_slot(s, &unknown);
	}
}

void crew_reap(struct crew *crew)
{
	siginfo_t info;
	struct slot *s;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT)) {
			lose_all(crew);
			return;
		}
		if (info.si_pid == 0)
			return;
		s = slot_of(crew, info.si_pid);
		if (s)
			end_slot(s, &info);
		waitid(P_PID, info.si_pid, &info, WEXITED);
	}
}

void crew_dismiss(struct crew *crew)
{
	for (size_t i = 0; i < crew->n && crew->kind->dismiss; i++) {
		struct slot *s = crew_slot(crew, i);

		if (s->pid && s->tasks.n == 0 && s->term_at == NEVER && s->kill_at == NEVER) {
			crew->kind->dismiss(s);
			s->term_at = crew->feed->now + GRACE;
		}
	}
}

void crew_abort(struct crew *crew)
{
	for (size_t i = 0; i < crew->n; i++)
		if (crew_slot(crew, i)->pid)
			slot_kill(crew_slot(crew, i), ABORTED);
}

int crew_running(const struct crew *crew)
{
	for (size_t i = 0; i < crew->n; i++)
		if (crew_slot(crew, i)->pid)
			return 1;
	return 0;
}
