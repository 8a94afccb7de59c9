/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bundle_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <string.h>

bool policy_bundle_crypto_failed(struct base_error *error, const char *what)
{
        unsigned long reason = ERR_peek_last_error();
        char text[128] = "";

        (void) base_error_set(error, BASE_ERROR_CRYPTO, "%s failed", what);
        if (reason != 0)
                ERR_error_string_n(reason, text, sizeof(text));
        base_error_set_detail(error, "%s", text);
        ERR_clear_error();
        return false;
}

bool policy_bundle_key_digest(EVP_PKEY *key, const char **ret)
{
        char curve[32] = "";

        if (EVP_PKEY_is_a(key, "ED25519")) {
                *ret = NULL;
                return true;
        }
        if (!EVP_PKEY_is_a(key, "EC") ||
            EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), NULL) != 1)
                return false;
        if (strcmp(curve, "prime256v1") == 0)
                *ret = "SHA256";
        else if (strcmp(curve, "secp384r1") == 0)
                *ret = "SHA384";
        else
                return false;
        return true;
}

bool policy_bundle_key_anchor(EVP_PKEY *key, enum policy_anchor_kind kind, struct policy_anchor *ret, struct base_error *error)
{
        uint8_t *der = NULL;
        int len = i2d_PUBKEY(key, &der);
        struct policy_anchor anchor = { .kind = (uint8_t) kind };
        bool done;

        if (len <= 0)
                return policy_bundle_crypto_failed(error, "encoding a public key");
        done = base_sha256(&BASE_BYTES(der, (size_t) len), 1, anchor.digest, error);
        OPENSSL_free(der);
        if (done)
                *ret = anchor;
        return done;
}

static bool untrusted(struct base_error *error, const char *what)
{
        ERR_clear_error();
        return base_error_set(error, BASE_ERROR_POLICY_UNTRUSTED, "%s", what);
}

/* DER that OpenSSL would write in another way is not the one encoding. */
static bool same_key_encoding(EVP_PKEY *key, struct base_bytes der)
{
        uint8_t *again = NULL;
        int len = i2d_PUBKEY(key, &again);
        bool same = len > 0 && base_bytes_equal(der, BASE_BYTES(again, (size_t) len));

        OPENSSL_free(again);
        return same;
}

static bool parse_key(struct base_bytes der, struct policy_bundle_signer *signer, struct base_error *error)
{
        const uint8_t *at = der.data;

        signer->key = d2i_PUBKEY(NULL, &at, (long) der.len);
        if (signer->key == NULL || at != der.data + der.len || !same_key_encoding(signer->key, der))
                return untrusted(error, "the key that signed the policy bundle is no public key");
        return true;
}

static bool parse_certificates(const struct policy_bundle_signature *signature, struct policy_bundle_signer *signer,
                               struct base_error *error)
{
        for (size_t i = 0; i < signature->certificate_count; i++) {
                struct base_bytes der = signature->certificates[i];
                const uint8_t *at = der.data;

                signer->certificates[i] = d2i_X509(NULL, &at, (long) der.len);
                if (signer->certificates[i] == NULL || at != der.data + der.len)
                        return untrusted(error, "a certificate in the policy bundle does not parse");
                signer->certificate_count++;
        }
        signer->key = X509_get_pubkey(signer->certificates[0]);
        return signer->key != NULL || untrusted(error, "the certificate that signed the policy bundle has no usable key");
}

bool policy_bundle_signer_parse(const struct policy_bundle_signature *signature, struct policy_bundle_signer *ret,
                                struct base_error *error)
{
        const char *digest;

        if (signature->certificate_count == 0 ? !parse_key(signature->key, ret, error)
                                              : !parse_certificates(signature, ret, error))
                return false;
        return policy_bundle_key_digest(ret->key, &digest) ||
               untrusted(error,
                         "the policy bundle is signed with a kind of key that does not count: it must be Ed25519, or ECDSA "
                         "on P-256 or P-384");
}

void policy_bundle_signer_clear(struct policy_bundle_signer *signer)
{
        EVP_PKEY_free(signer->key);
        for (size_t i = 0; i < BASE_COUNT(signer->certificates); i++)
                X509_free(signer->certificates[i]);
        *signer = (struct policy_bundle_signer){ .key = NULL };
}

bool policy_bundle_signer_verify(const struct policy_bundle_signer *signer, struct base_bytes content,
                                 struct base_bytes signature, struct base_error *error)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        const char *digest = NULL;
        int outcome = -1;

        if (context == NULL)
                return base_error_set_no_memory(error);
        if (policy_bundle_key_digest(signer->key, &digest) &&
            EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, signer->key, NULL) == 1)
                outcome = EVP_DigestVerify(context, signature.data, signature.len, content.data, content.len);
        EVP_MD_CTX_free(context);
        /* Below 0 is also what OpenSSL says of an ECDSA signature that is no DER. */
        return outcome == 1 ||
               untrusted(error, "a signature on the policy bundle is not good: it was altered, or signed for another one");
}
