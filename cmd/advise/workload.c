/*
 * workload.c - what is known of a queue's work, as key=value words
 *
 * One table says it all: each key, where its value goes, and the function that
 * reads it, which gets the text and the field and returns 0, or -1 when the value
 * is not good.  Numbers are digits with a point at most: strtod(3) itself would
 * take signs, nan, inf and hexadecimal.
 */
#include "advise/workload.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX UINT64_C(1000000000)
#define RATE_MAX  1e9
#define LOAD_MAX  50000 /* what needs more workers than there can be is a mistake */

const char *const order_names[] = { "none", "key", "strict", NULL };
static const char *const durability_names[] = { "none", "full", NULL };
static const char *const yes_names[] = { "no", "yes", NULL };

/* ---- values ------------------------------------------------------------ */

/* A number at the beginning of the text; *end is what follows it. */
static int parse_number(const char *text, double *number, const char **end)
{
	size_t whole = strspn(text, "0123456789"), n = whole;

	if (text[n] == '.')
		n += 1 + strspn(text + n + 1, "0123456789");
	if (whole == 0 || text[n - 1] == '.' || n > 40)
		return -1;
	*number = strtod(text, NULL);
	*end = text + n;
	return 0;
}

/* 100, 100/s, 6000/m, 5/h, 20/d */
static int read_rate(const char *text, void *field)
{
	static const char units[] = "smhd";
	static const double seconds[] = { 1, 60, 3600, 86400 };
	const char *unit, *end;
	double rate;

	if (parse_number(text, &rate, &end))
		return -1;
	if (*end) {
		unit = end[0] == '/' && end[1] && !end[2] ? strchr(units, end[1]) : NULL;
		if (!unit)
			return -1;
		rate /= seconds[unit - units];
	}
	if (rate <= 0 || rate > RATE_MAX)
		return -1;
	*(double *)field = rate;
	return 0;
}

static int read_duration(const char *text, void *field)
{
	mq_time t;

	if (mq_parse_duration(text, &t))
		return -1;
	*(double *)field = (double)t / MQ_SECOND;
	return 0;
}

static int read_positive(const char *text, void *field)
{
	double seconds;

	if (read_duration(text, &seconds) || seconds <= 0)
		return -1;
	*(double *)field = seconds;
	return 0;
}

/* 2% or 0.02; not all of them */
static int read_share(const char *text, void *field)
{
	const char *end;
	double share;

	if (parse_number(text, &share, &end))
		return -1;
	if (strcmp(end, "%") == 0)
		share /= 100;
	else if (*end)
		return -1;
	if (share >= 1)
		return -1;
	*(double *)field = share;
	return 0;
}

static int read_count(const char *text, void *field)
{
	uint64_t n;

	if (text[strspn(text, "0123456789")] || mq_parse_size(text, &n) || n < 1 || n > COUNT_MAX)
		return -1;
	*(uint64_t *)field = n;
	return 0;
}

/* Messages: none, too. */
static int read_burst(const char *text, void *field)
{
	uint64_t n = 0;

	if (strcmp(text, "0") != 0 && read_count(text, &n))
		return -1;
	*(double *)field = n;
	return 0;
}

static int read_size(const char *text, void *field)
{
	uint64_t n;

	if (mq_parse_size(text, &n) || n < 1)
		return -1;
	*(uint64_t *)field = n;
	return 0;
}

static int read_word(const char *text, const char *const *words, int *field)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0) {
			*field = i;
			return 0;
		}
	return -1;
}

static int read_order(const char *text, void *field)
{
	return read_word(text, order_names, field);
}

static int read_durability(const char *text, void *field)
{
	return read_word(text, durability_names, field);
}

static int read_yes(const char *text, void *field)
{
	return read_word(text, yes_names, field);
}

/* ---- keys -------------------------------------------------------------- */

