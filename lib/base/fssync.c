/*
 * fssync.c - what is durable on which file system, and what is known of them
 */
#include "base/fs.h"
#include "base/fsparts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#endif

#ifdef __linux__
/* The first extent of that part of a file, once it is on the disk: 1, or 0 when there
 * is none. */
static int first_extent(int fd, uint64_t offset, uint64_t size, struct fiemap_extent *x)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} u;
	int r;

	memset(&u, 0, sizeof(u));
	u.map.fm_start = offset;
	u.map.fm_length = size;
	u.map.fm_flags = FIEMAP_FLAG_SYNC;
	u.map.fm_extent_count = 1;
	RETRY(r, ioctl(fd, FS_IOC_FIEMAP, &u.map));
	if (r == -1 || u.map.fm_mapped_extents == 0)
		return 0;
	memcpy(x, u.room + sizeof(struct fiemap), sizeof(*x));
	return x->fe_length > 0;
}

static int has_unwritten(int fd, uint64_t offset, uint64_t end)
{
	struct fiemap_extent x;
	int found = 0;

	while (!found && offset < end && first_extent(fd, offset, end - offset, &x)) {
		found = (x.fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
		offset = x.fe_logical + x.fe_length;
	}
	return found;
}
#else
static int has_unwritten(int fd, uint64_t offset, uint64_t end)
{
	(void)fd;
	(void)offset;
	(void)end;
	return 0;
}
#endif

int fs_is_written(int dir, const char *path, uint64_t offset, uint64_t size)
{
	int fd = fs_open_message(dir, path), r = -1;
	struct stat st;

	if (fd == -1)
		return errno == EINVAL || errno == ELOOP ? 0 : -1;
	if (fstat(fd, &st) == 0)
		r = (uint64_t)st.st_size >= offset + size &&
		    !has_unwritten(fd, offset, offset + size);
	fs_close(fd);
	return r;
}

int fs_sync(int fd)
{
	int r;

	RETRY(r, fsync(fd));
	return r;
}

int fs_log_again(int fd)
{
	struct stat st;

	if (fs_fstat(fd, &st) == -1)
		return -1;
	RETURN_RETRIED(fchmod(fd, st.st_mode & 07777));
}

int fs_sync_all(int fd)
{
	int r;

	RETRY(r, syncfs(fd));
	return r;
}

int fs_sync_path(int dir, const char *path)
{
	int fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd == -1)
		return -1;
	r = fs_sync(fd);
	fs_close(fd);
	return r;
}

/* The magic number of the file system below fd; 0 when it is not known. */
static unsigned long fs_type(int fd)
{
#ifdef __linux__
	struct statfs st;

	int r;

	RETRY(r, fstatfs(fd, &st));
	if (r == 0)
		return (unsigned long)st.f_type & 0xffffffffUL;
#else
	(void)fd;
#endif
	return 0;
}

/* What is known of file systems. */
#define BTRFS         0x9123683eUL
#define COVERS_NAME   1 /* the sync of a file makes its new names durable, too */
#define KEEPS_ORDER   2
#define OVERWRITES    4 /* in place; xfs not once, after a copy that shares blocks */
#define HIDES_CHANGES 8 /* of other hosts */

static const struct kind {
	unsigned long magic;
	unsigned is;
} kinds[] = {
	{ 0xef53UL, COVERS_NAME | KEEPS_ORDER | OVERWRITES },     /* ext4 */
	{ 0x58465342UL, COVERS_NAME | KEEPS_ORDER | OVERWRITES }, /* xfs */
	{ BTRFS, COVERS_NAME }, /* what is renamed may be missed */
	{ 0x01021994UL, COVERS_NAME | KEEPS_ORDER | OVERWRITES }, /* tmpfs */
	{ 0, HIDES_CHANGES },                                     /* not known */
	{ 0x6969UL, HIDES_CHANGES },                              /* NFS */
	{ 0x517bUL, HIDES_CHANGES },                              /* SMB */
	{ 0xff534d42UL, HIDES_CHANGES },                          /* CIFS */
	{ 0xfe534d42UL, HIDES_CHANGES },                          /* SMB2 */
	{ 0x65735546UL, HIDES_CHANGES },                          /* FUSE */
	{ 0x00c36400UL, HIDES_CHANGES },                          /* Ceph */
	{ 0x01021997UL, HIDES_CHANGES },                          /* 9p */
	{ 0x5346414fUL, HIDES_CHANGES },                          /* OpenAFS */
	{ 0x6b414653UL, HIDES_CHANGES },                          /* AFS */
	{ 0x0bd00bd0UL, HIDES_CHANGES },                          /* Lustre */
	{ 0x47504653UL, HIDES_CHANGES },                          /* GPFS */
	{ 0x7461636fUL, HIDES_CHANGES },                          /* OCFS2 */
	{ 0x01161970UL, HIDES_CHANGES },                          /* GFS2 */
	{ 0x786f4256UL, HIDES_CHANGES },                          /* VirtualBox shared folders */
};

static int fs_is(int fd, unsigned what)
{
	unsigned long magic = fs_type(fd);
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == magic)
			return (kinds[i].is & what) != 0;
	return 0;
}

int fs_sync_covers_name(int fd)
{
	return fs_is(fd, COVERS_NAME);
}

int fs_sync_way(int dir, const char *path)
{
	char *way = strdup(path), *slash;
	int r = way ? fs_sync_path(dir, way) : -1;

	while (r == 0 && (slash = strrchr(way, '/')) != NULL) {
		*slash = '\0';
		r = fs_sync_path(dir, way);
	}
	free(way);
	return r == 0 ? fs_sync_path(dir, ".") : -1;
}

int fs_sync_name(int fd, int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *way;
	int r;

	if (fs_sync(fd) == -1)
		return -1;
	if (fs_sync_covers_name(dir))
		return 0;
	if (slash == NULL)
		return fs_sync_path(dir, ".");
	way = strndup(path, (size_t)(slash - path));
	r = way ? fs_sync_way(dir, way) : -1;
	free(way);
	return r;
}

int fs_keeps_order(int fd)
{
	return fs_is(fd, KEEPS_ORDER);
}

int fs_overwrites(int fd)
{
	return fs_is(fd, OVERWRITES);
}

void fs_overwrite(int fd)
{
#ifdef FS_NOCOW_FL
	int flags;

	if (fs_type(fd) == BTRFS && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_NOCOW_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
#else
	(void)fd;
#endif
}

int fs_tells_changes(int fd)
{
	return !fs_is(fd, HIDES_CHANGES);
}

int fs_free(int fd, uint64_t *bytes, uint64_t *files)
{
	struct statvfs st;

	int r;

	RETRY(r, fstatvfs(fd, &st));
	if (r == -1)
		return -1;
	*bytes = st.f_blocks ? (uint64_t)st.f_bavail * st.f_frsize : UINT64_MAX;
	*files = st.f_files ? (uint64_t)st.f_favail : UINT64_MAX;
	return 0;
}
