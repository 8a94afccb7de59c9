/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/apparmor_profiles.h"

#include <string.h>

#define ENFORCE " (enforce)"

static bool ends_with(struct base_bytes line, const char *text)
{
        size_t len = strlen(text);

        return line.len > len && memcmp(line.data + line.len - len, text, len) == 0;
}

bool posture_apparmor_profiles_count(struct base_bytes text, int64_t *ret_enforced)
{
        int64_t enforced = 0;

        while (text.len > 0) {
                const uint8_t *newline = memchr(text.data, '\n', text.len);
                struct base_bytes line = BASE_BYTES(text.data, newline == NULL ? text.len : (size_t) (newline - text.data));
                size_t taken = newline == NULL ? line.len : line.len + 1;

                if (!ends_with(line, ")") || memmem(line.data, line.len, " (", 2) == NULL)
                        return false;
                enforced += ends_with(line, ENFORCE);
                text = BASE_BYTES(text.data + taken, text.len - taken);
        }
        *ret_enforced = enforced;
        return true;
}
