/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/config.h"

#include "attesterd/net/request.h"

#include "base/file.h"
#include "base/ini.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define DEFAULT_TCTI "device:/dev/tpmrm0"
#define DIRECTORIES  3

/* A key of a section: `set` gets the value and says in `error` what is wrong with it, without the position. */
struct key {
        const char *section;
        const char *name;
        bool (*set)(void *target, const char *value, struct base_error *error);
};

struct key_context {
        const struct key *keys;
        size_t count;
        void *target;
};

static bool invalid_at(const struct base_ini_entry *entry, const char *what, const char *name, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s %s", entry->file, entry->line, entry->key_column,
                              what, name);
}

static bool section_known(const struct key_context *context, const char *section)
{
        for (size_t i = 0; i < context->count; i++)
                if (strcmp(context->keys[i].section, section) == 0)
                        return true;
        return false;
}

static bool visit(const struct base_ini_entry *entry, void *data, struct base_error *error)
{
        const struct key_context *context = data;
        struct base_error problem = BASE_ERROR_INIT;

        if (entry->key == NULL)
                return section_known(context, entry->section) || invalid_at(entry, "unknown section", entry->section, error);
        for (size_t i = 0; i < context->count; i++) {
                const struct key *key = &context->keys[i];

                if (strcmp(key->section, entry->section) != 0 || strcmp(key->name, entry->key) != 0)
                        continue;
                if (key->set(context->target, entry->value, &problem))
                        return true;
                (void) base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s=: %s", entry->file, entry->line,
                                      entry->value_column, entry->key, problem.message);
                base_error_set_detail(error, "%s", problem.detail);
                return false;
        }
        return invalid_at(entry, "unknown key", entry->key, error);
}

static bool parse_unsigned(const char *value, unsigned *ret, struct base_error *error)
{
        char *end = NULL;
        unsigned long number;

        errno = 0;
        number = strtoul(value, &end, 10);
        if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < 1 || number > ATTESTERD_LIMIT_MAX)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not a number from 1 to %d", ATTESTERD_LIMIT_MAX);
        *ret = (unsigned) number;
        return true;
}

static bool set_rate(void *target, const char *value, struct base_error *error)
{
        return parse_unsigned(value, &((struct attesterd_config *) target)->limits.requests_per_second, error);
}

static bool set_burst(void *target, const char *value, struct base_error *error)
{
        return parse_unsigned(value, &((struct attesterd_config *) target)->limits.requests_burst, error);
}

static bool set_in_flight_per_user(void *target, const char *value, struct base_error *error)
{
        return parse_unsigned(value, &((struct attesterd_config *) target)->limits.in_flight_per_user, error);
}

static bool set_in_flight(void *target, const char *value, struct base_error *error)
{
        return parse_unsigned(value, &((struct attesterd_config *) target)->limits.in_flight, error);
}

static bool set_tcti(void *target, const char *value, struct base_error *error)
{
        struct attesterd_config *config = target;

        if (value[0] == '\0' || strlen(value) > ATTESTERD_TCTI_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not 1 to %d characters", ATTESTERD_TCTI_BYTES_MAX);
        (void) snprintf(config->tcti, sizeof(config->tcti), "%s", value);
        return true;
}

static bool set_seal_pcrs(void *target, const char *value, struct base_error *error)
{
        return tpm_pcr_selection_parse(value, &((struct attesterd_config *) target)->seal_pcrs, error);
}

static bool set_quote_pcrs(void *target, const char *value, struct base_error *error)
{
        return tpm_pcr_selection_parse(value, &((struct attesterd_config *) target)->quote_pcrs, error);
}

static bool set_seal_mode(void *target, const char *value, struct base_error *error)
{
        struct tpm_seal_config *seal = &((struct attesterd_config *) target)->seal;

        if (strcmp(value, "pcr") != 0 && strcmp(value, "signed") != 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not \"pcr\" or \"signed\"");
        seal->mode = value[0] == 'p' ? TPM_SEAL_MODE_PCR : TPM_SEAL_MODE_SIGNED;
        return true;
}

static bool set_path(char ret[static TPM_SEAL_PATH_BYTES_MAX + 1], const char *value, struct base_error *error)
{
        if (value[0] != '/' || strlen(value) > TPM_SEAL_PATH_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not an absolute path of at most %d characters",
                                      TPM_SEAL_PATH_BYTES_MAX);
        (void) strcpy(ret, value);
        return true;
}

static bool set_seal_public_key(void *target, const char *value, struct base_error *error)
{
        return set_path(((struct attesterd_config *) target)->seal.public_key, value, error);
}

static bool set_seal_signatures(void *target, const char *value, struct base_error *error)
{
        return set_path(((struct attesterd_config *) target)->seal.signatures, value, error);
}

static bool set_seal_policy_ref(void *target, const char *value, struct base_error *error)
{
        if (strlen(value) > EVIDENCE_POLICY_REF_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "longer than %d characters",
                                      EVIDENCE_POLICY_REF_BYTES_MAX);
        (void) strcpy(((struct attesterd_config *) target)->seal.policy_ref, value);
        return true;
}

static bool parse_boolean(const char *value, bool *ret, struct base_error *error)
{
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not \"yes\" or \"no\"");
        *ret = strcmp(value, "yes") == 0;
        return true;
}

