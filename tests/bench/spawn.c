/*
 * spawn.c - how long a command takes, from its start to its end
 *
 *	spawn [-i] COUNT COMMAND [ARG]...
 *
 * runs the command COUNT times, one after the other, and prints the median and
 * the 99th percentile in nanoseconds.  With -i, @ as an argument stands for the
 * next line of standard input each time: a receipt.
 *
 *	spawn [-i] -e EMPTY COUNT COMMAND [ARG]...
 *
 * runs EMPTY by turns with the command, and prints the median of that as well:
 * a machine that is slow now is slow for both.
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

/* The next line of standard input; good until the next call. */
static char *next_line(void)
{
	static char line[4096];

	must(fgets(line, sizeof(line), stdin) != NULL, "standard input");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double *room_for(int count)
{
	double *took = calloc((size_t)count, sizeof(*took));

	must(took != NULL, "calloc");
	return took;
}

static void print(double *took, double *floor, int count)
{
	qsort(took, (size_t)count, sizeof(*took), compare);
	qsort(floor, (size_t)count, sizeof(*floor), compare);
	printf("%.0f %.0f", took[count / 2], took[count * 99 / 100]);
	if (floor[count / 2] > 0)
		printf(" %.0f", floor[count / 2]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	char *empty[] = { NULL, NULL }, **command, **place = NULL;
	int opt, from_input = 0, count, i;
	double *took, *floor;

	while ((opt = getopt(argc, argv, "+ie:")) != -1) {
		if (opt == 'i')
			from_input = 1;
		else if (opt == 'e')
			empty[0] = optarg;
	}
	command = argv + optind + 1;
	if (optind + 1 >= argc || (count = atoi(argv[optind])) <= 0) {
		fprintf(stderr, "usage: spawn [-i] [-e EMPTY] COUNT COMMAND [ARG]...\n");
		return 64;
	}
	for (i = 0; from_input && command[i]; i++)
		if (strcmp(command[i], "@") == 0)
			place = &command[i];
	took = room_for(count);
	floor = room_for(count);
	for (i = 0; i < count; i++) {
		if (empty[0])
			floor[i] = run(empty);
		if (place)
			*place = next_line();
		took[i] = run(command);
	}
	print(took, floor, count);
	free(took);
	free(floor);
	return 0;
}
