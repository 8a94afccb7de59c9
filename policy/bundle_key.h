/* SPDX-License-Identifier: BSD-2-Clause */
/* Public keys and certificates of who signs policy bundles, by OpenSSL. May be included by policy/ alone. */
#pragma once

#include "policy/bundle.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static inline void policy_pkey_free_p(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}
#define policy_auto_pkey BASE_CLEANUP(policy_pkey_free_p)

/* "SHA256", "SHA384", or NULL for a key whose kind does its own hashing. False: a kind that bundles are not signed with. */
bool policy_bundle_key_digest(EVP_PKEY *key, const char **ret) BASE_MUST_CHECK;

/* SHA-256 of the key's SubjectPublicKeyInfo. Errors: CRYPTO, NO_MEMORY. */
bool policy_bundle_key_anchor(EVP_PKEY *key, enum policy_anchor_kind kind, struct policy_anchor *ret,
                              struct base_error *error) BASE_MUST_CHECK;

/* One signature with its key and certificates parsed. */
struct policy_bundle_signer {
        EVP_PKEY *key;
        X509 *certificates[POLICY_BUNDLE_CERTIFICATES_MAX];
        size_t certificate_count;
};

/* The caller clears `ret`, also after an error. Errors: POLICY_UNTRUSTED (a weak or unknown key, no DER, more than one encoding).
 */
bool policy_bundle_signer_parse(const struct policy_bundle_signature *signature, struct policy_bundle_signer *ret,
                                struct base_error *error) BASE_MUST_CHECK;
void policy_bundle_signer_clear(struct policy_bundle_signer *signer);
#define policy_auto_bundle_signer BASE_CLEANUP(policy_bundle_signer_clear)

/* Verifies over `content`. Errors: POLICY_UNTRUSTED, CRYPTO. */
bool policy_bundle_signer_verify(const struct policy_bundle_signer *signer, struct base_bytes content,
                                 struct base_bytes signature, struct base_error *error) BASE_MUST_CHECK;

/* Sets CRYPTO with OpenSSL's reason as detail; returns false. */
bool policy_bundle_crypto_failed(struct base_error *error, const char *what);
