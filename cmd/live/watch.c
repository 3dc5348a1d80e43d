/*
 * watch.c - queues at work, live on a terminal
 *
 * To look at all queues takes as long as it does.  So that the view takes no more than
 * one part in fifty of a processor, the next look comes fifty times the processor time
 * later that this one, and what was drawn since the one before it, took; and where
 * looking waits for a disk, no sooner than after as long again.
 */
#include "live/watch.h"

#include "live/terminal.h"
#include "live/view.h"
#include "live/watched.h"

#include <curses.h>
#include <time.h>

static mq_time processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * MQ_SECOND + ts.tv_nsec;
}

struct pace {
	mq_time interval, spent, due;
};

static void look(struct pace *pace, struct watched_all *all, struct view *v)
{
	mq_time start = monotonic(), spent, pause = pace->interval;

	watched_look(all);
	view_update(v);
	spent = processor_time();
	if (pause < 50 * (spent - pace->spent))
		pause = 50 * (spent - pace->spent);
	if (pause < 2 * (monotonic() - start))
		pause = 2 * (monotonic() - start);
	pace->spent = spent;
	pace->due = start + pause;
}

/* Until it is to be ended; returns why. */
static enum terminal_event show(struct terminal *t, struct pace *pace, struct watched_all *all,
    struct view *v)
{
	enum terminal_event event = TERMINAL_TIME;
	int key;

	for (;;) {
		if (monotonic() >= pace->due)
			look(pace, all, v);
		if (terminal_takes())
			view_draw(v);
		event = terminal_wait(t, pace->due);
		if (event == TERMINAL_END || event == TERMINAL_GONE)
			return event;
		while (event == TERMINAL_KEY && (key = getch()) != ERR)
			if (view_key(v, key))
				return event;
	}
}

void watch_run(struct cmd *c, mq_time interval)
{
	struct pace pace = { .interval = interval, .spent = processor_time() };
	struct watched_all all;
	struct terminal t;
	struct view v;
	enum terminal_event event;

	if (terminal_open(&t, c))
		return;
	watched_open(&all, c);
	view_open(&v, &all, interval, t.braille);
	event = show(&t, &pace, &all, &v);
	view_close(&v);
	watched_close(&all);
	terminal_close(&t);
	if (event == TERMINAL_GONE)
		cmd_error(c, MQ_IO, "the terminal is gone");
}
