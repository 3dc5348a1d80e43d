/*
 * mq-nack - a message failed: back to its queue, or to the dead letters
 */
#include "share/common.h"

static const struct cmd_option options[] = {
	{ 'd', "delay", "DELAY", "visible again after DELAY, not the backoff; 0: at once" },
	{ 'x', "reject", NULL, "to the dead-letter queue, now" },
	{ 'r', "reason", "REASON", "why, for the message's history" },
	{ '0', "null", NULL, "receipts on standard input end with NULs" },
	{ 0 },
};

struct nack {
	mq_time delay; /* negative: the backoff */
	int reject;
	const char *reason;
};

static int nack(mq_lease *lease, void *ctx)
{
	const struct nack *how = ctx;

	if (how->reject)
		return mq_reject(lease, how->reason);
	return mq_nack(lease, how->delay, how->reason);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-nack",
		.usage = "[-d DELAY | -x] [-r REASON] [-0] [-s DIR] RECEIPT...|-",
		.about = "Give messages back that could not be dealt with.",
		.options = options,
		.may_be_empty = "r",
		.may_be_empty_from = 1, /* no receipt, as any other text that is none */
	};
	struct nack how = { .delay = -1 };
	int opt, zero = 0;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'd':
			how.delay = cmd_duration(&c, opt);
			break;
		case 'x':
			how.reject = 1;
			break;
		case 'r':
			how.reason = optarg;
			break;
		case '0':
			zero = 1;
			break;
		}
	}
	if (how.reject && how.delay >= 0)
		cmd_usage(&c, "-x takes no delay (-d)");
	cmd_start(&c, 1, -1);
	cmd_verdicts(&c, zero, nack, &how);
	return cmd_end(&c);
}
