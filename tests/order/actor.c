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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const struct actor *a, const char *what)
{
	fprintf(stderr, "order: %s: %s: %s\n", a->role->name, what, strerror(errno));
	exit(2);
}

/* ---- start, hire, dismiss -------------------------------------------------------------- */

static _Noreturn void become(const struct actor *a, const struct stage *s, char **words)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", a->player);
	setenv(INSIDE_PLAYER, number, 1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || dup2(a->in, STDIN_FILENO) < 0 ||
	    dup2(a->out, STDOUT_FILENO) < 0 || dup2(a->err, STDERR_FILENO) < 0 || chdir(s->dir))
		_exit(127);
	execvp(words[0], words);
	_exit(127);
}

static void await(struct actor *a)
{
	int r;

	do
		r = waitpid(a->pid, &a->status, WUNTRACED);
	while (r == -1 && errno == EINTR);
	if (r == -1)
		fail(a, "waitpid");
	if (!WIFSTOPPED(a->status))
		a->pid = 0;
}

/* Up to where it waits for a play. */
static void start(struct actor *a, const struct stage *s)
{
	a->pid = fork();
	if (a->pid == 0)
		become(a, s, s->words[a->role - s->scene->roles]);
	if (a->pid == -1)
		fail(a, "fork");
	await(a);
	if (!a->pid)
		fail(a, "it does not start");
}

static int own_memory(const struct stage *s)
{
	int fd = stage_memory(s);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

_Static_assert(PLAYERS_MAX >= SEATS * ROLES_MAX, "each has a place in the page");

void actor_hire(struct actor *a, const struct stage *s, int role, int nth)
{
	a->role = &s->scene->roles[role];
	a->player = SEATS * role + nth;
	a->seed = a->role->seed + (uint64_t)nth * 1000003;
	a->in = own_memory(s);
	a->out = own_memory(s);
	a->err = own_memory(s);
	fcntl(a->out, F_SETFL, O_APPEND);
	fcntl(a->err, F_SETFL, O_APPEND);
	if (a->role->input && write(a->in, a->role->input, strlen(a->role->input)) < 0)
		fail(a, "its input");
}

void actor_dismiss(struct actor *a)
{
	if (a->pid) {
		kill(a->pid, SIGKILL);
		await(a);
	}
	close(a->in);
	close(a->out);
	close(a->err);
}

/* ---- a play ------------------------------------------------------------------------------- */

void actor_reset(struct actor *a, struct stage *s)
{
	a->began = 0;
	a->is = STOPPED;
	a->paused = a->killed = 0;
	a->turn = a->blocked = 0;
	s->page->seats[a->seat].waits = 0;
	lseek(a->in, 0, SEEK_SET);
	if (ftruncate(a->out, 0) || ftruncate(a->err, 0))
		fail(a, "ftruncate");
}

static void begin(struct actor *a, struct stage *s)
{
	if (!a->pid)
		start(a, s);
	a->began = 1;
	s->page->players[a->player].seat = a->seat;
	s->page->players[a->player].seed = a->seed;
	s->page->seats[a->seat].has_ended = 0;
}

void actor_go(struct actor *a, struct stage *s, int told)
{
	struct seat *seat = &s->page->seats[a->seat];

	if (!a->began)
		begin(a, s);
	seat->told = told;
	kill(a->pid, SIGCONT);
	await(a);
	if (a->pid && seat->has_ended)
		a->status = W_EXITCODE(seat->status, 0);
	a->is = !a->pid || seat->has_ended ? OVER_AND_DONE : seat->waits ? WAITING : STOPPED;
}

void actor_kill(struct actor *a, struct stage *s)
{
	a->killed = 1;
	if (a->began)
		actor_go(a, s, GONE);
	a->is = OVER_AND_DONE;
}

static void read_text(int fd, char *text)
{
	ssize_t n = pread(fd, text, OUTPUT_MAX - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
}

void actor_ending(struct actor *a, struct stage *s, struct ending *e)
{
	int ended = a->is == OVER_AND_DONE, killed = a->killed;

	if (!ended)
		actor_kill(a, s);
	e->how = killed ? KILLED : !ended ? STUCK : WIFEXITED(a->status) ? ENDED : SICK;
	e->status = e->how == ENDED ? WEXITSTATUS(a->status) : WTERMSIG(a->status);
	read_text(a->out, e->output);
	read_text(a->err, e->errors);
}
