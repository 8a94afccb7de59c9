/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/config.h"

#include "issuer/address.h"
#include "issuer/config_value.h"
#include "issuer/keys.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct issuer_config, member)

static const struct issuer_setting settings[] = {
        { "Issuer", "Name", ISSUER_SETTING_TEXT, AT(name) },
        { "Issuer", "Listen", ISSUER_SETTING_ADDRESS, AT(listen) },
        { "Issuer", "MetricsListen", ISSUER_SETTING_ADDRESS, AT(metrics_listen) },
        { "Issuer", "Tls", ISSUER_SETTING_BOOLEAN, AT(tls) },
        { "Issuer", "Certificate", ISSUER_SETTING_PATH, AT(certificate) },
        { "Issuer", "CertificateKey", ISSUER_SETTING_PATH, AT(certificate_key) },
        { "Issuer", "StateDirectory", ISSUER_SETTING_PATH, AT(state_directory) },
        { "Issuer", "Threads", ISSUER_SETTING_NUMBER, AT(threads), 1, 64 },
        { "Issuer", "ConnectionsMax", ISSUER_SETTING_NUMBER, AT(connections_max), 8, 65536 },
        { "Issuer", "IdleTimeout", ISSUER_SETTING_NUMBER, AT(idle_timeout_s), 1, 3600 },
        { "Issuer", "RequestTimeout", ISSUER_SETTING_NUMBER, AT(request_timeout_s), 1, 600 },
        { "Verifier", "RequireEvidence", ISSUER_SETTING_BOOLEAN, AT(require_evidence) },
        { "Verifier", "RequireEkCertificate", ISSUER_SETTING_EK, AT(ek_requirement) },
        { "Verifier", "EkCaFile", ISSUER_SETTING_PATH, AT(ek_ca_file) },
        { "Verifier", "EkCaDirectory", ISSUER_SETTING_PATH, AT(ek_ca_directory) },
        { "Verifier", "EkAllowList", ISSUER_SETTING_PATH, AT(ek_allow_list) },
        { "Verifier", "EkRevocationList", ISSUER_SETTING_PATH, AT(ek_revocation_list) },
        { "Verifier", "GroupPolicies", ISSUER_SETTING_PATH, AT(group_policies) },
        { "Verifier", "NonceLifetime", ISSUER_SETTING_NUMBER, AT(nonce_lifetime_s), 1, 3600 },
        { "Verifier", "Policy", ISSUER_SETTING_PATH, AT(policy_directory) },
        { "Verifier", "ReferenceValues", ISSUER_SETTING_PATH, AT(reference_values) },
        { "Verifier", "TokensPerDay", ISSUER_SETTING_NUMBER, AT(tokens_per_day), 0, ISSUER_TOKENS_PER_DAY_MAX },
        { "Verifier", "EventLogsPerHour", ISSUER_SETTING_NUMBER, AT(event_logs_per_hour), 1, 1000 },
        { "Verifier", "EnrollmentsPerHour", ISSUER_SETTING_NUMBER, AT(enrollments_per_hour), 1, 1000 },
        { "Admin", "Listen", ISSUER_SETTING_ADDRESS, AT(admin_listen) },
        { "Admin", "Certificate", ISSUER_SETTING_PATH, AT(admin_certificate) },
        { "Admin", "CertificateKey", ISSUER_SETTING_PATH, AT(admin_certificate_key) },
        { "Admin", "ClientCA", ISSUER_SETTING_PATH, AT(admin_client_ca) },
        { "Admin", "ClientAllowList", ISSUER_SETTING_PATH, AT(admin_client_allow_list) },
        { "Admin", "ClientRevocationList", ISSUER_SETTING_PATH, AT(admin_client_revocation_list) },
        { "Admin", "AllowedUsers", ISSUER_SETTING_TEXT, AT(admin_allowed_users), 0, 1024 },
        { "Keys", "Types", ISSUER_SETTING_TYPES, AT(token_types) },
        { "Keys", "Pkcs11", ISSUER_SETTING_TEXT, AT(pkcs11) },
        { "Keys", "Pkcs11Previous", ISSUER_SETTING_TEXT, AT(pkcs11_previous) },
        { "Keys", "Pkcs11PinFile", ISSUER_SETTING_PATH, AT(pkcs11_pin_file) },
        { "Keys", "RotateDays", ISSUER_SETTING_NUMBER, AT(rotate_days), 0, 3650 },
};

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct issuer_config *config = context;
        bool section_known = false;

        if (issuer_config_section_is_named(entry->section))
                return issuer_config_visit_named(entry, config, error);
        for (size_t i = 0; i < BASE_COUNT(settings); i++) {
                if (strcmp(settings[i].section, entry->section) != 0)
                        continue;
                section_known = true;
                if (entry->key != NULL && strcmp(settings[i].key, entry->key) == 0)
                        return issuer_setting_set(&settings[i], entry, config, error);
        }
        return entry->key == NULL && section_known ? true : issuer_config_fail_at_entry(entry, section_known, error);
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

