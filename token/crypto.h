/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleanup for OpenSSL's objects, and its error queue as an error of ours. Private to token/.
 */
#pragma once

#include "base/error.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

BASE_DEFINE_CLEANUP(BIGNUM, BN_clear_free)
BASE_DEFINE_CLEANUP(BN_CTX, BN_CTX_free)
BASE_DEFINE_CLEANUP(EVP_MD, EVP_MD_free)
BASE_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
BASE_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
BASE_DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)

/* CRYPTO with OpenSSL's last reason as detail; empties the thread's error queue. Always returns false. */
bool token_crypto_error(struct base_error *error, const char *message);
