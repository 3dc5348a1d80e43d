/*
 * member.h - a message as a member of an archive
 *
 *	name     the message's id
 *	mtime    when it was sent
 *	data     its payload
 *	xattrs   user.mq.NAME, its other properties, as far as it has them:
 *
 *	state           delayed, leased or dead
 *	priority        unless it is 4
 *	receives        unless it is 0
 *	since           when it came to its queue, unless that is when it was sent
 *	visible         when it becomes visible
 *	expires         when its TTL ends
 *	group, key, reply-to, correlation-id
 *	headers         "Name: value" lines
 *	history         "COUNT FIRST LAST QUEUE REASON" lines, the times in ms
 *
 * Times are seconds since 1970 with nine decimals.  The attributes go into the
 * member's pax header, as the field tar programs do that: SCHILY.xattr.NAME.
 */
#ifndef MQ_CMD_MEMBER_H
#define MQ_CMD_MEMBER_H

#include <stddef.h>

#include "mq.h"

#define MEMBER_ATTRIBUTE  "user.mq."
#define MEMBER_PROPERTIES 12

struct archive_entry;

/* Fill in the member; receives is as it is to be told.  -1: no memory. */
int member_put(struct archive_entry *, const struct mq_message *, mq_reader *, unsigned receives);

/* What was read back. */
struct member {
	struct mq_properties props;
	struct mq_past past;

	/* private */
	char id[64];
	char *values[MEMBER_PROPERTIES]; /* as given, cut into strings */
	struct mq_header *headers;
	struct mq_event events[MQ_EVENTS_MAX];
};

/* A member of that name, without properties.  -1: no id can be so long. */
int member_begin(struct member *, const char *name);
/* An attribute of it, without "user.mq.".  NULL, or what is wrong. */
const char *member_property(struct member *, const char *name, const void *value, size_t n);
void member_free(struct member *);

#endif
