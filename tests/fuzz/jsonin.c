/*
 * jsonin.c - fuzz: messages as JSON lines
 */
#include "fuzz.h"

#include "share/jsonin.h"
#include "format/message.h"

#define NOW (INT64_C(1763681547) * MQ_SECOND)

static void check_props(const struct mq_properties *p)
{
	const char *why = NULL;
	size_t size;
	char *block;

	MUST(p->priority <= MQ_PRIORITY_MAX);
	MUST(p->ttl >= 0);
	MUST(p->visible_at == 0 || p->visible_at >= NOW);
	/* As the sender would do with it; refused or not, it says so. */
	block = message_block(p, &size, &why);
	MUST(block || why);
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mq_header header = { "Type", "default" };
	struct mq_properties defaults = { .priority = 4, .headers = &header, .nheaders = 1 };
	struct jsonin in;
	char why[128] = "";
	unsigned sum = 0;
	size_t i;

	if (jsonin_parse(&in, (const char *)data, size, &defaults, NOW, why, sizeof(why)) == 0) {
		for (i = 0; i < in.size; i++)
			sum += (unsigned char)in.body[i];
		MUST(sum <= 255 * in.size && in.size <= size);
		check_props(&in.props);
	} else {
		MUST(why[0]);
	}
	jsonin_free(&in);
	return 0;
}
