/*
 * topic.c - the patterns of topic bindings, matched all at once
 *
 * The patterns make one trie of words.  A key is taken through it word by
 * word with the set of all nodes that the words so far can lead to:
 *
 *	a node in the set brings in its `#` child, which may stand for no word;
 *	a word leads from a node to its child of that word and to its `*` child,
 *	and from a `#` node also to itself.
 *
 * So a key costs its words times the nodes that are live, however many `#`
 * there are, and nothing for patterns that differ from it early on.  Children
 * by word are found in one hash table for the whole trie.
 */
#include "format/topic.h"

#include "base/grow.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define ROOT 0

struct node {
	uint32_t star, hash; /* children, or NONE */
	uint32_t ids;        /* the first that ends here, or NONE */
	uint32_t seen;       /* the step that put it into the set */
	int is_hash;
};

/* The way from a node by a word. */
struct edge {
	uint32_t from, to; /* to NONE: a free slot */
	uint32_t word, size;
};

struct end {
	uint32_t id, next;
};

struct topic {
	struct node *nodes;
	struct edge *edges; /* hash table of a power of two, at most half full */
	struct end *ends;
	char *words;
	uint32_t *sets;        /* room for two sets of all nodes: */
	uint32_t *live, *next; /* in one or the other half */
	size_t nnodes, nodes_room, nedges, edges_room, nends, ends_room, nwords, words_room;
	uint32_t step;
};

/* ---- the trie ---------------------------------------------------------- */

/* The sets have as much room as there is for nodes. */
static int grow_nodes(struct topic *t)
{
	size_t room = t->nodes_room ? 2 * t->nodes_room : 64;
	struct node *nodes;
	uint32_t *sets;

	if (t->nnodes < t->nodes_room)
		return 0;
	if ((sets = realloc(t->sets, 2 * room * sizeof(*sets))) == NULL)
		return -1;
	t->sets = t->live = sets;
	t->next = sets + room;
	if ((nodes = realloc(t->nodes, room * sizeof(*nodes))) == NULL)
		return -1;
	t->nodes = nodes;
	t->nodes_room = room;
	return 0;
}

static int add_node(struct topic *t, int is_hash, uint32_t *made)
{
	if (grow_nodes(t) == -1)
		return -1;
	t->nodes[t->nnodes] = (struct node){ NONE, NONE, NONE, 0, is_hash };
	*made = (uint32_t)t->nnodes++;
	return 0;
}

