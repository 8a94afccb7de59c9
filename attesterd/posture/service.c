/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/service.h"

#include "attesterd/posture/source.h"

#include <errno.h>
#include <string.h>

#define SERVICES     "/sys/fs/cgroup/system.slice"
#define EVENTS_BYTES 256

/* ABSENT: the unit has no control group, which says something only where there are control groups. */
enum look { RUNS, STOPPED, ABSENT, UNKNOWN };

static enum look look_at(const struct posture_sources *sources, const char *unit)
{
        char path[POSTURE_PATH_BYTES_MAX];
        char events[EVENTS_BYTES];
        int error_number;

        if (snprintf(path, sizeof(path), SERVICES "/%s/cgroup.events", unit) >= (int) sizeof(path))
                return UNKNOWN;
        error_number = posture_source_read_start(sources, path, events, sizeof(events));
        if (error_number != 0)
                return error_number == ENOENT ? ABSENT : UNKNOWN;
        if (strstr(events, "populated 1\n") != NULL)
                return RUNS;
        return strstr(events, "populated 0\n") != NULL ? STOPPED : UNKNOWN;
}

enum posture_service posture_services_look(const struct posture_sources *sources, const char *const *units, size_t count)
{
        bool unknown = false, absent = false;

        for (size_t i = 0; i < count; i++) {
                enum look look = look_at(sources, units[i]);

                if (look == RUNS)
                        return POSTURE_SERVICE_RUNS;
                unknown = unknown || look == UNKNOWN;
                absent = absent || look == ABSENT;
        }
        if (unknown || (absent && posture_source_exists(sources, SERVICES "/cgroup.events") != 0))
                return POSTURE_SERVICE_UNKNOWN;
        return POSTURE_SERVICE_STOPPED;
}
