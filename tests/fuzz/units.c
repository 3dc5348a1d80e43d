/*
 * units.c - fuzz: durations, sizes, times, names and UTF-8, each against a plain
 * reading of the same text
 */
#include "fuzz.h"

#include "base/units.h"

#include <math.h>
#include <regex.h>
#include <time.h>

/* The number at the start; *rest is what follows. */
static long double number(const char *text, const char **rest)
{
	char *end;
	long double value = strtold(text, &end);

	*rest = end;
	return value;
}

static void check_duration(const char *text)
{
	static const struct {
		const char *name;
		long double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3L }, { "us", 1e-6L }, { "m", 60 },
		{ "h", 3600 }, { "d", 86400 } };
	const char *unit;
	long double value;
	mq_time d;
	size_t i;

	if (mq_parse_duration(text, &d) == -1)
		return;
	MUST(d >= 0 && d <= DURATION_MAX);
	value = number(text, &unit);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i].name))
			break;
	MUST(i < sizeof(units) / sizeof(units[0]));
	/* Exact to a millionth of the unit. */
	MUST(
	    fabsl(value * units[i].seconds * 1e9L - (long double)d) <= units[i].seconds * 1000 + 1);
}

static void check_size(const char *text)
{
	static const char letters[] = "KMGT";
	const char *unit, *letter;
	long double value, factor = 1;
	uint64_t size;

	if (mq_parse_size(text, &size) == -1)
		return;
	value = number(text, &unit);
	if (*unit) {
		letter = strchr(letters, *unit);
		MUST(letter && unit[1] == '\0');
		factor = ldexpl(1, 10 * (int)(letter - letters + 1));
	}
	MUST(size <= INT64_MAX);
	MUST(fabsl(value * factor - (long double)size) <= 1 + factor * 1e-9L);
}

/* What is a time is one again when it is written in full. */
static void check_time(const char *text)
{
	char full[64];
	mq_time at, again;
	struct tm tm;
	time_t t;

	if (mq_parse_time(text, &at) == -1)
		return;
	t = (time_t)(at / MQ_SECOND);
	if (at < 0 || *text == '@' || gmtime_r(&t, &tm) == NULL || tm.tm_year > 2199 - 1900)
		return; /* written otherwise */
	strftime(full, sizeof(full) - 16, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(full + strlen(full), 16, ".%09dZ", (int)(at % MQ_SECOND));
	MUST(mq_parse_time(full, &again) == 0 && again == at);
}

static void check_name(const char *text)
{
	static regex_t name, queue;
	static int made;

	if (!made) {
		MUST(!regcomp(&name, "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$",
		    REG_EXTENDED | REG_NOSUB));
		MUST(!regcomp(&queue, "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(/dlq)?$",
		    REG_EXTENDED | REG_NOSUB));
		made = 1;
	}
	MUST(mq_valid_name(text) == !regexec(&name, text, 0, NULL, 0));
	MUST(valid_queue_name(text) == !regexec(&queue, text, 0, NULL, 0));
}

/* UTF-8 by decoding: the shortest form of a code point that there is. */
static int is_utf8(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	size_t i = 0, follow, k;
	uint32_t c;

	while (i < n) {
		c = p[i];
		follow = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 4;
		if (follow == 4 || i + follow >= n)
			return 0;
		c &= follow ? 0x3fu >> follow : 0x7fu;
		for (k = 1; k <= follow; k++) {
			if (p[i + k] >> 6 != 2)
				return 0;
			c = c << 6 | (p[i + k] & 0x3f);
		}
		if (c < least[follow] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		i += follow + 1;
	}
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	check_duration(text);
	check_size(text);
	check_time(text);
	check_name(text);
	MUST(mq_valid_utf8(data, size) == is_utf8(data, size));
	free(text);
	return 0;
}
