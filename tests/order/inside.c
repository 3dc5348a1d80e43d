/*
 * inside.c - before the main of a command, and from step to step: see inside.h
 */
#include "inside.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);

static int descriptor(const char *variable)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : -1;
}

/* Returns in each child.  That is a child of the parent of this process, which is told of its
 * stops and its end. */
static void fork_when_asked(int fd)
{
	struct inside_request r;
	pid_t pid;

	while (read(fd, &r, sizeof(r)) == sizeof(r)) {
		pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			close(fd);
			setpgid(0, 0);
			inside_seed(r.seed);
			inside_sit(r.seat);
			return;
		}
		if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
			break;
	}
	_exit(0);
}

int __wrap_main(int argc, char **argv, char **envp)
{
	int page = descriptor(INSIDE_PAGE), forks = descriptor(INSIDE_FORKS);

	if (page != -1 && !inside_map(page))
		_exit(127);
	if (forks != -1) {
		unsetenv(INSIDE_FORKS);
		fork_when_asked(forks);
	}
	return __real_main(argc, argv, envp);
}
