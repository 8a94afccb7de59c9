/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/header.h"
#include "token/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        base_auto_buffer struct base_buffer field = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token token;

        if (!token_authorization_parse(BASE_BYTES(data, size), &bytes, &error)) {
                if (error.code == BASE_ERROR_NONE || bytes.len != 0)
                        abort();
                return 0;
        }
        if (token_decode(base_buffer_bytes(&bytes), &token, &error) && token.input.len + token.authenticator.len != bytes.len)
                abort();
        if (!token_authorization_format(base_buffer_bytes(&bytes), &field, &error) ||
            !token_authorization_parse(base_buffer_bytes(&field), &again, &error) ||
            !base_bytes_equal(base_buffer_bytes(&bytes), base_buffer_bytes(&again)))
                abort();
        return 0;
}
