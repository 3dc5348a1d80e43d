/*
 * stripparts.h - what the three files of a strip share: its marks, its lock, its paths
 */
#ifndef STRIPPARTS_H
#define STRIPPARTS_H

#include "spool/strip.h"

void strip_form_path(const struct strip *, uint64_t number, enum form, char path[ENTRY_PATH]);

/* Follow "tail" or "head": 0, or -1 with errno, EINVAL when it is no number. */
int strip_mark(const struct strip *, const char *mark, uint64_t *number);
int strip_set_mark(const struct strip *, const char *mark, uint64_t number, scratch_fn *,
    void *ctx);

/* To be given to fs_unlock: -1 with EWOULDBLOCK when another has it for longer than
 * the patience, in ns. */
int strip_lock(const struct strip *, int64_t patience);

/* Whether errno says that what a rename would replace is not empty. */
int strip_is_taken(void);

/* Whether segments lie outside of head and tail.  An empty strip has few, so
 * this is one short listing. */
int strip_has_strays(const struct strip *);

#endif
