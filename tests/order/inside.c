/*
 * inside.c - before the main of a command, and after its end: see inside.h
 */
#include "inside.h"

#include "rewind.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

static int number(const char *variable)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : -1;
}

int inside_children(void)
{
	siginfo_t info = { 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1)
		return NO_CHILDREN;
	return info.si_pid ? CHILD_ENDED : CHILDREN_RUN;
}

/* One that has left children really ends. */
static int can_play_again(void)
{
	return rewind_remembers() && inside_children() == NO_CHILDREN;
}

static _Noreturn void end_play(struct inside *p, int seat, int status)
{
	p->seats[seat].has_ended = 1;
	p->seats[seat].status = status;
	rewind_now();
}

/* The end of a play for this process, and the beginning of the next, if it can be rewound. */
_Noreturn void __wrap__exit(int status)
{
	int seat;
	struct inside *p = inside_seated(&seat);

	if (p && can_play_again())
		end_play(p, seat, status);
	__real__exit(status);
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);

/* What it starts has no part in the play. */
pid_t __wrap_fork(void)
{
	pid_t pid = __real_fork();

	if (pid == 0)
		inside_sit(-1);
	return pid;
}

void inside_stop(struct inside *p, int seat)
{
	kill(getpid(), SIGSTOP);
	if (p->seats[seat].told != GONE)
		return;
	if (!can_play_again())
		kill(0, SIGKILL);
	end_play(p, seat, 0);
}

/* Until a play begins. */
static void wait_for_play(const struct player *player)
{
	kill(getpid(), SIGSTOP);
	inside_seed(player->seed);
	inside_sit(player->seat);
}

int __wrap_main(int argc, char **argv, char **envp)
{
	int fd = number(INSIDE_PAGE), player = number(INSIDE_PLAYER);
	struct inside *p = fd == -1 ? NULL : inside_map(fd);

	if (fd != -1 && !p)
		_exit(127);
	if (p && player != -1) {
		unsetenv(INSIDE_PLAYER);
		setpgid(0, 0);
		if (setjmp(rewind_start) == 0)
			rewind_remember(fd);
		wait_for_play(&p->players[player]);
	}
	exit(__real_main(argc, argv, envp));
}
