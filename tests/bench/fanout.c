/*
 * fanout.c - what the system calls of a publish to several queues cost
 *
 *	fanout DIR COUNT SIZE QUEUES
 *
 * writes COUNT messages of SIZE bytes into files of 1,000, links each into a
 * directory of 256 for each of QUEUES, syncs each file once, and prints
 * nanoseconds per message.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PER_FILE 1000
#define PER_DIR  256

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void link_into(int queue, int i)
{
	char path[200];

	if (i % PER_DIR == 0) {
		sprintf(path, "q%d/%d", queue, i / PER_DIR);
		must(mkdir(path, 0770) == 0, "mkdir");
	}
	sprintf(path, "q%d/%d/1763681547%09d-1a2b3c4d,i1763681547%09d-1a2b3c4d,p4,o%d,b100", queue,
	    i / PER_DIR, i, i, 1000 + i);
	must(link("tmp", path) == 0, "link");
}

static void publish(int first, int n, int queues, const char *data, size_t size)
{
	int fd = open("tmp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	int i, queue;

	must(fd != -1, "open");
	must(write(fd, data, size * (size_t)n) == (ssize_t)(size * (size_t)n), "write");
	for (queue = 0; queue < queues; queue++)
		for (i = first; i < first + n; i++)
			link_into(queue, i);
	must(fsync(fd) == 0, "fsync");
	must(unlink("tmp") == 0, "unlink");
	close(fd);
}

int main(int argc, char **argv)
{
	int count = argc == 5 ? atoi(argv[2]) : 0, queues, i;
	char *data, path[20];
	size_t size;
	double began;

	if (count <= 0 || (queues = atoi(argv[4])) <= 0) {
		fprintf(stderr, "usage: fanout DIR COUNT SIZE QUEUES\n");
		return 64;
	}
	size = (size_t)atoi(argv[3]);
	must((data = calloc(PER_FILE, size)) != NULL, "calloc");
	must(mkdir(argv[1], 0770) == 0 && chdir(argv[1]) == 0, argv[1]);
	for (i = 0; i < queues; i++) {
		sprintf(path, "q%d", i);
		must(mkdir(path, 0770) == 0, path);
	}
	began = now();
	for (i = 0; i < count; i += PER_FILE)
		publish(i, count - i < PER_FILE ? count - i : PER_FILE, queues, data, size);
	printf("%.0f\n", (now() - began) / count);
	free(data);
	return 0;
}
