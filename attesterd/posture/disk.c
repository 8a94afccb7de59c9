/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.*: whether what is stored can be read, or changed, by somebody who takes the disk out. */
#include "attesterd/posture/block.h"
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"
#include "attesterd/posture/mountinfo.h"

#include <errno.h>
#include <string.h>

#define MOUNTINFO   "/proc/self/mountinfo"
#define SWAPS       "/proc/swaps"
#define BLOCK_CLASS "/sys/class/block"
#define BTRFS       "/sys/fs/btrfs"

/* A cover with the reason why it is unknown. */
struct answer {
        enum posture_cover cover;
        bool mapped; /* the device mapper made some device that was looked at */
        char reason[POSTURE_REASON_BYTES_MAX];
};

static struct answer unknown(const char *reason)
{
        struct answer answer = { .cover = POSTURE_COVER_UNKNOWN };

        (void) snprintf(answer.reason, sizeof(answer.reason), "%s", reason);
        return answer;
}

static struct answer walk(const struct posture_sources *sources, const char *path, enum posture_layer layer)
{
        const char *reason = "";
        struct answer answer = unknown("");

        answer.cover = posture_block_walk(sources, path, layer, &reason, &answer.mapped);
        (void) snprintf(answer.reason, sizeof(answer.reason), "%s", reason);
        return answer;
}

static struct answer walk_name(const struct posture_sources *sources, const char *name, enum posture_layer layer)
{
        char path[POSTURE_PATH_BYTES_MAX];

        (void) snprintf(path, sizeof(path), BLOCK_CLASS "/%s", name);
        return walk(sources, path, layer);
}

/* The devices of a btrfs, found by one of them. */
struct btrfs {
        const struct posture_sources *sources;
        enum posture_layer layer;
        char device[POSTURE_BLOCK_NAME_MAX];
        char devices[POSTURE_PATH_BYTES_MAX]; /* the directory that lists it; "" if none does */
        struct answer answer;
};

static bool look_at_btrfs_device(const char *name, void *context)
{
        struct btrfs *btrfs = context;
        struct answer answer = walk_name(btrfs->sources, name, btrfs->layer);
        enum posture_cover both = posture_cover_both(btrfs->answer.cover, answer.cover);

        answer.mapped = answer.mapped || btrfs->answer.mapped;
        if (both != btrfs->answer.cover)
                btrfs->answer = answer;
        btrfs->answer.mapped = answer.mapped;
        return both != POSTURE_NOT_COVERED;
}

static bool look_at_btrfs(const char *name, void *context)
{
        struct btrfs *btrfs = context;
        char path[POSTURE_PATH_BYTES_MAX];

        if (snprintf(path, sizeof(path), BTRFS "/%s/devices/%s", name, btrfs->device) >= (int) sizeof(path) ||
            posture_source_exists(btrfs->sources, path) != 0)
                return true;
        (void) snprintf(btrfs->devices, sizeof(btrfs->devices), BTRFS "/%s/devices", name);
        return false;
}

/* A btrfs may lie on several devices, of which its mount names one. */
static struct answer walk_btrfs(const struct posture_sources *sources, const struct posture_mount *mount,
                                enum posture_layer layer)
{
        struct btrfs btrfs = { .sources = sources, .layer = layer, .answer = { .cover = POSTURE_COVERED } };

        if (!posture_block_name(sources, mount->source, btrfs.device))
                return unknown("the device of the btrfs is not in sysfs");
        if (posture_source_each_name(sources, BTRFS, look_at_btrfs, &btrfs) != 0 || btrfs.devices[0] == '\0' ||
            posture_source_each_name(sources, btrfs.devices, look_at_btrfs_device, &btrfs) != 0)
                return unknown("the devices of the btrfs are not in sysfs");
        return btrfs.answer;
}

/* Of the file system that holds a path. */
static struct answer walk_path(const struct posture_sources *sources, struct base_bytes mounts, const char *path,
                               enum posture_layer layer)
{
        char device[POSTURE_PATH_BYTES_MAX];
        struct posture_mount mount;
        struct answer answer;

