/*
 * amount.h - amounts that were reckoned, as people read them
 */
#ifndef MQ_CMD_AMOUNT_H
#define MQ_CMD_AMOUNT_H

#include "share/common.h"
#include "share/words.h"

struct word amount_seconds(double); /* 9.6ms, 1.2s, 5m20s, 3h10m; "for ever" */
struct word amount_number(double);  /* 0.1, 5.26, 102, 12500 */
struct word amount_count(double);   /* 7, 12500, 1.3e+12 */
struct word amount_rate(double);    /* 0.5/s, 102/s */
struct word amount_share(double);   /* 85%, 0.02%, 3.2e-07% */
struct word amount_bytes(double);   /* 500 bytes, 4.1K, 55M */

/* A number that takes no more than two digits and zeros, not below n. */
uint64_t round_up(double n);

/* The shortest setting that is a round duration of at least so many seconds;
 * *seconds becomes its own. */
const char *round_duration(double *seconds);

#endif
