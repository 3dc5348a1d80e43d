/*
 * binding.c - fuzz: a binding, by its file's name and text
 *
 * The first line is the file's name, the rest its text, read as each type.
 */
#include "fuzz.h"

#include "../../lib/spool/binding.c"

/* What is read is written the same, up to the order of its headers. */
static void check_text(enum exchange_type type, const char *text)
{
	struct binding b, again;
	char *first, *second;

	memset(&b, 0, sizeof(b));
	memset(&again, 0, sizeof(again));
	MUST((b.text = strdup(text)) != NULL);
	if (parse_binding(type, &b) == 0) {
		MUST(!b.wants.key || !strchr(b.wants.key, '\n'));
		MUST((first = format_binding(type, &b.wants, 0)) != NULL);
		MUST((again.text = strdup(first)) != NULL);
		MUST(parse_binding(type, &again) == 0);
		MUST(again.wants.nheaders == b.wants.nheaders);
		MUST((second = format_binding(type, &again.wants, 0)) != NULL);
		MUST(!strcmp(first, second));
		MUST(compare_wants(&b.wants, &b.wants) == 0);
		free(first);
		free(second);
	}
	free(b.headers);
	free(b.text);
	free(again.headers);
	free(again.text);
}

static void check_name(const char *name)
{
	char target[QUEUE_NAME_SIZE], file[NAME_SIZE];

	if (parse_target(name, target) == -1)
		return;
	MUST(file_name(FANOUT, target, NULL, file) == 0);
	MUST(!strncmp(file, name, strlen(file)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *all = fuzz_text(data, size), *text = all;
	const char *name = strsep(&text, "\n");
	enum exchange_type type;

	if (!strchr(name, '/'))
		check_name(name);
	for (type = FANOUT; text && type <= HEADERS; type++)
		check_text(type, text);
	free(all);
	return 0;
}
