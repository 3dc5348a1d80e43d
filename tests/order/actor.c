/*
 * actor.c - one process of a cast: see actor.h
 */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const struct actor *a, const char *what)
{
	fprintf(stderr, "order: %s: %s: %s\n", a->role->name, what, strerror(errno));
	exit(2);
}

/* ---- hire, dismiss ---------------------------------------------------------------------- */

static _Noreturn void become(const struct actor *a, const struct stage *s, int socket, char **words)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", socket);
	setenv(INSIDE_FORKS, number, 1);
	if (dup2(a->in, STDIN_FILENO) < 0 || dup2(a->out, STDOUT_FILENO) < 0 ||
	    dup2(a->err, STDERR_FILENO) < 0 || chdir(s->dir))
		_exit(127);
	fcntl(socket, F_SETFD, 0);
	execvp(words[0], words);
	_exit(127);
}

static int own_memory(const struct stage *s)
{
	int fd = stage_memory(s);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

void actor_hire(struct actor *a, const struct stage *s, int role, int seat, int nth)
{
	int pair[2];

	a->role = &s->scene->roles[role];
	a->seat = seat;
	a->seed = a->role->seed + (uint64_t)nth * 1000003;
	a->in = own_memory(s);
	a->out = own_memory(s);
	a->err = own_memory(s);
	fcntl(a->out, F_SETFL, O_APPEND);
	fcntl(a->err, F_SETFL, O_APPEND);
	if (a->role->input && write(a->in, a->role->input, strlen(a->role->input)) < 0)
		fail(a, "its input");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		fail(a, "socketpair");
	a->socket = pair[0];
	a->origin = fork();
	if (a->origin == 0)
		become(a, s, pair[1], s->words[role]);
	if (a->origin == -1)
		fail(a, "fork");
	close(pair[1]);
}

void actor_dismiss(struct actor *a)
{
	close(a->socket);
	waitpid(a->origin, NULL, 0);
	close(a->in);
	close(a->out);
	close(a->err);
}

/* ---- a play ------------------------------------------------------------------------------- */

void actor_reset(struct actor *a, struct stage *s)
{
	a->pid = 0;
	a->is = STOPPED;
	a->paused = a->killed = 0;
	a->turn = a->blocked = 0;
	s->page->seats[a->seat].waits = 0;
	lseek(a->in, 0, SEEK_SET);
	if (ftruncate(a->out, 0) || ftruncate(a->err, 0))
		fail(a, "ftruncate");
}

static void begin(struct actor *a)
{
	struct inside_request r = { a->seat, a->seed };

	if (write(a->socket, &r, sizeof(r)) != sizeof(r) ||
	    read(a->socket, &a->pid, sizeof(a->pid)) != sizeof(a->pid))
		fail(a, "it does not start");
}

static void await(struct actor *a, int options)
{
	int r;

	do
		r = waitpid(a->pid, &a->status, options);
	while (r == -1 && errno == EINTR);
	if (r == -1)
		fail(a, "waitpid");
	a->is = WIFSTOPPED(a->status) ? STOPPED : OVER_AND_DONE;
}

void actor_go(struct actor *a, struct stage *s, int told)
{
	s->page->seats[a->seat].told = told;
	if (!a->pid)
		begin(a);
	else
		kill(a->pid, SIGCONT);
	await(a, WUNTRACED);
	if (a->is == STOPPED && s->page->seats[a->seat].waits)
		a->is = WAITING;
}

void actor_kill(struct actor *a)
{
	a->killed = 1;
	a->is = OVER_AND_DONE;
	if (!a->pid)
		return;
	kill(-a->pid, SIGKILL);
	await(a, 0);
}

static void read_text(int fd, char *text)
{
	ssize_t n = pread(fd, text, OUTPUT_MAX - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
}

void actor_ending(struct actor *a, struct ending *e)
{
	int ended = a->is == OVER_AND_DONE, killed = a->killed;

	if (!ended)
		actor_kill(a);
	e->how = killed ? KILLED : !ended ? STUCK : WIFEXITED(a->status) ? ENDED : SICK;
	e->status = e->how == ENDED ? WEXITSTATUS(a->status) : WTERMSIG(a->status);
	read_text(a->out, e->output);
	read_text(a->err, e->errors);
}
