/*
 * mq-delete - remove a queue with all that is in it, or an exchange
 */
#include "share/common.h"

static const struct cmd_option options[] = { { 0 } };

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-delete",
		.usage = "[-s DIR] NAME",
		.about = "Remove a queue with all that is in it, or an exchange.",
		.options = options,
	};

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		;
	cmd_start(&c, 1, 1);
	cmd_check(&c, mq_delete(c.mq, c.argv[0]));
	return cmd_end(&c);
}
