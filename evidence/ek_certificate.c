/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/ek_certificate.h"

#include "evidence/internal.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define EK_CERTIFICATE_USAGE "2.23.133.8.1" /* tcg-kp-EKCertificate */

struct evidence_ek_authorities {
        X509_STORE *store;
};

static void x509_free_p(X509 **certificate)
{
        X509_free(*certificate);
}

static void bio_free_p(BIO **bio)
{
        BIO_free_all(*bio);
}

static void store_context_free_p(X509_STORE_CTX **context)
{
        X509_STORE_CTX_free(*context);
}

#define auto_x509 BASE_CLEANUP(x509_free_p)

void evidence_ek_authorities_free(struct evidence_ek_authorities *authorities)
{
        if (authorities == NULL)
                return;
        X509_STORE_free(authorities->store);
        free(authorities);
}

/* Whether the failed read of a certificate was the end of the bundle. */
static bool bundle_ended(void)
{
        unsigned long reason = ERR_peek_last_error();

        return ERR_GET_LIB(reason) == ERR_LIB_PEM && ERR_GET_REASON(reason) == PEM_R_NO_START_LINE;
}

static bool add_certificates(X509_STORE *store, struct base_bytes pem, struct base_error *error)
{
        BASE_CLEANUP(bio_free_p) BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        size_t count;

        if (bio == NULL)
                return base_error_set_no_memory(error);
        ERR_clear_error();
        for (count = 0;; count++) {
                auto_x509 X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

                if (certificate == NULL)
                        break;
                if (count == EVIDENCE_EK_AUTHORITIES_MAX)
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "More than %d certificate authorities.",
                                              EVIDENCE_EK_AUTHORITIES_MAX);
                if (X509_STORE_add_cert(store, certificate) != 1)
                        return evidence_crypto_failed(error, "Adding a certificate authority");
        }
        if (!bundle_ended()) {
                (void) evidence_crypto_failed(NULL, "");
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "Certificate authority number %zu of the bundle does not parse.", count + 1);
        }
        ERR_clear_error();
        if (count == 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "The bundle of certificate authorities holds no certificate.");
        return true;
}

bool evidence_ek_authorities_new(struct base_bytes pem, struct evidence_ek_authorities **ret, struct base_error *error)
{
        evidence_auto_ek_authorities struct evidence_ek_authorities *authorities = NULL;

        if (pem.len > EVIDENCE_EK_AUTHORITIES_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "The bundle of certificate authorities is larger than %d bytes.",
                                      EVIDENCE_EK_AUTHORITIES_BYTES_MAX);
        authorities = calloc(1, sizeof(*authorities));
        if (authorities == NULL || (authorities->store = X509_STORE_new()) == NULL)
                return base_error_set_no_memory(error);
        if (!add_certificates(authorities->store, pem, error))
                return false;
        *ret = BASE_STEAL(authorities);
        return true;
}

static bool check_chain(const struct evidence_ek_authorities *authorities, X509 *certificate, uint64_t now,
                        struct base_error *error)
{
        BASE_CLEANUP(store_context_free_p) X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509_VERIFY_PARAM *parameters;
        int result;

        if (context == NULL || X509_STORE_CTX_init(context, authorities->store, certificate, NULL) != 1)
                return evidence_crypto_failed(error, "Preparing to verify an EK certificate");
        parameters = X509_STORE_CTX_get0_param(context);
        /* No purpose is set: an EK certificate has its own extended key usage, which is checked apart. */
        X509_VERIFY_PARAM_set_time(parameters, (time_t) now);
        (void) X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
        if (X509_verify_cert(context) == 1)
                return true;
        result = X509_STORE_CTX_get_error(context);
        ERR_clear_error();
        (void) base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The EK certificate is not trusted: %s.",
                              X509_verify_cert_error_string(result));
        base_error_set_detail(error, "X509_verify_cert: %d at depth %d", result, X509_STORE_CTX_get_error_depth(context));
        return false;
}

/* A certificate that names extended usages must name the EK's; older ones name none. It is never one of an authority. */
static bool check_usage(X509 *certificate, struct base_error *error)
{
        EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
        char name[sizeof(EK_CERTIFICATE_USAGE) + 1];
        bool found = usages == NULL;

        for (int i = 0; !found && i < sk_ASN1_OBJECT_num(usages); i++)
                found = OBJ_obj2txt(name, sizeof(name), sk_ASN1_OBJECT_value(usages, i), 1) > 0 &&
                        strcmp(name, EK_CERTIFICATE_USAGE) == 0;
        sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
        if (!found)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The certificate is not for an endorsement key.");
        if (X509_check_ca(certificate) == 1)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The certificate is one of an authority, not of an endorsement key.");
        return true;
}

static bool check_subject_key(X509 *certificate, const struct evidence_public *endorsement_key, struct base_error *error)
{
        EVP_PKEY *certified = X509_get0_pubkey(certificate);
        bool same;

        if (certified == NULL) {
                ERR_clear_error();
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The EK certificate's key is of an unsupported kind.");
        }
        same = EVP_PKEY_eq(certified, endorsement_key->key) == 1;
        ERR_clear_error();
        if (!same)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The EK certificate is for another key than the endorsement key.");
        return true;
}

/* OpenSSL reads other encodings than DER, too: one certificate would have as many fingerprints as somebody likes. */
static bool is_der(X509 *certificate, struct base_bytes der)
{
        uint8_t *again = NULL;
        int len = i2d_X509(certificate, &again);
        bool same = len > 0 && base_bytes_equal(der, BASE_BYTES(again, (size_t) len));

        OPENSSL_free(again);
        return same;
}

static X509 *parse(struct base_bytes der, struct base_error *error)
{
        const uint8_t *at = der.data;
        auto_x509 X509 *certificate = der.len > EVIDENCE_EK_CERTIFICATE_BYTES_MAX ? NULL : d2i_X509(NULL, &at, (long) der.len);

        if (certificate != NULL && at == der.data + der.len && is_der(certificate, der))
                return BASE_STEAL(certificate);
        ERR_clear_error();
        (void) base_error_set(error, BASE_ERROR_MALFORMED, "The EK certificate is not one DER certificate.");
        return NULL;
}

bool evidence_ek_certificate_check_subject(struct base_bytes der, const struct evidence_public *endorsement_key,
                                           struct base_error *error)
{
        auto_x509 X509 *certificate = parse(der, error);

        return certificate != NULL && check_subject_key(certificate, endorsement_key, error) && check_usage(certificate, error);
}

bool evidence_ek_certificate_check(const struct evidence_ek_authorities *authorities, struct base_bytes der,
                                   const struct evidence_public *endorsement_key, uint64_t now, struct base_error *error)
{
        auto_x509 X509 *certificate = parse(der, error);

        return certificate != NULL && check_subject_key(certificate, endorsement_key, error) && check_usage(certificate, error) &&
               check_chain(authorities, certificate, now, error);
}
