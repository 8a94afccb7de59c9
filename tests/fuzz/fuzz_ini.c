/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ini.h"

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        size_t *count = context;

        /* A visitor that refuses is a path of its own. */
        if (++*count > 64)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s: too many entries", entry->file);
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_error error = BASE_ERROR_INIT;
        size_t count = 0;

        if (!base_ini_parse("input", BASE_BYTES(data, size), visit, &count, &error) && error.code == BASE_ERROR_NONE)
                abort();
        return 0;
}
