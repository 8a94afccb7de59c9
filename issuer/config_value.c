/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/config_value.h"

#include "issuer/address.h"
#include "issuer/keys.h"

#include <string.h>

#define UNIX_PREFIX "unix:" /* may stand before a socket's path */

static const struct {
        const char *name;
        enum issuer_ek_requirement value;
} ek_requirements[] = {
        { "yes", ISSUER_EK_CERTIFICATE },
        { "allow-list", ISSUER_EK_ALLOW_LIST },
        { "no", ISSUER_EK_ANY },
};

static const struct {
        const char *name;
        uint16_t type;
} token_types[] = {
        { "blind-rsa", TOKEN_TYPE_BLIND_RSA },
        { "voprf", TOKEN_TYPE_VOPRF },
};

static bool fail_at_value(const struct base_ini_entry *entry, struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s: %s", entry->file, entry->line, entry->value_column,
                              entry->key, what);
}

bool issuer_config_fail_at_entry(const struct base_ini_entry *entry, bool section_known, struct base_error *error)
{
        if (!section_known)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: there is no section [%s]", entry->file,
                                      entry->line, entry->key_column, entry->section);
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: section [%s] has no key %s", entry->file, entry->line,
                              entry->key_column, entry->section, entry->key);
}

static bool set_text(const struct base_ini_entry *entry, const char *value, char **to, struct base_error *error)
{
        char *copy;

        if (value[0] == '\0')
                return fail_at_value(entry, error, "a value is needed");
        copy = strdup(value);
        if (copy == NULL)
                return base_error_set_no_memory(error);
        free(*to);
        *to = copy;
        return true;
}

static bool set_address(const struct base_ini_entry *entry, char **to, struct base_error *error)
{
        bool path = strncmp(entry->value, UNIX_PREFIX "/", strlen(UNIX_PREFIX "/")) == 0;
        const char *value = path ? entry->value + strlen(UNIX_PREFIX) : entry->value;
        struct issuer_address address;
        struct base_error reason = BASE_ERROR_INIT;

        if (!issuer_address_parse(value, &address, &reason))
                return fail_at_value(entry, error, reason.message);
        return set_text(entry, value, to, error);
}

static bool set_boolean(const struct base_ini_entry *entry, bool *to, struct base_error *error)
{
        if (strcmp(entry->value, "yes") != 0 && strcmp(entry->value, "no") != 0)
                return fail_at_value(entry, error, "\"yes\" or \"no\" is needed");
        *to = entry->value[0] == 'y';
        return true;
}

static bool set_number(const struct base_ini_entry *entry, const struct issuer_setting *setting, unsigned *to,
                       struct base_error *error)
{
        char what[64];
        unsigned long long value = 0;
        const char *digit = entry->value;

        while (*digit >= '0' && *digit <= '9' && value <= setting->max)
                value = value * 10 + (unsigned) (*digit++ - '0');
        if (digit == entry->value || *digit != '\0' || value < setting->min || value > setting->max) {
                (void) snprintf(what, sizeof(what), "a number from %u to %u is needed", setting->min, setting->max);
                return fail_at_value(entry, error, what);
        }
        *to = (unsigned) value;
        return true;
}

static bool set_ek(const struct base_ini_entry *entry, enum issuer_ek_requirement *to, struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(ek_requirements); i++)
                if (strcmp(entry->value, ek_requirements[i].name) == 0) {
                        *to = ek_requirements[i].value;
                        return true;
                }
        return fail_at_value(entry, error, "\"yes\", \"no\" or \"allow-list\" is needed");
}

static bool set_pcrs(const struct base_ini_entry *entry, struct evidence_pcr_selection *to, struct base_error *error)
{
        struct base_error reason = BASE_ERROR_INIT;

        return evidence_pcr_selection_parse(entry->value, to, &reason) || fail_at_value(entry, error, reason.message);
}

static unsigned token_type_bit(const char *name)
{
        for (size_t i = 0; i < BASE_COUNT(token_types); i++)
                if (strcmp(name, token_types[i].name) == 0)
                        return ISSUER_TYPE_BIT(token_types[i].type);
        return 0;
}

static bool set_types(const struct base_ini_entry *entry, unsigned *to, struct base_error *error)
{
        base_auto_free char *copy = strdup(entry->value);
        unsigned types = 0;
        char *rest = NULL;

        if (copy == NULL)
                return base_error_set_no_memory(error);
        for (const char *name = strtok_r(copy, " \t", &rest); name != NULL; name = strtok_r(NULL, " \t", &rest)) {
                unsigned bit = token_type_bit(name);

                if (bit == 0 || (types & bit) != 0)
                        return fail_at_value(entry, error, "\"blind-rsa\", \"voprf\" or both are needed, each once");
                types |= bit;
        }
        if (types == 0)
                return fail_at_value(entry, error, "a value is needed");
        *to = types;
        return true;
}

bool issuer_setting_set(const struct issuer_setting *setting, const struct base_ini_entry *entry, void *object,
                        struct base_error *error)
{
        void *to = (char *) object + setting->offset;

        switch (setting->kind) {
        case ISSUER_SETTING_TEXT:
                return setting->max != 0 && strlen(entry->value) > setting->max
                               ? fail_at_value(entry, error, "the value is too long")
                               : set_text(entry, entry->value, to, error);
        case ISSUER_SETTING_PATH:
                return entry->value[0] == '/' ? set_text(entry, entry->value, to, error)
                                              : fail_at_value(entry, error, "an absolute path is needed");
        case ISSUER_SETTING_ADDRESS:
                return set_address(entry, to, error);
        case ISSUER_SETTING_BOOLEAN:
                return set_boolean(entry, to, error);
        case ISSUER_SETTING_NUMBER:
                return set_number(entry, setting, to, error);
        case ISSUER_SETTING_EK:
                return set_ek(entry, to, error);
        case ISSUER_SETTING_PCRS:
                return set_pcrs(entry, to, error);
        case ISSUER_SETTING_TYPES:
                return set_types(entry, to, error);
        }
        return base_error_set(error, BASE_ERROR_INTERNAL, "a setting of an unknown kind");
}

void issuer_settings_free(const struct issuer_setting *settings, size_t count, void *object)
{
        for (size_t i = 0; i < count; i++) {
                char **text = (char **) (void *) ((char *) object + settings[i].offset);

                if (settings[i].kind > ISSUER_SETTING_ADDRESS)
                        continue;
                free(*text);
                *text = NULL;
        }
}
