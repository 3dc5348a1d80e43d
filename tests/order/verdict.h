/*
 * verdict.h - what the parts of the judge have in common
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "judge.h"

/* How many of each letter there can be left at least, and at most. */
struct tally {
	int least[LETTERS], most[LETTERS];
	int sent[LETTERS];  /* surely or not */
	int taken[LETTERS]; /* the same */
	unsigned char may_go[LETTERS];
	unsigned char once[LETTERS]; /* bits: it was sent, surely */
	unsigned char resets[LETTERS];
	int disturbed; /* leases were left behind: what is in them comes later */
};

/* Another line of the verdict. */
__attribute__((format(printf, 2, 3))) void blame(struct judge *, const char *format, ...);

/* How many of a letter were found. */
int count_of(const struct judge *, int letter);

/* Receive all that there is, now and when hours have passed; then nothing may be left, and
 * mq-fsck finds nothing broken. */
void drain(struct judge *, struct stage *);

/* Who received from a line got what was first in it, and nothing only if there was nothing. */
void judge_line(struct judge *, const struct stage *, const struct cast *, const struct record *,
    const struct tally *);

#endif
