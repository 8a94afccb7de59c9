/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/block.h"

#include "attesterd/posture/source.h"

#include <errno.h>
#include <string.h>

#define BLOCK_CLASS "/sys/class/block"
#define MAPPER      "/dev/mapper/"

static const char *const encryption[] = {
        "CRYPT-LUKS1-", "CRYPT-LUKS2-", "CRYPT-PLAIN-", "CRYPT-LOOPAES-", "CRYPT-TCRYPT-", "CRYPT-BITLK-", "CRYPT-FVAULT2-",
};
static const char *const verity[] = { "CRYPT-VERITY-" };

struct walk {
        const struct posture_sources *sources;
        enum posture_layer layer;
        unsigned visited;
        const char *reason;
        bool mapped;
};

/* The children of one device. */
struct children {
        struct walk *walk;
        const char *path;
        unsigned depth;
        size_t count;
        enum posture_cover cover;
};

bool posture_layer_is(enum posture_layer layer, const char *dm_uuid)
{
        const char *const *prefixes = layer == POSTURE_LAYER_VERITY ? verity : encryption;
        size_t count = layer == POSTURE_LAYER_VERITY ? BASE_COUNT(verity) : BASE_COUNT(encryption);

        for (size_t i = 0; i < count; i++)
                if (strncmp(dm_uuid, prefixes[i], strlen(prefixes[i])) == 0)
                        return true;
        return false;
}

enum posture_cover posture_cover_both(enum posture_cover a, enum posture_cover b)
{
        if (a == POSTURE_NOT_COVERED || b == POSTURE_NOT_COVERED)
                return POSTURE_NOT_COVERED;
        return a == POSTURE_COVER_UNKNOWN || b == POSTURE_COVER_UNKNOWN ? POSTURE_COVER_UNKNOWN : POSTURE_COVERED;
}

static enum posture_cover fail(struct walk *walk, const char *reason)
{
        walk->reason = reason;
        return POSTURE_COVER_UNKNOWN;
}

/* "PATH/NAME"; false if it is too long. */
static bool join(char ret[POSTURE_PATH_BYTES_MAX], const char *path, const char *name)
{
        return snprintf(ret, POSTURE_PATH_BYTES_MAX, "%s/%s", path, name) < POSTURE_PATH_BYTES_MAX;
}

static enum posture_cover look_at_device(struct walk *walk, const char *path, unsigned depth);

static bool look_at_child(const char *name, void *context)
{
        struct children *children = context;
        char path[POSTURE_PATH_BYTES_MAX];
        enum posture_cover cover;

        children->count++;
        cover = join(path, children->path, name) ? look_at_device(children->walk, path, children->depth + 1)
                                                 : fail(children->walk, "a path in sysfs is too long");
        children->cover = posture_cover_both(children->cover, cover);
        return children->cover != POSTURE_NOT_COVERED;
}

/* A device without others below it is a disk or its partition; some stand for something else that this cannot follow. */
static enum posture_cover look_at_bottom(struct walk *walk, const char *path)
{
        static const char *const elsewhere[] = { "loop", "pid" }; /* a loop device on a file; a network block device */
        char mark[POSTURE_PATH_BYTES_MAX];

        if (posture_source_exists(walk->sources, path) != 0)
                return fail(walk, "a block device is not in sysfs");
        for (size_t i = 0; i < BASE_COUNT(elsewhere); i++)
                if (!join(mark, path, elsewhere[i]) || posture_source_exists(walk->sources, mark) == 0)
                        return fail(walk, "what lies under a loop or network block device cannot be seen");
        return POSTURE_NOT_COVERED;
}

static enum posture_cover look_at_device(struct walk *walk, const char *path, unsigned depth)
{
        struct children children = { .walk = walk, .depth = depth, .cover = POSTURE_COVERED };
        char file[POSTURE_PATH_BYTES_MAX];
        char uuid[POSTURE_LINE_BYTES_MAX + 1];
        int error_number;

        if (depth > POSTURE_BLOCK_DEPTH_MAX || walk->visited++ == POSTURE_BLOCK_DEVICES_MAX)
                return fail(walk, "too many layers of block devices");
        if (!join(file, path, "dm/uuid"))
                return fail(walk, "a path in sysfs is too long");
        error_number = posture_source_read_line(walk->sources, file, uuid);
        walk->mapped = walk->mapped || error_number == 0;
        if (error_number == 0 && posture_layer_is(walk->layer, uuid))
                return POSTURE_COVERED;
        if (error_number != 0 && error_number != ENOENT)
                return fail(walk, "the device mapper's entry in sysfs cannot be read");
        if (!join(file, path, "slaves"))
                return fail(walk, "a path in sysfs is too long");
        children.path = file;
        error_number = posture_source_each_name(walk->sources, file, look_at_child, &children);
        if (error_number != 0 && error_number != ENOENT)
                return fail(walk, "the devices below another cannot be listed");
        return children.count > 0 ? children.cover : look_at_bottom(walk, path);
}

enum posture_cover posture_block_walk(const struct posture_sources *sources, const char *path, enum posture_layer layer,
                                      const char **ret_reason, bool *ret_mapped)
{
        struct walk walk = { .sources = sources, .layer = layer };
        enum posture_cover cover = look_at_device(&walk, path, 0);

        if (cover == POSTURE_COVER_UNKNOWN)
                *ret_reason = walk.reason;
        *ret_mapped = *ret_mapped || walk.mapped;
        return cover;
}

struct mapper_search {
        const struct posture_sources *sources;
        const char *wanted;
        char *found;
};

static bool look_at_mapped(const char *name, void *context)
{
        struct mapper_search *search = context;
        char path[POSTURE_PATH_BYTES_MAX];
        char line[POSTURE_LINE_BYTES_MAX + 1];

        if (strncmp(name, "dm-", strlen("dm-")) != 0 || strlen(name) >= POSTURE_BLOCK_NAME_MAX ||
            snprintf(path, sizeof(path), BLOCK_CLASS "/%s/dm/name", name) >= (int) sizeof(path) ||
            posture_source_read_line(search->sources, path, line) != 0 || strcmp(line, search->wanted) != 0)
                return true;
        (void) snprintf(search->found, POSTURE_BLOCK_NAME_MAX, "%s", name);
        return false;
}

bool posture_block_name(const struct posture_sources *sources, const char *node, char ret[POSTURE_BLOCK_NAME_MAX])
{
        struct mapper_search search = { .sources = sources, .found = ret };
        const char *base = strrchr(node, '/');

        ret[0] = '\0';
        if (strncmp(node, "/dev/", strlen("/dev/")) != 0)
                return false;
        if (strncmp(node, MAPPER, strlen(MAPPER)) == 0) {
                search.wanted = node + strlen(MAPPER);
                return posture_source_each_name(sources, BLOCK_CLASS, look_at_mapped, &search) == 0 && ret[0] != '\0';
        }
        if (base[1] == '\0' || base[1] == '.' || strlen(base + 1) >= POSTURE_BLOCK_NAME_MAX)
                return false;
        (void) snprintf(ret, POSTURE_BLOCK_NAME_MAX, "%s", base + 1);
        return true;
}
