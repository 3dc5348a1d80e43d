/*
 * erlang.c - queueing formulas: how long who waits for how many servers
 *
 * The textbook form of Erlang's formulas divides powers by factorials, which
 * overflow at some 170 servers.  The recurrence for one more server,
 *
 *	B(0) = 1,  B(n) = a B(n-1) / (n + a B(n-1)),
 *
 * adds and divides numbers between 0 and the load only, loses no digits to
 * cancellation, and takes a step per server.  The delay formula follows from it.
 */
#include "advise/erlang.h"

#include <math.h>

double erlang_b(double load, uint64_t servers)
{
	double b = 1;

	for (uint64_t n = 1; n <= servers && b > 0; n++)
		b = load * b / (n + load * b);
	return b;
}

double erlang_c(double load, uint64_t servers)
{
	double b;

	if (load >= servers)
		return 1;
	b = erlang_b(load, servers);
	return b / (1 - load / servers * (1 - b));
}

/* The mean time in line of those who have to wait. */
static double wait_if_any(const struct station *s, uint64_t servers)
{
	return (1 + s->scv) / 2 * s->service / (servers - s->rate * s->service);
}

double station_wait(const struct station *s, uint64_t servers)
{
	double load = s->rate * s->service;

	return load >= servers ? INFINITY : erlang_c(load, servers) * wait_if_any(s, servers);
}

double station_wait_of(const struct station *s, uint64_t servers, double share)
{
	double load = s->rate * s->service, waits;

	if (load >= servers)
		return INFINITY;
	waits = erlang_c(load, servers);
	return waits > 1 - share ? log(waits / (1 - share)) * wait_if_any(s, servers) : 0;
}

/* The wait falls with each server: halve what is between too few and enough. */
uint64_t station_servers(const struct station *s, double target, double busy, uint64_t most)
{
	double floor_of = ceil(s->rate * s->service / busy);
	uint64_t low = floor_of < 1 ? 1 : floor_of < most ? (uint64_t)floor_of : most, high = low;

	while (high < most && station_wait(s, high) > target)
		high = high < most / 2 ? 2 * high : most;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (station_wait(s, middle) > target)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}
