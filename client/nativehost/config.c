/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/nativehost/config.h"
#include "base/ini.h"

#include <string.h>

#define CHROMIUM_ORIGIN_START "chrome-extension://"

static bool entry_invalid(const struct base_ini_entry *entry, struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s", entry->file, entry->line, entry->value_column,
                              what);
}

/* Ids with spaces between them; the key may stand several times. */
static bool take(const struct base_ini_entry *entry, struct nativehost_ids *ids, struct base_error *error)
{
        base_auto_free char *copy = strdup(entry->value);
        char *rest = NULL;

        if (copy == NULL)
                return base_error_set_no_memory(error);
        for (char *id = strtok_r(copy, " \t", &rest); id != NULL; id = strtok_r(NULL, " \t", &rest)) {
                if (strlen(id) > NATIVEHOST_EXTENSION_ID_BYTES_MAX)
                        return entry_invalid(entry, error, "this is too long for an extension's id");
                if (ids->count == NATIVEHOST_EXTENSIONS_MAX)
                        return entry_invalid(entry, error, "there are too many extensions");
                (void) snprintf(ids->ids[ids->count++], sizeof(ids->ids[0]), "%s", id);
        }
        return true;
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        struct nativehost_config *config = context;

        if (strcmp(entry->section, "NativeHost") != 0)
                return entry_invalid(entry, error, "there is only a section [NativeHost]");
        if (entry->key == NULL)
                return true;
        if (strcmp(entry->key, "ChromiumExtension") == 0)
                return take(entry, &config->chromium, error);
        if (strcmp(entry->key, "FirefoxExtension") == 0)
                return take(entry, &config->firefox, error);
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: there is no key %s", entry->file, entry->line,
                              entry->key_column, entry->key);
}

bool nativehost_config_read(const char *path, struct nativehost_config *ret, struct base_error *error)
{
        struct nativehost_config config = { 0 };

        if (!base_ini_parse_file(path, visit, &config, error))
                return false;
        *ret = config;
        return true;
}

static bool listed(const struct nativehost_ids *ids, const char *id, size_t len)
{
        for (size_t i = 0; i < ids->count; i++)
                if (strlen(ids->ids[i]) == len && memcmp(ids->ids[i], id, len) == 0)
                        return true;
        return false;
}

bool nativehost_config_check_caller(const struct nativehost_config *config, size_t count, char *const *arguments,
                                    struct base_error *error)
{
        size_t start = strlen(CHROMIUM_ORIGIN_START);
        bool allowed;

        if (count == 1 && strncmp(arguments[0], CHROMIUM_ORIGIN_START, start) == 0) {
                size_t len = strlen(arguments[0]);

                allowed = arguments[0][len - 1] == '/' && len > start &&
                          listed(&config->chromium, arguments[0] + start, len - start - 1);
        } else if (count == 2 && arguments[0][0] == '/') {
                allowed = listed(&config->firefox, arguments[1], strlen(arguments[1]));
        } else {
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "this program is started by a browser, for its extension; see attester-native-host(1)");
        }
        if (!allowed)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED,
                                      "this extension may not ask for tokens; an administrator can name it in "
                                      "attester-native-host.conf");
        return true;
}
