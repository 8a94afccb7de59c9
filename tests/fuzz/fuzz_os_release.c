/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/os_release.h"

static void check(const struct posture_os_release_value *value)
{
        if (value->present && value->malformed_line == 0 && !policy_text_valid(value->text))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct posture_os_release release;

        posture_os_release_parse(BASE_BYTES(data, size), &release);
        check(&release.id);
        check(&release.version_id);
        check(&release.build_id);
        check(&release.support_end);
        return 0;
}
