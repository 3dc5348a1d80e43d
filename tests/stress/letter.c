/*
 * letter.c - a message of check-stress: its number, and all that tells whether
 * it came whole
 */
#include "stress.h"

#include <string.h>

#define MAGIC 0x6d71f19eu

static uint64_t mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Mostly some 100 bytes, now and then many. */
static uint32_t choose_size(uint64_t r, int small)
{
	if (!small && r % 4096 == 0)
		return 4096 + (uint32_t)(r >> 12) % (LETTER_MAX - 4096);
	if (r % 64 == 0)
		return 200 + (uint32_t)(r >> 12) % 4000;
	return (uint32_t)sizeof(struct letter) + (uint32_t)(r >> 12) % 150;
}

static uint64_t sum_of(const struct letter *l)
{
	return mix(l->number ^ mix(l->prev ^ mix((uint64_t)l->group << 32 ^ l->size)) ^
	    (uint64_t)l->queue << 16 ^ (uint64_t)l->priority << 8 ^ l->mortal);
}

void letter_make(struct letter *l, uint64_t number, unsigned queue)
{
	unsigned traits = queue < QUEUES ? queues[queue].traits : 0;
	uint64_t r = mix(number ^ shared->seed);

	memset(l, 0, sizeof(*l));
	l->magic = MAGIC;
	l->size = choose_size(r, traits & SMALL);
	l->number = number;
	l->group = NO_GROUP;
	l->queue = (uint16_t)queue;
	r = mix(r);
	l->priority = traits & PRIORITIES ? r % (MQ_PRIORITY_MAX + 1) : MQ_PRIORITY_DEFAULT;
	l->mortal = traits & LIVES && r >> 8 & 1;
}

/* The bytes after the letter. */
static void pad(const struct letter *l, unsigned char *p, size_t n)
{
	uint64_t r = l->number;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i % 8 == 0)
			r = mix(r);
		p[i] = (unsigned char)(r >> i % 8 * 8);
	}
}

int letter_write(const struct letter *l, mq_batch *b)
{
	static unsigned char text[LETTER_MAX];
	struct letter *head = (struct letter *)text;

	*head = *l;
	head->sum = sum_of(l);
	pad(l, text + sizeof(*l), l->size - sizeof(*l));
	return mq_batch_write(b, text, l->size);
}

static int check(const unsigned char *text, size_t n, struct letter *l)
{
	static unsigned char padding[LETTER_MAX];

	if (n < sizeof(*l))
		return -1;
	memcpy(l, text, sizeof(*l));
	if (l->magic != MAGIC || l->size != n || l->sum != sum_of(l))
		return -1;
	pad(l, padding, n - sizeof(*l));
	return memcmp(padding, text + sizeof(*l), n - sizeof(*l)) == 0 ? 0 : -1;
}

int letter_read(struct letter *l, mq_lease *lease)
{
	static unsigned char text[LETTER_MAX + 1];
	mq_reader *reader;
	size_t n = 0;
	ssize_t got;
	int r;

	memset(l, 0, sizeof(*l));
	if ((r = mq_reader_of(lease, &reader)) != MQ_OK)
		return r;
	while (n < sizeof(text) && (got = mq_reader_read(reader, text + n, sizeof(text) - n)) > 0)
		n += (size_t)got;
	mq_reader_close(reader);
	return check(text, n, l);
}
