/*
 * fs.h - every file system call of the library
 *
 * Nothing outside fs*.c (and page.c, for its mapping) makes a system call on
 * the spool, so this is also the seam where faults are injected.  All calls
 * are relative to a directory descriptor, close on exec, and start again
 * after EINTR.  They return 0 (or a descriptor, or a count) or -1 with errno.
 */
#ifndef FS_H
#define FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

int fs_open(int dir, const char *path, int flags);
int fs_close(int fd); /* keeps errno */

/* A new file, mode 0660 whatever the umask.  EEXIST when it is there. */
int fs_create(int dir, const char *path);

/* A directory for further calls; no symbolic link is followed on the way. */
int fs_open_dir(int dir, const char *path);

/* A message file for reading: a regular file, reached without symbolic
 * links and without leaving dir, else ELOOP or EINVAL. */
int fs_open_message(int dir, const char *path);

/* A directory that keeps its group, mode 2770 whatever the umask. */
int fs_mkdir(int dir, const char *path);
/* The same, but that it is there already is no error. */
int fs_have_dir(int dir, const char *path);
/* Whether a call that returned r failed for want of that directory, which is there by
 * now: then it can be tried again. */
int fs_missed_dir(int r, int dir, const char *path);
/* The same for a call that gives from another name: ENOENT when that is what is missing. */
int fs_missed_dir_for(int r, int fromdir, const char *from, int dir, const char *path);
int fs_mkdir_private(int dir, const char *path); /* mode 0700 */
int fs_rmdir(int dir, const char *path);

/* An empty file. */
int fs_mkempty(int dir, const char *path);
/* A FIFO. */
int fs_mkfifo(int dir, const char *path);

int fs_rename(int dir, const char *from, int todir, const char *to);
int fs_link(int dir, const char *from, int todir, const char *to);
int fs_unlink(int dir, const char *path);

int fs_symlink(const char *target, int dir, const char *path);
/* The target, NUL-terminated; ENAMETOOLONG when it does not fit. */
int fs_readlink(int dir, const char *path, char *buf, size_t size);

int fs_stat(int dir, const char *path, struct stat *); /* of a link itself */
int fs_fstat(int fd, struct stat *);
int fs_exists(int dir, const char *path); /* 1, 0, or -1 */
int fs_set_mtime(int dir, const char *path, int64_t ns);
int fs_touch(int dir, const char *path); /* its times become now */
/* Change the file's inode to what it is: so that its next sync is one of all that
 * was renamed before, on file systems that keep order, although the file itself may
 * have been synced meanwhile. */
int fs_log_again(int fd);
int fs_chmod(int dir, const char *path, mode_t);
int64_t fs_mtime(const struct stat *);
/* Whether both are of one file that was not changed between them; which shows for sure
 * only when the first was not young: its last change then so recent that the next one
 * can have left it the same times. */
int fs_same(const struct stat *, const struct stat *);
int fs_young(const struct stat *);
/* That time, or the first one after it that the file system keeps as an mtime, of
 * which the stat is: some keep whole seconds, and cut the rest off. */
int64_t fs_keepable(const struct stat *, int64_t ns);

/* Whether that part of a message's file is there and was written: 1; 0 when the file
 * is shorter, has blocks that were never written, as a power cut may leave it, or is
 * no file; -1 with errno.  Waits for what is on its way to the disk, which has such
 * blocks until it is there.  Where blocks cannot be looked at, the length decides. */
int fs_is_written(int dir, const char *path, uint64_t offset, uint64_t size);

int fs_write(int fd, const void *, size_t); /* all of it */
/* Make an empty file what the other is, by sharing its blocks: where that can be. */
int fs_clone(int to, int from);
/* Append up to so many bytes that the other file has at the offset: how many, 0 at
 * its end. */
ssize_t fs_copy(int to, int from, off_t offset, size_t);
int fs_truncate(int fd, uint64_t size); /* and go on writing there */
ssize_t fs_read(int fd, void *, size_t);
ssize_t fs_pread(int fd, void *, size_t, off_t);

/* The path from the root, its directories resolved but not its last part; the
 * caller frees it. */
char *fs_absolute(const char *path);

/* A small file as a string that the caller frees.  EFBIG over 1 MiB. */
char *fs_slurp(int dir, const char *path);

int fs_sync(int fd);
int fs_sync_path(int dir, const char *path);
/* All that was written to that file system. */
int fs_sync_all(int fd);
/* The directory at path, and all that lead to it from dir, which is the last:
 * somebody may have made them just now.  ENOENT: the first is gone. */
int fs_sync_way(int dir, const char *path);

/* A file that was moved to that path: itself, and its name by whatever that takes. */
int fs_sync_name(int fd, int dir, const char *path);

/* Whether one fsync of a renamed file makes its data, its name and its new
 * directory durable on the file system below fd (ext4, xfs, btrfs; tmpfs has
 * nothing to sync).  Elsewhere: sync file, move, sync directory. */
int fs_sync_covers_name(int fd);

/* Whether what is done to names becomes durable in the order in which it was
 * done, as where one journal has all of it. */
int fs_keeps_order(int fd);

/* Whether a block that was written is written to in place, so that no room is needed. */
int fs_overwrites(int fd);
/* Have that for an empty file, where it is a choice. */
void fs_overwrite(int fd);

/* Whether the kernel tells of every change below fd: not where others can make
 * changes behind its back (network and FUSE file systems). */
int fs_tells_changes(int fd);

/* Bytes and files left for ordinary users; UINT64_MAX where not told. */
int fs_free(int fd, uint64_t *bytes, uint64_t *files);

#define LOCK_AT_ONCE 0
#define LOCK_FOREVER (-1)

/* Lock the file at path, made if need be; for fs_unlock.  EWOULDBLOCK when another has
 * it for longer than so many ns.  Who has a lock may be stopped: only what can wait for
 * ever may wait without a bound. */
int fs_lock(int dir, const char *path, int64_t patience);
void fs_unlock(int fd);

/* A directory read in large pieces: one getdents call of up to 256 KiB is a
 * snapshot, where small ones miss and double entries under renames. */
struct fs_dir {
	int fd;
	char *buf;
	size_t size, at, end;
	uint64_t inode; /* of the name given last */
	int error;      /* errno of the read that failed, or 0 */
};

int fs_dir_open(struct fs_dir *, int dir, const char *path);
/* The next name (valid until the call after), or NULL: at the end with errno
 * 0, else an error.  Names that start with a dot are passed over. */
const char *fs_dir_next(struct fs_dir *);
/* -1 with errno: what seemed to be the end was an error.  Else 0, and errno is kept. */
int fs_dir_close(struct fs_dir *);
/* Whether a directory has so many names or more: 1 or 0, -1: it cannot be opened. */
int fs_dir_has(int dir, const char *path, size_t names);

/* Remove a tree; what is gone already is no error. */
int fs_remove_tree(int dir, const char *path);

/* Take a directory out of sight by one rename, to doomed, where fs_remove_tree is to
 * remove it; or, where directories cannot be renamed (EXDEV: overlayfs, if they are of
 * a lower layer), remove it in its place. */
int fs_take_away(int dir, const char *path, const char *doomed);

#endif
