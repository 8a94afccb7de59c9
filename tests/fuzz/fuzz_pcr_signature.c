/* SPDX-License-Identifier: BSD-2-Clause */
/* tpm2-pcr-signature.json: what parses is within the limits. */
#include "evidence/signature_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };

        if (!evidence_pcr_signatures_parse("fuzz", BASE_BYTES(data, size), &signatures, NULL))
                return 0;
        if (signatures.count > EVIDENCE_PCR_SIGNATURES_MAX)
                abort();
        for (size_t i = 0; i < signatures.count; i++) {
                const struct evidence_pcr_signature *entry = &signatures.entries[i];

                if (entry->pcrs.mask == 0 || entry->pcrs.mask >> EVIDENCE_PCR_COUNT != 0 || entry->signature_len == 0 ||
                    entry->signature_len > EVIDENCE_PCR_SIGNATURE_BYTES_MAX || evidence_pcr_value_len(entry->pcrs.algorithm) == 0)
                        abort();
        }
        return 0;
}
