/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client does with the answers to a batch. None can be right: it would be a forged proof. */
#include "base/system.h"
#include "token/batch.h"

#define COUNT 2

static struct token_client_state *states[COUNT];

static void set_up(void)
{
        static const uint8_t digest[TOKEN_DIGEST_LEN] = { 1 };
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        struct base_error error;

        if (!token_issuer_key_generate(TOKEN_TYPE_VOPRF, &issuer, &error))
                abort();
        for (size_t i = 0; i < COUNT; i++) {
                base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);

                if (!token_client_blind(token_issuer_key_public(issuer), digest, &base_system_random, &request, &states[i],
                                        &error))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct token_client_state *views[COUNT];
        struct base_buffer tokens[COUNT] = { BASE_BUFFER_INIT(TOKEN_BYTES_MAX), BASE_BUFFER_INIT(TOKEN_BYTES_MAX) };
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct token_batch_response response;
        struct base_error error = BASE_ERROR_INIT;
        size_t issued = 0;

        if (states[0] == NULL)
                set_up();
        for (size_t i = 0; i < COUNT; i++)
                views[i] = states[i];
        if (token_batch_response_decode(BASE_BYTES(data, size), &response, &error) &&
            (!token_batch_response_encode(&response, &again, &error) ||
             !base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(data, size))))
                abort();
        if (token_batch_finalize(views, COUNT, BASE_BYTES(data, size), tokens, &issued, &error) && issued != 0)
                abort();
        for (size_t i = 0; i < COUNT; i++) {
                if (tokens[i].len != 0)
                        abort();
                base_buffer_clear(&tokens[i]);
        }
        return 0;
}
