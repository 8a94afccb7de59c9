/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/type.h"

#include "token/module.h"

static const struct token_type token_types[] = {
        {
                .id = TOKEN_TYPE_BLIND_RSA,
                .name = "Blind RSA (2048-bit)",
                .authenticator_len = 256,
                .request_len = TOKEN_REQUEST_HEADER_LEN + 256,
                .response_len = 256,
                .module = &token_blind_rsa_module,
        },
        {
                .id = TOKEN_TYPE_VOPRF,
                .name = "VOPRF (P-384, SHA-384)",
                .authenticator_len = 48,
                .request_len = TOKEN_REQUEST_HEADER_LEN + 49,
                .response_len = 49 + 96,
                .module = &token_voprf_module,
        },
};

const struct token_type *token_type_find(uint16_t id)
{
        for (size_t i = 0; i < BASE_COUNT(token_types); i++)
                if (token_types[i].id == id)
                        return &token_types[i];
        return NULL;
}

const struct token_type *token_type_at(size_t index)
{
        return index < BASE_COUNT(token_types) ? &token_types[index] : NULL;
}

bool token_type_require(uint16_t id, const struct token_type **ret, struct base_error *error)
{
        const struct token_type *type = token_type_find(id);

        if (type == NULL)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "token type 0x%04x is not built in", id);
        *ret = type;
        return true;
}
