/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/rule_table.h"

#include <string.h>

#define FIRST_CAPACITY     16
#define DIGEST_LABEL       "attesterd policy 3"
#define REMEDIES_BYTES_MAX ((POLICY_TRANSLATIONS_MAX + 1) * (POLICY_RULE_REMEDY_BYTES_MAX + POLICY_LOCALE_BYTES_MAX + 8))
#define DIGEST_BYTES_MAX                                                                                                         \
        (POLICY_RULES_MAX * (2 * POLICY_EXPRESSION_BYTES_MAX + REMEDIES_BYTES_MAX + POLICY_ISSUER_BYTES_MAX + 128) + 64)
#define RULE_NAME_ALPHABET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static void clear_rule(struct policy_rule *rule)
{
        free(rule->name);
        free(rule->when);
        free(rule->require);
        free(rule->remedy);
        free(rule->issuer);
        for (size_t i = 0; i < rule->translation_count; i++) {
                free(rule->translations[i].locale);
                free(rule->translations[i].text);
        }
        free(rule->translations);
        policy_expression_free(rule->when_expression);
        policy_expression_free(rule->require_expression);
        *rule = (struct policy_rule){ 0 };
}

static void free_draft(struct policy_draft *draft)
{
        clear_rule(&draft->rule);
        free(draft->file);
        free(draft);
}

void policy_rule_table_clear(struct policy_rule_table *table)
{
        for (size_t i = 0; i < table->count; i++)
                free_draft(table->drafts[i]);
        free(table->drafts);
        *table = (struct policy_rule_table){ 0 };
}

void policy_free(struct policy *policy)
{
        if (policy == NULL)
                return;
        for (size_t i = 0; i < policy->count; i++)
                clear_rule(&policy->rules[i]);
        free(policy->rules);
        free(policy);
}

bool policy_rule_name_valid(const char *name)
{
        size_t len = strspn(name, RULE_NAME_ALPHABET);

        return len > 0 && len <= POLICY_RULE_NAME_BYTES_MAX && name[len] == '\0' && strchr("_-.", name[0]) == NULL;
}

struct policy_draft *policy_rule_table_find(const struct policy_rule_table *table, const char *name)
{
        for (size_t i = 0; i < table->count; i++)
                if (strcmp(table->drafts[i]->rule.name, name) == 0)
                        return table->drafts[i];
        return NULL;
}

bool policy_rule_table_add(struct policy_rule_table *table, const char *name, const char *file, struct policy_position at,
                           struct policy_draft **ret, struct base_error *error)
{
        struct policy_draft *draft;

        if (table->count == table->capacity) {
                size_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
                struct policy_draft **drafts = reallocarray(table->drafts, capacity, sizeof(struct policy_draft *));

                if (drafts == NULL)
                        return base_error_set_no_memory(error);
                table->drafts = drafts;
                table->capacity = capacity;
        }
        draft = calloc(1, sizeof(*draft));
        if (draft == NULL)
                return base_error_set_no_memory(error);
        draft->at = at;
        draft->rule.rollout_percent = POLICY_ROLLOUT_ALL;
        draft->file = strdup(file);
        draft->rule.name = strdup(name);
        draft->rule.remedy = strdup("");
        if (draft->file == NULL || draft->rule.name == NULL || draft->rule.remedy == NULL) {
                free_draft(draft);
                return base_error_set_no_memory(error);
        }
        table->drafts[table->count++] = draft;
        *ret = draft;
        return true;
}

void policy_rule_table_check(const struct policy_rule_table *table, struct policy_diagnostics *diagnostics)
{
        for (size_t i = 0; i < table->count; i++) {
                const struct policy_draft *draft = table->drafts[i];

                if (draft->rule.require == NULL && !draft->removed && !draft->broken)
                        policy_diagnostics_add(diagnostics, BASE_ERROR_POLICY_INVALID, draft->file, draft->at.line,
                                               draft->at.column, "rule '%s' has no Require=", draft->rule.name);
        }
}

static void put_text(struct base_buffer *to, const char *text)
{
        size_t len = text == NULL ? 0 : strlen(text);

        base_buffer_put_u32(to, (uint32_t) len);
        base_buffer_put(to, text, len);
}

/* SHA-256 of label, version, number of rules, and each rule's texts with their lengths: nothing can be read two ways. */
static bool compute_digest(struct policy *policy, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(DIGEST_BYTES_MAX);
        struct base_bytes bytes;

        put_text(&text, DIGEST_LABEL);
        base_buffer_put_u64(&text, policy->version);
        base_buffer_put_u32(&text, (uint32_t) policy->count);
        for (size_t i = 0; i < policy->count; i++) {
                const struct policy_rule *rule = &policy->rules[i];

                put_text(&text, rule->name);
                put_text(&text, rule->when);
                put_text(&text, rule->require);
                put_text(&text, rule->remedy);
                put_text(&text, rule->issuer);
                base_buffer_put_u32(&text, rule->severity);
                base_buffer_put_u32(&text, rule->grace_s);
                base_buffer_put_u8(&text, rule->rollout_percent);
                base_buffer_put_u32(&text, (uint32_t) rule->translation_count);
                for (size_t t = 0; t < rule->translation_count; t++) {
                        put_text(&text, rule->translations[t].locale);
                        put_text(&text, rule->translations[t].text);
                }
        }
        if (!base_buffer_ok(&text))
                return base_error_set_no_memory(error);
        bytes = base_buffer_bytes(&text);
        return base_sha256(&bytes, 1, policy->digest, error);
}

bool policy_rule_table_finish(struct policy_rule_table *table, uint64_t version, struct policy **ret, struct base_error *error)
{
        policy_auto_policy struct policy *policy = calloc(1, sizeof(*policy));

        if (policy == NULL)
                return base_error_set_no_memory(error);
        policy->version = version;
        policy->rules = calloc(table->count + 1, sizeof(*policy->rules));
        if (policy->rules == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < table->count; i++) {
                struct policy_draft *draft = table->drafts[i];

                if (draft->removed)
                        continue;
                policy->rules[policy->count++] = draft->rule;
                draft->rule = (struct policy_rule){ 0 };
        }
        if (!compute_digest(policy, error))
                return false;
        *ret = BASE_STEAL(policy);
        return true;
}
