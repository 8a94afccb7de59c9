/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bundle_signer.h"

#include "policy/bundle_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

struct policy_signer {
        EVP_PKEY *key;
        struct policy_anchor anchor;
        struct base_buffer public_key; /* DER; empty if there are certificates */
        struct base_buffer certificates[POLICY_BUNDLE_CERTIFICATES_MAX];
        size_t certificate_count;
};

/* An encrypted key would make OpenSSL ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
        return 0;
}

static bool read_key(struct base_bytes pem, struct policy_signer *signer, struct base_error *error)
{
        BIO *bio = pem.len > 0 && pem.len <= POLICY_SIGNER_PEM_BYTES_MAX ? BIO_new_mem_buf(pem.data, (int) pem.len) : NULL;
        const char *digest;

        signer->key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
        BIO_free(bio);
        ERR_clear_error();
        if (signer->key == NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "it is not a private key in PEM without a passphrase");
        return policy_bundle_key_digest(signer->key, &digest) ||
               base_error_set(error, BASE_ERROR_UNSUPPORTED,
                              "a key of this kind does not sign policy bundles: it must be Ed25519, or EC on P-256 or P-384");
}

static bool put_der(struct base_buffer *to, const uint8_t *der, int len, struct base_error *error)
{
        if (len <= 0)
                return policy_bundle_crypto_failed(error, "encoding a key or certificate");
        base_buffer_put(to, der, (size_t) len);
        return base_buffer_ok(to) || base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a certificate is larger than %d bytes",
                                                    POLICY_BUNDLE_DER_BYTES_MAX);
}

static bool take_public_key(struct policy_signer *signer, struct base_error *error)
{
        uint8_t *der = NULL;
        int len = i2d_PUBKEY(signer->key, &der);
        bool done = put_der(&signer->public_key, der, len, error);

        OPENSSL_free(der);
        return done && policy_bundle_key_anchor(signer->key, POLICY_ANCHOR_KEY, &signer->anchor, error);
}

/* The last one is whom to trust, so it is asked to be an authority's. */
static bool take_certificate(struct policy_signer *signer, X509 *certificate, struct base_error *error)
{
        uint8_t *der = NULL;
        bool done;
        int len;

        if (signer->certificate_count == POLICY_BUNDLE_CERTIFICATES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d certificates",
                                      POLICY_BUNDLE_CERTIFICATES_MAX);
        if (signer->certificate_count == 0 && X509_check_private_key(certificate, signer->key) != 1) {
                ERR_clear_error();
                return base_error_set(error, BASE_ERROR_CRYPTO, "the first certificate is not the key's");
        }
        len = i2d_X509(certificate, &der);
        done = put_der(&signer->certificates[signer->certificate_count++], der, len, error);
        OPENSSL_free(der);
        return done && policy_bundle_key_anchor(X509_get0_pubkey(certificate), POLICY_ANCHOR_AUTHORITY, &signer->anchor, error);
}

static bool read_certificates(struct base_bytes pem, struct policy_signer *signer, struct base_error *error)
{
        BIO *bio = pem.len <= POLICY_SIGNER_PEM_BYTES_MAX ? BIO_new_mem_buf(pem.data, (int) pem.len) : NULL;
        bool ok = true, last_is_authority = false;
        X509 *certificate;

        while (ok && bio != NULL && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
                ok = take_certificate(signer, certificate, error);
                last_is_authority = X509_check_ca(certificate) == 1;
                X509_free(certificate);
        }
        BIO_free(bio);
        ERR_clear_error();
        if (ok && (signer->certificate_count < 2 || !last_is_authority))
                return base_error_set(
                        error, BASE_ERROR_MALFORMED,
                        "the certificates must be the key's own and those above it, an authority's at the end, in PEM");
        return ok;
}

bool policy_signer_new(struct base_bytes key, struct base_bytes certificates, struct policy_signer **ret,
                       struct base_error *error)
{
        policy_auto_signer struct policy_signer *signer = calloc(1, sizeof(*signer));

        if (signer == NULL)
                return base_error_set_no_memory(error);
        base_buffer_init(&signer->public_key, POLICY_BUNDLE_DER_BYTES_MAX);
        for (size_t i = 0; i < BASE_COUNT(signer->certificates); i++)
                base_buffer_init(&signer->certificates[i], POLICY_BUNDLE_DER_BYTES_MAX);
        if (!read_key(key, signer, error) ||
            !(certificates.len == 0 ? take_public_key(signer, error) : read_certificates(certificates, signer, error)))
                return false;
        *ret = BASE_STEAL(signer);
        return true;
}

void policy_signer_free(struct policy_signer *signer)
{
        if (signer == NULL)
                return;
        EVP_PKEY_free(signer->key);
        base_buffer_clear(&signer->public_key);
        for (size_t i = 0; i < BASE_COUNT(signer->certificates); i++)
                base_buffer_clear(&signer->certificates[i]);
        free(signer);
}

struct policy_anchor policy_signer_anchor(const struct policy_signer *signer)
{
        return signer->anchor;
}

static bool sign(const struct policy_signer *signer, struct base_bytes content, uint8_t *to, size_t *len,
                 struct base_error *error)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        const char *digest = NULL;
        bool done = context != NULL && policy_bundle_key_digest(signer->key, &digest) &&
                    EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, signer->key, NULL) == 1 &&
                    EVP_DigestSign(context, to, len, content.data, content.len) == 1;

        EVP_MD_CTX_free(context);
        return done || policy_bundle_crypto_failed(error, "signing the policy bundle");
}

bool policy_bundle_sign(struct policy_bundle *bundle, struct policy_signer *const *signers, size_t count, struct base_buffer *to,
                        struct base_error *error)
{
        struct policy_bundle_signature signatures[POLICY_BUNDLE_SIGNATURES_MAX] = { 0 };
        uint8_t made[POLICY_BUNDLE_SIGNATURES_MAX][POLICY_BUNDLE_SIGNATURE_BYTES_MAX];

        if (!policy_bundle_put_content(bundle, to, error))
                return false;
        for (size_t i = 0; i < count; i++) {
                size_t len = sizeof(made[i]);

                if (!sign(signers[i], base_buffer_bytes(to), made[i], &len, error))
                        return false;
                signatures[i].key = base_buffer_bytes(&signers[i]->public_key);
                signatures[i].certificate_count = signers[i]->certificate_count;
                for (size_t j = 0; j < signers[i]->certificate_count; j++)
                        signatures[i].certificates[j] = base_buffer_bytes(&signers[i]->certificates[j]);
                signatures[i].signature = BASE_BYTES(made[i], len);
        }
        return policy_bundle_put_signatures(signatures, count, to, error);
}
