/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) over several pieces, by OpenSSL. Used by every program; may be
 * included by every folder.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define BASE_SHA256_LEN 32

/* Hashes the concatenation of `count` pieces. Errors: CRYPTO. */
bool base_sha256(const struct base_bytes *pieces, size_t count, uint8_t ret[static BASE_SHA256_LEN],
                 struct base_error *error) BASE_MUST_CHECK;

/* HMAC of the concatenation of `count` pieces under `key`. Errors: CRYPTO. */
bool base_hmac_sha256(struct base_bytes key, const struct base_bytes *pieces, size_t count, uint8_t ret[static BASE_SHA256_LEN],
                      struct base_error *error) BASE_MUST_CHECK;
