/*
 * canvas.h - advice as text, for 80 columns
 */
#ifndef MQ_CMD_CANVAS_H
#define MQ_CMD_CANVAS_H

#include "advise/advice.h"
#include "advise/live.h"

/* live: NULL, or the queue that it is about. */
void canvas_print(struct out *, const struct advice *, const struct disk *, const struct live *);

#endif
