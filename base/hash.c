/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

static void md_context_free_p(EVP_MD_CTX **context)
{
        EVP_MD_CTX_free(*context);
}

static void mac_free_p(EVP_MAC **mac)
{
        EVP_MAC_free(*mac);
}

static void mac_context_free_p(EVP_MAC_CTX **context)
{
        EVP_MAC_CTX_free(*context);
}

bool base_sha256(const struct base_bytes *pieces, size_t count, uint8_t ret[static BASE_SHA256_LEN], struct base_error *error)
{
        BASE_CLEANUP(md_context_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

        for (size_t i = 0; ok && i < count; i++)
                ok = EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) == 1;
        if (!ok || EVP_DigestFinal_ex(context, ret, NULL) != 1)
                return base_error_set(error, BASE_ERROR_CRYPTO, "SHA-256 is not available");
        return true;
}

bool base_hmac_sha256(struct base_bytes key, const struct base_bytes *pieces, size_t count, uint8_t ret[static BASE_SHA256_LEN],
                      struct base_error *error)
{
        BASE_CLEANUP(mac_free_p) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        BASE_CLEANUP(mac_context_free_p) EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
        char digest[] = "SHA256";
        OSSL_PARAM parameters[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_end(),
        };
        size_t len = 0;
        bool ok = context != NULL && EVP_MAC_init(context, key.data, key.len, parameters) == 1;

        for (size_t i = 0; ok && i < count; i++)
                ok = EVP_MAC_update(context, pieces[i].data, pieces[i].len) == 1;
        if (!ok || EVP_MAC_final(context, ret, &len, BASE_SHA256_LEN) != 1 || len != BASE_SHA256_LEN)
                return base_error_set(error, BASE_ERROR_CRYPTO, "HMAC-SHA-256 is not available");
        return true;
}
