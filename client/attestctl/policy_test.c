/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/policy_files.h"
#include "client/attestctl/table.h"

#include <limits.h>
#include <string.h>

#define STATUS_UNMET 1

struct options {
        const char *policy; /* NULL: this system's */
};

/* What the cases came to. */
struct tally {
        const struct attestctl *ctl;
        json_t *failures;
        size_t cases;
        size_t expectations;
        size_t unmet;
};

static const struct policy_result *find_result(const struct policy_results *results, const char *rule)
{
        for (size_t i = 0; i < results->count; i++)
                if (strcmp(results->items[i].rule->name, rule) == 0)
                        return &results->items[i];
        return NULL;
}

/* The reason of the first rule that fails, with its name. */
static void describe_failure(const struct policy_results *results, char *ret, size_t ret_size)
{
        for (size_t i = 0; i < results->count; i++)
                if (results->items[i].outcome == POLICY_OUTCOME_FAIL) {
                        (void) snprintf(ret, ret_size, "%s: %s", results->items[i].rule->name, results->items[i].reason);
                        return;
                }
        (void) snprintf(ret, ret_size, "%s", results->summary);
}

static void note_unmet(struct tally *tally, const char *path, const struct policy_facts_section *section,
                       const struct policy_expectation *expectation, const char *found, const char *why)
{
        const char *rule = expectation->rule == NULL ? "the policy" : expectation->rule;
        const char *wanted = policy_outcome_name(expectation->outcome);
        char line[1024];

        tally->unmet++;
        (void) json_array_append_new(tally->failures,
                                     json_pack("{s:o, s:i, s:i, s:o, s:o, s:s, s:s, s:o}", "file", attestctl_json_string(path),
                                               "line", (int) expectation->line, "column", (int) expectation->column, "case",
                                               attestctl_json_string(section->name), "rule",
                                               expectation->rule == NULL ? json_null() : attestctl_json_string(expectation->rule),
                                               "expected", wanted, "outcome", found, "reason", attestctl_json_string(why)));
        if (tally->ctl->json)
                return;
        (void) snprintf(line, sizeof(line), "%s:%u:%u: case '%s': %s: expected %s, found %s%s%s", path, expectation->line,
                        expectation->column, section->name, rule, wanted, found, *why == '\0' ? "" : ": ", why);
        attestctl_print(stderr, tally->ctl->color_err, ATTESTCTL_BAD, line);
        (void) fputc('\n', stderr);
}

static void check_expectation(struct tally *tally, const char *path, const struct policy_facts_section *section,
                              const struct policy_expectation *expectation, const struct policy_results *results)
{
        const struct policy_result *result;
        char why[POLICY_REASON_BYTES_MAX + POLICY_RULE_NAME_BYTES_MAX + 4];

        tally->expectations++;
        if (expectation->rule == NULL) {
                describe_failure(results, why, sizeof(why));
                if (results->pass != (expectation->outcome == POLICY_OUTCOME_PASS))
                        note_unmet(tally, path, section, expectation, results->pass ? "pass" : "fail", why);
                return;
        }
        result = find_result(results, expectation->rule);
        if (result == NULL)
                note_unmet(tally, path, section, expectation, "no such rule", "");
        else if (result->outcome != expectation->outcome)
                note_unmet(tally, path, section, expectation, policy_outcome_name(result->outcome),
                           result->reason == NULL ? "" : result->reason);
}

static bool run_case(struct tally *tally, const struct policy *policy, const char *path,
                     const struct policy_facts_section *section, struct base_error *error)
{
        const struct policy_context context = { .issuer = section->issuer };
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

        if (!policy_evaluate(policy, &section->facts, &context, &results, error))
                return false;
        tally->cases++;
        for (size_t i = 0; i < section->expectation_count; i++)
                check_expectation(tally, path, section, &section->expectations[i], &results);
        return true;
}

static int finish(const struct tally *tally)
{
        int status = tally->unmet > 0 ? STATUS_UNMET : 0;
        int printed = 0;

        if (tally->ctl->json)
                printed = attestctl_print_json(json_pack("{s:b, s:I, s:I, s:O}", "passed", status == 0, "cases",
                                                         (json_int_t) tally->cases, "expectations",
                                                         (json_int_t) tally->expectations, "failures", tally->failures));
        else
                (void) printf("%zu of %zu expectations of %zu cases are met\n", tally->expectations - tally->unmet,
                              tally->expectations, tally->cases);
        return status != 0 ? status : printed;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        const struct options *options = state;
        json_t *errors = json_array();
        struct tally tally = { .ctl = ctl, .failures = json_array() };
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;
        int status = attestctl_policy_load(ctl, options->policy, errors, &policy);

        for (int i = 0; i < count; i++) {
                policy_auto_facts_file struct policy_facts_file *file = NULL;
                int file_status = attestctl_facts_file_load(ctl, arguments[i], errors, &file);

                if (status == 0)
                        status = file_status;
                for (size_t section = 0; status == 0 && section < file->count; section++)
                        if (file->sections[section].is_case &&
                            !run_case(&tally, policy, arguments[i], &file->sections[section], &error))
                                status = attestctl_fail_own(ctl, &error);
        }
        if (status != 0) {
                json_decref(tally.failures);
                return attestctl_fail_files(ctl, status, errors);
        }
        status = finish(&tally);
        json_decref(tally.failures);
        json_decref(errors);
        return status;
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct options *options = state;

        if (options->policy != NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--policy stands once");
        options->policy = value;
        return true;
}

static const struct base_option options[] = {
        { 'p', "policy", "FILE", "the policy, a file or a directory; without it, this system's" },
        { 0 },
};

const struct attestctl_command attestctl_policy_test_command = {
        .name = "policy",
        .subcommand = "test",
        .arguments = "FILE…",
        .summary = "Compare the outcomes of a policy with those that files of cases expect",
        .help = "\nNeeds no daemon. FILE has cases as attester-policy(5) describes. Each expectation that is not met is printed "
                "as\n"
                "file:line:column: what, and the command then ends with 1.\n",
        .arguments_min = 1,
        .arguments_max = INT_MAX,
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct options),
        .run = run,
};
