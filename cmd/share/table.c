/*
 * table.c - rows of figures, for people or for scripts
 */
#include "share/table.h"
#include "share/words.h"

#include <stdio.h>
#include <unistd.h>

static void cell(struct table *t, const char *text)
{
	const struct column *col = &t->columns[t->at];

	if (t->human)
		out_format(t->out, "%*s", col->width, text);
	else
		out_text(t->out, text);
	if (t->columns[++t->at].title) {
		out_text(t->out, t->human ? "  " : "\t");
	} else {
		out_char(t->out, '\n');
		t->at = 0;
	}
}

void table_begin(struct table *t, struct out *out, const struct column *columns)
{
	*t = (struct table){ .out = out, .columns = columns, .human = isatty(out->fd) };
	if (t->human)
		for (const struct column *col = columns; col->title; col++)
			cell(t, col->title);
}

void table_text(struct table *t, const char *text)
{
	cell(t, text);
}

void table_count(struct table *t, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	cell(t, text);
}

/* 512, 1.2K, 34K, 1.1G */
void table_size(struct table *t, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	const char *unit = units;
	double n = bytes / 1024.0;
	char text[32];

	if (!t->human || bytes < 1024) {
		table_count(t, bytes);
		return;
	}
	for (; n >= 1024 && unit[1]; unit++)
		n /= 1024;
	snprintf(text, sizeof(text), n < 10 ? "%.1f%c" : "%.0f%c", n, *unit);
	cell(t, text);
}

/* 12s, 3m20s, 5h12m, 3d4h */
static struct word human_age(mq_time age)
{
	static const struct {
		const char *format;
		int big, small;
	} units[] = { { "%lldd%lldh", 86400, 3600 }, { "%lldh%lldm", 3600, 60 },
		{ "%lldm%llds", 60, 1 } };
	long long s = age > 0 ? age / MQ_SECOND : 0;
	struct word w;

	for (size_t i = 0; i < NELEMS(units); i++)
		if (s >= units[i].big) {
			snprintf(w.text, sizeof(w.text), units[i].format, s / units[i].big,
			    s % units[i].big / units[i].small);
			return w;
		}
	snprintf(w.text, sizeof(w.text), "%llds", s);
	return w;
}

void table_age(struct table *t, mq_time age)
{
	cell(t, t->human ? human_age(age).text : word_seconds(age).text);
}
