/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

static int run(struct attestctl *ctl, void *state, char **arguments, int argument_count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_rule *rules = NULL;
        const char *issuer = argument_count > 0 ? arguments[0] : "";
        size_t count = 0;
        bool passed = false;
        int status = 0;

        if (attester_evaluate(ctl->attester, issuer, &ctl->options, &passed, &rules, &count, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json) {
                status = attestctl_print_json(
                        json_pack("{s:b, s:o}", "passed", passed, "rules", attestctl_json_rules(rules, count)));
        } else {
                attestctl_print_rules(stdout, ctl->color_out, rules, count);
                (void) fputc('\n', stdout);
                attestctl_print(stdout, ctl->color_out, passed ? ATTESTCTL_GOOD : ATTESTCTL_BAD,
                                passed ? "This device meets the policy." : "This device does not meet the policy.");
                (void) fputc('\n', stdout);
        }
        attester_rules_free(rules, count);
        return status != 0 || passed ? status : base_error_exit_status(BASE_ERROR_POLICY_DENIED);
}

const struct attestctl_command attestctl_policy_explain_command = {
        .name = "policy",
        .subcommand = "explain",
        .arguments = "[ISSUER]",
        .summary = "Show which rules this device meets now, and what to do about the others",
        .help = "\nWithout ISSUER: the rules that hold for all issuers. Ends with 22 (PolicyDenied) if a rule fails.\n",
        .arguments_max = 1,
        .run = run,
};
