/*
 * mq-create - make a queue, or an exchange
 *
 * Creating what exists succeeds and changes only the settings named.
 */
#include "share/common.h"

#include <stdlib.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ 'x', "exchange", "TYPE", "an exchange: fanout, direct, topic or headers" },
	{ 0 },
};

static const char *parse_type(struct cmd *c, const char *type)
{
	static const char *const types[] = { "fanout", "direct", "topic", "headers" };

	for (size_t i = 0; i < NELEMS(types); i++)
		if (strcmp(type, types[i]) == 0)
			return types[i];
	cmd_usage(c, "-x: no such type of exchange: '%s'", type);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-create",
		.usage = "[-x TYPE] [-s DIR] NAME [key=value]...",
		.about = "Make a queue, or an exchange.",
		.options = options,
		.may_be_empty_from = 1, /* a bad name, as others are */
	};
	const char *type = NULL;
	struct mq_setting *settings;
	size_t n;

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		type = parse_type(&c, optarg);
	cmd_start(&c, 1, -1);
	settings = cmd_settings(&c, 1, &n);
	if (type)
		cmd_check(&c, mq_exchange_create(c.mq, c.argv[0], type, settings, n));
	else
		cmd_check(&c, mq_create(c.mq, c.argv[0], settings, n));
	free(settings);
	return cmd_end(&c);
}
