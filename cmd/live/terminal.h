/*
 * terminal.h - the whole terminal, for a while
 */
#ifndef MQ_CMD_TERMINAL_H
#define MQ_CMD_TERMINAL_H

#include "share/common.h"

#include <signal.h>

struct terminal {
	struct cmd *c;
	void *screen;    /* of curses */
	int signals;     /* a descriptor that tells of them */
	sigset_t before; /* those that were blocked */
	int ended_by;    /* the signal that ended it; 0: none did */
	int braille;     /* it can show such characters */
};

enum terminal_event {
	TERMINAL_TIME,   /* nothing, until then */
	TERMINAL_KEY,    /* getch() has some */
	TERMINAL_RESIZE, /* curses knows the new size */
	TERMINAL_END,    /* a signal wants the end */
	TERMINAL_GONE,   /* nobody is there any more */
};

/* Take it, and set up curses.  -1: it is no terminal, or one that cannot do; reported. */
int terminal_open(struct terminal *, struct cmd *);

/* Leave it as it was; then die of the signal that has ended it, if one has. */
void terminal_close(struct terminal *);

enum terminal_event terminal_wait(struct terminal *, mq_time until);

/* Whether it takes what is written: else to draw would be to wait for it. */
int terminal_takes(void);

#endif
