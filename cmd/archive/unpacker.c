/*
 * unpacker.c - an archive that is read, and not trusted
 *
 * Left out of what libarchive reads: mtree, whose members may be any file of this
 * machine; raw, which makes an archive of anything; empty; and what is
 * decompressed by other programs.
 */
#include "archive/unpacker.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef int support_fn(struct archive *);

static support_fn *const filters[] = {
	archive_read_support_filter_gzip,
	archive_read_support_filter_zstd,
	archive_read_support_filter_xz,
	archive_read_support_filter_bzip2,
	archive_read_support_filter_lz4,
	archive_read_support_filter_lzma,
	archive_read_support_filter_lzip,
	archive_read_support_filter_compress,
};

static support_fn *const formats[] = {
	archive_read_support_format_tar, /* always; the others are for any */
	archive_read_support_format_zip,
	archive_read_support_format_cpio,
	archive_read_support_format_7zip,
	archive_read_support_format_ar,
	archive_read_support_format_cab,
	archive_read_support_format_iso9660,
	archive_read_support_format_lha,
	archive_read_support_format_rar,
	archive_read_support_format_rar5,
	archive_read_support_format_warc,
	archive_read_support_format_xar,
};

__attribute__((format(printf, 3, 4))) static int fail(struct unpacker *u, enum mq_status status,
    const char *fmt, ...)
{
	va_list args;

	u->status = status;
	va_start(args, fmt);
	vsnprintf(u->why, sizeof(u->why), fmt, args);
	va_end(args);
	return -1;
}

/* What libarchive could not do: the archive's fault, but for the system's. */
static int failed(struct unpacker *u)
{
	const char *why = archive_error_string(u->archive);
	int error = archive_errno(u->archive);

	if (error == EIO || error == EISDIR || error == ENOMEM || error == EBADF)
		return fail(u, MQ_IO, "read: %s", strerror(error));
	return fail(u, MQ_DATA, "%s", why ? why : "cannot be read");
}

int unpacker_begin(struct unpacker *u)
{
	size_t i;

	u->archive = archive_read_new();
	if (u->archive == NULL)
		return fail(u, MQ_IO, "out of memory");
	for (i = 0; i < NELEMS(filters); i++)
		filters[i](u->archive);
	for (i = 0; i < (u->any ? NELEMS(formats) : 1); i++)
		formats[i](u->archive);
	/* What is behind the end must be another archive, or nothing: damage that looks
	 * like an end does not hide the rest. */
	archive_read_set_format_option(u->archive, "tar", "read_concatenated_archives", "1");
	return archive_read_open_fd(u->archive, u->fd, IO_SIZE) == ARCHIVE_OK ? 0 : failed(u);
}

/* Formats compress, too: what counts is what has come out, in the end. */
static int expands_too_much(struct unpacker *u)
{
	int64_t in = archive_filter_bytes(u->archive, -1);
	int64_t out = archive_filter_bytes(u->archive, 0);
	uint64_t most = out > 0 ? (uint64_t)out : 0;

	if (most < u->payload)
		most = u->payload;
	return most > UNPACKER_FREE && most / u->ratio > (uint64_t)(in > 0 ? in : 0);
}

static int check_ratio(struct unpacker *u)
{
	if (!expands_too_much(u))
		return 0;
	return fail(u, MQ_DATA, "expands to more than %llu times its size",
	    (unsigned long long)u->ratio);
}

static int check_size(struct unpacker *u, uint64_t size)
{
	if (size <= u->max_member)
		return 0;
	return fail(u, MQ_DATA, "%.100s: larger than %llu bytes",
	    archive_entry_pathname(u->entry) ? archive_entry_pathname(u->entry) : "?",
	    (unsigned long long)u->max_member);
}

/* A tar archive ends with zeros, which are past its last member. */
static int at_end(struct unpacker *u)
{
	int format = archive_format(u->archive) & ARCHIVE_FORMAT_BASE_MASK;

	if ((format == ARCHIVE_FORMAT_TAR || format == 0) &&
	    archive_filter_bytes(u->archive, 0) <= u->end)
		return fail(u, MQ_DATA, "truncated: it has no end");
	return 0;
}

int unpacker_next(struct unpacker *u, struct archive_entry **entry)
{
	int r = archive_read_next_header(u->archive, &u->entry);

	if (r == ARCHIVE_EOF)
		return at_end(u);
	if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && u->any))
		return failed(u);
	*entry = u->entry;
	u->size = 0;
	if (check_ratio(u) ||
	    (archive_entry_size_is_set(u->entry) &&
		check_size(u, (uint64_t)archive_entry_size(u->entry))))
		return -1;
	return 1;
}

int unpacker_is_regular(struct archive_entry *e)
{
	return archive_entry_filetype(e) == AE_IFREG;
}

int unpacker_is_directory(struct archive_entry *e)
{
	return archive_entry_filetype(e) == AE_IFDIR;
}

ssize_t unpacker_data(struct unpacker *u, void *data, size_t n)
{
	la_ssize_t r = archive_read_data(u->archive, data, n);

	if (r < 0 && !(r == ARCHIVE_WARN && u->any))
		return failed(u);
	if (r <= 0) {
		u->end = archive_filter_bytes(u->archive, 0);
		return 0;
	}
	u->size += (uint64_t)r;
	u->payload += (uint64_t)r;
	return check_ratio(u) || check_size(u, u->size) ? -1 : r;
}

int unpacker_skip(struct unpacker *u)
{
	int r = archive_read_data_skip(u->archive);

	if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && u->any))
		return failed(u);
	u->end = archive_filter_bytes(u->archive, 0);
	return check_ratio(u);
}

void unpacker_free(struct unpacker *u)
{
	if (u->archive)
		archive_read_free(u->archive);
	u->archive = NULL;
}
