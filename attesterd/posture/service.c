/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/service.h"

#include "attesterd/posture/source.h"

#include <errno.h>
#include <string.h>

#define SERVICES     "/sys/fs/cgroup/system.slice"
#define EVENTS_BYTES 256

enum posture_service posture_service_look(const struct posture_sources *sources, const char *unit)
{
        char path[POSTURE_PATH_BYTES_MAX];
        char events[EVENTS_BYTES];
        int error_number;

        if (snprintf(path, sizeof(path), SERVICES "/%s/cgroup.events", unit) >= (int) sizeof(path))
                return POSTURE_SERVICE_UNKNOWN;
        error_number = posture_source_read_start(sources, path, events, sizeof(events));
        if (error_number == ENOENT)
                return posture_source_exists(sources, SERVICES "/cgroup.events") == 0 ? POSTURE_SERVICE_STOPPED
                                                                                      : POSTURE_SERVICE_UNKNOWN;
        if (error_number != 0)
                return POSTURE_SERVICE_UNKNOWN;
        if (strstr(events, "populated 1\n") != NULL)
                return POSTURE_SERVICE_RUNS;
        return strstr(events, "populated 0\n") != NULL ? POSTURE_SERVICE_STOPPED : POSTURE_SERVICE_UNKNOWN;
}
