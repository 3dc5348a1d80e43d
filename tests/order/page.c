/*
 * page.c - time and random numbers out of the page that is shared: see inside.h
 *
 * Linked with --wrap, in place of the machine's.
 */
#include "inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>

static struct inside *page;
static uint64_t state;

struct inside *inside_map(int fd)
{
	void *p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	page = p == MAP_FAILED ? NULL : p;
	if (page)
		inside_seed(page->random++);
	return page;
}

void inside_seed(uint64_t seed)
{
	state = seed;
}

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);

/* The clocks that stand still while the machine sleeps go by what the other shows. */
int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	if (!page || id == CLOCK_PROCESS_CPUTIME_ID)
		return __real_clock_gettime(id, t);
	page->time += 1000;
	t->tv_sec = (time_t)(page->time / 1000000000);
	t->tv_nsec = (long)(page->time % 1000000000);
	if (id != CLOCK_REALTIME)
		t->tv_sec -= 1000000000;
	return 0;
}

ssize_t __real_getrandom(void *, size_t, unsigned);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags);

ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags)
{
	unsigned char *p = to;

	if (!page)
		return __real_getrandom(to, n, flags);
	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		p[i] = (unsigned char)(state >> 56);
	}
	return (ssize_t)n;
}
