/*
 * binding.c - what is bound to an exchange
 */
#include "spool/binding.h"

#include "format/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void exchange_path(const char *exchange, const char *part, char path[EXCHANGE_PATH])
{
	snprintf(path, EXCHANGE_PATH, "x/%.64s/%.32s", exchange, part);
}

/* ---- as text ----------------------------------------------------------- */

static int compare_headers(const void *a, const void *b)
{
	const struct mq_header *x = a, *y = b;

	return strcasecmp(x->name, y->name);
}

static char *put_lower(char *p, const char *text)
{
	for (; *text; text++)
		*p++ = (char)tolower((unsigned char)*text);
	return p;
}

/* The lines of a headers binding; fold: names in small letters, to compare. */
static char *format_headers(const struct mq_binding *b, int fold)
{
	struct mq_header *sorted = calloc(b->nheaders + 1, sizeof(*sorted));
	size_t size = 8, i;
	char *text = NULL, *p;

	for (i = 0; sorted && i < b->nheaders; i++) {
		sorted[i] = b->headers[i];
		size += strlen(sorted[i].name) + strlen(sorted[i].value) + 3;
	}
	if (sorted && (text = malloc(size)) != NULL) {
		qsort(sorted, b->nheaders, sizeof(*sorted), compare_headers);
		p = stpcpy(text, b->any && b->nheaders ? "any\n" : "all\n");
		for (i = 0; i < b->nheaders; i++) {
			p = fold ? put_lower(p, sorted[i].name) : stpcpy(p, sorted[i].name);
			p = stpcpy(stpcpy(stpcpy(p, ": "), sorted[i].value), "\n");
		}
	}
	free(sorted);
	return text;
}

static char *format_binding(enum exchange_type type, const struct mq_binding *b, int fold)
{
	char *text = NULL;

	if (type == FANOUT)
		return strdup("");
	if (type == HEADERS)
		return format_headers(b, fold);
	return asprintf(&text, "%s\n", b->key) == -1 ? NULL : text;
}

static int parse_headers(struct binding *b)
{
	size_t lines = 0;
	char *line, *rest, *colon;

	for (line = b->text; *line; line++)
		lines += *line == '\n';
	if ((b->headers = calloc(lines + 1, sizeof(*b->headers))) == NULL)
		return -1;
	b->wants.headers = b->headers;
	line = strtok_r(b->text, "\n", &rest);
	if (line == NULL || (strcmp(line, "all") != 0 && strcmp(line, "any") != 0))
		return -1;
	b->wants.any = !strcmp(line, "any");
	while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
		if ((colon = strstr(line, ": ")) == NULL)
			return -1;
		*colon = '\0';
		b->headers[b->wants.nheaders].name = line;
		b->headers[b->wants.nheaders++].value = colon + 2;
	}
	return 0;
}

/* Read the text, which stays the binding's: 0, or -1 when it is malformed. */
static int parse_binding(enum exchange_type type, struct binding *b)
{
	size_t n = strlen(b->text);

	if (type == FANOUT)
		return 0;
	if (n == 0 || b->text[n - 1] != '\n')
		return -1;
	if (type == HEADERS)
		return parse_headers(b);
	b->text[n - 1] = '\0';
	b->wants.key = b->text;
	return strchr(b->text, '\n') ? -1 : 0;
}

/* ---- file names -------------------------------------------------------- */

static void replace(char *text, char from, char to)
{
	for (; *text; text++)
		if (*text == from)
			*text = to;
}

/* The target that a file's name tells: 0, or -1 when it is no binding's. */
static int parse_target(const char *file, char target[QUEUE_NAME_SIZE])
{
	size_t n = strcspn(file, "~");

	if (file[n] == '\0' || n >= QUEUE_NAME_SIZE)
		return -1;
	memcpy(target, file, n);
	target[n] = '\0';
	replace(target, ':', '/');
	return valid_queue_name(target) ? 0 : -1;
}

int binding_is_name(const char *file)
{
	char target[QUEUE_NAME_SIZE];

	return parse_target(file, target) == 0;
}

static void join(const char *exchange, const char *file, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "x/%.64s/bind/%.*s", exchange, NAME_SIZE - 1, file);
}

/* TARGET~, or with what the binding wants TARGET~HASH: 0, or -1. */
static int file_name(enum exchange_type type, const char *target, const struct mq_binding *b,
    char file[NAME_SIZE])
{
	char hash[HASH_SIZE] = "", *text;

	if (b) {
		if ((text = format_binding(type, b, 1)) == NULL)
			return -1;
		hash_text(text, hash);
		free(text);
	}
	snprintf(file, NAME_SIZE, "%.*s~%s", QUEUE_NAME_SIZE, target, hash);
	replace(file, '/', ':');
	return 0;
}

/* ---- reading ----------------------------------------------------------- */

/* 1 when it was read, 0 when it is gone or no binding, -1 with errno. */
static int read_binding(int spool, const char *exchange, enum exchange_type type, const char *file,
    struct binding *b)
{
	char path[ENTRY_PATH];

	memset(b, 0, sizeof(*b));
	if (parse_target(file, b->target) == -1)
		return 0;
	join(exchange, file, path);
	if ((b->text = fs_slurp(spool, path)) == NULL)
		return errno == ENOENT ? 0 : -1;
	if (parse_binding(type, b) == 0)
		return 1;
	free(b->headers);
	free(b->text);
	errno = EINVAL;
	return -1;
}

