/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/config.h"
#include "base/ini.h"
#include "token/challenge.h"

#include <string.h>
#include <strings.h>

#define NUMBER_DIGITS_MAX 9

static bool entry_invalid(const struct base_ini_entry *entry, struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s", entry->file, entry->line, entry->value_column,
                              what);
}

static bool text_take(const struct base_ini_entry *entry, char *ret, size_t ret_size, struct base_error *error)
{
        if (entry->value[0] == '\0' || strlen(entry->value) >= ret_size)
                return entry_invalid(entry, error, entry->value[0] == '\0' ? "the value is missing" : "the value is too long");
        (void) snprintf(ret, ret_size, "%s", entry->value);
        return true;
}

static bool number_take(const struct base_ini_entry *entry, uint32_t max, uint32_t *ret, struct base_error *error)
{
        unsigned long number = strtoul(entry->value, NULL, 10);

        if (entry->value[0] == '\0' || entry->value[strspn(entry->value, "0123456789")] != '\0' ||
            strlen(entry->value) > NUMBER_DIGITS_MAX || number == 0 || number > max)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s= takes a number from 1 to %u", entry->file,
                                      entry->line, entry->value_column, entry->key, (unsigned) max);
        *ret = (uint32_t) number;
        return true;
}

static bool name_valid(const char *name)
{
        return strlen(name) <= GATE_NAME_BYTES_MAX && token_server_name_valid(base_bytes_from_string(name));
}

/* OriginName= takes names with spaces between them, and may stand several times. */
static bool origins_take(const struct base_ini_entry *entry, struct gate_config *config, struct base_error *error)
{
        base_auto_free char *copy = strdup(entry->value);
        char *rest = NULL;

        if (copy == NULL)
                return base_error_set_no_memory(error);
        for (char *name = strtok_r(copy, " \t", &rest); name != NULL; name = strtok_r(NULL, " \t", &rest)) {
                if (!name_valid(name))
                        return entry_invalid(entry, error, "this is not a host name with or without a port");
                if (gate_config_find_origin(config, name) >= 0)
                        return entry_invalid(entry, error, "an origin stands here twice");
                if (config->origin_count == GATE_ORIGINS_MAX)
                        return entry_invalid(entry, error, "there are too many origins");
                (void) snprintf(config->origins[config->origin_count++], sizeof(config->origins[0]), "%s", name);
        }
        return true;
}

/* One file a line: while the issuer changes its key, two are in use. */
static bool private_key_take(const struct base_ini_entry *entry, struct gate_config *config, struct base_error *error)
{
        if (config->private_key_count == GATE_PRIVATE_KEYS_MAX)
                return entry_invalid(entry, error, "there are too many private keys");
        return text_take(entry, config->private_key_files[config->private_key_count++], sizeof(config->private_key_files[0]),
                         error);
}

/* Plain HTTP only to this machine: whoever sits in between could name keys of their own. */
static bool url_take(const struct base_ini_entry *entry, struct gate_config *config, struct base_error *error)
{
        static const char *const prefixes[] = { "https://", "http://127.0.0.1:", "http://[::1]:" };

        for (size_t i = 0; i < BASE_COUNT(prefixes); i++)
                if (strncasecmp(entry->value, prefixes[i], strlen(prefixes[i])) == 0)
                        return text_take(entry, config->directory_url, sizeof(config->directory_url), error);
        return entry_invalid(entry, error, "the directory's URL must be https");
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct gate_config *config = context;

        if (strcmp(entry->section, "Gate") != 0)
                return entry_invalid(entry, error, "there is only a section [Gate]");
        if (entry->key == NULL)
                return true;
        if (strcmp(entry->key, "Listen") == 0)
                return text_take(entry, config->listen, sizeof(config->listen), error);
        if (strcmp(entry->key, "MetricsListen") == 0)
                return text_take(entry, config->metrics_listen, sizeof(config->metrics_listen), error);
        if (strcmp(entry->key, "OriginName") == 0)
                return origins_take(entry, config, error);
        if (strcmp(entry->key, "Issuer") == 0)
                return name_valid(entry->value) ? text_take(entry, config->issuer, sizeof(config->issuer), error)
                                                : entry_invalid(entry, error, "this is not an issuer's host name");
        if (strcmp(entry->key, "TokenKeyFile") == 0)
                return text_take(entry, config->key_file, sizeof(config->key_file), error);
        if (strcmp(entry->key, "TokenPrivateKeyFile") == 0)
                return private_key_take(entry, config, error);
        if (strcmp(entry->key, "DirectoryUrl") == 0)
                return url_take(entry, config, error);
        if (strcmp(entry->key, "CaFile") == 0)
                return text_take(entry, config->ca_file, sizeof(config->ca_file), error);
        if (strcmp(entry->key, "ChallengeLifetime") == 0)
                return number_take(entry, GATE_LIFETIME_S_MAX, &config->challenge_lifetime_s, error);
        if (strcmp(entry->key, "ChallengesMax") == 0)
                return number_take(entry, GATE_CHALLENGES_MAX, &config->challenges_max, error);
        if (strcmp(entry->key, "RefreshInterval") == 0)
                return number_take(entry, GATE_REFRESH_S_MAX, &config->refresh_interval_s, error);
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: there is no key %s", entry->file, entry->line,
                              entry->key_column, entry->key);
}

static bool config_complete(const char *name, const struct gate_config *config, struct base_error *error)
{
        const char *missing = NULL;

        if (config->origin_count == 0)
                missing = "OriginName= is missing";
        else if (config->issuer[0] == '\0')
                missing = "Issuer= is missing";
        else if (config->key_file[0] == '\0' && config->directory_url[0] == '\0' && config->private_key_count == 0)
                missing = "TokenKeyFile=, DirectoryUrl= or TokenPrivateKeyFile= is needed";
        else if (config->key_file[0] != '\0' && config->directory_url[0] != '\0')
                missing = "TokenKeyFile= and DirectoryUrl= do not go together";
        else if (config->ca_file[0] != '\0' && config->directory_url[0] == '\0')
                missing = "CaFile= goes with DirectoryUrl=";
        if (missing != NULL)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: %s", name, missing);
        return true;
}

static void config_init(struct gate_config *config)
{
        *config = (struct gate_config){
                .listen = "127.0.0.1:8480",
                .challenge_lifetime_s = GATE_LIFETIME_S_DEFAULT,
                .challenges_max = GATE_CHALLENGES_DEFAULT,
                .refresh_interval_s = GATE_REFRESH_S_DEFAULT,
        };
}

bool gate_config_parse(const char *name, struct base_bytes text, struct gate_config *ret, struct base_error *error)
{
        config_init(ret);
        return base_ini_parse(name, text, visit, ret, error) && config_complete(name, ret, error);
}

bool gate_config_load(const char *path, struct gate_config *ret, struct base_error *error)
{
        config_init(ret);
        return base_ini_parse_file(path, visit, ret, error) && config_complete(path, ret, error);
}

/* The length of a server name without a port of 443. */
static size_t length_without_default_port(const char *name)
{
        static const char port[] = ":443";
        size_t len = strlen(name);

        return len > strlen(port) && strcmp(name + len - strlen(port), port) == 0 ? len - strlen(port) : len;
}

int gate_config_find_origin(const struct gate_config *config, const char *host)
{
        size_t len = length_without_default_port(host);

        for (size_t i = 0; i < config->origin_count; i++)
                if (length_without_default_port(config->origins[i]) == len && strncasecmp(config->origins[i], host, len) == 0)
                        return (int) i;
        return -1;
}
