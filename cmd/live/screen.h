/*
 * screen.h - text on the screen of curses
 */
#ifndef MQ_CMD_SCREEN_H
#define MQ_CMD_SCREEN_H

/* Text in so many columns at most; attributes are those of curses.  Returns the
 * columns it took. */
int screen_put(int y, int x, int width, unsigned long attributes, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
int screen_width(const char *); /* of a text, in columns */
/* The end of a text that is no wider. */
const char *screen_end(const char *, int width);

unsigned long screen_colour(int colour); /* one of curses, as an attribute */

#endif
