/*
 * recorder.c - a disk that writes down what is done to it
 *
 *	recorder MOUNTPOINT BASE LOG
 *
 * A file system with two files.  A loop device is put on `disk`: it is as large
 * as BASE, begins with what that holds, and is kept in memory.  What is written
 * to `mark` only goes into the log.
 *
 * LOG gets a record for each write and each flush of the disk and for each mark,
 * in the order in which they were done.  There is one thread, and a request is
 * answered only when its record is in the log: so what the file system on the
 * disk was told to be durable comes before a mark of somebody who was told after
 * that, and a prefix of the log is what the disk and the world had seen at one
 * moment.  Nothing is cached on the way here (direct_io).
 */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK "/disk"
#define MARK "/mark"

/* What stands in the log before the data, in the byte order of the machine. */
struct record {
	uint32_t type;
	uint32_t size; /* of the data */
	uint64_t offset;
};

#define RECORD_WRITE 'W'
#define RECORD_FLUSH 'F'
#define RECORD_MARK  'M'

static char *disk;
static off_t disk_size;
static int log_fd;

static int note(char type, off_t offset, const char *data, size_t size)
{
	struct record r = { .type = (uint32_t)type,
		.size = (uint32_t)size,
		.offset = (uint64_t)offset };
	struct iovec v[] = { { &r, sizeof(r) }, { (void *)data, size } };

	return writev(log_fd, v, 2) == (ssize_t)(sizeof(r) + size) ? 0 : -EIO;
}

static int get_attributes(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	st->st_nlink = 1;
	if (!strcmp(path, "/")) {
		st->st_mode = S_IFDIR | 0700;
		return 0;
	}
	st->st_mode = S_IFREG | 0600;
	if (!strcmp(path, DISK))
		st->st_size = disk_size;
	else if (strcmp(path, MARK) != 0)
		return -ENOENT;
	return 0;
}

static int open_file(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	fi->direct_io = 1;
	return 0;
}

/* A mark is opened as by a shell, with >. */
static int truncate_file(const char *path, off_t size, struct fuse_file_info *fi)
{
	(void)size;
	(void)fi;
	return strcmp(path, MARK) == 0 ? 0 : -EPERM;
}

static int read_file(const char *path, char *data, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	(void)fi;
	if (strcmp(path, DISK) != 0 || offset >= disk_size)
		return 0;
	if (size > (size_t)(disk_size - offset))
		size = (size_t)(disk_size - offset);
	memcpy(data, disk + offset, size);
	return (int)size;
}

static int write_file(const char *path, const char *data, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	int r;

	(void)fi;
	if (!strcmp(path, MARK)) {
		r = note(RECORD_MARK, 0, data, size);
	} else if (offset > disk_size || size > (size_t)(disk_size - offset)) {
		r = -ENOSPC;
	} else {
		memcpy(disk + offset, data, size);
		r = note(RECORD_WRITE, offset, data, size);
	}
	return r == 0 ? (int)size : r;
}

static int sync_file(const char *path, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	(void)fi;
	return strcmp(path, DISK) == 0 ? note(RECORD_FLUSH, 0, NULL, 0) : 0;
}

static const struct fuse_operations operations = {
	.getattr = get_attributes,
	.truncate = truncate_file,
	.open = open_file,
	.read = read_file,
	.write = write_file,
	.fsync = sync_file,
};

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	char *arguments[] = { argv[0], "-f", "-s", argc > 1 ? argv[1] : NULL, NULL };
	struct stat st;
	int base;

	if (argc != 4) {
		fputs("usage: recorder MOUNTPOINT BASE LOG\n", stderr);
		return 64;
	}
	must((base = open(argv[2], O_RDONLY | O_CLOEXEC)) != -1, argv[2]);
	must(fstat(base, &st) == 0, argv[2]);
	disk_size = st.st_size;
	/* Private: the base stays as it is. */
	disk = mmap(NULL, (size_t)disk_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
	    base, 0);
	must(disk != MAP_FAILED, argv[2]);
	log_fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	must(log_fd != -1, argv[3]);
	/* Memory for this process must not wait for what only it can write; when it
	 * may not ask for that, memory has to suffice. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	return fuse_main(4, arguments, &operations, NULL);
}
