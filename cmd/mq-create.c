/*
 * mq-create - make a queue
 *
 * Creating what exists succeeds and changes only the settings named.
 */
#include "common.h"

#include <stdlib.h>

static const struct cmd_option options[] = { { 0 } };

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-create",
		.usage = "[-s DIR] NAME [key=value]...",
		.about = "Make a queue.",
		.options = options,
	};
	struct mq_setting *settings;
	size_t n;

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		;
	cmd_start(&c, 1, -1);
	settings = cmd_settings(&c, 1, &n);
	cmd_check(&c, mq_create(c.mq, c.argv[0], settings, n));
	free(settings);
	return cmd_end(&c);
}
