/*
 * packer.c - an archive that is written
 */
#include "archive/packer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct compression {
	const char *name;
	const char *suffixes[2];
	int (*add)(struct archive *);
} compressions[] = {
	{ "gzip", { ".gz", ".tgz" }, archive_write_add_filter_gzip },
	{ "zstd", { ".zst", ".tzst" }, archive_write_add_filter_zstd },
	{ "xz", { ".xz", ".txz" }, archive_write_add_filter_xz },
};

int packer_compression(struct packer *p, const char *name)
{
	size_t i;

	p->compression = NULL;
	if (!strcmp(name, "none"))
		return 0;
	for (i = 0; i < NELEMS(compressions); i++)
		if (!strcmp(name, compressions[i].name))
			p->compression = &compressions[i];
	return p->compression ? 0 : -1;
}

static int ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n > k && !strcmp(text + n - k, end);
}

void packer_suffix(struct packer *p, const char *file)
{
	size_t i;

	for (i = 0; i < 2 * NELEMS(compressions); i++)
		if (ends_in(file, compressions[i / 2].suffixes[i % 2]))
			p->compression = &compressions[i / 2];
}

/* ---- failures ---------------------------------------------------------- */

static int fail(struct packer *p, enum mq_status status, const char *why)
{
	if (!p->failed)
		cmd_error(p->c, status, "%s: write: %s", p->name, why);
	p->failed = 1;
	return -1;
}

/* Standard output that cannot be written is a failure like any other command's. */
static int fail_errno(struct packer *p, int error)
{
	return fail(p, p->fd == STDOUT_FILENO ? MQ_IO : mq_status_of_errno(error), strerror(error));
}

/* What libarchive came to; in most cases it is what one of our streams said. */
static int check(struct packer *p, struct archive *a, int result)
{
	if (p->out.error)
		return fail_errno(p, p->out.error);
	if (result >= ARCHIVE_OK)
		return 0;
	return fail(p, MQ_IO, archive_error_string(a) ? archive_error_string(a) : "failed");
}

/* ---- the two steps ------------------------------------------------------ */

static la_ssize_t to_file(struct archive *a, void *packer, const void *data, size_t n)
{
	struct packer *p = packer;

	out_write(&p->out, data, n);
	if (!p->out.error)
		return (la_ssize_t)n;
	archive_set_error(a, p->out.error, "write failed");
	return -1;
}

static la_ssize_t to_filter(struct archive *a, void *packer, const void *data, size_t n)
{
	struct packer *p = packer;

	if (archive_write_data(p->filter, data, n) == (la_ssize_t)n)
		return (la_ssize_t)n;
	archive_set_error(a, archive_errno(p->filter), "%s", archive_error_string(p->filter));
	return -1;
}

static int begin_tar(struct packer *p)
{
	p->tar = archive_write_new();
	if (p->tar == NULL)
		return fail(p, MQ_IO, "out of memory");
	/* restricted: no header of properties where there are none */
	if (archive_write_set_format_pax_restricted(p->tar) != ARCHIVE_OK ||
	    archive_write_set_options(p->tar, "xattrheader=SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(p->tar, 0) != ARCHIVE_OK)
		return check(p, p->tar, ARCHIVE_FATAL);
	return check(p, p->tar,
	    archive_write_open(p->tar, p, NULL, p->compression ? to_filter : to_file, NULL));
}

static int begin_filter(struct packer *p)
{
	struct archive_entry *e;
	int r;

	if (p->compression == NULL)
		return 0;
	if ((p->filter = archive_write_new()) == NULL || (e = archive_entry_new()) == NULL)
		return fail(p, MQ_IO, "out of memory");
	archive_entry_set_filetype(e, AE_IFREG);
	if ((r = archive_write_set_format_raw(p->filter)) == ARCHIVE_OK &&
	    (r = p->compression->add(p->filter)) == ARCHIVE_OK &&
	    (r = archive_write_set_bytes_per_block(p->filter, 0)) == ARCHIVE_OK &&
	    (r = archive_write_open(p->filter, p, NULL, to_file, NULL)) == ARCHIVE_OK)
		r = archive_write_header(p->filter, e);
	archive_entry_free(e);
	return check(p, p->filter, r);
}

static int end_filter(struct packer *p)
{
	int r = 0;

	if (p->filter == NULL)
		return 0;
	if (check(p, p->filter, archive_write_close(p->filter)))
		r = -1;
	archive_write_free(p->filter);
	p->filter = NULL;
	return r;
}

/* Of what failed nothing more is to be written. */
static void abandon(struct archive **a)
{
	if (*a) {
		archive_write_fail(*a);
		archive_write_free(*a);
	}
	*a = NULL;
}

int packer_begin(struct packer *p)
{
	p->out.fd = p->fd;
	return begin_filter(p) || begin_tar(p) ? -1 : 0;
}

int packer_entry(struct packer *p, struct archive_entry *e)
{
	return p->failed ? -1 : check(p, p->tar, archive_write_header(p->tar, e));
}

int packer_data(struct packer *p, const void *data, size_t n)
{
	la_ssize_t r = archive_write_data(p->tar, data, n);

	return check(p, p->tar, r == (la_ssize_t)n ? ARCHIVE_OK : ARCHIVE_FATAL);
}

int packer_entry_end(struct packer *p)
{
	return check(p, p->tar, archive_write_finish_entry(p->tar));
}

int packer_sync(struct packer *p)
{
	if (p->failed || end_filter(p))
		return -1;
	if (out_flush(&p->out))
		return fail_errno(p, p->out.error);
	if (fsync(p->fd))
		return fail_errno(p, errno);
	p->synced = p->out.written;
	return begin_filter(p);
}

int packer_rewind(struct packer *p)
{
	abandon(&p->tar);
	abandon(&p->filter);
	if (ftruncate(p->fd, (off_t)p->synced) ||
	    lseek(p->fd, (off_t)p->synced, SEEK_SET) == (off_t)-1)
		return fail_errno(p, errno);
	p->out.len = 0;
	p->out.error = 0;
	p->out.put = p->out.written = p->synced;
	p->failed = 0;
	return packer_begin(p);
}

int packer_end(struct packer *p)
{
	if (p->failed || check(p, p->tar, archive_write_close(p->tar)) || end_filter(p))
		return -1;
	return out_flush(&p->out) ? fail_errno(p, p->out.error) : 0;
}

void packer_free(struct packer *p)
{
	abandon(&p->tar);
	abandon(&p->filter);
	out_free(&p->out);
}
