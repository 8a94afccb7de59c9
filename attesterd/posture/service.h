/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a service of the system runs, seen in the control groups that systemd makes for services: anybody may read them,
 * and only root can put a process there. Used by the collectors of this folder only.
 */
#pragma once

#include "attesterd/posture/posture.h"

enum posture_service {
        POSTURE_SERVICE_STOPPED,
        POSTURE_SERVICE_RUNS,
        POSTURE_SERVICE_UNKNOWN, /* services have no control groups here, or this one's cannot be read */
};

/*
 * Looks for processes of units: "firewalld.service", "system-clamd.slice/clamd@scan.service". RUNS if one does, UNKNOWN if that
 * cannot be seen of one.
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, "cgroup.events".
 */
enum posture_service posture_services_look(const struct posture_sources *sources, const char *const *units, size_t count);
