/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"
#include "policy/bundle.h"

#include <inttypes.h>
#include <string.h>

static int install_bundle(struct attestctl *ctl, struct base_bytes bytes)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        uint64_t version;

        if (attester_install_policy_bundle(ctl->attester, bytes.data, bytes.len, &ctl->options, &version, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:b, s:I}", "done", true, "version", (json_int_t) version));
        (void) printf("Policy bundle version %" PRIu64 " is in force.\n", version);
        return 0;
}

static int install_file(struct attestctl *ctl, const char *path, struct base_buffer *text)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct base_error problem = BASE_ERROR_INIT;
        const char *slash = strrchr(path, '/');
        const char *content = base_buffer_c_string(text);

        if (content == NULL || strlen(content) != text->len) {
                (void) base_error_set(&problem, BASE_ERROR_POLICY_INVALID, "%s is neither a policy bundle nor a policy file",
                                      path);
                return attestctl_fail_own(ctl, &problem);
        }
        if (attester_install_policy(ctl->attester, slash == NULL ? path : slash + 1, content, &ctl->options, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:b}", "done", true));
        attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, path);
        (void) puts(" is in force.");
        return 0;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX + 1);
        struct base_error error = BASE_ERROR_INIT;

        if (!base_file_read(arguments[0], &bytes, &error))
                return attestctl_fail_own(ctl, &error);
        return policy_bundle_recognize(base_buffer_bytes(&bytes)) ? install_bundle(ctl, base_buffer_bytes(&bytes))
                                                                  : install_file(ctl, arguments[0], &bytes);
}

const struct attestctl_command attestctl_policy_install_command = {
        .name = "policy",
        .subcommand = "install",
        .arguments = "FILE",
        .summary = "Have the daemon check a policy and put it in force",
        .help = "\nFor administrators. FILE is a signed policy bundle, where the daemon is configured for a fleet, or else a "
                "policy "
                "file,\nwhich goes to /etc/attesterd/policy.d under its name. If it is refused, what was in force stays so.\n",
        .arguments_min = 1,
        .arguments_max = 1,
        .run = run,
};
