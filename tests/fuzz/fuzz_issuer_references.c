/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/references.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        issuer_auto_references struct issuer_references references = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        struct evidence_pcrs none = { .bank_count = 0 };

        if (!issuer_references_parse("input", BASE_BYTES(data, size), &references, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        /* What was accepted demands something: nothing quoted can meet it. */
        if (issuer_references_match(&references, "", &none) != NULL)
                abort();
        for (size_t i = 0; i < references.count; i++)
                if (references.items[i].count == 0 ||
                    references.items[i].first + references.items[i].count > references.value_count)
                        abort();
        return 0;
}
