/* SPDX-License-Identifier: BSD-2-Clause */
/* custom.*: what the administrator states in facts.d. Only files that nobody else could have written count. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/custom_facts.h"
#include "attesterd/posture/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DIRECTORY        "/etc/attesterd/facts.d"
#define SUFFIX           ".facts"
#define FILES_MAX        64
#define NAME_BYTES_MAX   (POLICY_FACT_SOURCE_BYTES_MAX - sizeof(DIRECTORY)) /* the source is DIRECTORY "/" name */
#define WRITABLE_BY_MORE (S_IWGRP | S_IWOTH)

struct names {
        char *items[FILES_MAX];
        size_t count;
};

static void clear_names(struct names *names)
{
        for (size_t i = 0; i < names->count; i++)
                free(names->items[i]);
        names->count = 0;
}

static void refuse(struct policy_diagnostics *diagnostics, enum base_error_code code, const char *path, const char *what)
{
        if (diagnostics != NULL)
                policy_diagnostics_add(diagnostics, code, path, 0, 0, "%s: %s", path, what);
}

static void refuse_errno(struct policy_diagnostics *diagnostics, const char *path, int error_number)
{
        char reason[POSTURE_REASON_BYTES_MAX];

        posture_source_reason(reason, path, error_number);
        if (diagnostics != NULL)
                policy_diagnostics_add(diagnostics, BASE_ERROR_IO, path, 0, 0, "%s", reason);
}

/* Why an open file or directory cannot be trusted; NULL if it can. */
static const char *distrust(const struct posture_sources *sources, int fd, mode_t type)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return "cannot be looked at";
        if ((status.st_mode & S_IFMT) != type)
                return type == S_IFDIR ? "is not a directory" : "is not a regular file";
        if (status.st_uid != sources->trusted_uid)
                return "is not owned by root";
        if ((status.st_mode & WRITABLE_BY_MORE) != 0)
                return "can be written by others than its owner";
        return NULL;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool has_suffix(const char *name)
{
        size_t len = strlen(name);

        return name[0] != '.' && len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static bool list_names(int directory_fd, struct names *names, struct policy_diagnostics *diagnostics, struct base_error *error)
{
        int copy = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
        DIR *stream = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *item;
        bool ok = true;

        if (stream == NULL) {
                refuse_errno(diagnostics, DIRECTORY, errno);
                if (copy >= 0)
                        (void) close(copy);
                return true;
        }
        while (ok && (item = readdir(stream)) != NULL) {
                if (!has_suffix(item->d_name))
                        continue;
                if (strlen(item->d_name) > NAME_BYTES_MAX || !policy_text_valid(item->d_name)) {
                        refuse(diagnostics, BASE_ERROR_CONFIG_INVALID, DIRECTORY, "a file's name is too long or not UTF-8 text");
                } else if (names->count == FILES_MAX) {
                        refuse(diagnostics, BASE_ERROR_LIMIT_EXCEEDED, DIRECTORY,
                               "holds more than 64 files; the rest was left out");
                        break;
                } else {
                        names->items[names->count] = strdup(item->d_name);
                        ok = names->items[names->count] != NULL ? true : base_error_set_no_memory(error);
                        names->count += ok;
                }
        }
        (void) closedir(stream);
        qsort(names->items, names->count, sizeof(names->items[0]), compare_names);
        return ok;
}

/* Reads a file that can be trusted into `to`; false if it was refused. */
static bool read_trusted(const struct posture_sources *sources, int directory_fd, const char *name, const char *path,
                         struct base_buffer *to, struct policy_diagnostics *diagnostics)
{
        base_auto_close int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        const char *problem;
        int error_number;

        if (fd < 0 && errno == ELOOP) {
                refuse(diagnostics, BASE_ERROR_NOT_AUTHORIZED, path, "is a symbolic link");
                return false;
        }
        if (fd < 0) {
                refuse_errno(diagnostics, path, errno);
                return false;
        }
        problem = distrust(sources, fd, S_IFREG);
        if (problem != NULL) {
                refuse(diagnostics, BASE_ERROR_NOT_AUTHORIZED, path, problem);
                return false;
        }
        error_number = posture_source_read_fd(fd, to);
        if (error_number != 0)
                refuse_errno(diagnostics, path, error_number);
        return error_number == 0;
}

/* A later file's fact replaces that of an earlier one. A file that is refused sets nothing. */
static bool add_file(const struct posture_sources *sources, int directory_fd, const char *name, struct policy_facts *custom,
                     struct policy_diagnostics *diagnostics, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_CUSTOM_FILE_BYTES_MAX);
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        char path[POLICY_FACT_SOURCE_BYTES_MAX + 1];
        struct base_error problem;

        (void) snprintf(path, sizeof(path), "%s/%s", DIRECTORY, name);
        if (!read_trusted(sources, directory_fd, name, path, &text, diagnostics))
                return true;
        if (!posture_custom_facts_parse(base_buffer_bytes(&text), path, &facts, &problem)) {
                if (problem.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &problem);
                if (diagnostics != NULL)
                        policy_diagnostics_add(diagnostics, problem.code, path, 0, 0, "%s", problem.message);
                return true;
        }
        if (custom->count + facts.count > POSTURE_CUSTOM_FACTS_MAX) {
                refuse(diagnostics, BASE_ERROR_LIMIT_EXCEEDED, path, "with it there would be more than 64 custom facts");
                return true;
        }
        return policy_facts_merge(custom, &facts, error);
}

bool posture_collect_custom(const struct posture_sources *sources, struct policy_facts *to,
                            struct policy_diagnostics *diagnostics, struct base_error *error)
{
        base_auto_close int fd = openat(sources->root_fd, &DIRECTORY[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        policy_auto_facts struct policy_facts custom = POLICY_FACTS_INIT;
        BASE_CLEANUP(clear_names) struct names names = { .count = 0 };
        const char *problem;

        if (fd < 0 && errno == ENOENT)
                return true;
        if (fd < 0) {
                refuse_errno(diagnostics, DIRECTORY, errno);
                return true;
        }
        problem = distrust(sources, fd, S_IFDIR);
        if (problem != NULL) {
                refuse(diagnostics, BASE_ERROR_NOT_AUTHORIZED, DIRECTORY, problem);
                return true;
        }
        if (!list_names(fd, &names, diagnostics, error))
                return false;
        for (size_t i = 0; i < names.count; i++)
                if (!add_file(sources, fd, names.items[i], &custom, diagnostics, error))
                        return false;
        return policy_facts_merge(to, &custom, error);
}