static bool replace_string(char **string, const char *value, struct base_error *error)
{
        free(*string);
        *string = strdup(value);
        return *string != NULL || base_error_set_no_memory(error);
}

static bool replace_url(char **url, const char *value, struct base_error *error)
{
        char host[NET_HOST_BYTES_MAX];

        if (strncmp(value, "https://", 8) != 0 || value[8] == '\0' || strlen(value) > ATTESTERD_URL_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not an https:// URL of at most %d characters",
                                      ATTESTERD_URL_BYTES_MAX);
        /* What attester-net would refuse, a user's name and password above all, is told before the first request. */
        if (!net_url_get_host(value, host, NULL))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not https://HOST/… or https://HOST:PORT/…");
        return replace_string(url, value, error);
}

static bool replace_ca_file(uint8_t **bundle, size_t *len, const char *value, struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(ATTESTERD_CA_FILE_BYTES_MAX);

        if (value[0] != '/')
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not an absolute path");
        if (!base_file_read(value, &content, error))
                return false;
        if (content.len == 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s is empty", value);
        free(*bundle);
        *bundle = malloc(content.len);
        if (*bundle == NULL)
                return base_error_set_no_memory(error);
        memcpy(*bundle, content.data, content.len);
        *len = content.len;
        return true;
}

static bool set_fleet(void *target, const char *value, struct base_error *error)
{
        struct attesterd_policy_config *policy = &((struct attesterd_config *) target)->policy;

        if (*value != '\0' && !policy_fleet_name_valid(value))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "not at most %d letters, digits, '_', '-' and '.', the first a letter or digit",
                                      POLICY_BUNDLE_FLEET_BYTES_MAX);
        (void) snprintf(policy->fleet, sizeof(policy->fleet), "%s", value);
        return true;
}

static bool set_bundle_key(void *target, const char *value, struct base_error *error)
{
        struct attesterd_policy_config *policy = &((struct attesterd_config *) target)->policy;
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(POLICY_TRUST_PEM_BYTES_MAX);

        if (value[0] != '/')
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not an absolute path");
        if (!base_file_read(value, &pem, error))
                return false;
        policy_trust_free(policy->trust);
        policy->trust = NULL;
        return policy_trust_new(base_buffer_bytes(&pem), &policy->trust, error) || base_error_prefix(error, "%s", value);
}

static bool set_rollback_counter(void *target, const char *value, struct base_error *error)
{
        return parse_boolean(value, &((struct attesterd_config *) target)->policy.counter, error);
}

static bool set_bundle_url(void *target, const char *value, struct base_error *error)
{
        return replace_url(&((struct attesterd_config *) target)->policy.url, value, error);
}

static bool set_bundle_ca_file(void *target, const char *value, struct base_error *error)
{
        struct attesterd_policy_config *policy = &((struct attesterd_config *) target)->policy;

        return replace_ca_file(&policy->ca_bundle, &policy->ca_bundle_len, value, error);
}

