/*
 * inside.c - before the main of a command: see inside.h
 */
#include "inside.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../trace/trace.h"

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);

static int descriptor(const char *variable)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : -1;
}

/* Returns in each child.  It is a child of the parent of this process, which so can
 * trace it and is told of its end. */
static void fork_when_asked(int fd)
{
	uint64_t seed;
	pid_t pid;

	while (read(fd, &seed, sizeof(seed)) == sizeof(seed)) {
		pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			close(fd);
			inside_seed(seed);
			setpgid(0, 0);
			ptrace(PTRACE_TRACEME, 0, 0, 0);
			kill(getpid(), SIGSTOP);
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
		if (!getenv(INSIDE_JOBS) && trace_filter(inside_calls, inside_ncalls))
			_exit(127);
		unsetenv(INSIDE_FORKS);
		fork_when_asked(forks);
	}
	return __real_main(argc, argv, envp);
}
