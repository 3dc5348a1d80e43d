/*
 * sendopts.c - the options that say what to send, of mq-send and mq-call
 */
#include "share/sendopts.h"

#include <string.h>

const struct cmd_option sendopts_options[] = {
	{ 'b', "body", "TEXT", "send TEXT" },
	{ 'p', "priority", "PRIORITY", "0 to 9, where 9 is most urgent (default: 4)" },
	{ 't', "ttl", "TTL", "expires after TTL" },
	{ 'g', "group", "GROUP", "of the message group GROUP: in order, one at a time" },
	{ 'k', "key", "KEY", "the routing key, by which exchanges go" },
	{ 'H', "header", "'Name: value'", "add a header; repeatable" },
	{ 'C', "correlation-id", "CORRELATION-ID", "what a reply is to carry" },
	{ 0 },
};

void sendopts_take(struct cmd *c, struct sendopts *o, int opt)
{
	switch (opt) {
	case 'b':
		o->text = optarg;
		break;
	case 'p':
		o->props.priority = cmd_number(c, opt, 0, MQ_PRIORITY_MAX);
		break;
	case 't':
		o->props.ttl = cmd_duration(c, opt);
		if (!o->props.ttl)
			cmd_usage(c, "-t: 0 is no time to live");
		break;
	case 'g':
		o->props.group = optarg;
		break;
	case 'k':
		o->props.key = optarg;
		break;
	case 'C':
		o->props.correlation_id = optarg;
		break;
	case 'H':
		o->headers =
		    cmd_realloc(c, o->headers, (o->props.nheaders + 1) * sizeof(*o->headers));
		o->headers[o->props.nheaders++].name = optarg;
		o->props.headers = o->headers;
		break;
	}
}

int sendopts_header(struct cmd *c, char *text, struct mq_header *header, const char *object)
{
	char *colon = strchr(text, ':'), *end = text + strlen(text);

	if (!colon) {
		cmd_error(c, MQ_DATA, "%s: header without a colon: '%s'", object, text);
		return -1;
	}
	*colon = '\0';
	header->name = text;
	header->value = colon + 1 + strspn(colon + 1, " \t");
	while (end > header->value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return 0;
}

int sendopts_headers(struct cmd *c, struct sendopts *o, const char *object)
{
	for (size_t i = 0; i < o->props.nheaders; i++)
		if (sendopts_header(c, (char *)o->headers[i].name, &o->headers[i], object))
			return -1;
	return 0;
}
