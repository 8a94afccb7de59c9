/* SPDX-License-Identifier: BSD-2-Clause */
/* What an issuer does with a request's body: as it came, and once more under the key id that the key has. */
#include "token/issuer.h"

#ifndef FUZZ_TOKEN_TYPE
#define FUZZ_TOKEN_TYPE TOKEN_TYPE_BLIND_RSA
#endif

static struct token_issuer_key *issuer;

static void evaluate(struct base_bytes request)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        if (token_issuer_evaluate(issuer, request, &response, &error)
                    ? response.len != token_public_key_type(token_issuer_key_public(issuer))->response_len
                    : error.code == BASE_ERROR_NONE || error.code == BASE_ERROR_CRYPTO || response.len != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(2 * TOKEN_REQUEST_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        if (issuer == NULL && !token_issuer_key_generate(FUZZ_TOKEN_TYPE, &issuer, &error))
                abort();
        evaluate(BASE_BYTES(data, size));
        base_buffer_put(&request, data, size);
        if (!base_buffer_ok(&request) || size < TOKEN_REQUEST_HEADER_LEN)
                return 0;
        request.data[TOKEN_REQUEST_HEADER_LEN - 1] = token_public_key_id(token_issuer_key_public(issuer))[TOKEN_KEY_ID_LEN - 1];
        evaluate(base_buffer_bytes(&request));
        return 0;
}
