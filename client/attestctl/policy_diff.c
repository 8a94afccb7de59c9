/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/policy_files.h"
#include "client/attestctl/table.h"

#include <string.h>

#define STATUS_CHANGES 1

struct options {
        struct attestctl_paths facts;
        const char *issuer;
};

struct comparison {
        const struct attestctl *ctl;
        const struct policy *old;
        const struct policy *new;
        const char *issuer;
        json_t *devices;
        size_t seen;
        size_t gained; /* fail before, pass after */
        size_t lost;
};

static const struct policy_result *find_result(const struct policy_results *results, const char *rule)
{
        for (size_t i = 0; i < results->count; i++)
                if (strcmp(results->items[i].rule->name, rule) == 0)
                        return &results->items[i];
        return NULL;
}

static const char *outcome_of(const struct policy_result *result)
{
        return result == NULL ? "absent" : policy_outcome_name(result->outcome);
}

static const char *reason_of(const struct policy_result *result)
{
        return result == NULL || result->reason == NULL ? "" : result->reason;
}

/* One rule that has another outcome than before; either result may be NULL. */
static void note_rule(const struct comparison *comparison, const char *rule, const struct policy_result *old,
                      const struct policy_result *new, json_t *rules)
{
        const char *why = reason_of(new)[0] != '\0' ? reason_of(new) : reason_of(old);

        (void) json_array_append_new(rules,
                                     json_pack("{s:o, s:s, s:s, s:o}", "rule", attestctl_json_string(rule), "old",
                                               outcome_of(old), "new", outcome_of(new), "reason", attestctl_json_string(why)));
        if (comparison->ctl->json)
                return;
        (void) printf("    %s: %s → %s%s", rule, outcome_of(old), outcome_of(new), *why == '\0' ? "" : ": ");
        attestctl_print(stdout, false, ATTESTCTL_PLAIN, why);
        (void) fputc('\n', stdout);
}

/* Whether a rule's outcome makes a difference to the verdict. */
static bool fails(const struct policy_result *result)
{
        return result != NULL && result->outcome == POLICY_OUTCOME_FAIL;
}

static void note_device(struct comparison *comparison, const char *path, const char *name, const struct policy_results *old,
                        const struct policy_results *new)
{
        json_t *rules = json_array();

        if (!comparison->ctl->json) {
                attestctl_print(stdout, comparison->ctl->color_out, ATTESTCTL_HEADING, path);
                (void) fputs(": ", stdout);
                attestctl_print(stdout, comparison->ctl->color_out, ATTESTCTL_HEADING, name);
                (void) fputs(": ", stdout);
                attestctl_print(stdout, comparison->ctl->color_out, new->pass ? ATTESTCTL_GOOD : ATTESTCTL_BAD,
                                new->pass ? "fail → pass" : "pass → fail");
                (void) fputc('\n', stdout);
        }
        for (size_t i = 0; i < new->count; i++) {
                const struct policy_result *before = find_result(old, new->items[i].rule->name);

                if (fails(before) != fails(&new->items[i]))
                        note_rule(comparison, new->items[i].rule->name, before, &new->items[i], rules);
        }
        for (size_t i = 0; i < old->count; i++)
                if (fails(&old->items[i]) && find_result(new, old->items[i].rule->name) == NULL)
                        note_rule(comparison, old->items[i].rule->name, &old->items[i], NULL, rules);
        (void) json_array_append_new(comparison->devices,
                                     json_pack("{s:o, s:o, s:s, s:s, s:o}", "file", attestctl_json_string(path), "device",
                                               attestctl_json_string(name), "old", old->pass ? "pass" : "fail", "new",
                                               new->pass ? "pass" : "fail", "rules", rules));
}

