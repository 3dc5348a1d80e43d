/*
 * reap.h - leases that have lapsed, taken back
 */
#ifndef REAP_H
#define REAP_H

#include "receive/pass.h"

/* Those in a bucket, below the queue: 1 when nothing is left there that is due now. */
int reap_bucket(struct pass *, const char *bucket);

#endif
