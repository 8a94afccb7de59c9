/* SPDX-License-Identifier: BSD-2-Clause */
/* Claims that decode must encode to the same bytes: the decoder accepts one encoding only. */
#include "evidence/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims = EVIDENCE_CLAIMS_INIT;
        struct base_error error = BASE_ERROR_INIT;

        if (!evidence_claims_decode(BASE_BYTES(data, size), &claims, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        if (!evidence_claims_encode(&claims, &again, &error) ||
            !base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(data, size)))
                abort();
        return 0;
}
