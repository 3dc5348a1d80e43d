/*
 * erlang.c - queueing formulas, against closed forms and published figures
 */
#include "advise/erlang.h"

#include "tap.h"

#include <math.h>

/* Equal to as many digits as were printed: within half of the last one, or so. */
static int near(double is, double wanted, double within)
{
	return fabs(is - wanted) <= within;
}

static int alike(double is, double wanted)
{
	return near(is, wanted, 1e-12 * wanted);
}

/* Textbook form, its terms by their logarithms: right, and slow. */
static double summed_c(double a, uint64_t n)
{
	double top = n * log(a) - lgamma(n + 1.0) - log(1 - a / n), sum = 1;

	for (uint64_t k = 0; k < n; k++)
		sum += exp(k * log(a) - lgamma(k + 1.0) - top);
	return 1 / sum;
}

/* Tables of the loss formula. */
static void test_loss(struct tap *t)
{
	CHECK(t, erlang_b(3, 0) == 1);
	CHECK(t, erlang_b(0, 5) == 0);
	CHECK(t, alike(erlang_b(1, 1), 0.5));
	/* 1 % of calls lost, from the usual table */
	CHECK(t, near(erlang_b(1.361, 5), 0.01, 1e-5));
	CHECK(t, near(erlang_b(4.461, 10), 0.01, 1e-5));
	CHECK(t, near(erlang_b(8.108, 15), 0.01, 1e-5));
	CHECK(t, near(erlang_b(12.03, 20), 0.01, 1e-5));
	CHECK(t, near(erlang_b(37.90, 50), 0.01, 1e-5));
	CHECK(t, near(erlang_b(84.06, 100), 0.01, 1e-5));
	/* 1200 calls of 100 s an hour, at most 1 % lost: 45 lines */
	CHECK(t, erlang_b(100 / 3.0, 45) <= 0.01 && erlang_b(100 / 3.0, 44) > 0.01);
}

static void test_delay(struct tap *t)
{
	double a;

	/* M/M/1: as the load; M/M/2: 2 r^2 / (1 + r), r the load of each */
	for (a = 0.05; a < 1; a += 0.05) {
		CHECK(t, alike(erlang_c(a, 1), a));
		CHECK(t, alike(erlang_c(2 * a, 2), 2 * a * a / (1 + a)));
	}
	CHECK(t, near(erlang_c(2, 3), 4 / 9.0, 1e-15));
	/* Koole, Call Center Mathematics: 5 erlangs, 8 agents: 16.7 % */
	CHECK(t, near(erlang_c(5, 8), 0.167, 5e-4));
	/* the worked example of many calculators: 360 calls of 4 min in half an
	 * hour, 55 agents: 23.9 % */
	CHECK(t, near(erlang_c(48, 55), 0.239, 5e-4));
	CHECK(t, erlang_c(5, 5) == 1 && erlang_c(7, 5) == 1 && erlang_c(0, 5) == 0);
}

/* Thousands of servers, where powers and factorials overflow. */
static void test_large(struct tap *t)
{
	static const double loads[] = { 0.5, 0.9, 0.99, 0.999 };
	uint64_t n;

	for (n = 1; n <= 10000; n *= 10)
		for (int i = 0; i < 4; i++)
			CHECK(t, near(erlang_c(loads[i] * n, n), summed_c(loads[i] * n, n), 1e-8));
	/* Halfin and Whitt 1981: with n = a + sqrt(a) it goes to 0.2234 */
	CHECK(t, near(erlang_c(1e6, 1001000), 0.2234, 5e-4));
	CHECK(t, erlang_c(1, 100000) == 0);
	CHECK(t, erlang_b(1e5, 100000) > 0 && erlang_b(1e5, 100000) < 0.01);
}

static void test_waits(struct tap *t)
{
	/* M/M/1, closed form: W = r / (1 - r) s; the longest wait of 95 % */
	struct station s = { 0.8, 1, 1 };

	CHECK(t, alike(station_wait(&s, 1), 4));
	CHECK(t, alike(station_wait_of(&s, 1, 0.95), log(0.8 / 0.05) * 5));
	CHECK(t, station_wait_of(&s, 1, 0.1) == 0);
	/* Pollaczek and Khinchin: constant service halves it, a spread of 3 means */
	s.scv = 0;
	CHECK(t, alike(station_wait(&s, 1), 2));
	s.scv = 9;
	CHECK(t, alike(station_wait(&s, 1), 20));
	/* Hillier and Lieberman, County Hospital: 2 an hour, 20 min, two doctors: 1/24 h */
	CHECK(t, alike(station_wait(&(struct station){ 2, 1 / 3.0, 1 }, 1), 2 / 3.0));
	CHECK(t, alike(station_wait(&(struct station){ 2, 1 / 3.0, 1 }, 2), 1 / 24.0));
	/* Gross and Harris, eye clinic: 6 an hour, 20 min, three doctors: 8/9 in line */
	CHECK(t, alike(6 * station_wait(&(struct station){ 6, 1 / 3.0, 1 }, 3), 8 / 9.0));
	/* Bronson, problem 24.6: 300 a year, 2 days, three servers: 0.352 in line */
	CHECK(t, near(300 * station_wait(&(struct station){ 300, 1 / 182.5, 1 }, 3), 0.352, 5e-4));
	CHECK(t, near(station_wait(&(struct station){ 300, 1 / 182.5, 1 }, 3), 0.001175, 5e-6));
	/* more than can be borne */
	CHECK(t, isinf(station_wait(&(struct station){ 2, 1, 1 }, 2)));
	CHECK(t, isinf(station_wait_of(&(struct station){ 3, 1, 1 }, 2, 0.5)));
}

/* The fewest are enough, one less is not. */
static void test_servers(struct tap *t)
{
	static const double rates[] = { 0.01, 1, 7.3, 50, 999, 40000 };

	for (int i = 0; i < 6; i++) {
		struct station s = { rates[i], 0.05, 1 };
		uint64_t n = station_servers(&s, 0.01, 0.9, 100000);

		CHECK(t, station_wait(&s, n) <= 0.01 && s.rate * s.service <= 0.9 * n);
		CHECK(t,
		    n == 1 || station_wait(&s, n - 1) > 0.01 || s.rate * s.service > 0.9 * (n - 1));
	}
	CHECK(t, station_servers(&(struct station){ 100, 0.05, 1 }, 0.05, 0.9, 3) == 3);
	CHECK(t, station_servers(&(struct station){ 100, 0.05, 1 }, 0, 0.9, 1000) > 6);
	CHECK(t, station_servers(&(struct station){ 100, 0.05, 1 }, INFINITY, 0.9, 1000) == 6);
}

int main(void)
{
	struct tap t = { 0, 0 };

	test_loss(&t);
	test_delay(&t);
	test_large(&t);
	test_waits(&t);
	test_servers(&t);
	return tap_end(&t);
}
