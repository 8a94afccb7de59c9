/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/os_support.h"

#include "attesterd/posture/distro_info.h"
#include "attesterd/posture/fact.h"

#include <string.h>
#include <time.h>

/* The distributions that distro-info-data knows, by os-release's ID. */
static const struct {
        const char *id;
        const char *path;
} tables[] = {
        { "debian", "/usr/share/distro-info/debian.csv" },
        { "ubuntu", "/usr/share/distro-info/ubuntu.csv" },
};

struct support {
        char end[POSTURE_DATE_LEN + 1]; /* "" if it is not known */
        char reason[POSTURE_REASON_BYTES_MAX];
        const char *source;
};

static void fail(struct support *support, const char *reason)
{
        (void) snprintf(support->reason, sizeof(support->reason), "%s", reason);
}

/* What the release says itself; false if it says nothing. */
static bool take_own(const struct posture_os_release *release, const char *path, struct support *support)
{
        const struct posture_os_release_value *end = &release->support_end;

        support->source = path;
        if (!end->present)
                return false;
        if (end->malformed_line != 0)
                (void) snprintf(support->reason, sizeof(support->reason), "%s: line %u does not follow os-release(5)", path,
                                end->malformed_line);
        else if (!posture_date_valid(end->text))
                fail(support, "SUPPORT_END is not a date like 2027-01-31");
        else
                memcpy(support->end, end->text, sizeof(support->end));
        return true;
}

static void take_from_table(const struct posture_sources *sources, const struct posture_os_release *release, const char *path,
                            struct support *support)
{
        base_auto_buffer struct base_buffer csv = BASE_BUFFER_INIT(POSTURE_DISTRO_INFO_BYTES_MAX);
        const char *problem;
        size_t i = 0;
        int error_number;

        (void) snprintf(support->reason, sizeof(support->reason), "%s has no SUPPORT_END", path);
        while (i < BASE_COUNT(tables) && strcmp(release->id.text, tables[i].id) != 0)
                i++;
        if (i == BASE_COUNT(tables) || !release->version_id.present || release->version_id.malformed_line != 0)
                return;
        error_number = posture_source_read(sources, tables[i].path, &csv);
        if (error_number != 0) {
                /* The table is an optional package. */
                posture_source_reason(support->reason, tables[i].path, error_number);
                return;
        }
        support->source = tables[i].path;
        problem = posture_distro_info_end(base_buffer_bytes(&csv), release->version_id.text, support->end);
        if (problem != NULL)
                fail(support, problem);
}

bool posture_set_support(const struct posture_sources *sources, struct policy_facts *to, const struct posture_os_release *release,
                         const char *path, struct base_error *error)
{
        time_t now = (time_t) posture_source_now(sources);
        struct support support = { .end = "" };
        char today[POSTURE_DATE_LEN + 1];
        struct tm date;

        if (!take_own(release, path, &support))
                take_from_table(sources, release, path, &support);
        if (support.end[0] == '\0')
                return posture_set_unreadable(to, "os.support_end", support.reason, support.source, error) &&
                       posture_set_unreadable(to, "os.supported", support.reason, support.source, error);
        /* A date is a version: 2026-08-31 < 2027-01-01. */
        if (!posture_set_text(to, "os.support_end", POLICY_FACT_VERSION, support.end, support.source, error))
                return false;
        if (gmtime_r(&now, &date) == NULL || strftime(today, sizeof(today), "%Y-%m-%d", &date) != POSTURE_DATE_LEN)
                return posture_set_unreadable(to, "os.supported", "the clock has no date", support.source, error);
        return posture_set_boolean(to, "os.supported", strcmp(today, support.end) < 0, support.source, error);
}
