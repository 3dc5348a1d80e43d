/*
 * scene.c - reading them: see scene.h
 */
#include "scene.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const char *path;
	unsigned line;
	struct scene *scenes;
	size_t n;
	unsigned char apart[ROLES_MAX][ROLES_MAX];
};

__attribute__((format(printf, 2, 3))) static _Noreturn void bad(const struct reading *r,
    const char *format, ...)
{
	va_list args;

	fprintf(stderr, "order: %s:%u: ", r->path, r->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *trimmed(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n && strchr(" \t\n", text[n - 1]))
		text[--n] = '\0';
	return text;
}

static struct scene *scene(struct reading *r)
{
	if (r->n == 0)
		bad(r, "no scene yet");
	return &r->scenes[r->n - 1];
}

static int role_of(struct reading *r, const char *name)
{
	struct scene *s = scene(r);

	for (size_t i = 0; i < s->nroles; i++)
		if (strcmp(s->roles[i].name, name) == 0)
			return (int)i;
	bad(r, "no role '%s'", name);
}

/* ---- roles ---------------------------------------------------------------------- */

static void read_statuses(struct reading *r, char *text, struct statuses *s)
{
	s->n = 0;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		if (s->n == STATUSES_MAX)
			bad(r, "too many statuses");
		s->of[s->n++] = atoi(word);
	}
}

static void add_sends(struct reading *r, struct role *role, char *text)
{
	char *letters = strtok(text, " "), *copies = strtok(NULL, " ");

	if (!letters)
		bad(r, "sends what?");
	for (; *letters; letters++)
		role->sends[*letters & 0x7f] += (unsigned char)(copies ? atoi(copies) : 1);
}

static const struct claim {
	const char *name;
	enum { FLAG, TEXT, STATUSES } kind;
	size_t at;
} claims[] = {
	{ "soon", FLAG, offsetof(struct role, soon) },
	{ "whole", FLAG, offsetof(struct role, whole) },
	{ "finds", FLAG, offsetof(struct role, finds) },
	{ "takes", FLAG, offsetof(struct role, takes) },
	{ "works", FLAG, offsetof(struct role, works) },
	{ "drained", FLAG, offsetof(struct role, drained) },
	{ "holds", FLAG, offsetof(struct role, holds) },
	{ "once", TEXT, offsetof(struct role, once) },
	{ "acks", TEXT, offsetof(struct role, acks) },
	{ "keeps", TEXT, offsetof(struct role, keeps) },
	{ "drops", TEXT, offsetof(struct role, drops) },
	{ "resets", TEXT, offsetof(struct role, resets) },
	{ "next", TEXT, offsetof(struct role, nexts) },
	{ "exits", STATUSES, offsetof(struct role, exits) },
	{ "late", STATUSES, offsetof(struct role, late) },
	{ "later", STATUSES, offsetof(struct role, later) },
	{ "upsets", STATUSES, offsetof(struct role, upsets) },
};

static const struct claim *find_claim(const char *name)
{
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++)
		if (strcmp(claims[i].name, name) == 0)
			return &claims[i];
	return NULL;
}

static void claim(struct reading *r, struct role *role, char *text)
{
	char *rest = text + strcspn(text, " ");
	const struct claim *c;
	void *to;

	if (*rest)
		*rest++ = '\0';
	c = find_claim(text);
	to = (char *)role + (c ? c->at : 0);
	if (strcmp(text, "sends") == 0)
		add_sends(r, role, rest);
	else if (strcmp(text, "seed") == 0)
		role->seed = strtoul(rest, NULL, 10);
	else if (c && c->kind == FLAG && !*rest)
		*(int *)to = 1;
	else if (c && c->kind == TEXT && *rest)
		*(char **)to = must(strdup(rest));
	else if (c && c->kind == STATUSES && *rest)
		read_statuses(r, rest, to);
	else
		bad(r, "'%s' is no claim, or not so", text);
}

/* \n in it is a newline. */
static char *unescaped(const char *text)
{
	char *all = must(malloc(strlen(text) + 1)), *p = all;

	for (; *text; text++)
		if (text[0] == '\\' && text[1] == 'n')
			*p++ = '\n', text++;
		else
			*p++ = *text;
	*p = '\0';
	return all;
}

static void add_role(struct reading *r, char *text)
{
	struct scene *s = scene(r);
	struct role *role = &s->roles[s->nroles];
	char *colon = strchr(text, ':'), *rest, *part, *input;

	if (s->nroles == ROLES_MAX || !colon)
		bad(r, "role NAME: COMMAND, and not too many");
	*colon = '\0';
	memset(role, 0, sizeof(*role));
	role->name = must(strdup(trimmed(text)));
	role->once = role->acks = role->keeps = role->drops = role->resets = role->nexts = "";
	role->exits.n = 1;
	role->seed = 1000000 * (s->nroles + 1);
	rest = colon + 1;
	part = strsep(&rest, ";");
	input = strstr(part, " < ");
	if (input) {
		*input = '\0';
		role->input = unescaped(trimmed(input + 3));
	}
	role->command = must(strdup(trimmed(part)));
	while ((part = strsep(&rest, ";")))
		claim(r, role, trimmed(part));
	s->nroles++;
}

