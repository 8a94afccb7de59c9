/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An issuer's private key as text: PKCS #8 in PEM (RFC 7468, section 10), not encrypted. Private to token/.
 */
#pragma once

#include "base/buffer.h"
#include "token/crypto.h"

/*
 * Reads a key of OpenSSL's type `type` ("RSA", "EC"), which `what` names for a sentence, and checks that its parts belong
 * together. The caller frees `ret`. Errors: CRYPTO.
 */
bool token_key_pem_read(struct base_bytes text, const char *type, const char *what, EVP_PKEY **ret,
                        struct base_error *error) BASE_MUST_CHECK;

/* Appends to `ret`. Errors: CRYPTO, LIMIT_EXCEEDED (no room). */
bool token_key_pem_write(EVP_PKEY *pkey, struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;