static const struct key daemon_keys[] = {
        { "TPM", "Tcti", set_tcti },
        { "TPM", "Pcrs", set_seal_pcrs },
        { "TPM", "QuotePcrs", set_quote_pcrs },
        { "Seal", "Mode", set_seal_mode },
        { "Seal", "PublicKey", set_seal_public_key },
        { "Seal", "Signatures", set_seal_signatures },
        { "Seal", "PolicyRef", set_seal_policy_ref },
        { "Policy", "Fleet", set_fleet },
        { "Policy", "BundleKey", set_bundle_key },
        { "Policy", "BundleUrl", set_bundle_url },
        { "Policy", "BundleCaFile", set_bundle_ca_file },
        { "Policy", "RollbackCounter", set_rollback_counter },
        { "Limits", "RequestsPerSecond", set_rate },
        { "Limits", "RequestsBurst", set_burst },
        { "Limits", "InFlightPerUser", set_in_flight_per_user },
        { "Limits", "InFlight", set_in_flight },
};

/* Whether a text can be an issuer's name: host name characters and perhaps a port; safe as a file name. */
static bool is_issuer_name(const char *name)
{
        size_t len = strlen(name);

        if (len == 0 || len > ATTESTERD_ISSUER_NAME_BYTES_MAX || name[0] == '.' || name[0] == '-')
                return false;
        return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.:") == len;
}

static bool set_name(void *target, const char *value, struct base_error *error)
{
        if (!is_issuer_name(value))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "not a host name in lower case, with a port or without");
        return replace_string(&((struct attesterd_issuer_config *) target)->name, value, error);
}

static bool set_url(void *target, const char *value, struct base_error *error)
{
        return replace_url(&((struct attesterd_issuer_config *) target)->url, value, error);
}

static bool set_mirror(void *target, const char *value, struct base_error *error)
{
        return replace_url(&((struct attesterd_issuer_config *) target)->mirror, value, error);
}

static bool set_ca_file(void *target, const char *value, struct base_error *error)
{
        struct attesterd_issuer_config *issuer = target;

        return replace_ca_file(&issuer->ca_bundle, &issuer->ca_bundle_len, value, error);
}

static bool set_attest(void *target, const char *value, struct base_error *error)
{
        return parse_boolean(value, &((struct attesterd_issuer_config *) target)->attest, error);
}

static const struct key issuer_keys[] = {
        { "Issuer", "Name", set_name },      { "Issuer", "Url", set_url },       { "Issuer", "DirectoryMirror", set_mirror },
        { "Issuer", "CaFile", set_ca_file }, { "Issuer", "Attest", set_attest },
};

static void issuer_clear(struct attesterd_issuer_config *issuer)
{
        free(issuer->name);
        free(issuer->url);
        free(issuer->mirror);
        free(issuer->ca_bundle);
}

void attesterd_config_free(struct attesterd_config *config)
{
        if (config == NULL)
                return;
        for (size_t i = 0; i < config->issuer_count; i++)
                issuer_clear(&config->issuers[i]);
        free(config->issuers);
        policy_trust_free(config->policy.trust);
        free(config->policy.url);
        free(config->policy.ca_bundle);
        free(config);
}

/* The files `*.conf` of the sub-directory `name`, /etc before /run before /usr/lib. */
static bool list_files(const char *root, const char *config_dir, const char *name, struct base_ini_files *ret,
                       struct base_error *error)
{
        char paths[DIRECTORIES][PATH_MAX];
        const char *const directories[DIRECTORIES] = { paths[0], paths[1], paths[2] };

        (void) snprintf(paths[0], sizeof(paths[0]), "%s/%s", config_dir, name);
        (void) snprintf(paths[1], sizeof(paths[1]), "%s/run/attesterd/%s", root, name);
        (void) snprintf(paths[2], sizeof(paths[2]), "%s/usr/lib/attesterd/%s", root, name);
        return base_ini_list(directories, DIRECTORIES, ".conf", ret, error);
}

static bool load_daemon(const char *root, const char *config_dir, struct attesterd_config *config, struct base_error *error)
{
        struct key_context context = { .keys = daemon_keys, .count = BASE_COUNT(daemon_keys), .target = config };
        base_auto_ini_files struct base_ini_files files = { 0 };
        struct base_error problem = BASE_ERROR_INIT;
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/attesterd.conf", config_dir);
        if (!base_ini_parse_file(path, visit, &context, &problem) && problem.code != BASE_ERROR_NOT_FOUND)
                return base_error_copy(error, &problem);
        if (!list_files(root, config_dir, "attesterd.conf.d", &files, error))
                return false;
        for (size_t i = 0; i < files.count; i++)
                if (!base_ini_parse_file(files.paths[i], visit, &context, error))
                        return false;
        return true;
}

