/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

#include <string.h>

static json_t *value_json(const struct attester_fact *fact)
{
        switch (fact->type) {
        case ATTESTER_VALUE_BOOLEAN:
                return json_boolean(fact->boolean);
        case ATTESTER_VALUE_INTEGER:
                return json_integer((json_int_t) fact->integer);
        case ATTESTER_VALUE_STRING:
                return attestctl_json_string(fact->text);
        case ATTESTER_VALUE_UNREADABLE:
                break;
        }
        return json_null();
}

static json_t *facts_json(const struct attester_fact *facts, size_t count)
{
        json_t *array = json_array();

        for (size_t i = 0; i < count; i++) {
                json_t *fact = json_pack("{s:o, s:o, s:o, s:o}", "name", attestctl_json_string(facts[i].name), "value",
                                         value_json(&facts[i]), "provenance", attestctl_json_string(facts[i].provenance),
                                         "source", attestctl_json_string(facts[i].source));

                if (facts[i].type == ATTESTER_VALUE_UNREADABLE)
                        (void) json_object_set_new(fact, "unreadable", attestctl_json_string(facts[i].text));
                (void) json_array_append_new(array, fact);
        }
        return json_pack("{s:o}", "facts", array);
}

static void facts_print(const struct attestctl *ctl, const struct attester_fact *facts, size_t count)
{
        static const char *const headings[] = { "FACT", "VALUE", "PROVENANCE", "SOURCE" };
        attestctl_auto_table struct attestctl_table table;

        attestctl_table_init(&table, BASE_COUNT(headings));
        for (size_t i = 0; i < BASE_COUNT(headings); i++)
                attestctl_table_add(&table, ATTESTCTL_HEADING, headings[i]);
        for (size_t i = 0; i < count; i++) {
                bool unreadable = facts[i].type == ATTESTER_VALUE_UNREADABLE;
                char text[512];

                (void) snprintf(text, sizeof(text), "%s%s", unreadable ? "unreadable: " : "", facts[i].text);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, facts[i].name);
                attestctl_table_add(&table, unreadable ? ATTESTCTL_WARN : ATTESTCTL_PLAIN, text);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, facts[i].provenance);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, facts[i].source);
        }
        attestctl_table_print(&table, stdout, ctl->color_out);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int argument_count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_fact *facts = NULL;
        size_t count = 0;
        int result = 0;

        if (attester_get_facts(ctl->attester, &ctl->options, &facts, &count, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json)
                result = attestctl_print_json(facts_json(facts, count));
        else
                facts_print(ctl, facts, count);
        attester_facts_free(facts, count);
        return result;
}

const struct attestctl_command attestctl_posture_command = {
        .name = "posture",
        .arguments = "",
        .summary = "List the facts that were measured about this device",
        .help = "\nProvenance says how far a fact can be trusted: \"hardware\" follows from what the TPM signed, \"measured\" "
                "from\n"
                "the kernel's integrity measurement, \"reported\" is the daemon's word. An unreadable fact is never \"false\".\n",
        .run = run,
};
