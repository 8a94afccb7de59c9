/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/mountinfo.h"

#include <string.h>

static void check_text(const char *text)
{
        if (memchr(text, '\0', POSTURE_MOUNT_TEXT_MAX) == NULL)
                abort();
}

static void check_mount(struct base_bytes text, const char *path)
{
        struct posture_mount mount;

        if (!posture_mountinfo_find(text, path, &mount))
                return;
        check_text(mount.type);
        check_text(mount.source);
        if (mount.type[0] == '\0')
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_bytes rest = BASE_BYTES(data, size);
        struct posture_swap swap;

        check_mount(rest, "/");
        check_mount(rest, "/home/a b");
        if (posture_swaps_begin(&rest))
                while (posture_swaps_next(&rest, &swap) > 0) {
                        check_text(swap.path);
                        if (swap.path[0] != '/')
                                abort();
                }
        return 0;
}
