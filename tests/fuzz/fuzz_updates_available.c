/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/updates_available.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int64_t count = -1;

        if (posture_updates_available_parse(BASE_BYTES(data, size), &count) != (count >= 0))
                abort();
        return 0;
}
