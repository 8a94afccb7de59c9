/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/policy_files.h"

#include <inttypes.h>
#include <limits.h>

/* Loads one file or directory. Returns its status; adds what is wrong, or what it holds. */
static int path_check(const struct attestctl *ctl, const char *path, json_t *errors, json_t *files)
{
        policy_auto_policy struct policy *policy = NULL;
        int status = attestctl_policy_load(ctl, path, errors, &policy);

        if (status != 0)
                return status;
        (void) json_array_append_new(files, json_pack("{s:o, s:I, s:I}", "file", attestctl_json_string(path), "version",
                                                      (json_int_t) policy->version, "rules", (json_int_t) policy->count));
        if (!ctl->json)
                (void) printf("%s: sound: %zu rule%s, version %" PRIu64 "\n", path, policy->count, policy->count == 1 ? "" : "s",
                              policy->version);
        return 0;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        json_t *errors = json_array();
        json_t *files = json_array();
        int status = 0;

        for (int i = 0; i < count; i++) {
                int path_status = path_check(ctl, arguments[i], errors, files);

                if (status == 0)
                        status = path_status;
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
        .help = "\nNeeds no daemon. The files of a directory are read as one policy. Errors are printed as file:line:column: "
                "what,\n"
                "all at once. Ends with the status of the first.\n",
        .arguments_min = 1,
        .arguments_max = INT_MAX,
        .run = run,
};