        if (!posture_mountinfo_find(mounts, path, &mount))
                return unknown(MOUNTINFO " has no such mount");
        if (mount.major != 0) {
                (void) snprintf(device, sizeof(device), "/sys/dev/block/%u:%u", mount.major, mount.minor);
                return walk(sources, device, layer);
        }
        if (strcmp(mount.type, "btrfs") == 0)
                return walk_btrfs(sources, &mount, layer);
        answer = unknown("");
        (void) snprintf(answer.reason, sizeof(answer.reason), "the file system (%.32s) has no block device", mount.type);
        return answer;
}

static bool set_answer(struct policy_facts *to, const char *name, const struct answer *answer, const char *source,
                       struct base_error *error)
{
        if (answer->cover == POSTURE_COVER_UNKNOWN)
                return posture_set_unreadable(to, name, answer->reason, source, error);
        return posture_set_boolean(to, name, answer->cover == POSTURE_COVERED, source, error);
}

/* Compressed memory, unless it writes what it cannot hold to a device. */
static bool is_plain_zram(const struct posture_sources *sources, const char *name)
{
        char path[POSTURE_PATH_BYTES_MAX];
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number;

        if (strncmp(name, "zram", strlen("zram")) != 0)
                return false;
        (void) snprintf(path, sizeof(path), BLOCK_CLASS "/%s/backing_dev", name);
        error_number = posture_source_read_line(sources, path, line);
        return error_number == ENOENT || (error_number == 0 && strcmp(line, "none") == 0);
}

static struct answer walk_swap(const struct posture_sources *sources, struct base_bytes mounts, const struct posture_swap *swap)
{
        struct answer covered = { .cover = POSTURE_COVERED };
        char name[POSTURE_BLOCK_NAME_MAX];

        if (swap->is_file)
                return walk_path(sources, mounts, swap->path, POSTURE_LAYER_ENCRYPTION);
        if (!posture_block_name(sources, swap->path, name))
                return unknown("a swap device is not in sysfs");
        return is_plain_zram(sources, name) ? covered : walk_name(sources, name, POSTURE_LAYER_ENCRYPTION);
}

static struct answer walk_swaps(const struct posture_sources *sources, struct base_bytes mounts)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_SWAPS_BYTES_MAX);
        int error_number = posture_source_read(sources, SWAPS, &text);
        struct base_bytes rest = base_buffer_bytes(&text);
        struct answer all = { .cover = POSTURE_COVERED };
        struct posture_swap swap;
        int result;

        if (error_number != 0) {
                all.cover = POSTURE_COVER_UNKNOWN;
                posture_source_reason(all.reason, SWAPS, error_number);
                return all;
        }
        if (!posture_swaps_begin(&rest))
                return unknown(SWAPS " does not start with its headings");
        while ((result = posture_swaps_next(&rest, &swap)) > 0) {
                struct answer answer = walk_swap(sources, mounts, &swap);

                if (posture_cover_both(all.cover, answer.cover) != all.cover)
                        all = answer;
        }
        return result == 0 || all.cover == POSTURE_NOT_COVERED ? all : unknown(SWAPS " has a line that does not parse");
}

bool posture_collect_disk(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                          struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_MOUNTINFO_BYTES_MAX);
        int error_number = posture_source_read(sources, MOUNTINFO, &text);
        struct base_bytes mounts = base_buffer_bytes(&text);
        struct answer encrypted;
        struct answer verified;
        struct answer swap;

        if (error_number != 0)
                return posture_set_errno(to, "disk.root_encrypted", error_number, MOUNTINFO, error) &&
                       posture_set_errno(to, "disk.root_verity", error_number, MOUNTINFO, error) &&
                       posture_set_errno(to, "disk.swap_encrypted", error_number, MOUNTINFO, error);
        encrypted = walk_path(sources, mounts, "/", POSTURE_LAYER_ENCRYPTION);
        /* Without the device mapper there is neither layer, and the same way is not walked again. */
        verified = encrypted.cover == POSTURE_NOT_COVERED && !encrypted.mapped
                           ? encrypted
                           : walk_path(sources, mounts, "/", POSTURE_LAYER_VERITY);
        swap = walk_swaps(sources, mounts);
        return set_answer(to, "disk.root_encrypted", &encrypted, MOUNTINFO, error) &&
               set_answer(to, "disk.root_verity", &verified, MOUNTINFO, error) &&
               set_answer(to, "disk.swap_encrypted", &swap, SWAPS, error);
}
