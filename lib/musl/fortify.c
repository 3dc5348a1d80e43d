/*
 * fortify.c - what Debian's libjansson.a needs of glibc that musl has not
 *
 * Debian builds its libraries with _FORTIFY_SOURCE, whose headers of glibc turn
 * calls that write to a buffer of known size into calls of these.  They are as
 * the Linux Standard Base has them: they end the process rather than write
 * beyond the buffer.  Only CC=musl-gcc links this file.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __vsnprintf_chk(char *to, size_t max, int flag, size_t size, const char *fmt, va_list args);
int __snprintf_chk(char *to, size_t max, int flag, size_t size, const char *fmt, ...);
char *__strncpy_chk(char *to, const char *from, size_t n, size_t size);

int __vsnprintf_chk(char *to, size_t max, int flag, size_t size, const char *fmt, va_list args)
{
	(void)flag; /* about %n, which jansson has no use for */
	if (max > size)
		abort();
	return vsnprintf(to, max, fmt, args);
}

int __snprintf_chk(char *to, size_t max, int flag, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = __vsnprintf_chk(to, max, flag, size, fmt, args);
	va_end(args);
	return n;
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t size)
{
	if (n > size)
		abort();
	return strncpy(to, from, n);
}
