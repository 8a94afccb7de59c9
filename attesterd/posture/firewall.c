/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * firewall.active: the kernel gives its filter rules to root only, so this looks for those who set them. A rule set that
 * nobody known has made is neither on nor off.
 */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"
#include "attesterd/posture/service.h"

#include <errno.h>
#include <string.h>

#define FACT      "firewall.active"
#define FIREWALLD "firewalld.service"
#define SERVICES  "/sys/fs/cgroup/system.slice/" FIREWALLD
#define UFW       "/etc/ufw/ufw.conf"
#define UFW_BYTES 4096
#define MODULES   "/sys/module"

/* systemd's link, there from a unit's start to its stop: a service that loads rules and ends has no control group to see. */
#define NFTABLES "/run/systemd/units/invocation:nftables.service"

/* Modules without which the kernel filters nothing. */
static const char *const filters[] = { MODULES "/nf_tables", MODULES "/x_tables", MODULES "/ip_tables" };

/* Whether ufw.conf(5) says ENABLED=yes; a shell reads it, so the last assignment counts. */
static bool ufw_is_enabled(const struct posture_sources *sources)
{
        char text[UFW_BYTES];
        bool enabled = false;
        char *rest = NULL;

        if (posture_source_read_start(sources, UFW, text, sizeof(text)) != 0)
                return false;
        for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
                line += strspn(line, " \t");
                if (strncmp(line, "ENABLED=", strlen("ENABLED=")) == 0)
                        enabled = strcasecmp(line + strlen("ENABLED="), "yes") == 0;
        }
        return enabled;
}

static bool has_filters(const struct posture_sources *sources)
{
        for (size_t i = 0; i < BASE_COUNT(filters); i++)
                if (posture_source_exists(sources, filters[i]) == 0)
                        return true;
        return false;
}

bool posture_collect_firewall(const struct posture_sources *sources, struct policy_facts *to,
                              struct policy_diagnostics *diagnostics, struct base_error *error)
{
        static const char *const unit = FIREWALLD;
        enum posture_service firewalld = posture_services_look(sources, &unit, 1);
        bool filtering;

        if (firewalld == POSTURE_SERVICE_RUNS)
                return posture_set_boolean(to, FACT, true, SERVICES, error);
        if (posture_source_exists(sources, MODULES) != 0)
                return posture_set_unreadable(to, FACT, "the kernel's modules cannot be seen", MODULES, error);
        filtering = has_filters(sources);
        if (ufw_is_enabled(sources))
                return filtering ? posture_set_boolean(to, FACT, true, UFW, error)
                                 : posture_set_unreadable(to, FACT, "ufw is set to be on, but the kernel filters nothing", UFW,
                                                          error);
        if (filtering && posture_source_exists(sources, NFTABLES) == 0)
                return posture_set_boolean(to, FACT, true, NFTABLES, error);
        if (filtering)
                return posture_set_unreadable(to, FACT,
                                              "none of firewalld, ufw and nftables.service is on, and only root can see other "
                                              "rules; facts.d can state them",
                                              MODULES, error);
        if (firewalld == POSTURE_SERVICE_UNKNOWN)
                return posture_set_unreadable(to, FACT, "the services' control groups cannot be read", SERVICES, error);
        return posture_set_boolean(to, FACT, false, MODULES, error);
}
