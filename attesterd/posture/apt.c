/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/apt.h"

#include "attesterd/posture/cache.h"
#include "attesterd/posture/packages.h"

#include <errno.h>
#include <string.h>

#define STATUS   "/var/lib/dpkg/status"
#define LISTS    "/var/lib/apt/lists"
#define SECURITY "-security_"
#define PACKAGES "_Packages"

/* The lists of security updates. */
struct lists {
        const struct posture_sources *sources;
        struct posture_installed *installed;
        size_t count;
        bool compressed;
        int error_number;
};

/* One file that is read. */
struct reading {
        struct posture_package_reader reader;
        posture_package_visitor *visit;
        void *context;
};

static void take_chunk(struct base_bytes chunk, void *context)
{
        struct reading *reading = context;

        posture_packages_feed(&reading->reader, chunk, reading->visit, reading->context);
}

/* Returns 0 or an errno(3); EILSEQ if a field that counts is too long. */
static int read_file(const struct posture_sources *sources, const char *path, posture_package_visitor *visit, void *context)
{
        struct reading reading = { .visit = visit, .context = context };
        int error_number = posture_source_each_chunk(sources, path, POSTURE_APT_FILE_BYTES_MAX, take_chunk, &reading);

        posture_packages_finish(&reading.reader, visit, context);
        return error_number == 0 && reading.reader.damaged ? EILSEQ : error_number;
}

/* Whether a list is one of security updates; a compressed one is noted. */
static bool is_wanted(struct lists *lists, const char *name)
{
        const char *packages = strstr(name, PACKAGES);

        if (strstr(name, SECURITY) == NULL || packages == NULL)
                return false;
        if (packages[strlen(PACKAGES)] == '\0')
                return true;
        lists->compressed = true;
        return false;
}

static bool look_at_list(const char *name, void *context)
{
        struct lists *lists = context;

        lists->count += is_wanted(lists, name);
        return true;
}

static bool read_list(const char *name, void *context)
{
        struct lists *lists = context;
        char path[POSTURE_PATH_BYTES_MAX];

        if (!is_wanted(lists, name))
                return true;
        if (snprintf(path, sizeof(path), LISTS "/%s", name) >= (int) sizeof(path))
                lists->error_number = ENAMETOOLONG;
        else
                lists->error_number = read_file(lists->sources, path, posture_installed_compare, lists->installed);
        return lists->error_number == 0;
}

/* Reads all lists. Returns 0 or an errno(3), of `ret_path`. */
static int read_all(struct lists *lists, const char **ret_path)
{
        int error_number;

        *ret_path = STATUS;
        error_number = read_file(lists->sources, STATUS, posture_installed_add, lists->installed);
        if (error_number != 0 || lists->installed->failed)
                return error_number != 0 ? error_number : ENOMEM;
        *ret_path = LISTS;
        error_number = posture_source_each_name(lists->sources, LISTS, read_list, lists);
        return error_number != 0 ? error_number : lists->error_number;
}

static void count_updates(const struct posture_sources *sources, struct posture_apt_counted *counted)
{
        posture_auto_installed struct posture_installed installed = { .count = 0 };
        struct lists lists = { .sources = sources, .installed = &installed };
        const char *path = LISTS;
        int error_number = posture_source_each_name(sources, LISTS, look_at_list, &lists);

        counted->count = -1;
        if (error_number == 0 && lists.count > POSTURE_APT_LISTS_MAX)
                error_number = E2BIG;
        if (error_number == 0 && lists.count > 0 && !lists.compressed)
                error_number = read_all(&lists, &path);
        if (error_number != 0)
                posture_source_reason(counted->reason, path, error_number);
        else if (lists.compressed)
                (void) snprintf(counted->reason, sizeof(counted->reason),
                                "apt keeps its lists compressed (Acquire::GzipIndexes), and only apt reads them");
        else if (lists.count == 0)
                (void) snprintf(counted->reason, sizeof(counted->reason),
                                "apt has no list of security updates: none is configured, or apt update was not run");
        else
                counted->count = posture_installed_outdated(&installed);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        const struct posture_cached cached = { .status = *a };

        return posture_cached_is(&cached, b);
}

bool posture_apt_count(const struct posture_sources *sources, int64_t *ret, char ret_reason[POSTURE_REASON_BYTES_MAX],
                       const char **ret_source)
{
        struct posture_apt_counted own = { .count = -1 };
        struct posture_apt_counted *counted = sources->cache == NULL ? &own : posture_cache_counted(sources->cache);
        struct stat status, lists;
        int error_number = posture_source_look(sources, STATUS, &status);

        *ret_source = STATUS;
        if (error_number == 0) {
                *ret_source = LISTS;
                error_number = posture_source_look(sources, LISTS, &lists);
        }
        if (error_number != 0) {
                posture_source_reason(ret_reason, *ret_source, error_number);
                if (error_number == ENOENT && strcmp(*ret_source, STATUS) == 0)
                        *ret_source = NULL;
                return false;
        }
        if (counted->status.st_ino == 0 || !is_same(&counted->status, &status) || !is_same(&counted->lists, &lists)) {
                count_updates(sources, counted);
                counted->status = posture_source_is_settled(sources, &status) ? status : (struct stat){ 0 };
                counted->lists = posture_source_is_settled(sources, &lists) ? lists : (struct stat){ 0 };
        }
        *ret = counted->count;
        memcpy(ret_reason, counted->reason, POSTURE_REASON_BYTES_MAX);
        return counted->count >= 0;
}
