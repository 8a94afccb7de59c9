/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's lists of mounts and of swap areas. Used by the collector of disk.* only.
 * Source: proc_pid_mountinfo(5), proc_swaps(5).
 */
#pragma once

#include "base/buffer.h"

#define POSTURE_MOUNTINFO_BYTES_MAX (512 * 1024)
#define POSTURE_SWAPS_BYTES_MAX     (16 * 1024)
#define POSTURE_MOUNT_TEXT_MAX      256 /* with the NUL */

struct posture_mount {
        unsigned major; /* 0: the file system has no one device */
        unsigned minor;
        char type[POSTURE_MOUNT_TEXT_MAX];   /* "ext4" */
        char source[POSTURE_MOUNT_TEXT_MAX]; /* "/dev/mapper/root"; "" if it is too long */
};

/*
 * Finds the mount that an absolute path lies on: the one with the longest mount point above it, and of those the last, which
 * hides the others. Lines that do not parse are passed over. False if there is none.
 */
bool posture_mountinfo_find(struct base_bytes text, const char *path, struct posture_mount *ret) BASE_MUST_CHECK;

struct posture_swap {
        char path[POSTURE_MOUNT_TEXT_MAX]; /* of the device or file */
        bool is_file;
};

/* Takes the next area off `text`, which starts behind the line of headings. 1, 0 at the end, -1 if the line does not parse. */
int posture_swaps_next(struct base_bytes *text, struct posture_swap *ret) BASE_MUST_CHECK;

/* Takes the line of headings off; false if there is none. */
bool posture_swaps_begin(struct base_bytes *text) BASE_MUST_CHECK;
