/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/system.h"
#include "token/client.h"
#include "token/spki.h"

/* A key that was accepted can be used: any odd modulus is one until its owner answers. */
static void blind(struct base_bytes encoded)
{
        base_auto_token_public_key struct token_public_key *key = NULL;
        base_auto_token_client_state struct token_client_state *state = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        const uint8_t digest[TOKEN_DIGEST_LEN] = { 1 };
        struct base_error error = BASE_ERROR_INIT;

        if (!token_public_key_decode(TOKEN_TYPE_BLIND_RSA, encoded, &key, &error))
                abort();
        if (!token_client_blind(key, digest, &base_system_random, &request, &state, &error) && error.code != BASE_ERROR_CRYPTO)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_SPKI_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token_spki spki;

        if (!token_spki_decode(BASE_BYTES(data, size), &spki, &error)) {
                if (error.code != BASE_ERROR_CRYPTO)
                        abort();
                return 0;
        }
        if (!token_spki_encode(&spki, &again, &error) || !base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(data, size)))
                abort();
        blind(BASE_BYTES(data, size));
        return 0;
}
