/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which browser extensions may use attester-native-host. The browsers check this too, by their own manifests; a second
 * look costs nothing. Runs in attester-native-host; may be included by client/nativehost.
 */
#pragma once

#include "base/error.h"

#define NATIVEHOST_EXTENSIONS_MAX         16
#define NATIVEHOST_EXTENSION_ID_BYTES_MAX 80 /* Firefox's own limit of an add-on id */

struct nativehost_ids {
        char ids[NATIVEHOST_EXTENSIONS_MAX][NATIVEHOST_EXTENSION_ID_BYTES_MAX + 1];
        size_t count;
};

struct nativehost_config {
        struct nativehost_ids chromium; /* 32 letters from a to p */
        struct nativehost_ids firefox;  /* name@domain, or a GUID in braces */
};

/* Reads the file at `path`. Errors: NOT_FOUND, IO, CONFIG_INVALID as "file:line:column: what". */
bool nativehost_config_read(const char *path, struct nativehost_config *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether the caller that a browser names in the `count` arguments is on the list: Chromium passes "chrome-extension://ID/",
 * Firefox the path of the manifest and the add-on's id.
 * Errors: INVALID_ARGUMENT (neither browser's form), NOT_AUTHORIZED (another extension).
 */
bool nativehost_config_check_caller(const struct nativehost_config *config, size_t count, char *const *arguments,
                                    struct base_error *error) BASE_MUST_CHECK;
