/*
 * serve.c - one process for what the crash tests do at every point
 *
 * Each line on standard input is a request, its words with tabs between:
 *
 *	restore FROM TO
 *	left [-s] QUEUE...
 *	well QUEUE LITTER
 *	litter
 *
 * serve.h says what they do.  The answer is what they print, a NUL, the status as a
 * number, and a NUL.
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 16

static int perform(char **words, size_t n)
{
	int sorted = n > 1 && strcmp(words[1], "-s") == 0;

	if (n == 3 && strcmp(words[0], "restore") == 0)
		return restore(words[1], words[2]), 0;
	if (n > 1 && strcmp(words[0], "left") == 0)
		return look_left(words + 1 + sorted, sorted);
	if (n == 3 && strcmp(words[0], "well") == 0)
		return look_well(words[1], (unsigned)strtoul(words[2], NULL, 10));
	if (n == 1 && strcmp(words[0], "litter") == 0)
		return look_litter();
	return 2;
}

int main(void)
{
	char *line = NULL, *rest, *words[WORDS + 1];
	size_t size = 0, n;
	int status;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		line[length - 1] = '\0';
		rest = line;
		for (n = 0; rest && n < WORDS; n++)
			words[n] = strsep(&rest, "\t");
		words[n] = NULL;
		status = perform(words, n);
		printf("%c%d%c", 0, status, 0);
		fflush(stdout);
	}
	free(line);
	return 0;
}
