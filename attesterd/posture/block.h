/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies under a block device: the layers of the device mapper, down to the disks. Used by the collector of disk.* only.
 */
#pragma once

#include "attesterd/posture/posture.h"

#define POSTURE_BLOCK_DEPTH_MAX   8
#define POSTURE_BLOCK_DEVICES_MAX 64 /* that one walk looks at */
#define POSTURE_BLOCK_NAME_MAX    64 /* with the NUL */

/* What a layer of the device mapper does to the data below it. */
enum posture_layer {
        POSTURE_LAYER_ENCRYPTION,
        POSTURE_LAYER_VERITY,
};

enum posture_cover {
        POSTURE_COVERED,
        POSTURE_NOT_COVERED,
        POSTURE_COVER_UNKNOWN,
};

/* Whether the identifier that the device mapper's user gave a device names such a layer: "CRYPT-LUKS2-…". */
bool posture_layer_is(enum posture_layer layer, const char *dm_uuid);

/*
 * Walks down from the device whose directory in sysfs is `path` ("/sys/dev/block/254:0"): covered if on every way to a disk
 * there is such a layer. `ret_reason` is set to a constant text if that cannot be known; `ret_mapped` if a device was looked at
 * that the device mapper made: where there is none, there is a layer of no kind.
 * Source: the kernel's Documentation/ABI/testing/sysfs-block-dm; libcryptsetup's names of device types.
 */
enum posture_cover posture_block_walk(const struct posture_sources *sources, const char *path, enum posture_layer layer,
                                      const char **ret_reason, bool *ret_mapped);

/* One cover of several devices, all of which hold the data: the worse of two. */
enum posture_cover posture_cover_both(enum posture_cover a, enum posture_cover b);

/*
 * The kernel's name ("dm-0") of a device node ("/dev/dm-0", "/dev/mapper/root"); false if there is none.
 */
bool posture_block_name(const struct posture_sources *sources, const char *node,
                        char ret[POSTURE_BLOCK_NAME_MAX]) BASE_MUST_CHECK;
