/* SPDX-License-Identifier: BSD-2-Clause */
/* The first half of the input is dpkg's status, the rest a list of packages; both also arrive in small pieces. */
#include "attesterd/posture/packages.h"

static void read_in_pieces(struct base_bytes text, size_t piece, posture_package_visitor *visit, void *context)
{
        struct posture_package_reader reader = { .len = 0 };

        for (size_t at = 0; at < text.len; at += piece)
                posture_packages_feed(&reader, BASE_BYTES(text.data + at, text.len - at < piece ? text.len - at : piece), visit,
                                      context);
        posture_packages_finish(&reader, visit, context);
}

static int64_t count(struct base_bytes status, struct base_bytes packages, size_t piece)
{
        posture_auto_installed struct posture_installed installed = { .count = 0 };

        read_in_pieces(status, piece, posture_installed_add, &installed);
        read_in_pieces(packages, piece, posture_installed_compare, &installed);
        return posture_installed_outdated(&installed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_bytes status = BASE_BYTES(data, size / 2);
        struct base_bytes packages = BASE_BYTES(data + size / 2, size - size / 2);

        if (count(status, packages, 7) != count(status, packages, size + 1))
                abort();
        return 0;
}
