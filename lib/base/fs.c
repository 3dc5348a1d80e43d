/*
 * fs.c - every file system call of the library: files, names, times, locks
 */
#include "base/fs.h"

#include "base/fsparts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#endif

#define SLURP_MAX       (1024 * 1024)
#define LOCK_PAUSE      200000 /* ns, at first, */
#define LOCK_PAUSE_MOST 10000000
#define FCHMODAT2       452 /* since Linux 6.6, the same number everywhere */

int fs_open(int dir, const char *path, int flags)
{
	int fd;

	RETRY(fd, openat(dir, path, flags | O_CLOEXEC | O_NOCTTY));
	return fd;
}

int fs_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd); /* never again after EINTR: the descriptor is gone */
	errno = saved;
	return 0;
}

int fs_create(int dir, const char *path)
{
	int fd, r = 0;

	RETRY(fd, openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660));
	if (fd >= 0)
		RETRY(r, fchmod(fd, 0660));
	if (r == -1) {
		fs_unlink(dir, path);
		fs_close(fd);
		return -1;
	}
	return fd;
}

/* Open without following symbolic links, where the system can say so for the
 * whole path; elsewhere for its last component. */
static int open_strictly(int dir, const char *path, int flags)
{
	int fd;

#ifdef SYS_openat2
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	do
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd == -1 && (errno == EINTR || errno == EAGAIN));
	/* Renamed to outside of dir while it was looked up: it is gone. */
	if (fd == -1 && errno == EXDEV)
		errno = ENOENT;
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
#endif
	RETRY(fd, openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW));
	return fd;
}

int fs_open_dir(int dir, const char *path)
{
	return open_strictly(dir, path, O_RDONLY | O_DIRECTORY);
}

int fs_open_message(int dir, const char *path)
{
	struct stat st;
	int fd;

	/* O_NONBLOCK: a fifo planted here must not stop us. */
	fd = open_strictly(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return -1;
	if (fs_fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return fd;
		errno = EINVAL;
	}
	fs_close(fd);
	return -1;
}

/* What kernels before 6.6 have for the next. */
static int change_mode_of_open(int dir, const char *path, mode_t mode)
{
	int fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), r;

	if (fd == -1 && errno == EACCES) /* so the umask would have it */
		RETURN_RETRIED(fchmodat(dir, path, mode, 0));
	if (fd == -1)
		return -1;
	RETRY(r, fchmod(fd, mode));
	fs_close(fd);
	return r;
}

/* Of the thing itself: whoever may write to the directory may have put a symbolic
 * link in its place, to a file that is ours. */
static int change_mode(int dir, const char *path, mode_t mode)
{
#ifdef __linux__
	long r;

	RETRY(r, syscall(FCHMODAT2, dir, path, mode, AT_SYMLINK_NOFOLLOW));
	if (r == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM) /* EPERM: some sandboxes */
		return -1;
#endif
	return change_mode_of_open(dir, path, mode);
}

int fs_mkdir(int dir, const char *path)
{
	struct stat st;
	int r;

	RETRY(r, mkdirat(dir, path, 0770));
	if (r == -1)
		return -1;
	/* Who is not of the directory's group, but may write by an ACL, would lose
	 * it the bit that keeps the group by setting any mode. */
	if (fs_stat(dir, path, &st) == 0 && (st.st_mode & 07777) == 02770)
		return 0;
	/* After a lost race the directory may be gone again: no failure. */
	if (change_mode(dir, path, 02770) == -1 && errno != ENOENT && errno != EPERM)
		return -1;
	return 0;
}

int fs_have_dir(int dir, const char *path)
{
	return fs_mkdir(dir, path) == 0 || errno == EEXIST ? 0 : -1;
}

int fs_missed_dir(int r, int dir, const char *path)
{
	return r == -1 && errno == ENOENT && fs_have_dir(dir, path) == 0;
}

int fs_missed_dir_for(int r, int fromdir, const char *from, int dir, const char *path)
{
	int there;

	if (r != -1 || errno != ENOENT)
		return 0;
	there = fs_exists(fromdir, from);
	if (there == 0)
		errno = ENOENT;
	return there == 1 && fs_have_dir(dir, path) == 0;
}

