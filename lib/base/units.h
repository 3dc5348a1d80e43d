/*
 * units.h - durations, sizes, times and names as people write them
 *
 * The parsers and mq_valid_name() are public: see mq.h.
 */
#ifndef UNITS_H
#define UNITS_H

#include "mq.h"

/* As mq_valid_name, or followed by /dlq. */
int valid_queue_name(const char *);

#define MILLISECOND (MQ_SECOND / 1000) /* what names on disk count in */

/* The longest duration: a hundred years keeps every sum below 2^63 ns. */
#define DURATION_MAX (INT64_C(36525) * 24 * 3600 * MQ_SECOND)

#define QUEUE_NAME_SIZE 72 /* 64, "/dlq", NUL, and room */

#endif
