/*
 * grow.h - arrays that grow
 */
#ifndef GROW_H
#define GROW_H

#include <stddef.h>

/* The items with room for n of that size, doubled as need be; *room is for how
 * many, at first 0.  NULL: no memory, and the items are as they were. */
void *grow(void *items, size_t *room, size_t n, size_t size);

#endif
