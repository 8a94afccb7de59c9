/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client does with an issuer's answer. No input can be the right one: it would be a forged signature. */
#include "base/system.h"
#include "token/client.h"
#include "token/issuer.h"

#ifndef FUZZ_TOKEN_TYPE
#define FUZZ_TOKEN_TYPE TOKEN_TYPE_BLIND_RSA
#endif

static struct token_client_state *state;

static void set_up(void)
{
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        const uint8_t digest[TOKEN_DIGEST_LEN] = { 1 };
        struct base_error error;

        if (!token_issuer_key_generate(FUZZ_TOKEN_TYPE, &issuer, &error) ||
            !token_client_blind(token_issuer_key_public(issuer), digest, &base_system_random, &request, &state, &error))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        if (state == NULL)
                set_up();
        if (token_client_finalize(state, BASE_BYTES(data, size), &token, &error) || token.len != 0 ||
            (error.code != BASE_ERROR_MALFORMED && error.code != BASE_ERROR_TOKEN_INVALID))
                abort();
        return 0;
}
