/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EMSA-PSS (RFC 8017, section 9.1) with MGF1 over the same hash. Private to token/.
 *
 * OpenSSL has it only inside its signing and verifying, where a blind signature cannot use it.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <openssl/evp.h>

#define TOKEN_PSS_ENCODED_MAX 512 /* RSA 4096 */

struct token_pss {
        const EVP_MD *hash; /* fetched once by the owner: an implicit fetch for each digest is slow */
        size_t salt_len;
        size_t encoded_bits; /* one less than the modulus has */
};

/* The bytes of an encoded message: encoded_bits, rounded up. */
size_t token_pss_encoded_len(const struct token_pss *pss);

/* Writes token_pss_encoded_len() bytes; `salt` has salt_len. Errors: CRYPTO. */
bool token_pss_encode(const struct token_pss *pss, struct base_bytes message, const uint8_t *salt, uint8_t *ret,
                      struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether the `encoded` bytes are an encoding of `message`; false also if the digest fails.
 * The result may be public, what is compared is compared in constant time.
 */
bool token_pss_verify(const struct token_pss *pss, struct base_bytes message, const uint8_t *encoded) BASE_MUST_CHECK;