/* ---- casts ---------------------------------------------------------------------- */

static void add_cast(struct scene *s, int n, const int *roles)
{
	s->casts = must(realloc(s->casts, (s->ncasts + 1) * sizeof(*s->casts)));
	s->casts[s->ncasts].n = n;
	memcpy(s->casts[s->ncasts++].role, roles, (size_t)n * sizeof(*roles));
}

static void add_pairs(struct reading *r)
{
	struct scene *s = scene(r);

	for (int i = 0; i < (int)s->nroles; i++)
		for (int j = i; j < (int)s->nroles; j++)
			if (!r->apart[i][j])
				add_cast(s, 2, (int[]){ i, j });
}

static size_t roles_of(struct reading *r, char *text, int *roles)
{
	size_t n = 0;

	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		if (n == ROLES_MAX)
			bad(r, "too many roles");
		roles[n++] = role_of(r, word);
	}
	return n;
}

static void add_apart(struct reading *r, char *text)
{
	int roles[ROLES_MAX];
	size_t n = roles_of(r, text, roles);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			r->apart[roles[i]][roles[j]] = 1;
}

static void add_triples(struct reading *r, char *text)
{
	int roles[ROLES_MAX];
	size_t n = roles_of(r, text, roles);

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			for (size_t k = j + 1; k < n; k++)
				add_cast(scene(r), 3, (int[]){ roles[i], roles[j], roles[k] });
}

/* ---- lines ---------------------------------------------------------------------- */

static void add_scene(struct reading *r, const char *name)
{
	r->scenes = must(realloc(r->scenes, (r->n + 1) * sizeof(*r->scenes)));
	memset(&r->scenes[r->n], 0, sizeof(*r->scenes));
	memset(r->apart, 0, sizeof(r->apart));
	r->scenes[r->n].file = r->path;
	r->scenes[r->n].until = 10;
	r->scenes[r->n].name = must(strdup(name));
	r->scenes[r->n++].setup = must(strdup(""));
}

static void add_setup(struct reading *r, const char *line)
{
	struct scene *s = scene(r);
	char *all = must(malloc(strlen(s->setup) + strlen(line) + 1));

	strcpy(all, s->setup);
	strcat(all, line);
	free(s->setup);
	s->setup = all;
}

static void add_order(struct reading *r, const char *letters, int group)
{
	struct scene *s = scene(r);

	if (s->norders == ORDERS_MAX)
		bad(r, "too many orders");
	s->orders[s->norders].letters = must(strdup(letters));
	s->orders[s->norders++].group = group;
}

static void take_line(struct reading *r, char *line)
{
	char *word, *rest;

	if (*line == '\t') {
		add_setup(r, line);
		return;
	}
	word = trimmed(line);
	rest = word + strcspn(word, " ");
	if (*rest)
		*rest++ = '\0';
	rest = trimmed(rest);
	if (*word == '\0' || *word == '#')
		return;
	if (strcmp(word, "scene") == 0)
		add_scene(r, rest);
	else if (strcmp(word, "at") == 0)
		scene(r)->at = atof(rest);
	else if (strcmp(word, "until") == 0)
		scene(r)->until = atoi(rest);
	else if (strcmp(word, "order") == 0 || strcmp(word, "group") == 0)
		add_order(r, rest, *word == 'g');
	else if (strcmp(word, "role") == 0)
		add_role(r, rest);
	else if (strcmp(word, "apart") == 0)
		add_apart(r, rest);
	else if (strcmp(word, "pairs") == 0)
		add_pairs(r);
	else if (strcmp(word, "triples") == 0)
		add_triples(r, rest);
	else
		bad(r, "what is '%s'?", word);
}

void cast_name(const struct scene *scene, const struct cast *cast, char name[CAST_SIZE])
{
	size_t n = 0;

	for (int i = 0; i < cast->n && n < CAST_SIZE; i++)
		n += (size_t)snprintf(name + n, CAST_SIZE - n, "%s%s", i ? "+" : "",
		    scene->roles[cast->role[i]].name);
}

size_t scenes_read(const char *path, struct scene **scenes)
{
	struct reading r = { .path = path };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		bad(&r, "cannot be read");
	while (getline(&line, &size, f) > 0) {
		r.line++;
		take_line(&r, line);
	}
	free(line);
	fclose(f);
	*scenes = r.scenes;
	return r.n;
}
