/*
 * actor.c - one process of a cast: see actor.h
 */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const struct actor *a, const char *what)
{
	fprintf(stderr, "order: %s: %s: %s\n", a->role->name, what, strerror(errno));
	exit(2);
}

/* ---- hire, dismiss ----------------------------------------------------------------- */

static _Noreturn void become(const struct actor *a, const struct stage *s, int socket, char **words)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", socket);
	setenv(INSIDE_FORKS, number, 1);
	if (a->role->jobs)
		setenv(INSIDE_JOBS, "1", 1);
	if (dup2(a->in, STDIN_FILENO) < 0 || dup2(a->out, STDOUT_FILENO) < 0 ||
	    dup2(a->err, STDERR_FILENO) < 0 || chdir(s->dir))
		_exit(127);
	fcntl(socket, F_SETFD, 0);
	execvp(words[0], words);
	_exit(127);
}

void actor_hire(struct actor *a, const struct stage *s, int role, int nth)
{
	int pair[2];

	a->role = &s->scene->roles[role];
	a->seed = a->role->seed + (uint64_t)nth * 1000003;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		fail(a, "socketpair");
	a->in = stage_memory(s);
	a->out = stage_memory(s);
	a->err = stage_memory(s);
	fcntl(a->in, F_SETFD, FD_CLOEXEC);
	fcntl(a->out, F_SETFL, O_APPEND);
	fcntl(a->err, F_SETFL, O_APPEND);
	fcntl(a->out, F_SETFD, FD_CLOEXEC);
	fcntl(a->err, F_SETFD, FD_CLOEXEC);
	if (a->role->input && write(a->in, a->role->input, strlen(a->role->input)) < 0)
		fail(a, "its input");
	a->origin = fork();
	if (a->origin == 0)
		become(a, s, pair[1], s->words[role]);
	if (a->origin == -1)
		fail(a, "fork");
	close(pair[1]);
	a->socket = pair[0];
}

void actor_dismiss(struct actor *a)
{
	close(a->socket);
	waitpid(a->origin, NULL, 0);
	close(a->in);
	close(a->out);
	close(a->err);
}

/* ---- from call to call -------------------------------------------------------------- */

static int is_of_interest(long number)
{
	for (unsigned i = 0; i < inside_ncalls; i++)
		if (inside_calls[i] == number)
			return 1;
	return 0;
}

static int64_t nanoseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* Until when the call, of which it is known that it waits, does so at most. */
static int64_t end_of_wait(const struct actor *a, const struct stage *s)
{
	int64_t now = s->page->time, up = now - 1000000000 * (int64_t)1000000000;
	struct timespec t = { 0, 0 };

	if (a->t.number == SYS_ppoll && a->t.args[2]) {
		trace_read(&a->t, a->t.args[2], &t, sizeof(t));
		return now + nanoseconds(&t);
	}
	if (a->t.number == SYS_clock_nanosleep) {
		trace_read(&a->t, a->t.args[2], &t, sizeof(t));
		return a->t.args[1] ? now + nanoseconds(&t) - up : now + nanoseconds(&t);
	}
	return NEVER;
}

static int may_wait(const struct actor *a)
{
	return a->t.number == SYS_ppoll || a->t.number == SYS_clock_nanosleep ||
	    (a->t.number == SYS_flock && !(a->t.args[1] & (LOCK_NB | LOCK_UN)));
}

/* It runs: up to its next call, or its end. */
static void run_on(struct actor *a)
{
	for (;;) {
		enum trace_stop stop = trace_wait(&a->t, NULL);

		if (stop == TRACE_ENDED ||
		    (stop == TRACE_ENTER && (a->t.blind || is_of_interest(a->t.number))))
			return;
		trace_pass(&a->t);
	}
}

static void look(struct actor *a, const struct stage *s)
{
	a->waits = a->t.stop == TRACE_ENTER && may_wait(a);
	a->wakes = a->waits ? end_of_wait(a, s) : 0;
}

