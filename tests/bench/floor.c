/*
 * floor.c - what the system calls alone cost
 *
 *	floor DIR COUNT SIZE
 *
 * does in a bare loop what no durable queue of this kind can do without, and
 * prints nanoseconds per message, one figure a line:
 *
 *	send    write COUNT messages of SIZE bytes into files of 1,000, link each
 *	        into a directory of 256, sync each file once
 *	recv    for each: rename it to another directory
 *	ack     for each: unlink it
 */
#include "bare.h"

/* The names are of the same length as those of messages and receipts. */
static void ready_path(char *path, int i)
{
	sprintf(path, "ready/%d/1763681547%09d-1a2b3c4d,p4,o%d,b100", i / PER_DIR, i, 1000 + i);
}

static void leased_path(char *path, int i)
{
	sprintf(path, "leased/0/1763681547%09d-1a2b3c4d,p4,r1,o%d,b100,l0123456789abcdef", i,
	    1000 + i);
}

/* One file of the messages from first on. */
static void send_file(int first, int n, size_t size)
{
	int fd = write_tmp(n, size), i;
	char path[200];

	for (i = first; i < first + n; i++) {
		make_dir_of("ready", i);
		ready_path(path, i);
		must(i < first + n - 1 ? link("tmp", path) == 0 : rename("tmp", path) == 0, "link");
	}
	sync_and_close(fd);
}

static void send_all(int count, size_t size)
{
	int i;

	for (i = 0; i < count; i += PER_FILE)
		send_file(i, in_file(i, count), size);
}

static void receive_all(int count)
{
	char from[200], to[200];
	int i;

	must(mkdir("leased", 0770) == 0 && mkdir("leased/0", 0770) == 0, "mkdir");
	for (i = 0; i < count; i++) {
		ready_path(from, i);
		leased_path(to, i);
		must(rename(from, to) == 0, "rename");
	}
}

static void ack_all(int count)
{
	char path[200];
	int i;

	for (i = 0; i < count; i++) {
		leased_path(path, i);
		must(unlink(path) == 0, "unlink");
	}
}

int main(int argc, char **argv)
{
	int count = argc == 4 ? atoi(argv[2]) : 0;
	double t[4];

	if (count <= 0) {
		fprintf(stderr, "usage: floor DIR COUNT SIZE\n");
		return 64;
	}
	must(mkdir(argv[1], 0770) == 0 && chdir(argv[1]) == 0 && mkdir("ready", 0770) == 0,
	    argv[1]);
	t[0] = now();
	send_all(count, (size_t)atoi(argv[3]));
	t[1] = now();
	receive_all(count);
	t[2] = now();
	ack_all(count);
	t[3] = now();
	printf("send %.0f\nrecv %.0f\nack %.0f\n", (t[1] - t[0]) / count, (t[2] - t[1]) / count,
	    (t[3] - t[2]) / count);
	return 0;
}
