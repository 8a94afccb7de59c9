/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/message.h"

#include "token/module.h"

#include <string.h>

bool token_decode(struct base_bytes bytes, struct token *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(bytes);
        const struct token_type *type;
        struct token token;
        uint16_t id;

        if (!base_reader_get_u16(&reader, &id))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a token of %zu bytes has no type", bytes.len);
        if (!token_type_require(id, &type, error))
                return false;
        token.type = type;
        token.input = BASE_BYTES(bytes.data, TOKEN_INPUT_LEN);
        if (!base_reader_get_bytes(&reader, TOKEN_NONCE_LEN, &token.nonce) ||
            !base_reader_get_bytes(&reader, TOKEN_DIGEST_LEN, &token.challenge_digest) ||
            !base_reader_get_bytes(&reader, TOKEN_KEY_ID_LEN, &token.key_id) ||
            !base_reader_get_bytes(&reader, type->authenticator_len, &token.authenticator) || !base_reader_at_end(&reader))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a token of type 0x%04x has %zu bytes, not %zu", id,
                                      TOKEN_INPUT_LEN + type->authenticator_len, bytes.len);
        *ret = token;
        return true;
}

bool token_input_encode(uint16_t type, const uint8_t *nonce, const uint8_t *challenge_digest, const uint8_t *key_id,
                        struct base_buffer *ret, struct base_error *error)
{
        const uint8_t type_bytes[] = { (uint8_t) (type >> 8), (uint8_t) type };
        uint8_t *to = base_buffer_extend(ret, TOKEN_INPUT_LEN);

        if (to == NULL)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for a token");
        to = mempcpy(to, type_bytes, sizeof(type_bytes));
        to = mempcpy(to, nonce, TOKEN_NONCE_LEN);
        to = mempcpy(to, challenge_digest, TOKEN_DIGEST_LEN);
        (void) mempcpy(to, key_id, TOKEN_KEY_ID_LEN);
        return true;
}

bool token_request_decode(struct base_bytes bytes, struct token_request *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(bytes);
        const struct token_type *type;
        struct token_request request;
        uint16_t id;

        if (!base_reader_get_u16(&reader, &id))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a token request of %zu bytes has no type", bytes.len);
        if (!token_type_require(id, &type, error))
                return false;
        request.type = type;
        if (!base_reader_get_u8(&reader, &request.truncated_key_id) ||
            !base_reader_get_bytes(&reader, type->request_len - TOKEN_REQUEST_HEADER_LEN, &request.blinded) ||
            !base_reader_at_end(&reader))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a token request of type 0x%04x has %zu bytes, not %zu", id,
                                      type->request_len, bytes.len);
        *ret = request;
        return true;
}
