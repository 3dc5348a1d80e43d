/*
 * mq-extend - keep a lease longer: its deadline becomes now + DURATION
 */
#include "share/common.h"

static const struct cmd_option options[] = {
	{ 'v', "visibility", "DURATION", "from now on (default: the queue's visibility)" },
	{ '0', "null", NULL, "receipts on standard input end with NULs" },
	{ 0 },
};

static int extend(mq_lease *lease, void *ctx)
{
	return mq_extend(lease, *(mq_time *)ctx);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-extend",
		.usage = "[-v DURATION] [-0] [-s DIR] RECEIPT...|-",
		.about = "Keep leases longer: their deadline becomes now + DURATION.",
		.options = options,
		.may_be_empty_from = 1, /* no receipt, as any other text that is none */
	};
	mq_time visibility = 0;
	int opt, zero = 0;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'v':
			visibility = cmd_visibility(&c, opt);
			break;
		case '0':
			zero = 1;
			break;
		}
	}
	cmd_start(&c, 1, -1);
	cmd_verdicts(&c, zero, extend, &visibility);
	return cmd_end(&c);
}
