/*
 * spawn.c - how long a command takes, from its start to its end
 *
 *	spawn COUNT COMMAND [ARG]...
 *	spawn -i COUNT COMMAND [ARG]...
 *
 * runs the command COUNT times, one after the other, and prints the median and
 * the 99th percentile in nanoseconds.  With -i, @ as an argument stands for the
 * next line of standard input each time: a receipt.
 */
#include "bare.h"

#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static double run(char **argv)
{
	double began = now();
	int status;
	pid_t pid;

	must(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0, argv[0]);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status != 0) {
		fprintf(stderr, "spawn: %s failed\n", argv[0]);
		exit(1);
	}
	return now() - began;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
	int from_input = argc > 1 && strcmp(argv[1], "-i") == 0, count, i;
	char **command = argv + 2 + from_input, **place = NULL;
	char line[4096];
	double *took;

	if (argc < 3 + from_input || (count = atoi(argv[1 + from_input])) <= 0) {
		fprintf(stderr, "usage: spawn [-i] COUNT COMMAND [ARG]...\n");
		return 64;
	}
	for (i = 0; from_input && command[i]; i++)
		if (strcmp(command[i], "@") == 0)
			place = &command[i];
	took = calloc((size_t)count, sizeof(*took));
	must(took != NULL, "calloc");
	for (i = 0; i < count; i++) {
		if (place) {
			must(fgets(line, sizeof(line), stdin) != NULL, "standard input");
			line[strcspn(line, "\n")] = '\0';
			*place = line;
		}
		took[i] = run(command);
	}
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("%.0f %.0f\n", took[count / 2], took[count * 99 / 100]);
	free(took);
	return 0;
}