static bool compare(struct comparison *comparison, const char *path, const struct policy_facts_section *section,
                    struct base_error *error)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = "--issuer" };
        const struct policy_context context = { .issuer = comparison->issuer };
        policy_auto_results struct policy_results old = POLICY_RESULTS_INIT, new = POLICY_RESULTS_INIT;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        if (!policy_facts_merge(&facts, &section->facts, error) ||
            (comparison->issuer != NULL &&
             !policy_facts_set_string(&facts, "request.issuer", comparison->issuer, origin, error)) ||
            !policy_evaluate(comparison->old, &facts, &context, &old, error) ||
            !policy_evaluate(comparison->new, &facts, &context, &new, error))
                return false;
        comparison->seen++;
        if (old.pass == new.pass)
                return true;
        comparison->gained += new.pass;
        comparison->lost += old.pass;
        note_device(comparison, path, section->name, &old, &new);
        return true;
}

static int compare_file(struct comparison *comparison, const char *path, json_t *errors)
{
        policy_auto_facts_file struct policy_facts_file *file = NULL;
        struct base_error error = BASE_ERROR_INIT;
        int status = attestctl_facts_file_load(comparison->ctl, path, errors, &file);

        for (size_t i = 0; status == 0 && i < file->count; i++) {
                if (file->sections[i].is_case || compare(comparison, path, &file->sections[i], &error))
                        continue;
                (void) fprintf(stderr, "attestctl: %s\n", error.message);
                status = base_error_exit_status(error.code);
        }
        return status;
}

static int finish(const struct comparison *comparison)
{
        size_t changed = comparison->gained + comparison->lost;
        int printed = 0;

        if (comparison->ctl->json)
                printed = attestctl_print_json(json_pack("{s:I, s:I, s:I, s:O}", "devices", (json_int_t) comparison->seen,
                                                         "gained", (json_int_t) comparison->gained, "lost",
                                                         (json_int_t) comparison->lost, "changes", comparison->devices));
        else
                (void) printf("%zu of %zu devices change: %zu would get no tokens any more, %zu would get some\n", changed,
                              comparison->seen, comparison->lost, comparison->gained);
        if (printed != 0)
                return printed;
        return changed > 0 ? STATUS_CHANGES : 0;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        const struct options *options = state;
        policy_auto_policy struct policy *old = NULL, *new = NULL;
        json_t *errors = json_array();
        struct comparison comparison = { .ctl = ctl, .issuer = options->issuer, .devices = json_array() };
        int status = attestctl_policy_load(ctl, arguments[0], errors, &old);
        int new_status = attestctl_policy_load(ctl, arguments[1], errors, &new);

        if (status == 0)
                status = new_status;
        comparison.old = old;
        comparison.new = new;
        for (size_t i = 0; status == 0 && i < options->facts.count; i++)
                status = compare_file(&comparison, options->facts.items[i], errors);
        for (int i = 2; status == 0 && i < count; i++)
                status = compare_file(&comparison, arguments[i], errors);
        status = status == 0 ? finish(&comparison) : attestctl_fail_files(ctl, status, json_incref(errors));
        json_decref(comparison.devices);
        json_decref(errors);
        return status;
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct options *options = state;

        if (letter == 'f')
                return attestctl_paths_add(&options->facts, value, error);
        options->issuer = value;
        return true;
}

static const struct base_option options[] = {
        { 'f', "facts", "FILE", "facts of devices; may be given again, and more files may follow" },
        { 'i', "issuer", "NAME", "who is asked for tokens" },
        { 0 },
};

const struct attestctl_command attestctl_policy_diff_command = {
        .name = "policy",
        .subcommand = "diff",
        .arguments = "OLD NEW [FILE…]",
        .summary = "Show which devices a new policy would let pass, or fail, and by which rule",
        .help = "\nNeeds no daemon. OLD and NEW are policies, files or directories; the devices are those of the files that "
                "--facts names,\n"
                "as `attestctl policy export` writes them. Ends with 1 if some device's verdict changes. Grace is not counted.\n",
        .arguments_min = 2,
        .arguments_max = 2 + ATTESTCTL_PATHS_MAX,
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct options),
        .run = run,
};
