/*
 * snap.h - a directory and all below it, kept in memory
 *
 * Directories, files, symbolic and hard links and pipes, with their modes and the times
 * of their last change.  Whatever fails ends the process with a message.
 */
#ifndef SNAP_H
#define SNAP_H

struct snap;

struct snap *snap_take(const char *path);
void snap_free(struct snap *);

/* The directory again as it was, whatever is there now. */
void snap_restore(const struct snap *, const char *path);

/* Without anything in it, or gone. */
void snap_empty(const char *path);

#endif
