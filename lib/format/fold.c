/*
 * fold.c - the name of a folded bundle's file, and the table in it
 */
#include "format/fold.h"

#include "base/crc.h"
#include "format/nameparts.h"

#include <string.h>

/* ---- the name ---------------------------------------------------------- */

/* A field that always stands there. */
static const char *must(const char *p, char letter, uint64_t *value)
{
	if (p == NULL || p[0] != ',' || p[1] != letter)
		return NULL;
	return scan_number(p + 2, 1, value);
}

static const char *parse_numbers(const char *p, struct fold *f)
{
	uint64_t priority, count, expires = 0, acked = 0, sum;

	p = must(p, 'p', &priority);
	p = must(p, 'n', &count);
	p = must(p, 'o', &f->offset);
	p = must(p, 't', &f->table);
	if ((p = must(p, 'b', &f->bytes)) == NULL || (p = field(p, 'x', &expires)) == NULL)
		return NULL;
	if (p[0] != ',' || p[1] != 'c' || (p = scan_hex(p + 2, 8, &sum)) == NULL ||
	    (p = field(p, 'a', &acked)) == NULL)
		return NULL;
	if (priority > 9 || count == 0 || count > FOLD_MOST || acked >= count)
		return NULL;
	f->priority = (unsigned)priority;
	f->count = (unsigned)count;
	f->acked = (unsigned)acked;
	f->expires = (int64_t)expires;
	f->sum = (uint32_t)sum;
	return p;
}

int fold_parse(const char *name, struct fold *f)
{
	const char *p;

	memset(f, 0, sizeof(*f));
	if ((p = scan_keys(name, f->key, f->id)) == NULL || (p = parse_numbers(p, f)) == NULL)
		return -1;
	return *p == '\0' ? 0 : -1;
}

void fold_format(const struct fold *f, char name[NAME_SIZE])
{
	char *p = put_keys(name, f->key, f->id);

	p = put_number(p, 'p', f->priority);
	p = put_number(p, 'n', f->count);
	p = put_number(p, 'o', f->offset);
	p = put_number(p, 't', f->table);
	p = put_number(p, 'b', f->bytes);
	p = put_nonzero(p, 'x', (uint64_t)f->expires);
	p = put_hex_field(p, 'c', f->sum, 8);
	p = put_nonzero(p, 'a', f->acked);
	*p = '\0';
}

/* ---- the table --------------------------------------------------------- */

static unsigned char *put_bytes(unsigned char *p, uint64_t value, int n)
{
	for (; n > 0; n--, value >>= 8)
		*p++ = (unsigned char)value;
	return p;
}

static uint64_t get_bytes(const unsigned char **p, int n)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < n; i++)
		value |= (uint64_t) * (*p)++ << 8 * i;
	return value;
}

static size_t row_size(const struct fold *f)
{
	return f->expires ? 20 : 12;
}

size_t fold_table_size(const struct fold *f)
{
	return f->count * row_size(f);
}

/* Whether b comes right after a, with its key, its id and its slice. */
static int follows(const struct entry *a, const struct entry *b)
{
	return b->offset == a->offset + a->header + a->body &&
	    key_time(b->key) == key_time(a->key) + 1 && key_time(b->id) == key_time(a->id) + 1 &&
	    !strcmp(strchr(a->key, '-'), strchr(b->key, '-')) &&
	    !strcmp(strchr(a->id, '-'), strchr(b->id, '-'));
}

/* Whether nothing is to be told of it but what the fold and the table do. */
static int is_plain(const struct entry *e, const struct entry *first)
{
	return e->summed && !e->receives && !e->death[0] && !e->group[0] && !e->visible &&
	    !e->token && !e->lease && e->priority == first->priority && e->body <= UINT32_MAX &&
	    e->header <= UINT32_MAX;
}

size_t fold_run(const struct entry *e, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < FOLD_MOST; i++)
		if (!is_plain(&e[i], e) || (i > 0 && !follows(&e[i - 1], &e[i])))
			break;
	return i;
}

static void sum_up(struct fold *f, const struct entry *e)
{
	f->bytes += e->body;
	if (e->expires && (f->expires == 0 || e->expires < f->expires))
		f->expires = e->expires;
}

size_t fold_make(struct fold *f, const struct entry *e, size_t n, unsigned char table[FOLD_TABLE])
{
	unsigned char *p = table;
	size_t i;

	memset(f, 0, sizeof(*f));
	memcpy(f->key, e->key, KEY_SIZE);
	memcpy(f->id, e->id, KEY_SIZE);
	f->priority = e->priority;
	f->count = (unsigned)n;
	f->offset = e->offset;
	for (i = 0; i < n; i++)
		sum_up(f, &e[i]);
	for (i = 0; i < n; i++) {
		p = put_bytes(p, e[i].header, 4);
		p = put_bytes(p, e[i].body, 4);
		p = put_bytes(p, e[i].sum, 4);
		if (f->expires)
			p = put_bytes(p, (uint64_t)e[i].expires, 8);
	}
	f->sum = crc32c(0, table, (size_t)(p - table));
	return (size_t)(p - table);
}

/* The key that comes i after it. */
static void key_after(const char *key, unsigned i, char after[KEY_SIZE])
{
	memcpy(after, key, KEY_SIZE);
	key_put_time(after, key_time(key) + i);
}

int fold_entries(const struct fold *f, const unsigned char *table, struct entry *e)
{
	uint64_t offset = f->offset;
	unsigned i;

	if (crc32c(0, table, fold_table_size(f)) != f->sum)
		return -1;
	for (i = 0; i < f->count; i++, e++) {
		memset(e, 0, sizeof(*e));
		key_after(f->key, i, e->key);
		key_after(f->id, i, e->id);
		e->priority = f->priority;
		e->offset = offset;
		e->header = get_bytes(&table, 4);
		e->body = get_bytes(&table, 4);
		e->summed = 1;
		e->sum = (uint32_t)get_bytes(&table, 4);
		e->expires = f->expires ? (int64_t)get_bytes(&table, 8) : 0;
		offset += e->header + e->body;
	}
	return 0;
}

int fold_index(const struct fold *f, const char *key)
{
	int64_t at = key_time(key) - key_time(f->key);

	if (at < 0 || at >= f->count || strcmp(strchr(key, '-'), strchr(f->key, '-')) != 0)
		return -1;
	return (int)at;
}
