/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/config_value.h"

#include "evidence/authority.h"

#include <limits.h>
#include <string.h>

#define APPROVER "Approver"
#define GROUP    "Group"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static const struct issuer_setting approver_settings[] = {
        { APPROVER, "PublicKey", ISSUER_SETTING_PATH, offsetof(struct issuer_config_approver, public_key) },
        { APPROVER, "PolicyRef", ISSUER_SETTING_TEXT, offsetof(struct issuer_config_approver, policy_ref), 0,
          EVIDENCE_POLICY_REF_BYTES_MAX },
        { APPROVER, "Pcrs", ISSUER_SETTING_PCRS, offsetof(struct issuer_config_approver, pcrs) },
};

static const struct issuer_setting group_settings[] = {
        { GROUP, "TokensPerDay", ISSUER_SETTING_NUMBER, offsetof(struct issuer_config_group, tokens_per_day), 0,
          ISSUER_TOKENS_PER_DAY_MAX },
};

bool issuer_config_name_valid(const char *name)
{
        return name[0] != '\0' && strlen(name) <= ISSUER_NAME_MAX && name[strspn(name, NAME_CHARACTERS)] == '\0';
}

/* The name in "KIND NAME", or NULL for a section of another kind. */
static const char *section_name(const char *section, const char *kind)
{
        size_t len = strlen(kind);

        return strncmp(section, kind, len) == 0 && section[len] == ' ' ? section + len + 1 : NULL;
}

bool issuer_config_section_is_named(const char *section)
{
        return section_name(section, APPROVER) != NULL || section_name(section, GROUP) != NULL;
}

/* Every section of these begins an object, so that one name twice is no silent merge. */
static bool begin(const struct base_ini_entry *entry, const char *name, size_t count, size_t max, char **ret,
                  struct base_error *error)
{
        if (!issuer_config_name_valid(name))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "%s:%u:%u: [%s]: a name has at most %d letters, digits, '-', '_' and '.'", entry->file,
                                      entry->line, entry->value_column, entry->section, ISSUER_NAME_MAX);
        if (count == max)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s:%u:%u: [%s]: there are more than %zu of these",
                                      entry->file, entry->line, entry->value_column, entry->section, max);
        *ret = strdup(name);
        return *ret != NULL || base_error_set_no_memory(error);
}

static bool fail_twice(const struct base_ini_entry *entry, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: there are two sections [%s]", entry->file, entry->line,
                              entry->value_column, entry->section);
}

static bool begin_approver(const struct base_ini_entry *entry, const char *name, struct issuer_config *config,
                           struct base_error *error)
{
        char *copy = NULL;

        for (size_t i = 0; i < config->approver_count; i++)
                if (strcmp(config->approvers[i].name, name) == 0)
                        return fail_twice(entry, error);
        if (!begin(entry, name, config->approver_count, ISSUER_APPROVERS_MAX, &copy, error))
                return false;
        config->approvers[config->approver_count++] = (struct issuer_config_approver){ .name = copy };
        return true;
}

static bool begin_group(const struct base_ini_entry *entry, const char *name, struct issuer_config *config,
                        struct base_error *error)
{
        char *copy = NULL;

        for (size_t i = 0; i < config->group_count; i++)
                if (strcmp(config->groups[i].name, name) == 0)
                        return fail_twice(entry, error);
        if (!begin(entry, name, config->group_count, ISSUER_GROUPS_MAX, &copy, error))
                return false;
        config->groups[config->group_count++] = (struct issuer_config_group){ .name = copy, .tokens_per_day = UINT_MAX };
        return true;
}

static bool set(const struct base_ini_entry *entry, const struct issuer_setting *settings, size_t count, void *object,
                struct base_error *error)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(settings[i].key, entry->key) == 0)
                        return issuer_setting_set(&settings[i], entry, object, error);
        return issuer_config_fail_at_entry(entry, true, error);
}

bool issuer_config_visit_named(const struct base_ini_entry *entry, struct issuer_config *config, struct base_error *error)
{
        const char *approver = section_name(entry->section, APPROVER);

        if (entry->key == NULL)
                return approver != NULL ? begin_approver(entry, approver, config, error)
                                        : begin_group(entry, section_name(entry->section, GROUP), config, error);
        if (approver != NULL)
                return set(entry, approver_settings, BASE_COUNT(approver_settings),
                           &config->approvers[config->approver_count - 1], error);
        return set(entry, group_settings, BASE_COUNT(group_settings), &config->groups[config->group_count - 1], error);
}

bool issuer_config_check_named(const char *file, const struct issuer_config *config, struct base_error *error)
{
        for (size_t i = 0; i < config->approver_count; i++)
                if (config->approvers[i].public_key == NULL)
                        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: [Approver %s] needs PublicKey=", file,
                                              config->approvers[i].name);
        for (size_t i = 0; i < config->group_count; i++)
                if (config->groups[i].tokens_per_day == UINT_MAX)
                        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: [Group %s] needs TokensPerDay=", file,
                                              config->groups[i].name);
        return true;
}

void issuer_config_clear_named(struct issuer_config *config)
{
        for (size_t i = 0; i < config->approver_count; i++) {
                issuer_settings_free(approver_settings, BASE_COUNT(approver_settings), &config->approvers[i]);
                free(config->approvers[i].name);
        }
        for (size_t i = 0; i < config->group_count; i++)
                free(config->groups[i].name);
        config->approver_count = 0;
        config->group_count = 0;
}
