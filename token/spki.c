/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/spki.h"

#include <string.h>

/* SEQUENCE { id-RSASSA-PSS, { [0] SHA-384, [1] MGF1 with SHA-384, [2] 48 } }; no NULL behind the hash's name. */
static const uint8_t algorithm[] = {
        0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x30, 0xa0,
        0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa1, 0x1a,
        0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06,
        0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa2, 0x03, 0x02, 0x01, 0x30,
};

#define TAG_INTEGER    0x02
#define TAG_BIT_STRING 0x03
#define TAG_SEQUENCE   0x30

/* Everything is long enough for a length of two bytes, so the modulus and the exponent stand at fixed places. */
#define HEADER_LEN         4
#define INTEGER_HEADER_LEN 2
#define MODULUS_AT         (HEADER_LEN + sizeof(algorithm) + HEADER_LEN + 1 + HEADER_LEN + HEADER_LEN + 1)
#define EXPONENT_AT        (MODULUS_AT + TOKEN_SPKI_MODULUS_LEN + INTEGER_HEADER_LEN)
#define EXPONENT_LEN_MIN   3 /* 65537 */
#define EXPONENT_LEN_MAX   5 /* 2^32 - 1 and the zero byte of the sign */

static bool unusable(struct base_error *error)
{
        return base_error_set(
                error, BASE_ERROR_CRYPTO,
                "the token key is not an RSASSA-PSS key of 2048 bits with SHA-384, MGF1-SHA-384, salt length 48 and an "
                "odd exponent of at least 65537");
}

static bool in_range(const struct token_spki *spki)
{
        return (spki->modulus[0] & 0x80) != 0 && (spki->modulus[TOKEN_SPKI_MODULUS_LEN - 1] & 1) != 0 &&
               spki->exponent >= TOKEN_SPKI_EXPONENT_MIN && (spki->exponent & 1) != 0;
}

/* How long the exponent is as a DER INTEGER: the highest bit of the first byte is the sign. */
static size_t exponent_len(uint32_t exponent)
{
        size_t len = EXPONENT_LEN_MIN;

        while (len < EXPONENT_LEN_MAX && (exponent >> (8 * len - 1)) != 0)
                len++;
        return len;
}

static void put_header(struct base_buffer *to, uint8_t tag, size_t len)
{
        base_buffer_put_u8(to, tag);
        base_buffer_put_u8(to, 0x82);
        base_buffer_put_u16(to, (uint16_t) len);
}

bool token_spki_encode(const struct token_spki *spki, struct base_buffer *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer der = BASE_BUFFER_INIT(TOKEN_SPKI_BYTES_MAX);
        size_t e_len = exponent_len(spki->exponent);
        size_t n_len = 1 + TOKEN_SPKI_MODULUS_LEN;
        size_t key_len = HEADER_LEN + n_len + INTEGER_HEADER_LEN + e_len;
        size_t bit_string_len = 1 + HEADER_LEN + key_len;

        if (!in_range(spki))
                return unusable(error);
        put_header(&der, TAG_SEQUENCE, sizeof(algorithm) + HEADER_LEN + bit_string_len);
        base_buffer_put(&der, algorithm, sizeof(algorithm));
        put_header(&der, TAG_BIT_STRING, bit_string_len);
        base_buffer_put_u8(&der, 0);
        put_header(&der, TAG_SEQUENCE, key_len);
        put_header(&der, TAG_INTEGER, n_len);
        base_buffer_put_u8(&der, 0);
        base_buffer_put(&der, spki->modulus, TOKEN_SPKI_MODULUS_LEN);
        base_buffer_put_u8(&der, TAG_INTEGER);
        base_buffer_put_u8(&der, (uint8_t) e_len);
        for (size_t i = e_len; i-- > 0;)
                base_buffer_put_u8(&der, (uint8_t) ((uint64_t) spki->exponent >> (8 * i)));
        if (!base_buffer_ok(&der))
                return base_error_set_no_memory(error);
        base_buffer_put_bytes(ret, base_buffer_bytes(&der));
        if (!base_buffer_ok(ret))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the token key");
        return true;
}

bool token_spki_decode(struct base_bytes bytes, struct token_spki *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TOKEN_SPKI_BYTES_MAX);
        struct token_spki spki = { .exponent = 0 };

        if (bytes.len < EXPONENT_AT + EXPONENT_LEN_MIN || bytes.len > EXPONENT_AT + EXPONENT_LEN_MAX)
                return unusable(error);
        memcpy(spki.modulus, bytes.data + MODULUS_AT, TOKEN_SPKI_MODULUS_LEN);
        for (size_t i = EXPONENT_AT; i < bytes.len; i++)
                spki.exponent = spki.exponent << 8 | bytes.data[i];
        /* Two numbers have one encoding. Whatever is not it, in whichever way, is refused here. */
        if (!token_spki_encode(&spki, &again, error))
                return false;
        if (!base_bytes_equal(base_buffer_bytes(&again), bytes))
                return unusable(error);
        *ret = spki;
        return true;
}
