/*
 * pass.c - time passes, for a scene's commands
 *
 * usage: pass SECONDS [NUMBER]
 *
 * The random numbers of the next command begin at that number.
 */
#include "inside.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *fd = getenv(INSIDE_PAGE);
	struct inside *page = fd ? inside_map(atoi(fd)) : NULL;

	if (argc < 2 || argc > 3 || !page)
		return 2;
	page->time += (int64_t)(atof(argv[1]) * 1e9);
	if (argc == 3)
		page->random = strtoull(argv[2], NULL, 10);
	return 0;
}