/* Half of it would be a fleet that believes nobody, or a key that counts for nothing. */
static bool check_policy(const char *config_dir, const struct attesterd_policy_config *policy, struct base_error *error)
{
        if ((policy->fleet[0] == '\0') != (policy->trust == NULL))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "%s/attesterd.conf: [Policy] needs Fleet= and BundleKey= together", config_dir);
        return policy->url == NULL || policy->trust != NULL ||
               base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                              "%s/attesterd.conf: [Policy] has BundleUrl=, but no Fleet= and BundleKey=", config_dir);
}

static bool load_issuer(const char *path, struct attesterd_issuer_config *issuer, struct base_error *error)
{
        struct key_context context = { .keys = issuer_keys, .count = BASE_COUNT(issuer_keys), .target = issuer };
        char url[ATTESTERD_URL_BYTES_MAX];

        issuer->attest = true;
        if (!base_ini_parse_file(path, visit, &context, error))
                return false;
        if (issuer->name == NULL)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:1:1: the [Issuer] section has no Name=", path);
        if (issuer->url != NULL)
                return true;
        (void) snprintf(url, sizeof(url), "https://%s/.well-known/private-token-issuer-directory", issuer->name);
        return replace_string(&issuer->url, url, error);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const struct attesterd_issuer_config *) a)->name, ((const struct attesterd_issuer_config *) b)->name);
}

static bool load_issuers(const char *root, const char *config_dir, struct attesterd_config *config, struct base_error *error)
{
        base_auto_ini_files struct base_ini_files files = { 0 };

        if (!list_files(root, config_dir, "issuers.d", &files, error))
                return false;
        if (files.count > ATTESTERD_ISSUERS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%zu issuers are configured; at most %d are possible",
                                      files.count, ATTESTERD_ISSUERS_MAX);
        if (files.count == 0)
                return true;
        config->issuers = calloc(files.count, sizeof(*config->issuers));
        if (config->issuers == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < files.count; i++) {
                config->issuer_count++;
                if (!load_issuer(files.paths[i], &config->issuers[i], error))
                        return false;
        }
        qsort(config->issuers, config->issuer_count, sizeof(*config->issuers), compare_names);
        for (size_t i = 1; i < config->issuer_count; i++)
                if (compare_names(&config->issuers[i - 1], &config->issuers[i]) == 0)
                        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "two files in issuers.d name the issuer %s",
                                              config->issuers[i].name);
        return true;
}

bool attesterd_config_load(const char *root, const char *config_dir, struct attesterd_config **ret, struct base_error *error)
{
        struct attesterd_config *config = NULL;

        if (strlen(root) > TPM_SEAL_PATH_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the root directory's path is longer than %d characters",
                                      TPM_SEAL_PATH_BYTES_MAX);
        config = calloc(1, sizeof(*config));
        if (config == NULL)
                return base_error_set_no_memory(error);
        (void) snprintf(config->tcti, sizeof(config->tcti), DEFAULT_TCTI);
        config->seal.mode = TPM_SEAL_MODE_PCR;
        (void) snprintf(config->seal.root, sizeof(config->seal.root), "%s", root);
        config->seal_pcrs = (struct tpm_pcr_selection){ .bank = TPM_PCR_BANK_SHA256, .mask = TPM_PCR_SEAL_DEFAULT };
        config->quote_pcrs = (struct tpm_pcr_selection){ .bank = TPM_PCR_BANK_SHA256, .mask = TPM_PCR_QUOTE_DEFAULT };
        config->limits = (struct attesterd_limits_config){
                .requests_per_second = ATTESTERD_REQUESTS_PER_SECOND,
                .requests_burst = ATTESTERD_REQUESTS_BURST,
                .in_flight_per_user = ATTESTERD_IN_FLIGHT_PER_USER,
                .in_flight = ATTESTERD_IN_FLIGHT,
        };
        config->policy.counter = true;
        if (!load_daemon(root, config_dir, config, error) || !check_policy(config_dir, &config->policy, error) ||
            !load_issuers(root, config_dir, config, error)) {
                attesterd_config_free(config);
                return false;
        }
        *ret = config;
        return true;
}
