/*
 * mq-purge - drop what is in a queue; leases keep
 *
 * Prints how many messages were dropped, also when it failed on the way.
 */
#include "share/common.h"

static const struct cmd_option options[] = { { 0 } };

static void show(void *ctx, uint64_t dropped)
{
	cmd_progress(ctx, dropped, "dropped");
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-purge",
		.usage = "[-s DIR] QUEUE",
		.about = "Drop the messages in a queue, but for those that are leased.",
		.options = options,
	};
	uint64_t dropped = 0;
	mq_queue *q;

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		;
	cmd_start(&c, 1, 1);
	q = cmd_queue(&c, c.argv[0]);
	if (q) {
		int status = mq_purge(q, &dropped, show, &c);

		if (status != MQ_EMPTY)
			cmd_check(&c, status);
		out_format(&c.out, "%llu\n", (unsigned long long)dropped);
		mq_queue_close(q);
	}
	return cmd_end(&c);
}
