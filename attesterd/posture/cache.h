/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What need not be opened and read again for each snapshot, and how it is known to be unchanged:
 * - a file of procfs or sysfs stays open and is read again each time;
 * - two of procfs, which are long, say by poll(2) whether they changed;
 * - a file of a disk is looked at, and read again if anything of its inode differs;
 * - what the kernel cannot change before the next boot is read once.
 * Nothing here wakes anybody up: it is looked at when somebody asks. Used by source.c only.
 */
#pragma once

#include "attesterd/posture/apt.h"
#include "base/buffer.h"

#include <sys/stat.h>

#define POSTURE_CACHE_FILES_MAX 128
#define POSTURE_CACHE_BYTES_MAX (256 * 1024) /* of all files together; what does not fit is read each time */
#define POSTURE_CACHE_SETTLED_S 2            /* an inode may change twice within its clock's resolution */

enum posture_cached_kind {
        POSTURE_CACHED_OPEN,    /* the file stays open, and is read each time */
        POSTURE_CACHED_WATCHED, /* it stays open, and is read when it says so */
        POSTURE_CACHED_SETTLED, /* its inode is compared */
        POSTURE_CACHED_FIXED,   /* it cannot change */
        POSTURE_CACHED_ABSENT,  /* it was not there: looked for before it is opened, which costs more */
};

struct posture_cached {
        char *path;
        enum posture_cached_kind kind;
        int fd;           /* of OPEN and WATCHED; else -1 */
        uint8_t *content; /* of WATCHED (NULL: to be read), SETTLED and FIXED */
        size_t len;
        bool complete;      /* the content is all of the file */
        struct stat status; /* of SETTLED: when it was read */
};

/* NULL if nothing of this file is kept. Valid until the next call. */
struct posture_cached *posture_cache_find(struct posture_cache *cache, const char *path);

/* Keeps an open file (OPEN, WATCHED; the descriptor is taken) or that there is none (ABSENT). False without room or memory. */
bool posture_cache_keep(struct posture_cache *cache, const char *path, enum posture_cached_kind kind, int fd);

/*
 * Keeps a file's content: of one that is WATCHED already, of one that is SETTLED with its `status`, else of one that is FIXED.
 * Without room or memory it is not kept.
 */
void posture_cache_keep_content(struct posture_cache *cache, const char *path, struct base_bytes content, bool complete,
                                const struct stat *status);

void posture_cache_forget(struct posture_cache *cache, const char *path);

/* Whether a file that was looked at anew is the one that was read. */
bool posture_cached_is(const struct posture_cached *cached, const struct stat *status);

/* Whether a WATCHED file changed since this was asked last. */
bool posture_cached_changed(const struct posture_cached *cached);

/* Of a file of procfs, sysfs or securityfs: FIXED if the kernel sets it once, when it starts; WATCHED; else OPEN. */
enum posture_cached_kind posture_cache_kind_of(const char *path);

/* What was counted of apt's updates last; zeroed at first. Owned by the cache. */
struct posture_apt_counted *posture_cache_counted(struct posture_cache *cache);
