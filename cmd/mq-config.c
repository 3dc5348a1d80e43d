/*
 * mq-config - print the settings of a queue or an exchange, or change some
 */
#include "share/common.h"

#include <stdlib.h>

static const struct cmd_option options[] = { { 0 } };

static void print_setting(void *ctx, const char *key, const char *value)
{
	out_format(ctx, "%s=%s\n", key, value);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-config",
		.usage = "[-s DIR] NAME [key=value]...",
		.about = "Print the settings of a queue or an exchange, or change some: all that\n"
			 "are named or none.",
		.options = options,
	};
	struct mq_setting *settings;
	size_t n;

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		;
	cmd_start(&c, 1, -1);
	settings = cmd_settings(&c, 1, &n);
	if (n > 0)
		cmd_check(&c, mq_configure(c.mq, c.argv[0], settings, n));
	else
		cmd_check(&c, mq_settings(c.mq, c.argv[0], print_setting, &c.out));
	free(settings);
	return cmd_end(&c);
}
