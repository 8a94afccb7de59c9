/* SPDX-License-Identifier: BSD-2-Clause */
/* The status is in the first two bytes, the problem document in the rest. */
#include "attesterd/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        attesterd_auto_denials struct attesterd_denials denials = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        struct net_response response = { .content_type = "application/problem+json", .attestation_nonce = "", .etag = "" };

        if (size < 2)
                return 0;
        response.status = 400 + (data[0] << 8 | data[1]) % 200;
        response.body = BASE_BYTES(data + 2, size - 2);
        if (attesterd_problem_error("issuer.example", &response, &denials, &error) || error.code == BASE_ERROR_NONE)
                abort();
        return 0;
}
