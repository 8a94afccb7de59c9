/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/posture.h"

#include "attesterd/posture/collectors.h"

#include <string.h>

#define FACTS_MAX 5 /* names of one row */

/* Which facts each sets; a name that ends with a dot is that of a family. A collector's bit is its row. */
static const struct {
        posture_collector *collect;
        const char *facts[FACTS_MAX];
} collectors[] = {
        { posture_collect_os, { "os.id", "os.version", "os.build", "os.support_end", "os.supported" } },
        { posture_collect_updates_age, { "os.updates.age" } },
        { posture_collect_updates_security, { "os.updates.security" } },
        { posture_collect_reboot, { "os.reboot_required" } },
        { posture_collect_kernel, { "kernel." } },
        { posture_collect_boot, { "boot.secure_boot", "boot.setup_mode" } },
        { posture_collect_ima, { "ima." } },
        { posture_collect_lsm, { "lsm." } },
        { posture_collect_disk, { "disk." } },
        { posture_collect_firewall, { "firewall.active" } },
        { posture_collect_malware, { "malware." } },
        { posture_collect_virt, { "virt." } },
        { posture_collect_firmware, { "firmware.vendor", "firmware.version", "firmware.date" } },
        { posture_collect_custom, { "custom." } },
};

static bool is_named(const char *fact, const char *name)
{
        size_t len = strlen(name);

        return name[len - 1] == '.' ? strncmp(fact, name, len) == 0 : strcmp(fact, name) == 0;
}

uint32_t posture_collectors_of(const char *fact)
{
        uint32_t found = 0;

        for (size_t i = 0; i < BASE_COUNT(collectors); i++)
                for (size_t j = 0; j < FACTS_MAX && collectors[i].facts[j] != NULL; j++)
                        if (is_named(fact, collectors[i].facts[j]))
                                found |= 1U << i;
        return found;
}

bool posture_collect(const struct posture_sources *sources, uint32_t wanted, struct policy_facts *to,
                     struct policy_diagnostics *diagnostics, struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(collectors); i++)
                if ((wanted & 1U << i) != 0 && !collectors[i].collect(sources, to, diagnostics, error))
                        return false;
        return true;
}
