/*
 * mq-once - run a command unless it was done before
 *
 * The library holds the key for us while COMMAND runs, by the lock on a
 * descriptor.  COMMAND inherits that on purpose: when we are killed, no other
 * begins as long as it runs.
 *
 * While it runs all signals that matter are blocked and taken one by one, so
 * that none can be sent to a process that is no more.
 */
#include "share/common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_RUN = 126, NOT_FOUND = 127, KILLED = 128 }; /* as in the shell */

static const struct cmd_option options[] = {
	{ 'w', "window", "WINDOW", "remember KEY for so long (default: 1d)" },
	{ 0 },
};

/* What is changed while COMMAND runs, and was so before. */
struct signals {
	sigset_t mask;
	struct sigaction interrupt, quit;
};

/* The terminal sends INT and QUIT to COMMAND as well: what comes of them is its
 * affair.  TERM and HUP come to us alone, and are passed on; but for a HUP that
 * is ignored: blocked, it would be seen nevertheless. */
static sigset_t take_signals(struct signals *old)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction hangup;
	sigset_t taken;

	sigaction(SIGINT, &ignore, &old->interrupt);
	sigaction(SIGQUIT, &ignore, &old->quit);
	signal(SIGCHLD, SIG_DFL); /* when it is ignored, there is no exit status */
	sigaction(SIGHUP, NULL, &hangup);
	sigemptyset(&taken);
	sigaddset(&taken, SIGCHLD);
	sigaddset(&taken, SIGTERM);
	if (hangup.sa_handler != SIG_IGN)
		sigaddset(&taken, SIGHUP);
	sigprocmask(SIG_BLOCK, &taken, &old->mask);
	return taken;
}

_Noreturn static void execute(struct cmd *c, const struct signals *old)
{
	char **command = c->argv + 1;
	int error;

	sigaction(SIGINT, &old->interrupt, NULL);
	sigaction(SIGQUIT, &old->quit, NULL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old->mask, NULL);
	cmd_umask_user(c);
	execvp(command[0], command);
	error = errno;
	cmd_error(c, MQ_IO, "%s: cannot run: %s", command[0], strerror(error));
	_exit(error == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/* As a shell has it; or -1 with errno. */
static int wait_for(pid_t pid, const sigset_t *taken)
{
	int sig, status;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) != pid) {
		if (ended < 0 && errno != EINTR)
			return -1;
		if (ended == 0 && sigwait(taken, &sig) == 0 && sig != SIGCHLD)
			kill(pid, sig);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}

/* The exit status of COMMAND, or -1. */
static int run(struct cmd *c, const mq_once *once)
{
	struct signals old;
	sigset_t taken = take_signals(&old);
	int status;
	pid_t pid;

	fcntl(mq_once_fd(once), F_SETFD, 0);
	pid = fork();
	if (pid == 0)
		execute(c, &old);
	if (pid < 0) {
		cmd_error(c, MQ_IO, "%s: fork: %s", c->argv[1], strerror(errno));
		return -1;
	}
	if ((status = wait_for(pid, &taken)) < 0)
		cmd_errno(c, c->argv[1], "wait");
	return status;
}

static void run_once(struct cmd *c, mq_time window)
{
	mq_once *once;
	int status = mq_once_begin(c->mq, c->argv[0], &once);

	if (status == MQ_EMPTY || cmd_check(c, status))
		return;
	status = run(c, once);
	if (status == 0)
		cmd_check(c, mq_once_done(once, window));
	else if (status > 0)
		c->exit = status;
	mq_once_end(once);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-once",
		.usage = "[-w WINDOW] [-s DIR] KEY COMMAND [ARG]...",
		.about = "Run COMMAND unless it was done before under KEY.",
		.options = options,
		.may_be_empty_from = 3, /* what COMMAND is given */
		.in_order = 1,
	};
	mq_time window = 24 * 3600 * MQ_SECOND;
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		window = cmd_duration(&c, opt);
	cmd_start(&c, 2, -1);
	run_once(&c, window);
	return cmd_end(&c);
}
