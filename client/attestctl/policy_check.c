/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"
#include "policy/policy.h"

#include <inttypes.h>
#include <limits.h>

#define LINE_BYTES_MAX (POLICY_DIAGNOSTIC_FILE_BYTES_MAX + POLICY_DIAGNOSTIC_WHAT_BYTES_MAX + 32)

static json_t *diagnostic_json(const struct policy_diagnostic *diagnostic)
{
        return json_pack("{s:o, s:i, s:i, s:o, s:s}", "file", attestctl_json_string(diagnostic->file), "line",
                         (int) diagnostic->line, "column", (int) diagnostic->column, "what",
                         attestctl_json_string(diagnostic->what), "name", base_error_name(diagnostic->code));
}

static void diagnostics_print(const struct attestctl *ctl, const struct policy_diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->count; i++) {
                char line[LINE_BYTES_MAX];

                policy_diagnostic_print(&diagnostics->items[i], line, sizeof(line));
                attestctl_print(stderr, ctl->color_err, ATTESTCTL_BAD, line);
                (void) fputc('\n', stderr);
        }
        if (diagnostics->dropped > 0)
                (void) fprintf(stderr, "and %zu more\n", diagnostics->dropped);
}

/* Loads one file. Returns the status of its first error, or 0; adds what is wrong, or what the file has. */
static int file_check(const struct attestctl *ctl, const char *path, json_t *errors, json_t *files)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;

        if (diagnostics == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (policy_load_file(path, diagnostics, &policy, &error)) {
                (void) json_array_append_new(files, json_pack("{s:o, s:I, s:I}", "file", attestctl_json_string(path), "version",
                                                              (json_int_t) policy->version, "rules", (json_int_t) policy->count));
                if (!ctl->json)
                        (void) printf("%s: sound: %zu rule%s, version %" PRIu64 "\n", path, policy->count,
                                      policy->count == 1 ? "" : "s", policy->version);
                return 0;
        }
        /* A file that cannot be read at all has no diagnostics of its own. */
        if (diagnostics->count == 0)
                policy_diagnostics_add(diagnostics, error.code, path, 0, 0, "%s", error.message);
        for (size_t i = 0; i < diagnostics->count; i++)
                (void) json_array_append_new(errors, diagnostic_json(&diagnostics->items[i]));
        if (!ctl->json)
                diagnostics_print(ctl, diagnostics);
        return base_error_exit_status(error.code);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        json_t *errors = json_array();
        json_t *files = json_array();
        int status = 0;

        for (int i = 0; i < count; i++) {
                int file_status = file_check(ctl, arguments[i], errors, files);

                if (status == 0)
                        status = file_status;
        }
        if (ctl->json) {
                (void) attestctl_print_json(json_pack("{s:b, s:o, s:o}", "sound", status == 0, "files", files, "errors", errors));
        } else {
                json_decref(errors);
                json_decref(files);
        }
        return status;
}

const struct attestctl_command attestctl_policy_check_command = {
        .name = "policy",
        .subcommand = "check",
        .arguments = "FILE…",
        .summary = "Check policy files, and print all that is wrong with them",
        .help = "\nNeeds no daemon. Errors are printed as file:line:column: what, all at once. Ends with the status of the "
                "first.\n",
        .arguments_min = 1,
        .arguments_max = INT_MAX,
        .run = run,
};
