/*
 * folded.c - leases of messages in a folded bundle
 */
#include "receive/folded.h"

#include "receive/lease.h"
#include "spool/depth.h"
#include "spool/unfold.h"

#include <errno.h>
#include <string.h>

/* Where the bundle is while it is folded, and where its single messages stand then: 0, or
 * -1: the lease is of no such bundle. */
static int paths_of(const mq_lease *l, char whole[ENTRY_PATH], char single[ENTRY_PATH])
{
	size_t n = (size_t)(strrchr(l->receipt, '/') - l->receipt);

	if (l->entry.lease != LEASE_BUNDLE || n >= ENTRY_PATH)
		return -1;
	memcpy(single, l->receipt, n);
	single[n] = '\0';
	return bundle_whole(single, whole);
}

int folded_unfold(mq_lease *l)
{
	char whole[ENTRY_PATH], single[ENTRY_PATH], own[ENTRY_PATH];
	mq_queue *q = l->queue;
	int r;

	if (paths_of(l, whole, single) == -1)
		return 0;
	queue_scratch(q, own);
	do
		r = bundle_unfold(q->fd, whole, single, strrchr(own, '/') + 1);
	while (r == -1 && spool_drop_ballast(q->spool));
	if (r != -1 && q->memory)
		memory_unfolded(q);
	return r == -1 ? -1 : 0;
}

int folded_has(mq_lease *l)
{
	char file[ENTRY_PATH];

	return bundle_find(l->queue->fd, l->receipt, file);
}

/* Whether b is of the same bundle as a. */
static int is_beside(const mq_lease *a, const mq_lease *b)
{
	size_t n = (size_t)(strrchr(a->receipt, '/') - a->receipt) + 1;

	return a->queue == b->queue && b->entry.lease == LEASE_BUNDLE &&
	    a->entry.nonce == b->entry.nonce && !strncmp(a->receipt, b->receipt, n);
}

size_t folded_row(mq_lease *const *leases, size_t n, uint64_t *bytes)
{
	const struct memory *m = leases[0]->queue->memory;
	size_t i;

	*bytes = 0;
	if (leases[0]->entry.lease != LEASE_BUNDLE || m == NULL || !m->folded)
		return 0;
	for (i = 0; i < n && is_beside(leases[0], leases[i]); i++) {
		if (fold_index(&m->fold, leases[i]->entry.key) != (int)(m->fold.acked + i))
			break;
		*bytes += leases[i]->entry.body;
	}
	return i;
}

int folded_ack(mq_lease *l, size_t n, uint64_t bytes)
{
	char whole[ENTRY_PATH], single[ENTRY_PATH];
	mq_queue *q = l->queue;
	struct memory *m = q->memory;

	if (paths_of(l, whole, single) == -1) {
		errno = ENOENT;
		return -1;
	}
	if (bundle_ack(q->fd, whole, &m->fold, m->fold.acked + (unsigned)n, bytes) == -1) {
		if (errno == ENOENT)
			memory_unfolded(q);
		return -1;
	}
	depth_release(q, n, bytes);
	if (m->fold.acked == m->fold.count)
		memory_unfolded(q);
	return 0;
}
