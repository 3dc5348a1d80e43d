/*
 * meter.c - rates and latencies
 */
#include "base/meter.h"

#include "tap.h"

#include <string.h>

#define SECOND INT64_C(1000000000)
#define NOW    (INT64_C(1800000000) * SECOND)

static struct meter_sum sum_at(const struct meter *m, int64_t now)
{
	struct meter_sum sum = { 0 };

	meter_add_up(&sum, m, now);
	return sum;
}

static int near(int64_t is, int64_t wanted)
{
	return is >= wanted - wanted / 10 && is <= wanted + wanted / 10;
}

static void test_rates(struct tap *t)
{
	struct meter m = { 0 };
	struct meter_sum s;

	meter_count(&m, NOW, METER_SENT, 10);
	meter_count(&m, NOW + 30 * SECOND, METER_SENT, 5);
	s = sum_at(&m, NOW + 31 * SECOND);
	CHECK(t, s.lately[METER_SENT] == 15 && s.total[METER_SENT] == 15);
	CHECK(t, s.span >= 60 * SECOND && s.span < 64 * SECOND);
	s = sum_at(&m, NOW + 70 * SECOND);
	CHECK(t, s.lately[METER_SENT] == 5 && s.total[METER_SENT] == 15);
	s = sum_at(&m, NOW + 3600 * SECOND);
	CHECK(t, s.lately[METER_SENT] == 0 && s.total[METER_SENT] == 15);
	/* all around, to the same slot */
	meter_count(&m, NOW + 4 * METER_SLOTS * SECOND, METER_SENT, 1);
	s = sum_at(&m, NOW + 4 * METER_SLOTS * SECOND);
	CHECK(t, s.lately[METER_SENT] == 1 && s.total[METER_SENT] == 16);
}

static void test_hosts(struct tap *t)
{
	struct meter a = { 0 }, b = { 0 };
	struct meter_sum s = { 0 };

	meter_count(&a, NOW, METER_ACKED, 2);
	meter_count(&b, NOW, METER_ACKED, 3);
	meter_latency(&a, NOW, SECOND);
	meter_latency(&b, NOW, 3 * SECOND);
	meter_add_up(&s, &a, NOW);
	meter_add_up(&s, &b, NOW);
	CHECK(t, s.lately[METER_ACKED] == 5 && s.waited == 4000);
	CHECK(t, near(meter_quantile(&s, 0.99), 3 * SECOND));
}

static void test_latencies(struct tap *t)
{
	struct meter m = { 0 };
	struct meter_sum s = { 0 };
	int i;

	CHECK(t, meter_quantile(&s, 0.5) == 0);
	for (i = 1; i <= 1000; i++)
		meter_latency(&m, NOW, i * SECOND / 100); /* 10 ms to 10 s */
	s = sum_at(&m, NOW);
	CHECK(t, near(meter_quantile(&s, 0.5), 5 * SECOND));
	CHECK(t, near(meter_quantile(&s, 0.95), 19 * SECOND / 2));
	CHECK(t, near(meter_quantile(&s, 0.99), 99 * SECOND / 10));
	s = sum_at(&m, NOW + 300 * SECOND);
	CHECK(t, near(meter_quantile(&s, 0.5), 5 * SECOND));
	s = sum_at(&m, NOW + 600 * SECOND);
	CHECK(t, meter_quantile(&s, 0.5) == 0);
}

/* None is too small or too large, and a clock that was put back does no harm. */
static void test_ends(struct tap *t)
{
	static const int64_t took[] = { INT64_MIN, -1, 0, 1, 65535, 65536, SECOND, INT64_MAX };
	struct meter_sum s;
	size_t i;

	for (i = 0; i < sizeof(took) / sizeof(took[0]); i++) {
		struct meter m = { 0 };

		meter_latency(&m, NOW, took[i]);
		s = sum_at(&m, NOW);
		CHECK(t, meter_quantile(&s, 0.5) > 0);
		CHECK(t, meter_quantile(&s, 0) <= meter_quantile(&s, 1));
	}
}

int main(void)
{
	struct tap t = { 0 };

	test_rates(&t);
	test_hosts(&t);
	test_latencies(&t);
	test_ends(&t);
	return tap_end(&t);
}
