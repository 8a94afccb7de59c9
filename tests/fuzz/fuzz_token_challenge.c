/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/challenge.h"

#include <string.h>

static struct base_bytes first_origin(struct base_bytes origin_info)
{
        const uint8_t *comma = memchr(origin_info.data, ',', origin_info.len);

        return comma == NULL ? origin_info : BASE_BYTES(origin_info.data, comma - origin_info.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token_challenge challenge;

        if (!token_challenge_decode(BASE_BYTES(data, size), &challenge, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        if (!token_challenge_encode(&challenge, &again, &error) ||
            !base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(data, size)))
                abort();
        /* The first origin may answer, and if there is none, anybody with a name. */
        if (!token_challenge_matches_origin(&challenge, challenge.origin_info.len > 0 ? first_origin(challenge.origin_info)
                                                                                      : challenge.issuer_name))
                abort();
        return 0;
}
