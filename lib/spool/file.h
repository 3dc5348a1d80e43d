/*
 * file.h - a message's file, open
 *
 * Messages that were sent together stand in one file, so that who reads one after
 * the other opens it once, and reads ahead: nobody writes to a file that has the
 * name of a message.  As long as it is open, no other has its inode.
 */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file {
	int refs;
	int fd;
	uint64_t inode;
	uint64_t size;
	char *ahead; /* bytes read: */
	uint64_t from;
	size_t n;
};

/* As fs_open_message; NULL with errno. */
struct file *file_open(int dir, const char *path);
struct file *file_ref(struct file *);
void file_unref(struct file *); /* NULL: nothing */

/* As fs_pread. */
ssize_t file_read(struct file *, void *, size_t n, uint64_t at);

#endif