static int compare_wants(const struct mq_binding *x, const struct mq_binding *y)
{
	size_t i;
	int r = strcmp(x->key ? x->key : "", y->key ? y->key : "");

	if (r == 0)
		r = x->any - y->any;
	for (i = 0; r == 0 && i < x->nheaders && i < y->nheaders; i++)
		if ((r = strcasecmp(x->headers[i].name, y->headers[i].name)) == 0)
			r = strcmp(x->headers[i].value, y->headers[i].value);
	return r ? r : (x->nheaders > y->nheaders) - (x->nheaders < y->nheaders);
}

static int compare_bindings(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;
	int r = strcmp(x->target, y->target);

	return r ? r : compare_wants(&x->wants, &y->wants);
}

int bindings_read(int spool, const char *exchange, enum exchange_type type, struct bindings *l,
    char bad[NAME_SIZE])
{
	char path[EXCHANGE_PATH];
	struct names files = { 0 };
	size_t i;
	int r;

	memset(l, 0, sizeof(*l));
	exchange_path(exchange, "bind", path);
	r = names_read(&files, spool, path);
	if (r == 0 && (l->all = calloc(files.n + 1, sizeof(*l->all))) == NULL)
		r = -1;
	for (i = 0; r != -1 && i < files.n; i++) {
		if ((r = read_binding(spool, exchange, type, files.name[i], &l->all[l->n])) == 1)
			l->n++;
		if (r == -1)
			snprintf(bad, NAME_SIZE, "%s", files.name[i]);
	}
	names_free(&files);
	if (r == -1) {
		int saved = errno;

		bindings_free(l);
		errno = saved;
		return -1;
	}
	qsort(l->all, l->n, sizeof(*l->all), compare_bindings);
	return 0;
}

void bindings_free(struct bindings *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->all[i].text);
		free(l->all[i].headers);
	}
	free(l->all);
	memset(l, 0, sizeof(*l));
}

int binding_targets(int spool, const char *exchange, struct names *targets)
{
	char path[EXCHANGE_PATH], target[QUEUE_NAME_SIZE], last[QUEUE_NAME_SIZE] = "";
	struct names files = { 0 };
	size_t i;
	int r;

	exchange_path(exchange, "bind", path);
	r = names_read(&files, spool, path);
	for (i = 0; r == 0 && i < files.n; i++) {
		if (parse_target(files.name[i], target) == -1 || !strcmp(target, last))
			continue;
		strcpy(last, target);
		r = names_add(targets, target);
	}
	names_free(&files);
	return r;
}

/* ---- changing ---------------------------------------------------------- */

static int sync_bindings(mq *h, const char *exchange)
{
	char path[EXCHANGE_PATH];

	exchange_path(exchange, "bind", path);
	return fs_sync_path(h->spool->fd, path);
}

int binding_add(mq *h, const char *exchange, enum exchange_type type, const char *target,
    const struct mq_binding *b)
{
	char file[NAME_SIZE], path[ENTRY_PATH], *text;
	int r;

	if (file_name(type, target, b, file) == -1)
		return -1;
	join(exchange, file, path);
	if ((r = fs_exists(h->spool->fd, path)) != 0)
		return r == 1 ? 0 : -1;
	if ((text = format_binding(type, b, 0)) == NULL)
		return -1;
	r = queue_write_file(h, h->spool->fd, path, text, 1);
	free(text);
	return r == 0 && !fs_sync_covers_name(h->spool->fd) ? sync_bindings(h, exchange) : r;
}

/* Remove those whose file's name begins so, or (whole) is so. */
static int remove_files(mq *h, const char *exchange, const char *file, int whole)
{
	char path[EXCHANGE_PATH], found[ENTRY_PATH];
	struct names files = { 0 };
	size_t i, n = strlen(file);
	int r, removed = 0;

	exchange_path(exchange, "bind", path);
	r = names_read(&files, h->spool->fd, path);
	for (i = 0; r == 0 && i < files.n; i++) {
		if (strncmp(files.name[i], file, n) != 0 || (whole && files.name[i][n]))
			continue;
		join(exchange, files.name[i], found);
		if ((r = fs_unlink(h->spool->fd, found)) == 0)
			removed++;
		else if (errno == ENOENT)
			r = 0;
	}
	names_free(&files);
	if (r == 0 && removed)
		r = sync_bindings(h, exchange);
	return r == -1 ? -1 : removed;
}

int binding_remove(mq *h, const char *exchange, enum exchange_type type, const char *target,
    const struct mq_binding *b)
{
	char file[NAME_SIZE];

	if (file_name(type, target, b, file) == -1)
		return -1;
	return remove_files(h, exchange, file, b != NULL);
}

int binding_remove_everywhere(mq *h, const char *target)
{
	struct names exchanges = { 0 };
	char file[NAME_SIZE];
	size_t i;
	int r;

	r = names_read(&exchanges, h->spool->fd, "x");
	for (i = 0; r != -1 && i < exchanges.n; i++) {
		snprintf(file, sizeof(file), "%.64s~", target);
		if ((r = remove_files(h, exchanges.name[i], file, 0)) == -1)
			break;
		snprintf(file, sizeof(file), "%.64s:", target);
		r = remove_files(h, exchanges.name[i], file, 0);
	}
	names_free(&exchanges);
	return r == -1 ? -1 : 0;
}