int fs_mkdir_private(int dir, const char *path)
{
	RETURN_RETRIED(mkdirat(dir, path, 0700));
}

int fs_rmdir(int dir, const char *path)
{
	RETURN_RETRIED(unlinkat(dir, path, AT_REMOVEDIR));
}

static int make_node(int dir, const char *path, mode_t type)
{
	int r;

	RETRY(r, mknodat(dir, path, type | 0660, 0));
	if (r == -1)
		return -1;
	/* After a lost race the file may be gone again: no failure. */
	return change_mode(dir, path, 0660) == 0 || errno == ENOENT ? 0 : -1;
}

int fs_mkempty(int dir, const char *path)
{
	return make_node(dir, path, S_IFREG);
}

int fs_mkfifo(int dir, const char *path)
{
	return make_node(dir, path, S_IFIFO);
}

int fs_rename(int dir, const char *from, int todir, const char *to)
{
	RETURN_RETRIED(renameat(dir, from, todir, to));
}

int fs_link(int dir, const char *from, int todir, const char *to)
{
	RETURN_RETRIED(linkat(dir, from, todir, to, 0));
}

int fs_unlink(int dir, const char *path)
{
	RETURN_RETRIED(unlinkat(dir, path, 0));
}

int fs_symlink(const char *target, int dir, const char *path)
{
	RETURN_RETRIED(symlinkat(target, dir, path));
}

int fs_readlink(int dir, const char *path, char *buf, size_t size)
{
	ssize_t n;

	RETRY(n, readlinkat(dir, path, buf, size));
	if (n == -1)
		return -1;
	if ((size_t)n == size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	buf[n] = '\0';
	return 0;
}

int fs_stat(int dir, const char *path, struct stat *st)
{
	RETURN_RETRIED(fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW));
}

int fs_fstat(int fd, struct stat *st)
{
	RETURN_RETRIED(fstat(fd, st));
}

