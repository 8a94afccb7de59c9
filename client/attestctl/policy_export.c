/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "policy/facts_file.h"
#include "policy/known_facts.h"

#include <string.h>

#define DEFAULT_NAME     "device"
#define EXPORT_BYTES_MAX (POLICY_FACTS_MAX * (POLICY_FACT_NAME_BYTES_MAX + 2 * POLICY_FACT_TEXT_BYTES_MAX + 64))

struct options {
        const char *name;
};

/*
 * Only facts that this project's programs set are written: none of them names a person or tells one device from another. An
 * administrator's own (custom.*) may, and what a request is like (request.*) is no fact of the device.
 */
static bool take_fact(const struct attester_fact *fact, struct policy_facts *to, struct base_error *error)
{
        const struct policy_known_fact *known = policy_known_fact_find(fact->name);
        struct policy_origin origin = { .source = NULL };

        if (known == NULL)
                return true;
        if (!policy_provenance_from_name(fact->provenance, &origin.provenance))
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has a provenance that is none");
        if (fact->type == ATTESTER_VALUE_UNREADABLE)
                return policy_facts_set_unreadable(to, fact->name, fact->text, origin, error);
        if (fact->type == ATTESTER_VALUE_BOOLEAN && known->type == POLICY_FACT_BOOLEAN)
                return policy_facts_set_boolean(to, fact->name, fact->boolean, origin, error);
        if (fact->type == ATTESTER_VALUE_INTEGER && known->type == POLICY_FACT_INTEGER)
                return policy_facts_set_integer(to, fact->name, fact->integer, origin, error);
        /* On the bus a version is a string. */
        if (fact->type == ATTESTER_VALUE_STRING && known->type == POLICY_FACT_VERSION)
                return policy_facts_set_version(to, fact->name, fact->text, origin, error);
        if (fact->type == ATTESTER_VALUE_STRING && known->type == POLICY_FACT_STRING)
                return policy_facts_set_string(to, fact->name, fact->text, origin, error);
        return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has fact %s with another type", known->name);
}

static bool take_facts(const struct attester_fact *facts, size_t count, struct policy_facts *to, struct base_error *error)
{
        for (size_t i = 0; i < count; i++)
                if (!take_fact(&facts[i], to, error))
                        return false;
        return true;
}

static int write_facts(struct attestctl *ctl, const char *name, const struct policy_facts *facts)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(EXPORT_BYTES_MAX);
        const char *string;

        policy_facts_file_write(name, facts, &text);
        string = base_buffer_c_string(&text);
        if (string == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:o}", "facts", attestctl_json_string(string)));
        (void) fputs(string, stdout);
        return 0;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int argument_count)
{
        const struct options *options = state;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct base_error problem = BASE_ERROR_INIT;
        struct attester_fact *measured = NULL;
        size_t count = 0;
        bool taken;

        if (attester_get_facts(ctl->attester, &ctl->options, &measured, &count, &error) < 0)
                return attestctl_fail(ctl, &error);
        taken = take_facts(measured, count, &facts, &problem);
        attester_facts_free(measured, count);
        if (!taken)
                return attestctl_fail_own(ctl, &problem);
        return write_facts(ctl, options->name == NULL ? DEFAULT_NAME : options->name, &facts);
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct options *options = state;

        /* What a section's name may be, and nothing that ends it. */
        if (*value == '\0' || strlen(value) > POLICY_FACTS_FILE_NAME_BYTES_MAX || !policy_text_valid(value) ||
            strpbrk(value, "[] ") != NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "--name takes at most %d bytes without spaces and brackets",
                                      POLICY_FACTS_FILE_NAME_BYTES_MAX);
        options->name = value;
        return true;
}

static const struct base_option options[] = {
        { 'n', "name", "NAME", "what to call the device in the file; \"device\" without it" },
        { 0 },
};

const struct attestctl_command attestctl_policy_export_command = {
        .name = "policy",
        .subcommand = "export",
        .arguments = "",
        .summary = "Print the facts of this device as a file that policy test and diff read",
        .help = "\nFacts of the administrator's own (custom.*) are left out, since they may name a person or the device.\n",
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct options),
        .run = run,
};
