/*
 * judge.h - what must hold after any schedule
 *
 * From outside, by what the roles printed, how they ended, and what ordinary receivers
 * find afterwards, now and when hours have passed:
 *
 *	- what was accepted is there once, or was acked: nothing is lost, nothing comes twice;
 *	- what was acked comes never again;
 *	- orders hold, and those of groups strictly;
 *	- who receives from a line gets what surely was first in it, and who finds nothing is
 *	  wrong if at each moment there surely was something;
 *	- who says that nothing is there says so again;
 *	- receive counts do not fall;
 *	- all can be received in bounded time, and then nothing is left;
 *	- no queue has the name of an exchange;
 *	- each role ended with a status that it may have;
 *	- mq-fsck finds nothing broken.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "play.h"

struct found {
	char queue[140];
	unsigned char letter;
	unsigned receives;
	int now; /* at once, before any time has passed */
};

#define FOUND_MAX 256

struct judge {
	struct found found[FOUND_MAX], before[FOUND_MAX]; /* after a play; in the scene as made */
	unsigned nfound, nbefore;
	char verdict[2000]; /* lines; "": all is well */
};

/* What is in the scene, which all plays begin with. */
void judge_scene(struct judge *, struct stage *);

/* After a play, whose spool is used up: 0, or -1 with a verdict. */
int judge(struct judge *, struct stage *, const struct cast *, const struct record *);

#endif
