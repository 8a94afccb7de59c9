/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/apparmor_profiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int64_t count = -1;

        if (posture_apparmor_profiles_count(BASE_BYTES(data, size), &count) ? count < 0 || (size_t) count > size / 10
                                                                            : count != -1)
                abort();
        return 0;
}
