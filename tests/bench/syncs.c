/*
 * syncs.c - what the device takes to make a small file durable
 *
 *	syncs FILE COUNT
 *
 * writes 256 bytes to FILE and syncs it, COUNT times; prints the median and the
 * 99th percentile in nanoseconds.
 */
#include "bare.h"

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0, fd, i;
	static const char data[256];
	double *took, began;

	if (count <= 0) {
		fprintf(stderr, "usage: syncs FILE COUNT\n");
		return 64;
	}
	took = calloc((size_t)count, sizeof(*took));
	must(took != NULL, "calloc");
	for (i = 0; i < count; i++) {
		fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
		must(fd != -1, argv[1]);
		began = now();
		must(write(fd, data, sizeof(data)) == sizeof(data), "write");
		must(fsync(fd) == 0, "fsync");
		took[i] = now() - began;
		close(fd);
		must(unlink(argv[1]) == 0, "unlink");
	}
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("%.0f %.0f\n", took[count / 2], took[count * 99 / 100]);
	free(took);
	return 0;
}
