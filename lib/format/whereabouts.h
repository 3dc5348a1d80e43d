/*
 * whereabouts.h - a message's path, taken apart
 *
 *	SPOOL/q/QUEUE[/dlq]/ready/pN/SEGMENT/ENTRY     (back/ likewise)
 *	SPOOL/q/QUEUE[/dlq]/delayed/DUE/ENTRY          (leased/: a receipt)
 *	SPOOL/q/QUEUE[/dlq]/leased/DUE/BUNDLE/ENTRY    (the same)
 *	SPOOL/q/QUEUE/groups/HH/HASH/[more/SEGMENT/]ENTRY
 */
#ifndef WHEREABOUTS_H
#define WHEREABOUTS_H

#include "base/units.h"
#include "format/name.h"

enum part { PART_READY, PART_BACK, PART_DELAYED, PART_LEASED, PART_LANE };

struct whereabouts {
	char *spool; /* owned; "." for a bare relative path */
	char queue[QUEUE_NAME_SIZE];
	enum part part;
	char *rest; /* the path below the queue; owned */
	struct entry entry;
};

/* 0, or -1 when the path has not this form.  Looks at no file. */
int whereabouts_parse(const char *path, struct whereabouts *);
void whereabouts_free(struct whereabouts *);

#endif
