/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/pss.h"

#include "token/crypto.h"

#include <string.h>

#define TRAILER 0xbc

size_t token_pss_encoded_len(const struct token_pss *pss)
{
        return (pss->encoded_bits + 7) / 8;
}

static size_t hash_len(const struct token_pss *pss)
{
        return (size_t) EVP_MD_get_size(pss->hash);
}

static bool digest(const struct token_pss *pss, EVP_MD_CTX *context, const struct base_bytes *pieces, size_t count, uint8_t *ret)
{
        bool ok = EVP_DigestInit_ex2(context, pss->hash, NULL) == 1;

        for (size_t i = 0; ok && i < count; i++)
                ok = EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) == 1;
        return ok && EVP_DigestFinal_ex(context, ret, NULL) == 1;
}

/* XORs MGF1(seed) over `len` bytes (RFC 8017, appendix B.2.1). */
static bool mask(const struct token_pss *pss, EVP_MD_CTX *context, const uint8_t *seed, uint8_t *data, size_t len)
{
        uint8_t block[EVP_MAX_MD_SIZE];
        bool ok = true;

        for (uint32_t counter = 0; ok && len > 0; counter++) {
                const uint8_t number[] = { (uint8_t) (counter >> 24), (uint8_t) (counter >> 16), (uint8_t) (counter >> 8),
                                           (uint8_t) counter };
                const struct base_bytes pieces[] = { BASE_BYTES(seed, hash_len(pss)), BASE_BYTES_OF(number) };
                size_t take = len < hash_len(pss) ? len : hash_len(pss);

                ok = digest(pss, context, pieces, BASE_COUNT(pieces), block);
                for (size_t i = 0; ok && i < take; i++)
                        data[i] ^= block[i];
                data += take;
                len -= take;
        }
        explicit_bzero(block, sizeof(block));
        return ok;
}

/* H = Hash(eight zero bytes, Hash(message), salt). */
static bool salted_hash(const struct token_pss *pss, EVP_MD_CTX *context, struct base_bytes message, const uint8_t *salt,
                        uint8_t *ret)
{
        static const uint8_t zeros[8];
        uint8_t message_hash[EVP_MAX_MD_SIZE];
        const struct base_bytes pieces[] = {
                BASE_BYTES_OF(zeros),
                BASE_BYTES(message_hash, hash_len(pss)),
                BASE_BYTES(salt, pss->salt_len),
        };

        return digest(pss, context, &message, 1, message_hash) && digest(pss, context, pieces, BASE_COUNT(pieces), ret);
}

/* The bits of the first byte that are beyond encoded_bits, and must be zero. */
static uint8_t excess_bits(const struct token_pss *pss)
{
        return (uint8_t) ~(0xff >> (8 * token_pss_encoded_len(pss) - pss->encoded_bits));
}

bool token_pss_encode(const struct token_pss *pss, struct base_bytes message, const uint8_t *salt, uint8_t *ret,
                      struct base_error *error)
{
        BASE_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        size_t len = token_pss_encoded_len(pss);
        size_t block_len = len - hash_len(pss) - 1; /* "DB": zeros, 0x01, salt */
        uint8_t *hash = ret + block_len;

        if (context == NULL || !salted_hash(pss, context, message, salt, hash))
                return token_crypto_error(error, "the message could not be hashed");
        memset(ret, 0, block_len);
        ret[block_len - pss->salt_len - 1] = 0x01;
        if (pss->salt_len > 0)
                memcpy(ret + block_len - pss->salt_len, salt, pss->salt_len);
        if (!mask(pss, context, hash, ret, block_len))
                return token_crypto_error(error, "the message could not be hashed");
        ret[0] &= (uint8_t) ~excess_bits(pss);
        ret[len - 1] = TRAILER;
        return true;
}

bool token_pss_verify(const struct token_pss *pss, struct base_bytes message, const uint8_t *encoded)
{
        BASE_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        size_t len = token_pss_encoded_len(pss);
        size_t block_len = len - hash_len(pss) - 1;
        size_t salt_at = block_len - pss->salt_len;
        uint8_t block[TOKEN_PSS_ENCODED_MAX], hash[EVP_MAX_MD_SIZE];
        uint8_t wrong = (uint8_t) ((encoded[0] & excess_bits(pss)) | (encoded[len - 1] ^ TRAILER));

        memcpy(block, encoded, block_len);
        if (context == NULL || !mask(pss, context, encoded + block_len, block, block_len))
                return false;
        block[0] &= (uint8_t) ~excess_bits(pss);
        for (size_t i = 0; i < salt_at - 1; i++)
                wrong |= block[i];
        wrong |= block[salt_at - 1] ^ 0x01;
        return salted_hash(pss, context, message, block + salt_at, hash) &&
               base_bytes_equal(BASE_BYTES(hash, hash_len(pss)), BASE_BYTES(encoded + block_len, hash_len(pss))) && wrong == 0;
}
