/*
 * route.h - which queues a message goes to
 *
 * A router is made of the bindings of an exchange and of all exchanges that it
 * leads to, once for many messages.  Whether it still holds is seen by the
 * times of the conf and of the directories of bindings, and by what led nowhere:
 * whether it does still.  Times may be as coarse as a second, so a router that was
 * made within a second of a change is good for one batch only.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include "spool/exchange.h"

struct router;

/* NULL: the handle's error tells, *status what; MQ_NOTFOUND: no such exchange. */
struct router *router_open(mq *, struct spool *, const char *exchange, int *status);
void router_close(struct router *);

/* Whether nothing has changed that it was made of. */
int router_holds(struct router *);

/* The queues that there are; only those that existed. */
size_t router_queues(const struct router *);
const char *router_queue(const struct router *, size_t i);

/* The queues of a message, each once, as their numbers; good until the next
 * call.  How many: 0 when nothing matched, nor any alternate. */
size_t router_route(struct router *, const char *key, const struct mq_header *, size_t nheaders,
    const uint32_t **queues);

#endif