static size_t slot_of(const struct topic *t, uint32_t from, const char *word, size_t size)
{
	uint64_t h = 14695981039346656037u ^ from;
	size_t i;

	h *= 1099511628211u;
	for (i = 0; i < size; i++)
		h = (h ^ (unsigned char)word[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32) & (t->edges_room - 1);
}

/* The edge's slot, or the free one where it belongs. */
static struct edge *find_edge(const struct topic *t, uint32_t from, const char *word, size_t size)
{
	size_t i = slot_of(t, from, word, size);
	struct edge *e;

	for (;; i = (i + 1) & (t->edges_room - 1)) {
		e = &t->edges[i];
		if (e->to == NONE ||
		    (e->from == from && e->size == size &&
			memcmp(t->words + e->word, word, size) == 0))
			return e;
	}
}

static int grow_edges(struct topic *t)
{
	size_t old = t->edges_room, i;
	struct edge *edges = t->edges, *grown;

	if (2 * (t->nedges + 1) <= old)
		return 0;
	if ((grown = malloc((old ? 2 * old : 64) * sizeof(*grown))) == NULL)
		return -1;
	t->edges = grown;
	t->edges_room = old ? 2 * old : 64;
	for (i = 0; i < t->edges_room; i++)
		grown[i].to = NONE;
	for (i = 0; i < old; i++)
		if (edges[i].to != NONE)
			*find_edge(t, edges[i].from, t->words + edges[i].word, edges[i].size) =
			    edges[i];
	free(edges);
	return 0;
}

static int add_edge(struct topic *t, uint32_t from, const char *word, size_t size, uint32_t *to)
{
	struct edge *e;
	char *words = grow(t->words, &t->words_room, t->nwords + size + 1, 1);

	if (words == NULL)
		return -1;
	t->words = words;
	if (grow_edges(t) == -1)
		return -1;
	e = find_edge(t, from, word, size);
	if (e->to != NONE) {
		*to = e->to;
		return 0;
	}
	if (add_node(t, 0, to) == -1)
		return -1;
	*e = (struct edge){ from, *to, (uint32_t)t->nwords, (uint32_t)size };
	memcpy(t->words + t->nwords, word, size);
	t->nwords += size;
	t->nedges++;
	return 0;
}

/* The child of a node for one word of a pattern, made if need be. */
static int add_child(struct topic *t, uint32_t from, const char *word, size_t size, uint32_t *to)
{
	int is_hash = size == 1 && *word == '#';

	if (!is_hash && !(size == 1 && *word == '*'))
		return add_edge(t, from, word, size, to);
	*to = is_hash ? t->nodes[from].hash : t->nodes[from].star;
	if (*to != NONE)
		return 0;
	if (add_node(t, is_hash, to) == -1)
		return -1;
	if (is_hash)
		t->nodes[from].hash = *to;
	else
		t->nodes[from].star = *to;
	return 0;
}

struct topic *topic_new(void)
{
	struct topic *t = calloc(1, sizeof(*t));
	uint32_t root;

	if (t && (grow_edges(t) == -1 || add_node(t, 0, &root) == -1)) {
		topic_free(t);
		t = NULL;
	}
	return t;
}

void topic_free(struct topic *t)
{
	if (t == NULL)
		return;
	free(t->nodes);
	free(t->edges);
	free(t->ends);
	free(t->words);
	free(t->sets);
	free(t);
}

/* ---- words ------------------------------------------------------------- */

/* Cut the next word; NULL before the first of none and after the last. */
static const char *next_word(const char **at, size_t *size)
{
	const char *word = *at;

	if (word == NULL)
		return NULL;
	*size = strcspn(word, ".");
	*at = word[*size] ? word + *size + 1 : NULL;
	return word;
}

static const char *first_word(const char *text)
{
	return *text ? text : NULL;
}

int topic_valid(const char *pattern)
{
	const char *at = first_word(pattern), *word;
	size_t size;

	while ((word = next_word(&at, &size)) != NULL)
		if (size > 1 && (memchr(word, '*', size) || memchr(word, '#', size)))
			return 0;
	return 1;
}

int topic_add(struct topic *t, const char *pattern, uint32_t id)
{
	const char *at = first_word(pattern), *word;
	uint32_t node = ROOT;
	struct end *ends;
	size_t size;

	while ((word = next_word(&at, &size)) != NULL)
		if (add_child(t, node, word, size, &node) == -1)
			return -1;
	if ((ends = grow(t->ends, &t->ends_room, t->nends + 1, sizeof(*ends))) == NULL)
		return -1;
	t->ends = ends;
	t->ends[t->nends] = (struct end){ id, t->nodes[node].ids };
	t->nodes[node].ids = (uint32_t)t->nends++;
	return 0;
}

/* ---- matching ---------------------------------------------------------- */

/* Add a node to the set, and what it brings in. */
static void add_live(struct topic *t, uint32_t *set, size_t *n, uint32_t node)
{
	for (; node != NONE && t->nodes[node].seen != t->step; node = t->nodes[node].hash) {
		t->nodes[node].seen = t->step;
		set[(*n)++] = node;
	}
}

static void next_step(struct topic *t)
{
	size_t i;

	if (++t->step != 0)
		return;
	for (i = 0; i < t->nnodes; i++)
		t->nodes[i].seen = 0;
	t->step = 1;
}

/* The set after one more word. */
static size_t advance(struct topic *t, size_t n, const char *word, size_t size)
{
	uint32_t *set = t->live;
	size_t i, m = 0;

	next_step(t);
	for (i = 0; i < n; i++) {
		add_live(t, t->next, &m, find_edge(t, set[i], word, size)->to);
		add_live(t, t->next, &m, t->nodes[set[i]].star);
		if (t->nodes[set[i]].is_hash)
			add_live(t, t->next, &m, set[i]);
	}
	t->live = t->next;
	t->next = set;
	return m;
}

void topic_match(struct topic *t, const char *key, void (*each)(void *ctx, uint32_t id), void *ctx)
{
	const char *at = first_word(key), *word;
	size_t n = 0, size, i;
	uint32_t end;

	next_step(t);
	add_live(t, t->live, &n, ROOT);
	while (n > 0 && (word = next_word(&at, &size)) != NULL)
		n = advance(t, n, word, size);
	for (i = 0; i < n; i++)
		for (end = t->nodes[t->live[i]].ids; end != NONE; end = t->ends[end].next)
			each(ctx, t->ends[end].id);
}
