/*
 * rewind.h - a process that begins again
 *
 * To start one costs milliseconds, most of which go into page faults; to write back what it
 * had in memory costs microseconds.  So a command is started once, stops before its main,
 * and when it has ended it is what it was there: its memory, its descriptors, the kernel's
 * view of its signals and its umask.  What it had open is closed, and what it had mapped is
 * unmapped, as its end would do it; whether that was an end or a kill makes no difference
 * to others.  Its children are not looked after.
 */
#ifndef REWIND_H
#define REWIND_H

#include <setjmp.h>

/* Where rewind() goes on, with what rewind_remember() found there after it:
 *
 *	if (setjmp(rewind_start) == 0)
 *		rewind_remember(page);
 *
 * page: a descriptor that stays open, as 0, 1 and 2 do.  Ends the process when it fails. */
extern jmp_buf rewind_start;
void rewind_remember(int page);

/* Whether this process, and not the one that it was forked from, has. */
int rewind_remembers(void);

_Noreturn void rewind_now(void);

#endif
