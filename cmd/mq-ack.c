/*
 * mq-ack - a message is done: never deliver it again
 */
#include "share/common.h"

static const struct cmd_option options[] = {
	{ '0', "null", NULL, "receipts on standard input end with NULs" },
	{ 0 },
};

static int ack(mq_lease *lease, void *ctx)
{
	(void)ctx;
	return mq_ack(lease);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-ack",
		.usage = "[-0] [-s DIR] RECEIPT...|-",
		.about = "Acknowledge messages: they are done, and never delivered again.",
		.options = options,
		.may_be_empty_from = 1, /* no receipt, as any other text that is none */
	};
	int zero = 0;

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		zero = 1;
	cmd_start(&c, 1, -1);
	cmd_verdicts(&c, zero, ack, NULL);
	return cmd_end(&c);
}
