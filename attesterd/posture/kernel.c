/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel.*: the running kernel and what it refuses to do. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define OSRELEASE   "/proc/sys/kernel/osrelease"
#define TAINTED     "/proc/sys/kernel/tainted"
#define LOCKDOWN    "/sys/kernel/security/lockdown"
#define SYS_KERNEL  "/sys/kernel"
#define LIVEPATCH   SYS_KERNEL "/livepatch"
#define SIG_ENFORCE "/sys/module/module/parameters/sig_enforce"

static bool set_release(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, OSRELEASE, line);

        if (error_number != 0)
                return posture_set_errno(to, "kernel.release", error_number, OSRELEASE, error);
        if (*line == '\0')
                return posture_set_unreadable(to, "kernel.release", OSRELEASE " is empty", OSRELEASE, error);
        return posture_set_text(to, "kernel.release", POLICY_FACT_VERSION, line, OSRELEASE, error);
}

/* The level in force stands in brackets: "none [integrity] confidentiality". Source: the kernel's security/lockdown. */
static bool set_lockdown(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        static const char *const levels[] = { "none", "integrity", "confidentiality" };
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, LOCKDOWN, line);
        const char *open;

        if (error_number != 0)
                return posture_set_errno(to, "kernel.lockdown", error_number, LOCKDOWN, error);
        open = strchr(line, '[');
        for (size_t i = 0; open != NULL && i < BASE_COUNT(levels); i++) {
                size_t len = strlen(levels[i]);

                if (strncmp(open + 1, levels[i], len) == 0 && open[1 + len] == ']')
                        return posture_set_text(to, "kernel.lockdown", POLICY_FACT_STRING, levels[i], LOCKDOWN, error);
        }
        return posture_set_unreadable(to, "kernel.lockdown", LOCKDOWN " names no known level", LOCKDOWN, error);
}

/* The letter of each bit, in their order. Source: the kernel's Documentation/admin-guide/tainted-kernels.rst. */
static void put_taint_letters(uint64_t taint, char ret[65])
{
        static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";

        for (size_t bit = 0; bit < 64; bit++)
                if ((taint >> bit & 1) != 0)
                        *ret++ = bit < strlen(letters) ? letters[bit] : '?';
        *ret = '\0';
}

static bool set_taint(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, TAINTED, line);
        char letters[65];
        intmax_t taint;

        if (error_number != 0)
                return posture_set_errno(to, "kernel.taint", error_number, TAINTED, error) &&
                       posture_set_errno(to, "kernel.taint_letters", error_number, TAINTED, error);
        errno = 0;
        taint = strtoimax(line, NULL, 10);
        if (*line == '\0' || line[strspn(line, "0123456789")] != '\0' || errno != 0)
                return posture_set_unreadable(to, "kernel.taint", TAINTED " is not a number", TAINTED, error) &&
                       posture_set_unreadable(to, "kernel.taint_letters", TAINTED " is not a number", TAINTED, error);
        put_taint_letters((uint64_t) taint, letters);
        return posture_set_integer(to, "kernel.taint", taint, TAINTED, error) &&
               posture_set_text(to, "kernel.taint_letters", POLICY_FACT_STRING, letters, TAINTED, error);
}

struct patches {
        const struct posture_sources *sources;
        int64_t enabled;
        int error_number;
};

static bool look_at_patch(const char *name, void *context)
{
        struct patches *patches = context;
        char path[POSTURE_PATH_BYTES_MAX];
        char line[POSTURE_LINE_BYTES_MAX + 1];

        if (snprintf(path, sizeof(path), LIVEPATCH "/%s/enabled", name) >= (int) sizeof(path))
                patches->error_number = ENAMETOOLONG;
        else
                patches->error_number = posture_source_read_line(patches->sources, path, line);
        patches->enabled += patches->error_number == 0 && strcmp(line, "1") == 0;
        return patches->error_number == 0;
}

/* Source: the kernel's Documentation/ABI/testing/sysfs-kernel-livepatch. A kernel without live patching has no patches. */
static bool set_livepatches(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        struct patches patches = { .sources = sources };
        int error_number = posture_source_each_name(sources, LIVEPATCH, look_at_patch, &patches);

        if (error_number == ENOENT)
                error_number = posture_source_exists(sources, SYS_KERNEL);
        if (error_number == 0)
                error_number = patches.error_number;
        if (error_number != 0)
                return posture_set_errno(to, "kernel.livepatches", error_number, LIVEPATCH, error);
        return posture_set_integer(to, "kernel.livepatches", patches.enabled, LIVEPATCH, error);
}

static bool set_module_sig_enforce(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, SIG_ENFORCE, line);

        if (error_number != 0)
                return posture_set_errno(to, "kernel.module_sig_enforce", error_number, SIG_ENFORCE, error);
        if (strcmp(line, "Y") != 0 && strcmp(line, "N") != 0)
                return posture_set_unreadable(to, "kernel.module_sig_enforce", SIG_ENFORCE " is neither Y nor N", SIG_ENFORCE,
                                              error);
        return posture_set_boolean(to, "kernel.module_sig_enforce", *line == 'Y', SIG_ENFORCE, error);
}

bool posture_collect_kernel(const struct posture_sources *sources, struct policy_facts *to,
                            struct policy_diagnostics *diagnostics, struct base_error *error)
{
        return set_release(sources, to, error) && set_lockdown(sources, to, error) && set_taint(sources, to, error) &&
               set_livepatches(sources, to, error) && set_module_sig_enforce(sources, to, error);
}