int fs_exists(int dir, const char *path)
{
	struct stat st;

	if (fs_stat(dir, path, &st) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/* Both times: some file systems (bindfs) do nothing when one is left out. */
int fs_set_mtime(int dir, const char *path, int64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	struct timespec times[2] = { t, t };

	RETURN_RETRIED(utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW));
}

int fs_touch(int dir, const char *path)
{
	RETURN_RETRIED(utimensat(dir, path, NULL, AT_SYMLINK_NOFOLLOW));
}

int fs_chmod(int dir, const char *path, mode_t mode)
{
	return change_mode(dir, path, mode);
}

int64_t fs_mtime(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int64_t fs_ctime(const struct stat *st)
{
	return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

/* A file that was replaced may have the inode of the one before. */
int fs_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	    fs_mtime(a) == fs_mtime(b) && fs_ctime(a) == fs_ctime(b);
}

#define TIMES_DIFFER 1100000000 /* ns: whole seconds, and a tick of the kernel's clock */

/* By the machine's clock: the file system's times are not shifted for a test. */
int fs_young(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return fs_ctime(st) > (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - TIMES_DIFFER;
}

/* Its ctime, which nobody can set, shows what it keeps: the largest power of ten that
 * divides that; by chance a somewhat larger one, which does no harm. */
int64_t fs_keepable(const struct stat *st, int64_t ns)
{
	int64_t grain = 1000000000;

	while (st->st_ctim.tv_nsec % grain != 0)
		grain /= 10;
	return ns % grain ? ns - ns % grain + grain : ns;
}

int fs_write(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t w;

	while (n > 0) {
		RETRY(w, write(fd, p, n));
		if (w == -1)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int fs_truncate(int fd, uint64_t size)
{
	int r;

	RETRY(r, ftruncate(fd, (off_t)size));
	return r == 0 && lseek(fd, (off_t)size, SEEK_SET) != -1 ? 0 : -1;
}

ssize_t fs_read(int fd, void *buf, size_t n)
{
	ssize_t r;

	RETRY(r, read(fd, buf, n));
	return r;
}

ssize_t fs_pread(int fd, void *buf, size_t n, off_t at)
{
	ssize_t r;

	RETRY(r, pread(fd, buf, n, at));
	return r;
}

int fs_clone(int to, int from)
{
#ifdef FICLONE
	int r;

	RETRY(r, ioctl(to, FICLONE, from));
	return r;
#else
	(void)to, (void)from;
	errno = EOPNOTSUPP;
	return -1;
#endif
}

/* By way of our memory. */
static ssize_t copy_by_hand(int to, int from, off_t offset, size_t n)
{
	char buf[16 * 1024];
	ssize_t got = fs_pread(from, buf, n < sizeof(buf) ? n : sizeof(buf), offset);

	return got > 0 && fs_write(to, buf, (size_t)got) == -1 ? -1 : got;
}

ssize_t fs_copy(int to, int from, off_t offset, size_t n)
{
#ifdef __linux__
	off_t at = offset;
	ssize_t r;

	RETRY(r, copy_file_range(from, &at, to, NULL, n, 0));
	if (r > 0 ||
	    (r == -1 && errno != EINVAL && errno != EXDEV && errno != ENOSYS &&
		errno != EOPNOTSUPP && errno != EPERM))
		return r;
#endif
	return copy_by_hand(to, from, offset, n);
}

/* Read up to size bytes from an open file. */
static ssize_t read_whole(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n < size && (r = fs_read(fd, buf + n, size - n)) != 0) {
		if (r == -1)
			return -1;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

char *fs_slurp(int dir, const char *path)
{
	struct stat st;
	char *text = NULL;
	ssize_t n;
	int fd;

	fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return NULL;
	if (fs_fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode) || st.st_size > SLURP_MAX) {
			errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		} else if ((text = malloc((size_t)st.st_size + 1)) != NULL) {
			if ((n = read_whole(fd, text, (size_t)st.st_size)) == -1) {
				free(text);
				text = NULL;
			} else {
				text[n] = '\0';
			}
		}
	}
	fs_close(fd);
	return text;
}

char *fs_absolute(const char *path)
{
	const char *last = strrchr(path, '/');
	char *dir = last ? strndup(path, (size_t)(last - path) + 1) : strdup(".");
	char *real = dir ? realpath(dir, NULL) : NULL;
	char *whole = NULL;

	if (real && asprintf(&whole, "%s/%s", real, last ? last + 1 : path) == -1)
		whole = NULL;
	free(real);
	free(dir);
	return whole;
}

/* To be locked it may be open for either; a sender may have no right to read. */
static int open_lock(int dir, const char *path)
{
	int fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	if (fd == -1 && errno == EACCES)
		fd = fs_open(dir, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
	return fd;
}

static int open_or_make_lock(int dir, const char *path)
{
	int fd = open_lock(dir, path);

	if (fd == -1 && errno == ENOENT && (fd = fs_create(dir, path)) == -1 && errno == EEXIST)
		fd = open_lock(dir, path);
	return fd;
}

static int lock_open(int fd, int how)
{
	int r;

	RETRY(r, flock(fd, LOCK_EX | how));
	return r;
}

/* The lock's descriptor if the call that takes it did, or -1. */
static int keep_locked(int fd, int r)
{
	if (r == 0)
		return fd;
	fs_close(fd);
	return -1;
}

/* flock() has no time limit: tries, with pauses that grow. */
int fs_lock(int dir, const char *path, int64_t patience)
{
	int fd = open_or_make_lock(dir, path), r;
	int64_t pause = LOCK_PAUSE;

	if (fd == -1)
		return -1;
	if (patience == LOCK_FOREVER)
		return keep_locked(fd, lock_open(fd, 0));
	while ((r = lock_open(fd, LOCK_NB)) == -1 && errno == EWOULDBLOCK && patience > 0) {
		nanosleep(&(struct timespec){ 0, (long)pause }, NULL);
		patience -= pause;
		pause = pause < LOCK_PAUSE_MOST ? 2 * pause : pause;
	}
	return keep_locked(fd, r);
}

void fs_unlock(int fd)
{
	int saved = errno;

	flock(fd, LOCK_UN); /* closing is not enough on every network file system */
	fs_close(fd);
	errno = saved;
}
