/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl policy explain: each rule with its expressions, its outcome, and the facts that it followed from. */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

#include <string.h>

#define INDENT 2

struct explanation {
        bool passed;
        struct attester_rule *rules;
        size_t rule_count;
        struct attester_fact *facts;
        size_t fact_count;
};

static const struct attester_fact *find_fact(const struct explanation *explanation, const char *name)
{
        for (size_t i = 0; i < explanation->fact_count; i++)
                if (strcmp(explanation->facts[i].name, name) == 0)
                        return &explanation->facts[i];
        return NULL;
}

static json_t *rule_json(const struct attester_rule *rule)
{
        json_t *names = json_array();

        for (size_t i = 0; i < rule->fact_count; i++)
                (void) json_array_append_new(names, attestctl_json_string(rule->facts[i]));
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rule", attestctl_json_string(rule->name), "when",
                         rule->when[0] == '\0' ? json_null() : attestctl_json_string(rule->when), "require",
                         attestctl_json_string(rule->require), "outcome", attestctl_json_string(rule->outcome), "reason",
                         attestctl_json_string(rule->reason), "remedy", attestctl_json_string(rule->remedy), "facts", names);
}

static json_t *explanation_json(const struct explanation *explanation)
{
        json_t *rules = json_array();

        for (size_t i = 0; i < explanation->rule_count; i++)
                (void) json_array_append_new(rules, rule_json(&explanation->rules[i]));
        return json_pack("{s:b, s:o, s:o}", "passed", explanation->passed, "rules", rules, "facts",
                         attestctl_json_facts(explanation->facts, explanation->fact_count));
}

/* The facts that a rule names, those that this device does not have included. */
static void print_facts(bool color, const struct explanation *explanation, const struct attester_rule *rule)
{
        static char none[] = "no such fact", empty[] = "";
        struct attester_fact *facts = calloc(rule->fact_count + 1, sizeof(*facts));

        if (facts == NULL)
                return;
        for (size_t i = 0; i < rule->fact_count; i++) {
                const struct attester_fact *fact = find_fact(explanation, rule->facts[i]);

                facts[i] = fact != NULL ? *fact
                                        : (struct attester_fact){
                                                  .name = rule->facts[i], .text = none, .provenance = empty, .source = empty
                                          };
        }
        attestctl_print_facts(stdout, color, INDENT, facts, rule->fact_count);
        free(facts);
}

static void print_rule(bool color, const struct explanation *explanation, const struct attester_rule *rule)
{
        bool to_mend = strcmp(rule->outcome, "pass") != 0 && strcmp(rule->outcome, "skipped") != 0;
        enum attestctl_color outcome = attestctl_outcome_color(rule->outcome);
        attestctl_auto_table struct attestctl_table table;

        attestctl_print(stdout, color, ATTESTCTL_HEADING, rule->name);
        (void) fputs(": ", stdout);
        attestctl_print(stdout, color, outcome, rule->outcome);
        (void) fputc('\n', stdout);
        attestctl_table_init(&table, 2);
        table.indent = INDENT;
        if (rule->when[0] != '\0')
                attestctl_table_add_labelled(&table, "When", ATTESTCTL_PLAIN, rule->when);
        attestctl_table_add_labelled(&table, "Require", ATTESTCTL_PLAIN, rule->require);
        if (rule->reason[0] != '\0')
                attestctl_table_add_labelled(&table, "Why", outcome, rule->reason);
        if (to_mend && rule->remedy[0] != '\0')
                attestctl_table_add_labelled(&table, "Remedy", ATTESTCTL_HEADING, rule->remedy);
        attestctl_table_print(&table, stdout, color);
        if (rule->fact_count > 0)
                print_facts(color, explanation, rule);
        (void) fputc('\n', stdout);
}

static int show(const struct attestctl *ctl, const struct explanation *explanation)
{
        if (ctl->json)
                return attestctl_print_json(explanation_json(explanation));
        for (size_t i = 0; i < explanation->rule_count; i++)
                print_rule(ctl->color_out, explanation, &explanation->rules[i]);
        attestctl_print(stdout, ctl->color_out, explanation->passed ? ATTESTCTL_GOOD : ATTESTCTL_BAD,
                        explanation->passed ? "This device meets the policy." : "This device does not meet the policy.");
        (void) fputc('\n', stdout);
        return 0;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int argument_count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct explanation explanation = { .passed = false };
        const char *issuer = argument_count > 0 ? arguments[0] : "";
        int status;

        if (attester_explain(ctl->attester, issuer, &ctl->options, &explanation.passed, &explanation.rules,
                             &explanation.rule_count, &explanation.facts, &explanation.fact_count, &error) < 0)
                return attestctl_fail(ctl, &error);
        status = show(ctl, &explanation);
        attester_rules_free(explanation.rules, explanation.rule_count);
        attester_facts_free(explanation.facts, explanation.fact_count);
        return status != 0 || explanation.passed ? status : base_error_exit_status(BASE_ERROR_POLICY_DENIED);
}

const struct attestctl_command attestctl_policy_explain_command = {
        .name = "policy",
        .subcommand = "explain",
        .arguments = "[ISSUER]",
        .summary = "Show which rules this device meets now, by which facts, and what to do about the others",
        .help = "\nWithout ISSUER: the rules that hold for all issuers. Ends with 22 (PolicyDenied) if a rule fails.\n",
        .arguments_max = 1,
        .run = run,
};