/* The page changes who gets tokens: without proof of who asks it does not open, not even on loopback. */
static bool check_admin(const char *file, const struct issuer_config *config, struct base_error *error)
{
        bool any = config->admin_certificate != NULL || config->admin_certificate_key != NULL ||
                   config->admin_client_ca != NULL || config->admin_client_allow_list != NULL ||
                   config->admin_client_revocation_list != NULL || config->admin_allowed_users != NULL;

        if (config->admin_listen == NULL)
                return !any || fail(file, error, "[Admin] needs Listen=");
        if (strcmp(config->admin_listen, config->listen) == 0 && strstr(config->listen, ":0") == NULL)
                return fail(file, error, "[Admin] Listen= must not be the public one");
        if (config->admin_listen[0] == '/')
                return config->admin_client_ca == NULL ||
                       fail(file, error, "[Admin] ClientCA= is for an address with a port; a Unix socket has AllowedUsers=");
        if (config->admin_client_ca == NULL)
                return fail(file, error, "[Admin] Listen= with a port needs ClientCA=");
        if (config->admin_allowed_users != NULL)
                return fail(file, error, "[Admin] AllowedUsers= is for a Unix socket");
        if ((config->admin_certificate == NULL) != (config->admin_certificate_key == NULL))
                return fail(file, error, "[Admin] Certificate= and CertificateKey= belong together");
        return config->admin_certificate != NULL || config->tls ||
               fail(file, error, "[Admin] Certificate= and CertificateKey= are needed, since [Issuer] has none");
}

static bool check_keys(const char *file, const struct issuer_config *config, struct base_error *error)
{
        if (config->pkcs11 == NULL)
                return (config->pkcs11_previous == NULL && config->pkcs11_pin_file == NULL) ||
                       fail(file, error, "[Keys] needs Pkcs11=");
        if (config->pkcs11_pin_file == NULL)
                return fail(file, error, "[Keys] Pkcs11= needs Pkcs11PinFile=");
        if ((config->token_types & ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA)) == 0)
                return fail(file, error, "[Keys] Pkcs11= is for blind-rsa, which Types= does not have");
        return config->rotate_days == 0 || config->token_types != ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA) ||
               fail(file, error, "[Keys] RotateDays= makes no keys in a PKCS #11 token: see Pkcs11Previous=");
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
        return check_admin(file, config, error) && check_tls(file, config, error) && check_ek(file, config, error) &&
               check_keys(file, config, error) && issuer_config_check_named(file, config, error);
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
                .event_logs_per_hour = 30,
                .enrollments_per_hour = 20,
                .token_types = ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA),
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
        config.file = strdup(path);
        if (config.file == NULL)
                return base_error_set_no_memory(error);
        *ret = config;
        config = (struct issuer_config){ 0 };
        return true;
}

void issuer_config_clear(struct issuer_config *config)
{
        issuer_settings_free(settings, BASE_COUNT(settings), config);
        issuer_config_clear_named(config);
        free(config->file);
        config->file = NULL;
}
