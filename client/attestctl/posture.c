/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"

static int run(struct attestctl *ctl, void *state, char **arguments, int argument_count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_fact *facts = NULL;
        size_t count = 0;
        int result = 0;

        if (attester_get_facts(ctl->attester, &ctl->options, &facts, &count, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json)
                result = attestctl_print_json(json_pack("{s:o}", "facts", attestctl_json_facts(facts, count)));
        else
                attestctl_print_facts(stdout, ctl->color_out, 0, facts, count);
        attester_facts_free(facts, count);
        return result;
}

const struct attestctl_command attestctl_posture_command = {
        .name = "posture",
        .arguments = "",
        .summary = "List the facts that were measured about this device",
        .help = "\nProvenance says how far a fact can be trusted: \"hardware\" follows from what the TPM signed, \"measured\" "
                "from\n"
                "the kernel's integrity measurement, \"reported\" is the daemon's word. An unreadable fact is never \"false\".\n"
                "Age is the time since the value was read, or since the service that knows it said so.\n",
        .run = run,
};
