/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/config.h"

#include "issuer/address.h"

#include "base/ini.h"

#include <stddef.h>
#include <string.h>

enum kind {
        KIND_TEXT,
        KIND_PATH, /* absolute */
        KIND_ADDRESS,
        KIND_BOOLEAN,
        KIND_NUMBER,
        KIND_EK,
};

struct setting {
        const char *section;
        const char *key;
        enum kind kind;
        size_t offset;
        unsigned min;
        unsigned max;
};

#define AT(member) offsetof(struct issuer_config, member)

static const struct setting settings[] = {
        { "Issuer", "Name", KIND_TEXT, AT(name) },
        { "Issuer", "Listen", KIND_ADDRESS, AT(listen) },
        { "Issuer", "MetricsListen", KIND_ADDRESS, AT(metrics_listen) },
        { "Issuer", "Tls", KIND_BOOLEAN, AT(tls) },
        { "Issuer", "Certificate", KIND_PATH, AT(certificate) },
        { "Issuer", "CertificateKey", KIND_PATH, AT(certificate_key) },
        { "Issuer", "StateDirectory", KIND_PATH, AT(state_directory) },
        { "Issuer", "Threads", KIND_NUMBER, AT(threads), 1, 64 },
        { "Issuer", "ConnectionsMax", KIND_NUMBER, AT(connections_max), 8, 65536 },
        { "Issuer", "IdleTimeout", KIND_NUMBER, AT(idle_timeout_s), 1, 3600 },
        { "Issuer", "RequestTimeout", KIND_NUMBER, AT(request_timeout_s), 1, 600 },
        { "Verifier", "RequireEvidence", KIND_BOOLEAN, AT(require_evidence) },
        { "Verifier", "RequireEkCertificate", KIND_EK, AT(ek_requirement) },
        { "Verifier", "EkCaFile", KIND_PATH, AT(ek_ca_file) },
        { "Verifier", "EkCaDirectory", KIND_PATH, AT(ek_ca_directory) },
        { "Verifier", "EkAllowList", KIND_PATH, AT(ek_allow_list) },
        { "Verifier", "EkRevocationList", KIND_PATH, AT(ek_revocation_list) },
        { "Verifier", "GroupPolicies", KIND_PATH, AT(group_policies) },
        { "Verifier", "NonceLifetime", KIND_NUMBER, AT(nonce_lifetime_s), 1, 3600 },
        { "Verifier", "Policy", KIND_PATH, AT(policy_directory) },
        { "Verifier", "TokensPerDay", KIND_NUMBER, AT(tokens_per_day), 0, 1000000 },
        { "Keys", "RotateDays", KIND_NUMBER, AT(rotate_days), 0, 3650 },
};

static const struct {
        const char *name;
        enum issuer_ek_requirement value;
} ek_requirements[] = {
        { "yes", ISSUER_EK_CERTIFICATE },
        { "allow-list", ISSUER_EK_ALLOW_LIST },
        { "no", ISSUER_EK_ANY },
};

static bool fail_at_value(const struct base_ini_entry *entry, struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s: %s", entry->file, entry->line, entry->value_column,
                              entry->key, what);
}

static bool set_text(const struct base_ini_entry *entry, char **to, struct base_error *error)
{
        char *copy;

        if (entry->value[0] == '\0')
                return fail_at_value(entry, error, "a value is needed");
        copy = strdup(entry->value);
        if (copy == NULL)
                return base_error_set_no_memory(error);
        free(*to);
        *to = copy;
        return true;
}

static bool set_address(const struct base_ini_entry *entry, char **to, struct base_error *error)
{
        struct issuer_address address;
        struct base_error reason = BASE_ERROR_INIT;

        if (!issuer_address_parse(entry->value, &address, &reason))
                return fail_at_value(entry, error, reason.message);
        return set_text(entry, to, error);
}

static bool set_boolean(const struct base_ini_entry *entry, bool *to, struct base_error *error)
{
        if (strcmp(entry->value, "yes") != 0 && strcmp(entry->value, "no") != 0)
                return fail_at_value(entry, error, "\"yes\" or \"no\" is needed");
        *to = entry->value[0] == 'y';
        return true;
}

static bool set_number(const struct base_ini_entry *entry, const struct setting *setting, unsigned *to, struct base_error *error)
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

static bool set(const struct base_ini_entry *entry, const struct setting *setting, struct issuer_config *config,
                struct base_error *error)
{
        void *to = (char *) config + setting->offset;

