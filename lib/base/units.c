/*
 * units.c - durations, sizes, times and names as people write them
 */
#include "base/units.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Decimal digits at *p; -1 when there are none or too many. */
static int64_t scan_digits(const char **p, int most)
{
	int64_t value = 0;
	int n;

	for (n = 0; digit(**p); n++, (*p)++) {
		if (n == most)
			return -1;
		value = value * 10 + (**p - '0');
	}
	return n ? value : -1;
}

/* The digits after a point as nanoseconds; those beyond the ninth are cut. */
static int64_t scan_fraction(const char **p)
{
	int64_t value = 0, weight = 100000000;

	if (!digit(**p))
		return -1;
	for (; digit(**p); (*p)++, weight /= 10)
		value += (**p - '0') * weight;
	return value;
}

/* NUMBER[.FRACTION] at *p, in billionths. */
static int scan_decimal(const char **p, int64_t *whole, int64_t *billionths)
{
	*billionths = 0;
	if ((*whole = scan_digits(p, 12)) < 0)
		return -1;
	if (**p == '.') {
		(*p)++;
		if ((*billionths = scan_fraction(p)) < 0)
			return -1;
	}
	return 0;
}

/* The letters at *p as a unit's length in ns; -1: no unit's. */
static int64_t scan_unit(const char **p)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "w", 7 * 24 * 3600 * MQ_SECOND },
		{ "d", 24 * 3600 * MQ_SECOND },
		{ "h", 3600 * MQ_SECOND },
		{ "m", 60 * MQ_SECOND },
		{ "s", MQ_SECOND },
		{ "ms", MQ_SECOND / 1000 },
		{ "us", MQ_SECOND / 1000000 },
	};
	size_t n = strspn(*p, "abcdefghijklmnopqrstuvwxyz"), i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) != n || memcmp(*p, units[i].name, n) != 0)
			continue;
		*p += n;
		return units[i].ns;
	}
	return -1;
}

/* Parts from the longest unit to the shortest, each once; or a bare number. */
int mq_parse_duration(const char *text, mq_time *out)
{
	int64_t whole, billionths, ns, above = INT64_MAX, sum = 0;

	do {
		if (scan_decimal(&text, &whole, &billionths) == -1)
			return -1;
		ns = *text || above < INT64_MAX ? scan_unit(&text) : MQ_SECOND;
		if (ns < 0 || ns >= above || whole > DURATION_MAX / ns)
			return -1;
		/* ns * billionths would overflow for a week: halve the digits. */
		sum += whole * ns + ns / 1000 * (billionths / 1000) / 1000;
		if (sum >= DURATION_MAX)
			return -1;
		above = ns;
	} while (*text);
	*out = sum;
	return 0;
}

int mq_parse_size(const char *text, uint64_t *out)
{
	static const char letters[] = "KMGT";
	const char *letter;
	int64_t whole, billionths;
	int shift = 0;

	if (scan_decimal(&text, &whole, &billionths) == -1)
		return -1;
	if (*text && (letter = strchr(letters, *text)) != NULL) {
		shift = 10 * (int)(letter - letters + 1);
		text++;
	}
	if (*text || (billionths && !shift) || whole >= INT64_C(1) << (62 - shift))
		return -1;
	*out = ((uint64_t)whole << shift) +
	    (uint64_t)((double)billionths / 1e9 * (double)(INT64_C(1) << shift));
	return 0;
}

/* ":MM" and the like: the separator, then exactly two digits. */
static int scan_pair(const char **p, char separator, int *value)
{
	if (separator && *(*p)++ != separator)
		return -1;
	if (!digit((*p)[0]) || !digit((*p)[1]))
		return -1;
	*value = ((*p)[0] - '0') * 10 + (*p)[1] - '0';
	*p += 2;
	return 0;
}

/* A zone: Z, +HH:MM, +HHMM, or nothing for local time. */
static int scan_zone(const char *p, struct tm *tm, time_t *t)
{
	int sign, hours, minutes = 0;

	if (*p == '\0') {
		tm->tm_isdst = -1;
		*t = mktime(tm);
		return 0;
	}
	*t = timegm(tm);
	if (!strcmp(p, "Z") || !strcmp(p, "z"))
		return 0;
	if (*p != '+' && *p != '-')
		return -1;
	sign = *p++ == '+' ? 1 : -1;
	if (scan_pair(&p, 0, &hours) == -1 || hours > 23)
		return -1;
	if (*p && (scan_pair(&p, *p == ':' ? ':' : 0, &minutes) == -1 || minutes > 59 || *p))
		return -1;
	*t -= sign * (hours * 3600 + minutes * 60);
	return 0;
}

