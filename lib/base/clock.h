/*
 * clock.h - time, and numbers that no one else has
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <sys/types.h>

/* The clocks as a handle sees them; zeros are the machine's own. */
struct clock {
	int64_t passed;  /* both clocks are shifted by this, */
	int64_t stepped; /* and the wall clock by this as well */
};

int64_t clock_wall(const struct clock *); /* ns since 1970; can be stepped */
int64_t clock_up(const struct clock *);   /* ns since boot; never goes back */

/* Both at one moment.  Read one by one, with a stop of the process between, they
 * would look like a step of the wall clock: who compares them takes them from here. */
struct clock_moment {
	int64_t wall, up;
};

struct clock_moment clock_moment(const struct clock *);

/* A number that tells this boot from the others; also where there is no /proc. */
uint64_t clock_boot(void);

/* A stream of 64-bit numbers, seeded by the kernel at first use, and again in the
 * child of a fork, or both would draw the same ones.  Zeros are one that was not
 * used yet. */
struct nonce_state {
	uint64_t number;
	pid_t pid; /* 0: not seeded */
};

struct nonce {
	struct nonce_state *at; /* in a page that a child finds empty; or own */
	struct nonce_state own; /* where there is no such page */
};

uint64_t nonce_next(struct nonce *);
void nonce_free(struct nonce *);

#endif