        switch (setting->kind) {
        case KIND_TEXT:
                return set_text(entry, to, error);
        case KIND_PATH:
                return entry->value[0] == '/' ? set_text(entry, to, error)
                                              : fail_at_value(entry, error, "an absolute path is needed");
        case KIND_ADDRESS:
                return set_address(entry, to, error);
        case KIND_BOOLEAN:
                return set_boolean(entry, to, error);
        case KIND_NUMBER:
                return set_number(entry, setting, to, error);
        case KIND_EK:
                return set_ek(entry, to, error);
        }
        return base_error_set(error, BASE_ERROR_INTERNAL, "a setting of an unknown kind");
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        bool section_known = false;

        for (size_t i = 0; i < BASE_COUNT(settings); i++) {
                if (strcmp(settings[i].section, entry->section) != 0)
                        continue;
                section_known = true;
                if (entry->key != NULL && strcmp(settings[i].key, entry->key) == 0)
                        return set(entry, &settings[i], context, error);
        }
        if (!section_known)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:1: there is no section [%s]", entry->file,
                                      entry->line, entry->section);
        return entry->key == NULL || base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:1: section [%s] has no key %s",
                                                    entry->file, entry->line, entry->section, entry->key);
}

static bool fail(const char *file, struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: %s", file, what);
}

static bool check_tls(const char *file, const struct issuer_config *config, struct base_error *error)
{
        struct issuer_address address;

        if (config->tls)
                return (config->certificate != NULL && config->certificate_key != NULL) ||
                       fail(file, error, "[Issuer] Certificate= and CertificateKey= are needed, or Tls=no");
        if (!issuer_address_parse(config->listen, &address, error))
                return false;
        return issuer_address_is_local(&address) ||
               fail(file, error, "[Issuer] Tls=no is for a loopback address or a Unix socket in Listen= only");
}

static bool check_ek(const char *file, const struct issuer_config *config, struct base_error *error)
{
        bool authorities = config->ek_ca_file != NULL || config->ek_ca_directory != NULL;

        switch (config->ek_requirement) {
        case ISSUER_EK_CERTIFICATE:
                return authorities || fail(file, error, "[Verifier] RequireEkCertificate=yes needs EkCaFile= or EkCaDirectory=");
        case ISSUER_EK_ALLOW_LIST:
                return config->ek_allow_list != NULL ||
                       fail(file, error, "[Verifier] RequireEkCertificate=allow-list needs EkAllowList=");
        case ISSUER_EK_ANY:
                return true;
        default:
                return fail(file, error, "[Verifier] RequireEkCertificate= must say yes, allow-list or no (any TPM may enrol)");
        }
}

static bool check(const char *file, const struct issuer_config *config, struct base_error *error)
{
        struct issuer_address metrics;

        if (config->name == NULL || config->listen == NULL || config->state_directory == NULL)
                return fail(file, error, "[Issuer] Name=, Listen= and StateDirectory= are needed");
        if (config->metrics_listen != NULL) {
                if (!issuer_address_parse(config->metrics_listen, &metrics, error))
                        return false;
                if (!issuer_address_is_local(&metrics))
                        return fail(file, error, "[Issuer] MetricsListen= must be a loopback address or a Unix socket");
        }
        return check_tls(file, config, error) && check_ek(file, config, error);
}

static void set_defaults(struct issuer_config *config)
{
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        *config = (struct issuer_config){
                .tls = true,
                .threads = processors < 1    ? 1
                           : processors > 16 ? 16
                                             : (unsigned) processors,
                .connections_max = 1024,
                .idle_timeout_s = 30,
                .request_timeout_s = 60,
                .require_evidence = true,
                .nonce_lifetime_s = 120,
        };
}

bool issuer_config_parse(const char *name, struct base_bytes text, struct issuer_config *ret, struct base_error *error)
{
        issuer_auto_config struct issuer_config config;

        set_defaults(&config);
        if (!base_ini_parse(name, text, visit, &config, error) || !check(name, &config, error))
                return false;
        *ret = config;
        config = (struct issuer_config){ 0 };
        return true;
}

bool issuer_config_load(const char *path, struct issuer_config *ret, struct base_error *error)
{
        issuer_auto_config struct issuer_config config;

        set_defaults(&config);
        if (!base_ini_parse_file(path, visit, &config, error) || !check(path, &config, error))
                return false;
        *ret = config;
        config = (struct issuer_config){ 0 };
        return true;
}

void issuer_config_clear(struct issuer_config *config)
{
        for (size_t i = 0; i < BASE_COUNT(settings); i++) {
                char **text = (char **) (void *) ((char *) config + settings[i].offset);

                if (settings[i].kind > KIND_ADDRESS)
                        continue;
                free(*text);
                *text = NULL;
        }
}