static const struct key {
	const char *name;
	size_t field;
	int (*read)(const char *, void *);
	const char *hint; /* what is good */
} keys[] = {
#define AT(member) offsetof(struct workload, member)
#define DURATION   "a duration such as 50ms, 30s or 5m"
	{ "rate", AT(rate), read_rate, "more than 0, such as 100, 100/s, 6000/m, 5/h or 20/d" },
	{ "burst", AT(burst), read_burst, "a number of messages" },
	{ "drain", AT(drain), read_positive, DURATION ", more than 0" },
	{ "service", AT(service), read_positive, DURATION ", more than 0" },
	{ "service-sd", AT(spread), read_duration, DURATION ", or 0" },
	{ "failures", AT(failures), read_share, "a share below 100%, such as 2% or 0.02" },
	{ "order", AT(order), read_order, "none, key or strict" },
	{ "keys", AT(keys), read_count, "a number, at least 1" },
	{ "fanout", AT(fanout), read_count, "a number of queues, at least 1" },
	{ "durability", AT(durability), read_durability, "full or none" },
	{ "retention", AT(retention), read_duration, DURATION ", or 0" },
	{ "replay", AT(replay), read_yes, "yes or no" },
	{ "reply", AT(reply), read_yes, "yes or no" },
	{ "target-wait", AT(target), read_positive, DURATION ", more than 0" },
	{ "outage", AT(outage), read_duration, DURATION ", or 0" },
	{ "size", AT(size), read_size, "bytes, such as 500, 64K or 10M" },
	{ "hosts", AT(hosts), read_count, "a number, at least 1" },
	{ "copies", AT(copies), read_count, "a number, at least 1" },
};

void workload_begin(struct workload *w)
{
	*w = (struct workload){ .rate = NAN,
		.burst = NAN,
		.drain = NAN,
		.service = NAN,
		.spread = NAN,
		.failures = NAN,
		.target = NAN,
		.outage = NAN,
		.retention = NAN,
		.order = -1,
		.durability = -1,
		.replay = -1,
		.reply = -1 };
}

static const struct key *find_key(const char *name, size_t length)
{
	for (size_t i = 0; i < NELEMS(keys); i++)
		if (strlen(keys[i].name) == length && memcmp(keys[i].name, name, length) == 0)
			return &keys[i];
	return NULL;
}

void workload_read(struct cmd *c, struct workload *w, char *operand)
{
	char *value = strchr(operand, '=') + 1;
	int length = value - 1 - operand;
	const struct key *key = find_key(operand, length);
	unsigned bit = key ? 1u << (key - keys) : 0;

	if (!key)
		cmd_error(c, MQ_SETTING, "%.*s: no such key", length, operand);
	else if (w->given & bit)
		cmd_error(c, MQ_USAGE, "%s: given twice", key->name);
	else if (key->read(value, (char *)w + key->field))
		cmd_error(c, MQ_SETTING, "%s=%s: bad value: wanted is %s", key->name, value,
		    key->hint);
	w->given |= bit;
}

void workload_check(struct cmd *c, const struct workload *w)
{
	if (w->keys && w->order >= 0 && w->order != ORDER_KEY)
		cmd_error(c, MQ_USAGE, "keys= has no meaning with order=%s", order_names[w->order]);
	if (!isnan(w->spread) && isnan(w->service))
		cmd_error(c, MQ_USAGE, "service-sd= has no meaning without service=");
	if (w->reply == 1 && w->fanout > 1)
		cmd_error(c, MQ_USAGE, "reply=yes contradicts fanout=%llu: one answers",
		    (unsigned long long)w->fanout);
	if (w->replay == 1 && w->durability == DURABILITY_NONE)
		cmd_error(c, MQ_USAGE, "replay=yes contradicts durability=none");
	if (w->rate * w->service / (1 - (w->failures > 0 ? w->failures : 0)) > LOAD_MAX)
		cmd_error(c, MQ_SETTING, "rate= and service=: more than %d jobs at work at once",
		    LOAD_MAX);
}
