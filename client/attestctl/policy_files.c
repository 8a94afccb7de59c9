/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/policy_files.h"

#include "client/attestctl/table.h"

#include <sys/stat.h>

#define LINE_BYTES_MAX (POLICY_DIAGNOSTIC_FILE_BYTES_MAX + POLICY_DIAGNOSTIC_WHAT_BYTES_MAX + 32)

bool attestctl_paths_add(struct attestctl_paths *paths, const char *path, struct base_error *error)
{
        if (paths->count == ATTESTCTL_PATHS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "at most %d files are read", ATTESTCTL_PATHS_MAX);
        paths->items[paths->count++] = path;
        return true;
}

static json_t *diagnostic_json(const struct policy_diagnostic *diagnostic)
{
        return json_pack("{s:o, s:i, s:i, s:o, s:s}", "file", attestctl_json_string(diagnostic->file), "line",
                         (int) diagnostic->line, "column", (int) diagnostic->column, "what",
                         attestctl_json_string(diagnostic->what), "name", base_error_name(diagnostic->code));
}

int attestctl_policy_report(const struct attestctl *ctl, struct policy_diagnostics *diagnostics, const char *path,
                            const struct base_error *error, json_t *errors)
{
        if (diagnostics->count == 0)
                policy_diagnostics_add(diagnostics, error->code, path, 0, 0, "%s", error->message);
        for (size_t i = 0; i < diagnostics->count; i++) {
                char line[LINE_BYTES_MAX];

                (void) json_array_append_new(errors, diagnostic_json(&diagnostics->items[i]));
                if (ctl->json)
                        continue;
                policy_diagnostic_print(&diagnostics->items[i], line, sizeof(line));
                attestctl_print(stderr, ctl->color_err, ATTESTCTL_BAD, line);
                (void) fputc('\n', stderr);
        }
        if (!ctl->json && diagnostics->dropped > 0)
                (void) fprintf(stderr, "and %zu more\n", diagnostics->dropped);
        return base_error_exit_status(error->code);
}

static bool load(const char *path, struct policy_diagnostics *diagnostics, struct policy **ret, struct base_error *error)
{
        struct stat status;

        if (path == NULL)
                return policy_load_system("", diagnostics, ret, error);
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
                return policy_load_directories(&path, 1, diagnostics, ret, error);
        return policy_load_file(path, diagnostics, ret, error);
}

int attestctl_policy_load(const struct attestctl *ctl, const char *path, json_t *errors, struct policy **ret)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct base_error error = BASE_ERROR_INIT;

        if (diagnostics == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (load(path, diagnostics, ret, &error))
                return 0;
        return attestctl_policy_report(ctl, diagnostics, path == NULL ? "policy.d" : path, &error, errors);
}

int attestctl_facts_file_load(const struct attestctl *ctl, const char *path, json_t *errors, struct policy_facts_file **ret)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct base_error error = BASE_ERROR_INIT;

        if (diagnostics == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (policy_facts_file_load(path, diagnostics, ret, &error))
                return 0;
        return attestctl_policy_report(ctl, diagnostics, path, &error, errors);
}

int attestctl_fail_files(const struct attestctl *ctl, int status, json_t *errors)
{
        if (ctl->json)
                (void) attestctl_print_json(json_pack("{s:o}", "errors", errors));
        else
                json_decref(errors);
        return status;
}
