/*
 * screen.c - text on the screen of curses
 */
#include "live/screen.h"

#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

unsigned long screen_colour(int colour)
{
	return COLOR_PAIR(colour);
}

/* The next character of a text, which may be malformed. */
static wchar_t next(const char **text)
{
	mbstate_t state = { 0 };
	wchar_t w;
	size_t n = mbrtowc(&w, *text, strlen(*text), &state);

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0 || !iswprint(w)) {
		w = L'?';
		n = n > 0 && n < (size_t)-2 ? n : 1;
	}
	*text += n;
	return w;
}

int screen_width(const char *text)
{
	int width = 0;

	while (*text)
		width += wcwidth(next(&text));
	return width;
}

const char *screen_end(const char *text, int width)
{
	while (*text && screen_width(text) > width)
		next(&text);
	return text;
}

int screen_put(int y, int x, int width, unsigned long attributes, const char *fmt, ...)
{
	char buf[512];
	const char *text = buf;
	va_list args;
	int at = 0;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	attrset(attributes);
	while (*text) {
		wchar_t w = next(&text);

		if (at + wcwidth(w) > width)
			break;
		mvaddnwstr(y, x + at, &w, 1);
		at += wcwidth(w);
	}
	attrset(A_NORMAL);
	return at;
}
