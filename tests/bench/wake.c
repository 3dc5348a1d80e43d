/*
 * wake.c - how long it takes from one process to the start of another
 *
 *	wake stamp FIFO
 *
 * is a job: it writes the time to FIFO, first thing, and ends.
 *
 *	wake bare FIFO COUNT
 *	wake after FIFO COUNT COMMAND [ARG]...
 *
 * prints microseconds, COUNT lines: from before the start of such a job to its
 * stamp; and from the end of COMMAND to the stamp of the job that someone else
 * starts because of it.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two rounds, so that each begins with everyone asleep. */
static const struct timespec pause_between = { 0, 20000000 };

extern char **environ;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static int stamp(const char *fifo, int64_t t)
{
	int fd = open(fifo, O_WRONLY);

	must(fd != -1, fifo);
	must(write(fd, &t, sizeof(t)) == sizeof(t), fifo);
	return 0;
}

static pid_t start(char **argv)
{
	pid_t pid;

	must(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0, argv[0]);
	return pid;
}

static void finish(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid && status == 0, "the command");
}

static int64_t stamped(int fd, const char *fifo)
{
	int64_t t;

	must(read(fd, &t, sizeof(t)) == sizeof(t), fifo);
	return t;
}

/* One round: when it began, and in *end when the job did. */
static int64_t bare(int fd, char **argv, int64_t *end)
{
	int64_t began = now();
	pid_t pid = start(argv);

	*end = stamped(fd, argv[2]);
	finish(pid);
	return began;
}

static int64_t after(int fd, const char *fifo, char **command, int64_t *end)
{
	int64_t began;

	finish(start(command));
	began = now();
	*end = stamped(fd, fifo);
	return began;
}

int main(int argc, char **argv)
{
	int64_t entered = now(), began, end = 0;
	int is_bare = argc == 4 && strcmp(argv[1], "bare") == 0;
	int fd, count;

	if (argc == 3 && strcmp(argv[1], "stamp") == 0)
		return stamp(argv[2], entered);
	if (!is_bare && (argc < 5 || strcmp(argv[1], "after") != 0)) {
		fprintf(stderr,
		    "usage: wake stamp FIFO\n"
		    "       wake bare FIFO COUNT\n"
		    "       wake after FIFO COUNT COMMAND [ARG]...\n");
		return 64;
	}
	/* Open for writing, too: there is never an end of file. */
	fd = open(argv[2], O_RDWR | O_CLOEXEC);
	must(fd != -1, argv[2]);
	for (count = atoi(argv[3]); count > 0; count--) {
		char *job[] = { argv[0], (char *)"stamp", argv[2], NULL };

		nanosleep(&pause_between, NULL);
		began = is_bare ? bare(fd, job, &end) : after(fd, argv[2], argv + 4, &end);
		printf("%.1f\n", (double)(end - began) / 1000);
	}
	return 0;
}
