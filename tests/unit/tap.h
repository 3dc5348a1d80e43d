/*
 * tap.h - what the unit tests share: a check that names its line
 */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>

struct tap {
	int n;
	int failed;
};

static inline void tap_check(struct tap *t, int good, const char *what, const char *file, int line)
{
	printf("%sok %d - %s:%d: %s\n", good ? "" : "not ", ++t->n, file, line, what);
	t->failed += !good;
}

#define CHECK(t, condition) tap_check(t, !!(condition), #condition, __FILE__, __LINE__)

/* The plan, and what main returns. */
static inline int tap_end(const struct tap *t)
{
	printf("1..%d\n", t->n);
	return t->failed != 0;
}

#endif
