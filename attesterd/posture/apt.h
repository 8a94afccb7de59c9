/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The security updates that wait on a system with apt, from the files that apt and dpkg leave for everybody to read: packages in
 * the state that dpkg has them, and the lists of the archives of security updates as of apt's last look. Used by the collector
 * of os.updates.* only.
 */
#pragma once

#include "attesterd/posture/source.h"

#define POSTURE_APT_FILE_BYTES_MAX (128 * 1024 * 1024) /* of each file that is read */
#define POSTURE_APT_LISTS_MAX      32

/* What was counted last, and of which files. */
struct posture_apt_counted {
        struct stat status; /* dpkg's; of inode 0: nothing was counted */
        struct stat lists;  /* the directory */
        int64_t count;      /* -1: see `reason` */
        char reason[POSTURE_REASON_BYTES_MAX];
};

/*
 * False, with the reason, if that cannot be told; `ret_source` is NULL where there is no dpkg. Counts only if a file
 * changed since the last time, which takes some ten milliseconds, in the order of versions that dpkg has. Held packages count;
 * priorities that an administrator gave to archives do not.
 * Source: apt(8), dpkg(1); sources.list(5) for the names of lists, where a suite for security updates ends with "-security".
 */
bool posture_apt_count(const struct posture_sources *sources, int64_t *ret, char ret_reason[POSTURE_REASON_BYTES_MAX],
                       const char **ret_source) BASE_MUST_CHECK;
