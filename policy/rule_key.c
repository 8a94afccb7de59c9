/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/loader.h"

#include "policy/remedy.h"
#include "policy/rule_value.h"

#include <string.h>

struct place {
        struct policy_loader *loader;
        const struct base_ini_entry *entry;
};

static void report_in_value(size_t offset, const char *what, void *context)
{
        const struct place *place = context;

        policy_loader_report_value(place->loader, place->entry, offset, BASE_ERROR_POLICY_INVALID, what);
}

/* An empty value takes back what earlier files said. */
static bool set_expression(struct policy_loader *loader, const struct base_ini_entry *entry, char **text,
                           struct policy_expression **expression, struct base_error *error)
{
        policy_auto_expression struct policy_expression *parsed = NULL;
        base_auto_free char *copy = NULL;
        struct place place = { .loader = loader, .entry = entry };
        struct base_error problem;
        size_t offset;

        if (*entry->value != '\0') {
                copy = strdup(entry->value);
                if (copy == NULL)
                        return base_error_set_no_memory(error);
                if (!policy_expression_parse(base_bytes_from_string(copy), &parsed, &offset, &problem)) {
                        if (problem.code == BASE_ERROR_NO_MEMORY)
                                return base_error_copy(error, &problem);
                        policy_loader_report_value(loader, entry, offset, problem.code, problem.message);
                        policy_expression_report_others(base_bytes_from_string(copy), report_in_value, &place);
                        loader->draft->broken = true;
                        return true;
                }
                if (!policy_expression_check(parsed, report_in_value, &place)) {
                        loader->draft->broken = true;
                        return true;
                }
        }
        free(*text);
        policy_expression_free(*expression);
        *text = BASE_STEAL(copy);
        *expression = BASE_STEAL(parsed);
        return true;
}

/* Reports a remedy that cannot be shown. */
static bool check_remedy(struct policy_loader *loader, const struct base_ini_entry *entry)
{
        if (strlen(entry->value) > POLICY_RULE_REMEDY_BYTES_MAX)
                policy_loader_report_value(loader, entry, POLICY_RULE_REMEDY_BYTES_MAX, BASE_ERROR_LIMIT_EXCEEDED,
                                           "the remedy is too long (at most 512 bytes)");
        else if (!policy_text_valid(entry->value))
                policy_loader_report_value(loader, entry, 0, BASE_ERROR_POLICY_INVALID,
                                           "the remedy is not UTF-8 text without control characters");
        else
                return true;
        return false;
}

static bool set_remedy(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;
        char *copy;

        if (!check_remedy(loader, entry))
                return true;
        copy = strdup(entry->value);
        if (copy == NULL)
                return base_error_set_no_memory(error);
        free(rule->remedy);
        rule->remedy = copy;
        policy_translations_drop_before(rule, loader->file_number);
        return true;
}

/* The locale in the key "Remedy[locale]"; false if it is another key. */
static bool take_locale(const char *key, char locale[POLICY_LOCALE_BYTES_MAX + 1])
{
        static const char prefix[] = "Remedy[";
        size_t len = strlen(key);

        if (strncmp(key, prefix, strlen(prefix)) != 0 || key[len - 1] != ']')
                return false;
        len -= strlen(prefix) + 1;
        if (len > POLICY_LOCALE_BYTES_MAX)
                len = 0; /* which is no locale */
        memcpy(locale, key + strlen(prefix), len);
        locale[len] = '\0';
        return true;
}

static bool set_translation(struct policy_loader *loader, const struct base_ini_entry *entry, const char *locale,
                            struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;
        struct policy_position at = policy_position_of_key(loader->text, entry->line);
        const struct policy_translation *old = policy_translation_find(rule, locale);
        struct base_error problem;

        if (!policy_locale_valid(locale)) {
                policy_loader_report(loader, at, BASE_ERROR_POLICY_INVALID,
                                     "the brackets hold no locale, as in Remedy[de] or Remedy[pt_BR]");
        } else if (old != NULL && old->file_number == loader->file_number) {
                policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, at.line, at.column,
                                       "Remedy[%s]= stands in this rule twice", locale);
        } else if (check_remedy(loader, entry) &&
                   !policy_translation_set(rule, locale, entry->value, loader->file_number, &problem)) {
                if (problem.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &problem);
                policy_loader_report(loader, at, problem.code, problem.message);
        }
        return true;
}

static bool set_when(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;

        return set_expression(loader, entry, &rule->when, &rule->when_expression, error);
}

static bool set_require(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_rule *rule = &loader->draft->rule;

        loader->draft->removed = *entry->value == '\0';
        return set_expression(loader, entry, &rule->require, &rule->require_expression, error);
}

/* Reports what is wrong with a value; true, since the loader goes on. */
static bool report_problem(struct policy_loader *loader, const struct base_ini_entry *entry, const struct base_error *problem)
{
        policy_loader_report_value(loader, entry, 0, problem->code, problem->message);
        return true;
}

static bool set_severity(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;

        (void) error;
        return policy_severity_parse(entry->value, &loader->draft->rule.severity, &problem) ||
               report_problem(loader, entry, &problem);
}

static bool set_grace(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;

        (void) error;
        return policy_grace_parse(entry->value, &loader->draft->rule.grace_s, &problem) ||
               report_problem(loader, entry, &problem);
}

static bool set_rollout(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;

        (void) error;
        return policy_rollout_parse(entry->value, &loader->draft->rule.rollout_percent, &problem) ||
               report_problem(loader, entry, &problem);
}

static bool set_issuer(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct base_error problem;
        char *copy = NULL;

        if (!policy_issuer_check(entry->value, &problem))
                return report_problem(loader, entry, &problem);
        if (*entry->value != '\0') {
                copy = strdup(entry->value);
                if (copy == NULL)
                        return base_error_set_no_memory(error);
        }
        free(loader->draft->rule.issuer);
        loader->draft->rule.issuer = copy;
        return true;
}

static const struct {
        const char *name;
        bool (*set)(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error);
} rule_keys[] = {
        { "When", set_when },   { "Require", set_require }, { "Remedy", set_remedy }, { "Severity", set_severity },
        { "Grace", set_grace }, { "Rollout", set_rollout }, { "Issuer", set_issuer },
};

bool policy_loader_set_rule_key(struct policy_loader *loader, const struct base_ini_entry *entry, struct base_error *error)
{
        struct policy_position at = policy_position_of_key(loader->text, entry->line);
        const char *known[BASE_COUNT(rule_keys)];
        char locale[POLICY_LOCALE_BYTES_MAX + 1];

        if (take_locale(entry->key, locale))
                return set_translation(loader, entry, locale, error);
        for (size_t key = 0; key < BASE_COUNT(rule_keys); key++) {
                known[key] = rule_keys[key].name;
                if (strcmp(entry->key, known[key]) != 0)
                        continue;
                if ((loader->draft->keys_seen & 1U << key) == 0) {
                        loader->draft->keys_seen |= 1U << key;
                        return rule_keys[key].set(loader, entry, error);
                }
                policy_diagnostics_add(loader->diagnostics, BASE_ERROR_POLICY_INVALID, loader->file, entry->line, at.column,
                                       "%s= stands in this rule twice", known[key]);
                return true;
        }
        policy_loader_report_unknown(loader, at, "key", entry->key, known, BASE_COUNT(known));
        return true;
}
