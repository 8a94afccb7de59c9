/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/header.h"

/* What was accepted must be writable, and read back as the same. */
static void check_round_trip(const struct token_offer *offer)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        struct base_error error = BASE_ERROR_INIT;

        if (!token_www_authenticate_append(&again, base_buffer_bytes(&offer->encoded), base_buffer_bytes(&offer->token_key),
                                           offer->has_max_age ? &offer->max_age_s : NULL, &error))
                return; /* unpadded and unquoted it was shorter, and still fitted */
        if (!token_www_authenticate_parse(base_buffer_bytes(&again), &offers, &error) || offers.count != 1 ||
            !base_bytes_equal(base_buffer_bytes(&offers.items[0].encoded), base_buffer_bytes(&offer->encoded)) ||
            !base_bytes_equal(base_buffer_bytes(&offers.items[0].token_key), base_buffer_bytes(&offer->token_key)) ||
            offers.items[0].has_max_age != offer->has_max_age || offers.items[0].max_age_s != offer->max_age_s)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        struct base_error error = BASE_ERROR_INIT;

        if (!token_www_authenticate_parse(BASE_BYTES(data, size), &offers, &error)) {
                if (error.code == BASE_ERROR_NONE || offers.count != 0)
                        abort();
                return 0;
        }
        for (size_t i = 0; i < offers.count; i++)
                check_round_trip(&offers.items[i]);
        return 0;
}
