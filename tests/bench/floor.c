/*
 * floor.c - what the system calls alone cost
 *
 *	floor DIR COUNT SIZE
 *
 * does in a bare loop what no durable queue of this kind can do without, and
 * prints nanoseconds per message, one figure a line:
 *
 *	send    write COUNT messages of SIZE bytes into files of 1,000, link each
 *	        into a directory of 250, rename the directory into the line, sync
 *	        each file once
 *	recv    rename each directory to another place
 *	ack     for each message: unlink it; and remove the directories
 *	alone   rename each message of a second lot to another directory, instead
 *	        of all of a directory at once, and unlink it
 */
#include "bare.h"

/* The names are of the same length as those of messages. */
static void message_path(char *path, const char *dir, int i)
{
	sprintf(path, "%s/1763681547%09d-1a2b3c4d,p4,o%d,b100", dir, i, 1000 + i);
}

static void directory_path(char *path, const char *part, int i)
{
	sprintf(path, "%s/%d", part, i / PER_DIR);
}

/* One file of the messages from first on. */
static void send_file(int first, int n, size_t size)
{
	int fd = write_tmp(n, size), i;
	char path[200];

	for (i = first; i < first + n; i++) {
		if (i % PER_DIR == 0)
			must(mkdir("made", 0770) == 0, "mkdir");
		message_path(path, "made", i);
		must(i < first + n - 1 ? link("tmp", path) == 0 : rename("tmp", path) == 0, "link");
		if (i % PER_DIR == PER_DIR - 1 || i == first + n - 1) {
			directory_path(path, "ready", i);
			must(rename("made", path) == 0, "rename");
		}
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

	for (i = 0; i < count; i += PER_DIR) {
		directory_path(from, "ready", i);
		directory_path(to, "leased", i);
		must(rename(from, to) == 0, "rename");
	}
}

static void ack_all(int count)
{
	char path[200], dir[50];
	int i;

	for (i = 0; i < count; i++) {
		directory_path(dir, "leased", i);
		message_path(path, dir, i);
		must(unlink(path) == 0, "unlink");
		if (i % PER_DIR == PER_DIR - 1 || i == count - 1)
			must(rmdir(dir) == 0, "rmdir");
	}
}

/* As one consumer after the other takes one message. */
static void take_each(int count)
{
	char from[200], to[200], dir[50];
	int i;

	must(mkdir("leased/0", 0770) == 0, "mkdir");
	for (i = 0; i < count; i++) {
		directory_path(dir, "ready", i);
		message_path(from, dir, i);
		message_path(to, "leased/0", i);
		must(rename(from, to) == 0, "rename");
	}
	for (i = 0; i < count; i++) {
		message_path(to, "leased/0", i);
		must(unlink(to) == 0, "unlink");
	}
}

int main(int argc, char **argv)
{
	int count = argc == 4 ? atoi(argv[2]) : 0;
	size_t size;
	double t[6];

	if (count <= 0) {
		fprintf(stderr, "usage: floor DIR COUNT SIZE\n");
		return 64;
	}
	size = (size_t)atoi(argv[3]);
	must(mkdir(argv[1], 0770) == 0 && chdir(argv[1]) == 0 && mkdir("ready", 0770) == 0 &&
		mkdir("leased", 0770) == 0,
	    argv[1]);
	t[0] = now();
	send_all(count, size);
	t[1] = now();
	receive_all(count);
	t[2] = now();
	ack_all(count);
	t[3] = now();
	send_all(count, size);
	t[4] = now();
	take_each(count);
	t[5] = now();
	printf("send %.0f\nrecv %.0f\nack %.0f\nalone %.0f\n", (t[1] - t[0]) / count,
	    (t[2] - t[1]) / count, (t[3] - t[2]) / count, (t[5] - t[4]) / count);
	return 0;
}
