/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's reading of an answer to a batch, beside that of token/: what it takes is what that one decodes to, one answer of
 * the right type for each of three requests, and nothing else.
 */
#include "attesterd/token_batch.h"
#include "token/batch.h"

#define COUNT 3

static const uint16_t asked[COUNT] = { TOKEN_TYPE_VOPRF, TOKEN_TYPE_BLIND_RSA, TOKEN_TYPE_VOPRF };

static bool decodes(struct base_bytes bytes, struct token_batch_response *ret)
{
        struct base_error error = BASE_ERROR_INIT;

        if (!token_batch_response_decode(bytes, ret, &error) || ret->count != COUNT)
                return false;
        for (size_t i = 0; i < COUNT; i++)
                if (ret->items[i].type == NULL || ret->items[i].type->id != asked[i])
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t voprf[3 + 49] = { 0, TOKEN_TYPE_VOPRF }, blind_rsa[3 + 256] = { 0, TOKEN_TYPE_BLIND_RSA };
        const struct base_bytes requests[COUNT] = { BASE_BYTES_OF(voprf), BASE_BYTES_OF(blind_rsa), BASE_BYTES_OF(voprf) };
        struct token_batch_response response;
        struct base_bytes answers[COUNT];
        struct base_error error = BASE_ERROR_INIT;
        bool split = attesterd_token_batch_split("issuer.example", requests, COUNT, BASE_BYTES(data, size), answers, &error);

        if (split != decodes(BASE_BYTES(data, size), &response) || (!split && error.code != BASE_ERROR_ISSUER_REJECTED))
                abort();
        for (size_t i = 0; split && i < COUNT; i++)
                if (answers[i].data != response.items[i].response.data || answers[i].len != response.items[i].response.len)
                        abort();
        return 0;
}
