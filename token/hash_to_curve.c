/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/hash_to_curve.h"

#include <string.h>

#define HASH_BLOCK_LEN 128
#define WIDE_LEN       TOKEN_MODULAR_WIDE_LEN

void token_pieces_put(struct token_pieces *pieces, struct base_bytes piece)
{
        if (pieces->count == TOKEN_PIECES_MAX)
                abort();
        pieces->items[pieces->count++] = piece;
}

static bool hash_pieces(EVP_MD_CTX *context, const EVP_MD *hash, const struct token_pieces *message, uint8_t *ret,
                        struct base_error *error)
{
        bool ok = EVP_DigestInit_ex2(context, hash, NULL) == 1;

        for (size_t i = 0; ok && i < message->count; i++)
                ok = EVP_DigestUpdate(context, message->items[i].data, message->items[i].len) == 1;
        if (!ok || EVP_DigestFinal_ex(context, ret, NULL) != 1)
                return token_crypto_error(error, "SHA-384 failed");
        return true;
}

bool token_hash(const EVP_MD *hash, const struct token_pieces *message, uint8_t ret[static TOKEN_HASH_LEN],
                struct base_error *error)
{
        BASE_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (context == NULL)
                return base_error_set_no_memory(error);
        return hash_pieces(context, hash, message, ret, error);
}

/* expand_message_xmd: `blocks` times TOKEN_HASH_LEN bytes, of which `len` are wanted. RFC 9380, section 5.3.1. */
static bool expand_message(const EVP_MD *hash, const struct token_pieces *message, struct base_bytes dst, size_t len,
                           size_t blocks, uint8_t *ret, struct base_error *error)
{
        static const uint8_t pad[HASH_BLOCK_LEN];
        BASE_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        const uint8_t zero = 0, dst_len = (uint8_t) dst.len, len_bytes[] = { (uint8_t) (len >> 8), (uint8_t) len };
        uint8_t first[TOKEN_HASH_LEN], mixed[TOKEN_HASH_LEN];
        struct token_pieces pieces = { .count = 0 };

        if (context == NULL)
                return base_error_set_no_memory(error);
        token_pieces_put(&pieces, BASE_BYTES_OF(pad));
        for (size_t i = 0; i < message->count; i++)
                token_pieces_put(&pieces, message->items[i]);
        token_pieces_put(&pieces, BASE_BYTES_OF(len_bytes));
        token_pieces_put(&pieces, BASE_BYTES(&zero, 1));
        token_pieces_put(&pieces, dst);
        token_pieces_put(&pieces, BASE_BYTES(&dst_len, 1));
        if (!hash_pieces(context, hash, &pieces, first, error))
                return false;
        memcpy(mixed, first, sizeof(mixed));
        for (size_t i = 0; i < blocks; i++) {
                uint8_t number = (uint8_t) (i + 1);
                const struct token_pieces block = {
                        .items = { BASE_BYTES_OF(mixed), BASE_BYTES(&number, 1), dst, BASE_BYTES(&dst_len, 1) },
                        .count = 4,
                };

                if (!hash_pieces(context, hash, &block, ret + i * TOKEN_HASH_LEN, error))
                        return false;
                for (size_t j = 0; j < TOKEN_HASH_LEN; j++)
                        mixed[j] = first[j] ^ ret[i * TOKEN_HASH_LEN + j];
        }
        return true;
}

bool token_hash_to_group(const EVP_MD *hash, const struct token_pieces *message, struct base_bytes dst,
                         struct token_p384_point *ret, struct base_error *error)
{
        uint8_t uniform[2 * WIDE_LEN];
        struct token_p384_point points[2];
        struct token_number u;

        _Static_assert(sizeof(uniform) == 3 * TOKEN_HASH_LEN, "three blocks are two field elements");
        if (!expand_message(hash, message, dst, sizeof(uniform), 3, uniform, error))
                return false;
        for (size_t i = 0; i < 2; i++) {
                token_modular_reduce(&token_modulus_field, uniform + i * WIDE_LEN, &u);
                token_p384_map(&u, &points[i]);
        }
        token_p384_add(&points[0], &points[1], ret);
        return true;
}

bool token_hash_to_scalar(const EVP_MD *hash, const struct token_pieces *message, struct base_bytes dst, struct token_number *ret,
                          struct base_error *error)
{
        uint8_t uniform[2 * TOKEN_HASH_LEN];

        if (!expand_message(hash, message, dst, WIDE_LEN, 2, uniform, error))
                return false;
        token_modular_reduce(&token_modulus_order, uniform, ret);
        return true;
}
