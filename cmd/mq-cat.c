/*
 * mq-cat - print a message: its payload, exactly, or its properties
 */
#include "share/common.h"
#include "share/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ 'H', "headers", NULL, "print the properties instead of the payload" },
	{ 0 },
};

static void print_field(struct out *o, const char *name, const char *value)
{
	if (value)
		out_format(o, "%s: %s\n", name, value);
}

static void print_figures(struct out *o, const struct mq_message *m)
{
	print_field(o, "Mq-Id", m->id);
	print_field(o, "Mq-Queue", m->queue);
	print_field(o, "Mq-Sent", word_time(m->sent).text);
	out_format(o, "Mq-Priority: %u\n", m->priority);
	out_format(o, "Mq-Receives: %u\n", m->receives);
	out_format(o, "Mq-Size: %llu\n", (unsigned long long)m->size);
	if (m->expires)
		print_field(o, "Mq-Expires", word_time(m->expires).text);
}

/* As the file has it. */
static void print_group(struct out *o, const char *group)
{
	char *line = mq_encode_line(group);

	if (!line)
		o->error = errno;
	print_field(o, "Mq-Group", line);
	free(line);
}

static void print_properties(struct out *o, mq_reader *reader)
{
	const char *name, *value;
	struct mq_event e;

	print_figures(o, mq_reader_message(reader));
	print_field(o, "Mq-Reply-To", mq_reader_reply_to(reader));
	print_field(o, "Mq-Correlation-Id", mq_reader_correlation_id(reader));
	if (mq_reader_group(reader))
		print_group(o, mq_reader_group(reader));
	print_field(o, "Mq-Key", mq_reader_key(reader));
	for (size_t i = 0; mq_reader_header(reader, i, &name, &value); i++)
		print_field(o, name, value);
	for (size_t i = 0; mq_reader_event(reader, i, &e); i++)
		out_format(o, "Mq-History: %s; queue=%s; count=%u; first=%s; last=%s\n", e.reason,
		    e.queue, e.count, word_time(e.first).text, word_time(e.last).text);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-cat",
		.usage = "[-H] [-s DIR] RECEIPT|PATH...",
		.about = "Print the payload of messages.",
		.options = options,
		.may_be_empty_from = 1, /* no receipt, as any other text that is none */
	};
	int headers = 0, printed = 0;

	cmd_begin(&c, argc, argv);
	while (cmd_option(&c) != -1)
		headers = 1;
	cmd_start(&c, 1, -1);
	for (int i = 0; i < c.argc && !c.out.error; i++) {
		mq_reader *reader;

		if (cmd_check(&c, mq_reader_open(c.mq, c.argv[i], &reader)))
			continue;
		if (!headers) {
			if (out_payload(&c.out, reader))
				cmd_error(&c, MQ_IO, "%s", mq_error(c.mq));
		} else {
			out_text(&c.out, printed++ ? "\n" : "");
			print_properties(&c.out, reader);
		}
		mq_reader_close(reader);
	}
	return cmd_end(&c);
}
