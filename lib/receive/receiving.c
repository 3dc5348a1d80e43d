/*
 * receiving.c - the clock of a receive, and what is put beside it
 */
#include "receive/receiving.h"

#include "place/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Make the clock, and its bucket if need be. */
static int make_clock(struct receiving *r)
{
	struct lease_clock *c = r->clock;
	char path[ENTRY_PATH];

	c->visibility = r->visibility;
	c->deadline = queue_deadline(r->q, r->visibility);
	bucket_path("leased", c->deadline, c->bucket);
	c->nonce = nonce_next(&r->q->mq->nonce);
	lease_clock_path(c->bucket, c->nonce, NULL, path);
	if (lease_clock_make(r->q, path, c->deadline, c->bucket) == -1)
		return -1;
	c->made = 1;
	c->used = 0;
	queue_due(r->q, c->deadline);
	return 0;
}

/* Whether the clock was reaped while we were stopped. */
static int lost_clock(struct receiving *r)
{
	char path[ENTRY_PATH];

	lease_clock_path(r->clock->bucket, r->clock->nonce, NULL, path);
	return fs_exists(r->q->fd, path) == 0;
}

int recv_is_torn(struct receiving *r, const char *path, uint64_t inode, const struct entry *e)
{
	struct stat st;
	int torn;

	if (inode == 0 || inode != r->sized_inode) {
		if (fs_stat(r->q->fd, path, &st) == -1)
			return errno == ENOENT ? 1 : -1;
		if (!S_ISREG(st.st_mode))
			return 1;
		r->sized_inode = inode;
		r->size = (uint64_t)st.st_size;
	}
	torn = place_is_torn(r->q, path, e, r->size);
	return torn == -1 && errno == ENOENT ? 1 : torn;
}

int recv_keep(struct receiving *r, const struct entry *e, const char *dir, uint64_t inode)
{
	mq_lease *l = lease_new(r->q, e, dir, r->clock->deadline);

	if (l == NULL)
		return -1; /* it will lapse */
	l->inode = inode;
	r->leases[r->n++] = l;
	return 0;
}

int recv_put(struct receiving *r, const char *path, lease_name_fn *name_of, void *what,
    char to[ENTRY_PATH], int *lost)
{
	char name[NAME_SIZE];

	for (;;) {
		if (!r->clock->made && make_clock(r) == -1)
			return -1;
		name_of(r, what, name);
		stpcpy(stpcpy(stpcpy(to, r->clock->bucket), "/"), name);
		if (fs_rename(r->q->fd, path, r->q->fd, to) == 0) {
			r->clock->used = 1;
			return 0;
		}
		if (errno == ENOENT) {
			if (!lost_clock(r)) {
				*lost = 1;
				return 0;
			}
			r->clock->made = 0;
		} else if (!spool_drop_ballast(r->q->spool)) {
			return -1;
		}
	}
}

static void name_entry(const struct receiving *r, void *entry, char name[NAME_SIZE])
{
	struct entry *e = entry;

	e->lease = r->clock->kind;
	e->nonce = r->clock->nonce;
	entry_format(e, name);
}

int recv_lease(struct receiving *r, const char *path, struct entry *e, char to[ENTRY_PATH],
    int *lost)
{
	return recv_put(r, path, name_entry, e, to, lost);
}

int recv_pass_over(struct receiving *r)
{
	if (!r->trouble)
		r->trouble = errno;
	r->passed_over = 1;
	return 0;
}
