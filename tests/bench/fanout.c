/*
 * fanout.c - what the system calls of a publish to several queues cost
 *
 *	fanout DIR COUNT SIZE QUEUES
 *
 * writes COUNT messages of SIZE bytes into files of 1,000, links each into a
 * directory of 256 for each of QUEUES, syncs each file once, and prints
 * nanoseconds per message.
 */
#include "bare.h"

static void link_into(int queue, int i)
{
	char dir[20], path[200];

	sprintf(dir, "q%d", queue);
	make_dir_of(dir, i);
	sprintf(path, "%s/%d/1763681547%09d-1a2b3c4d,i1763681547%09d-1a2b3c4d,p4,o%d,b100", dir,
	    i / PER_DIR, i, i, 1000 + i);
	must(link("tmp", path) == 0, "link");
}

static void publish(int first, int n, int queues, size_t size)
{
	int fd = write_tmp(n, size), i, queue;

	for (queue = 0; queue < queues; queue++)
		for (i = first; i < first + n; i++)
			link_into(queue, i);
	sync_and_close(fd);
	must(unlink("tmp") == 0, "unlink");
}

int main(int argc, char **argv)
{
	int count = argc == 5 ? atoi(argv[2]) : 0, queues, i;
	char path[20];
	size_t size;
	double began;

	if (count <= 0 || (queues = atoi(argv[4])) <= 0) {
		fprintf(stderr, "usage: fanout DIR COUNT SIZE QUEUES\n");
		return 64;
	}
	size = (size_t)atoi(argv[3]);
	must(mkdir(argv[1], 0770) == 0 && chdir(argv[1]) == 0, argv[1]);
	for (i = 0; i < queues; i++) {
		sprintf(path, "q%d", i);
		must(mkdir(path, 0770) == 0, path);
	}
	began = now();
	for (i = 0; i < count; i += PER_FILE)
		publish(i, in_file(i, count), queues, size);
	printf("%.0f\n", (now() - began) / count);
	return 0;
}
