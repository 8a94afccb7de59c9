/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/distro_info.h"

#include <string.h>

static void check(struct base_bytes csv, const char *version)
{
        char end[POSTURE_DATE_LEN + 1] = "unset";
        bool found = posture_distro_info_end(csv, version, end) == NULL;

        if (found ? !posture_date_valid(end) : strcmp(end, "unset") != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check(BASE_BYTES(data, size), "12");
        check(BASE_BYTES(data, size), "24.04");
        check(BASE_BYTES(data, size), "");
        return 0;
}
