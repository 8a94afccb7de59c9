/* SPDX-License-Identifier: BSD-2-Clause */
/* os.updates.*: what the package managers have left on the disk about updates. No solver is run. */
#include "attesterd/posture/apt.h"
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"
#include "attesterd/posture/updates_available.h"

#define UPDATES_AVAILABLE "/var/lib/update-notifier/updates-available"
#define NONE_FOUND        "/var/lib"
#define DNF               "/var/cache/dnf"

/* Files that are touched when the lists of packages were renewed, the best witnesses first; later rows of a rank add none. */
static const struct {
        const char *path;
        unsigned rank;
} witnesses[] = {
        { "/var/lib/apt/periodic/update-success-stamp", 0 }, /* Ubuntu: after each success */
        { "/var/lib/apt/periodic/update-stamp", 0 },         /* apt.systemd.daily: after its own successes */
        { "/var/cache/dnf/last_makecache", 0 },              /* dnf makecache */
        { "/var/lib/apt/lists", 1 },                         /* when a list was replaced */
        { "/var/lib/pacman/sync", 1 },
};

bool posture_collect_updates_age(const struct posture_sources *sources, struct policy_facts *to,
                                 struct policy_diagnostics *diagnostics, struct base_error *error)
{
        const char *source = NULL;
        unsigned rank = 0;
        int64_t newest = 0;

        for (size_t i = 0; i < BASE_COUNT(witnesses); i++) {
                int64_t modified;

                if (source != NULL && witnesses[i].rank > rank)
                        break;
                if (posture_source_modified(sources, witnesses[i].path, &modified) != 0 || (source != NULL && modified <= newest))
                        continue;
                source = witnesses[i].path;
                rank = witnesses[i].rank;
                newest = modified;
        }
        if (source == NULL)
                return posture_set_unreadable(to, "os.updates.age", "no package manager that is known has left a mark",
                                              NONE_FOUND, error);
        return posture_set_age(sources, to, "os.updates.age", newest, source, error);
}

/* What update-notifier of Ubuntu counted, which knows of updates that a subscription brings, too. */
static bool find_notified(const struct posture_sources *sources, int64_t *ret)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_UPDATES_AVAILABLE_BYTES_MAX);

        return posture_source_read(sources, UPDATES_AVAILABLE, &text) == 0 &&
               posture_updates_available_parse(base_buffer_bytes(&text), ret);
}

bool posture_collect_updates_security(const struct posture_sources *sources, struct policy_facts *to,
                                      struct policy_diagnostics *diagnostics, struct base_error *error)
{
        char reason[POSTURE_REASON_BYTES_MAX];
        const char *source = UPDATES_AVAILABLE;
        int64_t count;

        if (find_notified(sources, &count) || posture_apt_count(sources, &count, reason, &source))
                return posture_set_integer(to, "os.updates.security", count, source, error);
        if (source != NULL)
                return posture_set_unreadable(to, "os.updates.security", reason, source, error);
        if (posture_source_exists(sources, DNF) == 0)
                return posture_set_unreadable(
                        to, "os.updates.security",
                        "dnf keeps what it knows of updates in files that only it reads; PackageKit would tell, while it runs",
                        DNF, error);
        if (posture_source_exists(sources, UPDATES_AVAILABLE) == 0)
                return posture_set_unreadable(to, "os.updates.security", UPDATES_AVAILABLE " does not say in English how many",
                                              UPDATES_AVAILABLE, error);
        return posture_set_unreadable(
                to, "os.updates.security",
                "nothing on this system counts security updates for everybody to read; PackageKit would, while it runs",
                NONE_FOUND, error);
}
