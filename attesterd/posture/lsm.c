/* SPDX-License-Identifier: BSD-2-Clause */
/* lsm.*: the kernel's security modules. */
#include "attesterd/posture/apparmor_profiles.h"
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"

#include <errno.h>
#include <string.h>

#define LIST              "/sys/kernel/security/lsm"
#define SELINUX_ENFORCE   "/sys/fs/selinux/enforce"
#define SELINUX_CONFIG    "/etc/selinux/config"
#define APPARMOR_ENABLED  "/sys/module/apparmor/parameters/enabled"
#define APPARMOR_PROFILES "/sys/kernel/security/apparmor/profiles"

/* The modules in force, "lockdown,capability,landlock"; with the errno(3) that reading them gave. */
struct modules {
        char list[POSTURE_LINE_BYTES_MAX + 1];
        int error_number;
};

static bool has(const struct modules *modules, const char *name)
{
        size_t len = strlen(name);

        for (const char *at = modules->list; *at != '\0'; at += strcspn(at, ","), at += *at == ',')
                if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
                        return true;
        return false;
}

static bool set_member(struct policy_facts *to, const char *fact, const struct modules *modules, const char *name,
                       struct base_error *error)
{
        if (modules->error_number != 0)
                return posture_set_errno(to, fact, modules->error_number, LIST, error);
        return posture_set_boolean(to, fact, has(modules, name), LIST, error);
}

static bool set_list(struct policy_facts *to, const struct modules *modules, struct base_error *error)
{
        if (modules->error_number != 0)
                return posture_set_errno(to, "lsm.list", modules->error_number, LIST, error);
        return posture_set_text(to, "lsm.list", POLICY_FACT_STRING, modules->list, LIST, error);
}

static bool set_selinux(const struct posture_sources *sources, struct policy_facts *to, const struct modules *modules,
                        struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, SELINUX_ENFORCE, line);
        const char *state;

        if (error_number == 0 && (strcmp(line, "1") == 0 || strcmp(line, "0") == 0))
                return posture_set_text(to, "lsm.selinux", POLICY_FACT_STRING, *line == '1' ? "enforcing" : "permissive",
                                        SELINUX_ENFORCE, error);
        if (error_number == 0)
                return posture_set_unreadable(to, "lsm.selinux", SELINUX_ENFORCE " is neither 0 nor 1", SELINUX_ENFORCE, error);
        if (error_number != ENOENT || (modules->error_number == 0 && has(modules, "selinux")))
                return posture_set_errno(to, "lsm.selinux", error_number, SELINUX_ENFORCE, error);
        if (modules->error_number != 0)
                return posture_set_errno(to, "lsm.selinux", modules->error_number, LIST, error);
        state = posture_source_exists(sources, SELINUX_CONFIG) == 0 ? "disabled" : "absent";
        return posture_set_text(to, "lsm.selinux", POLICY_FACT_STRING, state, LIST, error);
}

/* Sets lsm.apparmor; `ret_on` is whether it is known to be on. */
static bool set_apparmor(const struct posture_sources *sources, struct policy_facts *to, const struct modules *modules,
                         bool *ret_on, struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, APPARMOR_ENABLED, line);

        *ret_on = error_number == 0 && strcmp(line, "Y") == 0;
        if (error_number == ENOENT && modules->error_number == 0 && !has(modules, "apparmor"))
                return posture_set_boolean(to, "lsm.apparmor", false, LIST, error);
        if (error_number != 0)
                return posture_set_errno(to, "lsm.apparmor", error_number, APPARMOR_ENABLED, error);
        if (!*ret_on && strcmp(line, "N") != 0)
                return posture_set_unreadable(to, "lsm.apparmor", APPARMOR_ENABLED " is neither Y nor N", APPARMOR_ENABLED,
                                              error);
        return posture_set_boolean(to, "lsm.apparmor", *ret_on, APPARMOR_ENABLED, error);
}

static bool set_apparmor_enforced(const struct posture_sources *sources, struct policy_facts *to, bool on,
                                  struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_APPARMOR_PROFILES_BYTES_MAX);
        int64_t count;
        int error_number;

        if (!on)
                return posture_set_unreadable(to, "lsm.apparmor_enforced", "AppArmor is not known to be on", APPARMOR_PROFILES,
                                              error);
        error_number = posture_source_read(sources, APPARMOR_PROFILES, &text);
        if (error_number != 0)
                return posture_set_errno(to, "lsm.apparmor_enforced", error_number, APPARMOR_PROFILES, error);
        if (!posture_apparmor_profiles_count(base_buffer_bytes(&text), &count))
                return posture_set_unreadable(to, "lsm.apparmor_enforced", APPARMOR_PROFILES " has a line without a mode",
                                              APPARMOR_PROFILES, error);
        return posture_set_integer(to, "lsm.apparmor_enforced", count, APPARMOR_PROFILES, error);
}

bool posture_collect_lsm(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                         struct base_error *error)
{
        struct modules modules = { .list = "" };
        bool apparmor;

        modules.error_number = posture_source_read_line(sources, LIST, modules.list);
        return set_list(to, &modules, error) && set_member(to, "lsm.landlock", &modules, "landlock", error) &&
               set_member(to, "lsm.bpf", &modules, "bpf", error) && set_selinux(sources, to, &modules, error) &&
               set_apparmor(sources, to, &modules, &apparmor, error) && set_apparmor_enforced(sources, to, apparmor, error);
}
