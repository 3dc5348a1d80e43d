/*
 * grow.c - arrays that grow
 */
#include "base/grow.h"

#include <stdlib.h>

#define FIRST_BYTES 4096

void *grow(void *items, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room : FIRST_BYTES / size + 1;
	void *grown;

	if (n <= *room)
		return items;
	while (more < n)
		more *= 2;
	if ((grown = realloc(items, more * size)) != NULL)
		*room = more;
	return grown;
}
