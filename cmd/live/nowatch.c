/*
 * nowatch.c - in place of watch.c, where the library for it is not there
 */
#include "live/watch.h"

void watch_run(struct cmd *c, mq_time interval)
{
	(void)interval;
	cmd_error(c, MQ_USAGE, "-w: this build has no live view");
}