void actor_enter(struct actor *a)
{
	pid_t pid;

	lseek(a->in, 0, SEEK_SET);
	if (ftruncate(a->out, 0) || ftruncate(a->err, 0))
		fail(a, "ftruncate");
	a->turn = 0;
	a->paused = a->killed = 0;
	if (write(a->socket, &a->seed, sizeof(a->seed)) != sizeof(a->seed) ||
	    read(a->socket, &pid, sizeof(pid)) != sizeof(pid))
		fail(a, "it does not start");
	if (trace_adopt(&a->t, pid, !a->role->jobs))
		fail(a, "it cannot be traced");
	a->t.blind = !a->role->jobs;
	trace_pass(&a->t);
	run_on(a);
}

int actor_make_call(struct actor *a)
{
	trace_go(&a->t);
	return trace_wait(&a->t, NULL) == TRACE_LEAVE;
}

void actor_repeat(struct actor *a)
{
	trace_pass(&a->t);
	run_on(a);
}

void actor_look(struct actor *a, const struct stage *s)
{
	if (a->t.blind && a->t.stop == TRACE_ENTER)
		trace_look(&a->t);
	a->t.blind = 0;
	look(a, s);
}

void actor_go(struct actor *a, const struct stage *s)
{
	trace_pass(&a->t);
	run_on(a);
	look(a, s);
}

void actor_wake(struct actor *a, const struct stage *s)
{
	if (a->t.number == SYS_flock || trace_answer(&a->t, 0))
		fail(a, "it does not wake");
	trace_go(&a->t);
	run_on(a);
	look(a, s);
}

/* ---- waits ---------------------------------------------------------------------------- */

static int lock_is_free(const struct actor *a)
{
	char path[40];
	int fd, is_free;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)a->t.pid, (int)a->t.args[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return 1; /* it fails, then */
	is_free = flock(fd, (int)a->t.args[1] | LOCK_NB) == 0;
	close(fd);
	return is_free;
}

#define FDS_MAX 64

static int has_event(const struct actor *a)
{
	struct pollfd fds[FDS_MAX];
	nfds_t n = a->t.args[1] < FDS_MAX ? a->t.args[1] : FDS_MAX;
	int pidfd = (int)syscall(SYS_pidfd_open, a->t.pid, 0), events = 1;

	if (pidfd == -1)
		fail(a, "pidfd_open");
	trace_read(&a->t, a->t.args[0], fds, n * sizeof(*fds));
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd >= 0)
			fds[i].fd = (int)syscall(SYS_pidfd_getfd, pidfd, fds[i].fd, 0);
	events = poll(fds, n, 0);
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	close(pidfd);
	return events != 0;
}

int actor_can_go(const struct actor *a)
{
	if (a->t.stop != TRACE_ENTER)
		return 0;
	if (!a->waits)
		return 1;
	switch (a->t.number) {
	case SYS_flock:
		return lock_is_free(a);
	case SYS_ppoll:
		return has_event(a);
	}
	return 0;
}

int actor_has_jobs(const struct actor *a)
{
	char path[64], text[16];
	int fd;
	ssize_t n;

	if (!a->role->jobs || a->t.stop != TRACE_ENTER)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)a->t.pid, (int)a->t.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0;
}

/* ---- the end ---------------------------------------------------------------------------- */

void actor_kill(struct actor *a)
{
	kill(-a->t.pid, SIGKILL);
	while (a->t.stop != TRACE_ENDED) {
		a->t.stop = TRACE_RUNS;
		trace_wait(&a->t, NULL);
	}
	a->killed = 1;
}

static void read_text(int fd, char *text)
{
	ssize_t n = pread(fd, text, OUTPUT_MAX - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
}

void actor_ending(struct actor *a, struct ending *e)
{
	int ended = a->t.stop == TRACE_ENDED, killed = a->killed;

	if (!ended)
		actor_kill(a);
	e->how = killed ? KILLED : !ended ? STUCK : WIFEXITED(a->t.status) ? ENDED : SICK;
	e->status = e->how == ENDED ? WEXITSTATUS(a->t.status) : WTERMSIG(a->t.status);
	read_text(a->out, e->output);
	read_text(a->err, e->errors);
}
