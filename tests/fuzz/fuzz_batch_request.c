/* SPDX-License-Identifier: BSD-2-Clause */
/* What an issuer does with a batch: what it reads writes to the same bytes, and each request has its answer. */
#include "token/batch.h"

static struct token_issuer_key *issuer;

/* One key for all key ids of its type, so that content is reached. */
static const struct token_issuer_key *find(void *context, uint16_t type, uint8_t truncated_key_id)
{
        return type == TOKEN_TYPE_VOPRF ? issuer : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_BATCH_REQUEST_BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        const struct token_batch_keys keys = { .find = find };
        struct token_batch_request request;
        struct token_batch_response answers;
        struct base_error error = BASE_ERROR_INIT;
        size_t issued = 0, count = 0;

        if (issuer == NULL && !token_issuer_key_generate(TOKEN_TYPE_VOPRF, &issuer, &error))
                abort();
        if (!token_batch_request_decode(BASE_BYTES(data, size), &request, &error)) {
                if (error.code != BASE_ERROR_MALFORMED && error.code != BASE_ERROR_UNSUPPORTED &&
                    error.code != BASE_ERROR_LIMIT_EXCEEDED)
                        abort();
                return 0;
        }
        if (!token_batch_request_encode(request.items, request.count, &again, &error) ||
            !base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(data, size)))
                abort();
        if (!token_batch_evaluate(&keys, BASE_BYTES(data, size), &response, &issued, &count, &error) ||
            !token_batch_response_decode(base_buffer_bytes(&response), &answers, &error) || count != request.count ||
            answers.count != count || issued > count)
                abort();
        return 0;
}
