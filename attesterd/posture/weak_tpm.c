/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/weak_tpm.h"

#include "policy/text.h"

#include <stdio.h>
#include <string.h>

/*
 * Infineon, CVE-2017-15361 (ROCA: RSA keys that can be factored): the ranges of Infineon's and Microsoft's advisories
 * (ADV170012). STMicroelectronics, CVE-2019-16863 (TPM-FAIL: ECDSA whose time tells the key): the table of ST's advisory,
 * which lists single versions.
 */
static const struct {
        const char *manufacturer;
        unsigned major;
        unsigned first_minor;
        unsigned last_minor;
} weak[] = {
        { "IFX", 4, 0, 33 },   { "IFX", 4, 40, 42 },  { "IFX", 5, 0, 61 }, { "IFX", 6, 0, 42 },
        { "IFX", 7, 0, 61 },   { "IFX", 133, 0, 32 }, { "STM", 71, 0, 0 }, { "STM", 71, 4, 4 },
        { "STM", 71, 12, 12 }, { "STM", 73, 0, 0 },   { "STM", 73, 4, 5 }, { "STM", 73, 8, 9 },
        { "STM", 74, 0, 0 },   { "STM", 74, 4, 5 },   { "STM", 74, 8, 9 }, { "STM", 74, 16, 16 },
};

bool posture_weak_tpm_find(const char *manufacturer, const char *firmware, bool *ret)
{
        unsigned major;
        unsigned minor;

        if (!policy_text_valid(manufacturer) || firmware[0] < '0' || firmware[0] > '9' ||
            sscanf(firmware, "%9u.%9u", &major, &minor) != 2)
                return false;
        *ret = false;
        for (size_t i = 0; i < BASE_COUNT(weak); i++)
                if (strcmp(manufacturer, weak[i].manufacturer) == 0 && major == weak[i].major && minor >= weak[i].first_minor &&
                    minor <= weak[i].last_minor)
                        *ret = true;
        return true;
}
