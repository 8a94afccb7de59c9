/* SPDX-License-Identifier: BSD-2-Clause */
/* os.reboot_required: what is installed is not what runs. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"
#include "policy/version.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define REBOOT_REQUIRED "/run/reboot-required"
#define OSRELEASE       "/proc/sys/kernel/osrelease"
#define MODULES         "/lib/modules"

/* Packages whose presence means that the mark would be there. */
static const char *const mark_writers[] = {
        "/etc/kernel/postinst.d/unattended-upgrades",
        "/etc/kernel/postinst.d/update-notifier",
};

struct kernels {
        const struct posture_sources *sources;
        char running[POSTURE_LINE_BYTES_MAX + 1];
        bool any;   /* a kernel of the running one's kind is installed */
        bool newer; /* and is newer */
};

/*
 * What distinguishes kernels that are installed side by side: the parts at the end that start with a letter. "amd64",
 * "rt-amd64", "generic", "lts"; "" of 6.11.6-arch1-1 and 6.11.4-301.fc41.x86_64.
 */
static const char *kind_of(const char *release)
{
        const char *kind = release + strlen(release);

        for (const char *at = kind; at > release; at--)
                if (at[-1] == '-') {
                        if (!isalpha((unsigned char) at[0]))
                                break;
                        kind = at;
                }
        return kind;
}

static bool look_at_kernel(const char *name, void *context)
{
        struct kernels *kernels = context;
        char path[POSTURE_PATH_BYTES_MAX];

        if (strcmp(kind_of(name), kind_of(kernels->running)) != 0 || policy_version_compare(name, "0") < 0)
                return true;
        /* A directory stays when a kernel is removed that had modules from elsewhere. */
        if (snprintf(path, sizeof(path), "%s/%s/modules.dep", MODULES, name) >= (int) sizeof(path) ||
            posture_source_exists(kernels->sources, path) != 0)
                return true;
        kernels->any = true;
        kernels->newer = kernels->newer || policy_version_compare(name, kernels->running) > 0;
        return true;
}

bool posture_collect_reboot(const struct posture_sources *sources, struct policy_facts *to,
                            struct policy_diagnostics *diagnostics, struct base_error *error)
{
        struct kernels kernels = { .sources = sources };
        int mark = posture_source_exists(sources, REBOOT_REQUIRED);

        if (mark == 0)
                return posture_set_boolean(to, "os.reboot_required", true, REBOOT_REQUIRED, error);
        if (mark != ENOENT)
                return posture_set_errno(to, "os.reboot_required", mark, REBOOT_REQUIRED, error);
        if (posture_source_read_line(sources, OSRELEASE, kernels.running) == 0 &&
            posture_source_each_name(sources, MODULES, look_at_kernel, &kernels) == 0 && kernels.any)
                return posture_set_boolean(to, "os.reboot_required", kernels.newer, MODULES, error);
        for (size_t i = 0; i < BASE_COUNT(mark_writers); i++)
                if (posture_source_exists(sources, mark_writers[i]) == 0)
                        return posture_set_boolean(to, "os.reboot_required", false, REBOOT_REQUIRED, error);
        return posture_set_unreadable(to, "os.reboot_required",
                                      "nothing writes " REBOOT_REQUIRED ", and the installed kernels cannot be seen",
                                      REBOOT_REQUIRED, error);
}
