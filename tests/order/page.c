/*
 * page.c - the page that is shared, and time and random numbers out of it: see inside.h
 */
#include "inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static struct inside *page;
static uint64_t state;
static int own_seat = -1;

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

void inside_sit(int seat)
{
	own_seat = seat;
}

struct inside *inside_seated(int *seat)
{
	*seat = own_seat;
	return own_seat == -1 ? NULL : page;
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
		t->tv_sec -= INSIDE_UP;
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
