/*
 * units.c - durations, sizes, times and names as people write them
 */
#include "base/units.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static mq_time duration(const char *text)
{
	mq_time d;

	return mq_parse_duration(text, &d) == 0 ? d : -1;
}

static void test_durations(struct tap *t)
{
	CHECK(t, duration("0") == 0);
	CHECK(t, duration("5") == 5 * MQ_SECOND);
	CHECK(t, duration("250ms") == MQ_SECOND / 4);
	CHECK(t, duration("1.5h") == 5400 * MQ_SECOND);
	CHECK(t, duration("0.1s") == MQ_SECOND / 10);
	CHECK(t, duration("30s") == 30 * MQ_SECOND);
	CHECK(t, duration("5m") == 300 * MQ_SECOND);
	CHECK(t, duration("2h") == 7200 * MQ_SECOND);
	CHECK(t, duration("1d") == 86400 * MQ_SECOND);
	CHECK(t, duration("36524d") > 0 && duration("36525d") == -1);
	CHECK(t, duration("1w") == 7 * 86400 * MQ_SECOND);
	CHECK(t, duration("1h30m") == 5400 * MQ_SECOND);
	CHECK(t, duration("2d12h") == 60 * 3600 * MQ_SECOND);
	CHECK(t, duration("1w1d1h1m1s1ms1us") == 694861 * MQ_SECOND + 1001000);
	CHECK(t, duration("1h1.5m") == 3690 * MQ_SECOND && duration("0h1s") == MQ_SECOND);
	CHECK(t, duration("5217w") > 0 && duration("5217w6d") == -1 && duration("5218w") == -1);
	CHECK(t, duration("5217w5d24h0m") == -1 && duration("5217w5d23h59m") > 0);
	CHECK(t, duration("1h1h") == -1 && duration("1m1h") == -1 && duration("1h30") == -1);
	CHECK(t, duration("0h1") == -1 && duration("1h 1m") == -1 && duration("1hm") == -1);
	CHECK(t, duration("1y") == -1 && duration("1W") == -1 && duration("1h-1m") == -1);
	CHECK(t, duration("") == -1 && duration("-1s") == -1 && duration("+1s") == -1);
	CHECK(t, duration("s") == -1 && duration("1 s") == -1 && duration("1sec") == -1);
	CHECK(t, duration("1.") == -1 && duration(".5") == -1 && duration("1e3") == -1);
	CHECK(t, duration("99999999999999999999") == -1 && duration("0x10") == -1);
}

static int64_t size(const char *text)
{
	uint64_t s;

	return mq_parse_size(text, &s) == 0 ? (int64_t)s : -1;
}

static void test_sizes(struct tap *t)
{
	CHECK(t, size("0") == 0 && size("100") == 100);
	CHECK(t, size("64K") == 65536 && size("10M") == 10485760);
	CHECK(t, size("1G") == 1 << 30 && size("2T") == INT64_C(2) << 40);
	CHECK(t, size("1.5K") == 1536);
	CHECK(t, size("1.5") == -1 && size("K") == -1 && size("1KB") == -1 && size("1k") == -1);
	CHECK(t, size("-1") == -1 && size("") == -1 && size("9999999T") == -1);
}

static mq_time when(const char *text)
{
	mq_time at;

	return mq_parse_time(text, &at) == 0 ? at / MQ_SECOND : -1;
}

static void test_times(struct tap *t)
{
	mq_time at;

	CHECK(t, when("@1763681547") == 1763681547);
	CHECK(t, mq_parse_time("@1.25", &at) == 0 && at == MQ_SECOND * 5 / 4);
	CHECK(t, when("1970-01-02T00:00:00Z") == 86400);
	CHECK(t, when("2026-11-20T12:00:00Z") == 1795176000);
	CHECK(t, when("2026-11-20T12:00:00+01:00") == 1795176000 - 3600);
	CHECK(t, when("2026-11-20T12:00:00-0130") == 1795176000 + 5400);
	CHECK(t, when("2026-11-20 12:00Z") == 1795176000);
	CHECK(t,
	    mq_parse_time("2026-11-20T12:00:00.5Z", &at) == 0 && at % MQ_SECOND == MQ_SECOND / 2);
	setenv("TZ", "XYZ-2", 1);
	tzset();
	CHECK(t, when("2026-11-20T12:00:00") == 1795176000 - 7200);
	CHECK(t, when("2026-11-20") == 1795176000 - 12 * 3600 - 7200);
	CHECK(t, when("2024-02-29") > 0 && when("2026-02-29") == -1 && when("2026-02-30") == -1);
	CHECK(t, when("2026-13-01") == -1 && when("2026-00-01") == -1 && when("2026-01-00") == -1);
	CHECK(t, when("2026-11-20T24:00Z") == -1 && when("2026-11-20T12:60Z") == -1);
	CHECK(t, when("2026-11-20T12:00:00Zx") == -1 && when("tomorrow") == -1 && when("@") == -1);
	CHECK(t, when("") == -1 && when("1763681547") == -1 && when("@-5") == -1);
}

static void test_names(struct tap *t)
{
	char name[80];

	CHECK(t, mq_valid_name("jobs") && mq_valid_name("A-b_c.9"));
	CHECK(t, !mq_valid_name("") && !mq_valid_name(".x") && !mq_valid_name("-x"));
	CHECK(t, !mq_valid_name("../x") && !mq_valid_name("a/b") && !mq_valid_name("a b"));
	CHECK(t, !mq_valid_name("a\n") && !mq_valid_name("\xc3\xa9"));
	memset(name, 'x', sizeof(name));
	name[65] = '\0';
	CHECK(t, !mq_valid_name(name));
	name[64] = '\0';
	CHECK(t, mq_valid_name(name));
	strcat(name, "/dlq");
	CHECK(t, valid_queue_name(name) && !mq_valid_name(name));
	CHECK(t, !valid_queue_name("/dlq") && !valid_queue_name("a/dlq/dlq"));
}

static int utf8(const char *text)
{
	return mq_valid_utf8(text, strlen(text));
}

static void test_utf8(struct tap *t)
{
	CHECK(t, utf8("") && utf8("plain") && utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	CHECK(t, mq_valid_utf8("a\0b", 3));
	CHECK(t, !utf8("\x80") && !utf8("\xc3") && !utf8("\xe2\x82") && !utf8("\xff"));
	CHECK(t, !utf8("\xc0\xaf") && !utf8("\xe0\x80\xaf") && !utf8("\xf0\x80\x80\xaf"));
	CHECK(t, !utf8("\xed\xa0\x80") && !utf8("\xf4\x90\x80\x80") && !utf8("\xe2\x28\xa1"));
}

int main(void)
{
	struct tap t = { 0, 0 };

	test_durations(&t);
	test_sizes(&t);
	test_times(&t);
	test_names(&t);
	test_utf8(&t);
	return tap_end(&t);
}
