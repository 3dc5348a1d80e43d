/*
 * erlang.h - queueing formulas: how long who waits for how many servers
 *
 * Times are in seconds, rates per second.  The offered load of a station is
 * rate x service, in erlangs: how many servers it keeps busy on average.  With
 * a load that the servers cannot bear there is no mean: then waits are INFINITY.
 *
 * What each rests on is in mq-advise(1).
 */
#ifndef MQ_CMD_ERLANG_H
#define MQ_CMD_ERLANG_H

#include <stdint.h>

/* Erlang's loss formula: the share of arrivals that find all servers busy when
 * none may wait.  load >= 0. */
double erlang_b(double load, uint64_t servers);

/* Erlang's delay formula: the share of arrivals that have to wait; 1 when the
 * servers cannot bear the load. */
double erlang_c(double load, uint64_t servers);

struct station {
	double rate;    /* Poisson arrivals */
	double service; /* its mean */
	double scv;     /* of the service time: variance / mean^2; 1: exponential */
};

/* The mean time in line: Allen and Cunneen's approximation, which is exact for
 * exponential service, and for one server. */
double station_wait(const struct station *, uint64_t servers);

/* The time in line that this share of arrivals, 0 to 1, does not exceed; taken
 * as exponential among those who wait. */
double station_wait_of(const struct station *, uint64_t servers, double share);

/* The fewest servers, up to most, that keep the mean time in line within target
 * and are busy for no more than that share of the time; most when none do. */
uint64_t station_servers(const struct station *, double target, double busy, uint64_t most);

#endif
