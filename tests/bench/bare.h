/*
 * bare.h - what the programs that measure bare system calls share
 */
#ifndef BARE_H
#define BARE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PER_FILE 1000
#define PER_DIR  250

static inline void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Begin to publish: write the file tmp, of n messages of that size. */
static inline int write_tmp(int n, size_t size)
{
	char *data = calloc((size_t)n, size);
	int fd = open("tmp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

	must(data != NULL, "calloc");
	must(fd != -1, "open");
	must(write(fd, data, size * (size_t)n) == (ssize_t)(size * (size_t)n), "write");
	free(data);
	return fd;
}

static inline void sync_and_close(int fd)
{
	must(fsync(fd) == 0, "fsync");
	close(fd);
}

/* How many of count messages go into the file that begins with number i. */
static inline int in_file(int i, int count)
{
	return count - i < PER_FILE ? count - i : PER_FILE;
}

/* The directory dir/N of message i, made for its first one. */
static inline void make_dir_of(const char *dir, int i)
{
	char path[200];

	if (i % PER_DIR == 0) {
		snprintf(path, sizeof(path), "%s/%d", dir, i / PER_DIR);
		must(mkdir(path, 0770) == 0, "mkdir");
	}
}

#endif