static int scan_clock(const char **p, struct tm *tm, int64_t *ns)
{
	if (**p != 'T' && **p != 't' && **p != ' ')
		return 0; /* a date alone: its first moment */
	(*p)++;
	if (scan_pair(p, 0, &tm->tm_hour) == -1 || scan_pair(p, ':', &tm->tm_min) == -1)
		return -1;
	if (**p == ':' && scan_pair(p, ':', &tm->tm_sec) == -1)
		return -1;
	if (**p == '.') {
		(*p)++;
		if ((*ns = scan_fraction(p)) < 0)
			return -1;
	}
	return tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60 ? -1 : 0;
}

static int days_in(int month, int year)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

int mq_parse_time(const char *text, mq_time *out)
{
	struct tm tm = { 0 };
	int64_t seconds, ns = 0;
	time_t t;

	if (*text == '@') {
		text++;
		if (scan_decimal(&text, &seconds, &ns) == -1 || *text || seconds > 9000000000)
			return -1;
		*out = seconds * MQ_SECOND + ns;
		return 0;
	}
	seconds = scan_digits(&text, 4);
	if (seconds < 1970 || seconds > 2200 || scan_pair(&text, '-', &tm.tm_mon) == -1 ||
	    scan_pair(&text, '-', &tm.tm_mday) == -1)
		return -1;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > days_in(tm.tm_mon, (int)seconds))
		return -1;
	tm.tm_year = (int)seconds - 1900;
	tm.tm_mon--;
	if (scan_clock(&text, &tm, &ns) == -1 || scan_zone(text, &tm, &t) == -1)
		return -1;
	*out = (mq_time)t * MQ_SECOND + ns;
	return 0;
}

static int valid_name(const char *name, size_t n)
{
	size_t i;

	if (n < 1 || n > 64 || name[0] == '.' || name[0] == '-')
		return 0;
	for (i = 0; i < n; i++)
		if (!digit(name[i]) && !(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= 'A' && name[i] <= 'Z') && !strchr("_.-", name[i]))
			return 0;
	return 1;
}

int mq_valid_name(const char *name)
{
	return valid_name(name, strlen(name));
}

int valid_queue_name(const char *name)
{
	size_t n = strlen(name);

	if (n > 4 && !strcmp(name + n - 4, "/dlq"))
		n -= 4;
	return valid_name(name, n);
}

/* How many continuation bytes follow this first byte; -1: none may start so. */
static int utf8_follow(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef)
		return 2;
	return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

/* The second byte's range shuts out overlong forms, surrogates and what is
 * beyond U+10FFFF. */
static int utf8_second(unsigned char first, unsigned char second)
{
	unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= low && second <= high;
}

int mq_valid_utf8(const void *data, size_t n)
{
	const unsigned char *p = data, *end = p + n;
	int follow;

	while (p < end) {
		follow = utf8_follow(*p);
		if (follow < 0 || end - p <= follow)
			return 0;
		if (follow > 0 && !utf8_second(p[0], p[1]))
			return 0;
		for (p += follow > 0 ? 2 : 1; follow > 1; follow--, p++)
			if ((*p & 0xc0) != 0x80)
				return 0;
	}
	return 1;
}

char *mq_encode_line(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	int utf8 = mq_valid_utf8(text, strlen(text));
	const unsigned char *p = (const unsigned char *)text;
	char *line = malloc(3 * strlen(text) + 1), *at = line;

	if (line == NULL)
		return NULL;
	for (; *p; p++) {
		if (*p >= 0x20 && *p != 0x7f && *p != '%' && (utf8 || *p < 0x80)) {
			*at++ = (char)*p;
			continue;
		}
		*at++ = '%';
		*at++ = digits[*p >> 4];
		*at++ = digits[*p & 15];
	}
	*at = '\0';
	return line;
}
