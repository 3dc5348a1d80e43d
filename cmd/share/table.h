/*
 * table.h - rows of figures, for people or for scripts
 *
 * On a terminal: a header, aligned columns, ages and sizes in round units.
 * Elsewhere: tab-separated, no header, ages in seconds, sizes in bytes.  Rows
 * are written as they come; so the widths are given, not measured.
 */
#ifndef MQ_CMD_TABLE_H
#define MQ_CMD_TABLE_H

#include "share/common.h"

struct column {
	const char *title;
	int width; /* negative: flush left; 0: the last column, as long as it is */
};

struct table {
	struct out *out;
	const struct column *columns; /* ends with a NULL title */
	size_t at;                    /* the column that is next */
	int human;
};

/* columns must live as long as the table. */
void table_begin(struct table *, struct out *, const struct column *columns);

/* The next cell; after the last one the row ends by itself. */
void table_text(struct table *, const char *);
void table_count(struct table *, uint64_t);
void table_size(struct table *, uint64_t bytes);
void table_age(struct table *, mq_time);

#endif
