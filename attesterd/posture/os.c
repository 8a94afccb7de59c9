/* SPDX-License-Identifier: BSD-2-Clause */
/* os.*: which operating system this is, and how long it gets updates. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"
#include "attesterd/posture/os_release.h"
#include "attesterd/posture/os_support.h"

#include <errno.h>
#include <string.h>

#define OS_RELEASE        "/etc/os-release"
#define OS_RELEASE_VENDOR "/usr/lib/os-release" /* os-release(5): if there is none in /etc */
#define DEBIAN_VERSION    "/etc/debian_version"

static const char *const release_facts[] = { "os.id", "os.version", "os.build", "os.support_end", "os.supported" };

struct release {
        struct posture_os_release values;
        const char *path;
};

static bool set_malformed(struct policy_facts *to, const char *name, const struct release *release, unsigned line,
                          struct base_error *error)
{
        char reason[POSTURE_REASON_BYTES_MAX];

        (void) snprintf(reason, sizeof(reason), "%s: line %u does not follow os-release(5)", release->path, line);
        return posture_set_unreadable(to, name, reason, release->path, error);
}

static bool set_absent(struct policy_facts *to, const char *name, const struct release *release, const char *variable,
                       struct base_error *error)
{
        char reason[POSTURE_REASON_BYTES_MAX];

        (void) snprintf(reason, sizeof(reason), "%s has no %s", release->path, variable);
        return posture_set_unreadable(to, name, reason, release->path, error);
}

static bool set_value(struct policy_facts *to, const char *name, enum policy_fact_type type, const struct release *release,
                      const struct posture_os_release_value *value, const char *variable, struct base_error *error)
{
        if (!value->present)
                return set_absent(to, name, release, variable, error);
        if (value->malformed_line != 0)
                return set_malformed(to, name, release, value->malformed_line, error);
        return posture_set_text(to, name, type, value->text, release->path, error);
}

/* os-release(5): a system that does not say its ID is "linux". */
static bool set_id(struct policy_facts *to, const struct release *release, struct base_error *error)
{
        if (!release->values.id.present)
                return posture_set_text(to, "os.id", POLICY_FACT_STRING, "linux", release->path, error);
        return set_value(to, "os.id", POLICY_FACT_STRING, release, &release->values.id, "ID", error);
}

/* Debian says "12" in os-release and the point release, "12.5", in debian_version (before a release: "trixie/sid"). */
static bool is_point_release(const char *point, const char *version)
{
        size_t len = strlen(version);

        return len > 0 && strncmp(point, version, len) == 0 && point[len] == '.' && point[len + 1] != '\0' &&
               point[strspn(point, "0123456789.")] == '\0';
}

static bool set_version(const struct posture_sources *sources, struct policy_facts *to, const struct release *release,
                        struct base_error *error)
{
        const struct posture_os_release_value *version = &release->values.version_id;
        char point[POSTURE_LINE_BYTES_MAX + 1];

        if (!version->present && strcmp(release->values.build_id.text, "rolling") == 0)
                return posture_set_unreadable(to, "os.version", "a rolling release has no version", release->path, error);
        if (version->present && version->malformed_line == 0 && strcmp(release->values.id.text, "debian") == 0 &&
            posture_source_read_line(sources, DEBIAN_VERSION, point) == 0 && is_point_release(point, version->text))
                return posture_set_text(to, "os.version", POLICY_FACT_VERSION, point, DEBIAN_VERSION, error);
        return set_value(to, "os.version", POLICY_FACT_VERSION, release, version, "VERSION_ID", error);
}

bool posture_collect_os(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                        struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_OS_RELEASE_BYTES_MAX);
        struct release release = { .path = OS_RELEASE };
        int error_number = posture_source_read(sources, release.path, &text);

        if (error_number == ENOENT) {
                release.path = OS_RELEASE_VENDOR;
                error_number = posture_source_read(sources, release.path, &text);
        }
        if (error_number != 0) {
                for (size_t i = 0; i < BASE_COUNT(release_facts); i++)
                        if (!posture_set_errno(to, release_facts[i], error_number, release.path, error))
                                return false;
                return true;
        }
        posture_os_release_parse(base_buffer_bytes(&text), &release.values);
        return set_id(to, &release, error) && set_version(sources, to, &release, error) &&
               set_value(to, "os.build", POLICY_FACT_STRING, &release, &release.values.build_id, "BUILD_ID", error) &&
               posture_set_support(sources, to, &release.values, release.path, error);
}
