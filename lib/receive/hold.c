/*
 * hold.c - what one process holds
 *
 * One shared clock for all leases of the process, made with the first of them.
 * Later ones are renamed to beside it, into a bucket whose time may be over:
 * a clock that was put forward is looked at again by every sweep, so it stays
 * where it is as long as it runs.
 *
 * A process that was stopped for longer than its deadline finds its clock
 * lapsed or gone.  It must not put such a clock forward: its messages may be
 * someone else's.  An entry that was renamed to beside a clock which was gone
 * by then is not ours either; the reaper gives it a clock of its own.
 */
#include "receive/lease.h"
#include "receive/recv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct mq_hold {
	mq_queue *queue;
	mq_time visibility; /* 0: the setting */
	struct lease_clock clock;
};

int mq_hold_open(mq_queue *q, mq_time visibility, mq_hold **out)
{
	mq_hold *h = calloc(1, sizeof(*h));

	*out = h;
	if (h == NULL)
		return fail_errno(q->mq, q->name, "cannot hold leases");
	h->queue = queue_ref(q);
	h->visibility = visibility;
	h->clock.kind = LEASE_SHARED;
	return MQ_OK;
}

/* Whether a lease hangs on the clock, or may. */
static int is_used(mq_hold *h)
{
	char bundle[ENTRY_PATH];
	struct entry e;
	struct fs_dir d;
	const char *name;
	uint64_t nonce;
	int used = 0;

	if (fs_dir_open(&d, h->queue->fd, h->clock.bucket) == -1)
		return errno != ENOENT;
	while (!used && (name = fs_dir_next(&d)) != NULL) {
		used = entry_parse(name, &e) == 0 && e.lease && e.nonce == h->clock.nonce;
		if (bundle_name_parse(name, &nonce) == 0 && nonce == h->clock.nonce) {
			snprintf(bundle, sizeof(bundle), "%s/%s", h->clock.bucket, name);
			used = fs_rmdir(h->queue->fd, bundle) == -1 && errno != ENOENT;
		}
		errno = 0;
	}
	used |= errno != 0;
	fs_dir_close(&d);
	return used;
}

void mq_hold_close(mq_hold *h)
{
	if (h == NULL)
		return;
	if (h->clock.made && !is_used(h))
		recv_drop_clock(h->queue, &h->clock);
	mq_queue_close(h->queue);
	free(h);
}

/* Whether the clock runs: 1, 0, or -1 with errno. */
static int runs(mq_hold *h, char path[ENTRY_PATH])
{
	struct stat st;

	lease_clock_path(h->clock.bucket, h->clock.nonce, NULL, path);
	if (fs_stat(h->queue->fd, path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	return !queue_lapsed(h->queue, fs_mtime(&st));
}

static int cannot_keep(mq_hold *h)
{
	return queue_fail(h->queue, "cannot keep the leases");
}

static int lost(mq_hold *h)
{
	h->clock.made = 0;
	if (!queue_is_there(h->queue))
		return queue_removed(h->queue);
	return fail(h->queue->mq, MQ_LAPSED, h->queue->name, "the leases have lapsed");
}

int mq_hold_keep(mq_hold *h, mq_time *again)
{
	char path[ENTRY_PATH];
	mq_time deadline;
	int r;

	*again = h->clock.visibility / 3;
	if (!h->clock.made)
		return MQ_OK;
	if ((r = runs(h, path)) != 1)
		return r == 0 ? lost(h) : cannot_keep(h);
	deadline = queue_deadline(h->queue, h->clock.visibility);
	if (fs_set_mtime(h->queue->fd, path, deadline) == -1 ||
	    (r = lease_clock_is_held(h->queue, path)) == -1)
		return errno == ENOENT ? lost(h) : cannot_keep(h);
	if (r == 0)
		return lost(h);
	h->clock.deadline = deadline;
	return MQ_OK;
}

/* Forget the leases that do not hang on this clock: how many stay. */
static size_t keep_those_of(uint64_t nonce, mq_lease **leases, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (leases[i]->entry.nonce == nonce)
			leases[kept++] = leases[i];
		else
			mq_lease_free(leases[i]);
	}
	return kept;
}

int mq_hold_recv(mq_hold *h, size_t max, mq_lease **leases, size_t *n)
{
	char path[ENTRY_PATH];
	uint64_t before;
	size_t i;
	int r;

	for (;;) {
		if (h->clock.made && runs(h, path) == 0)
			h->clock.made = 0; /* then a new one */
		before = h->clock.made ? h->clock.nonce : 0;
		r = recv_under(h->queue, &h->clock, max, h->visibility, leases, n);
		if (r != MQ_OK)
			return r;
		/* Stopped meanwhile: what hangs on a clock that was lost on the
		 * way, or is now, is not ours. */
		if (h->clock.nonce == before && runs(h, path) == 0)
			*n = keep_those_of(0, leases, *n);
		else
			*n = keep_those_of(h->clock.nonce, leases, *n);
		if (*n > 0)
			break;
	}
	for (i = 0; i < *n; i++)
		leases[i]->held = 1;
	return MQ_OK;
}
