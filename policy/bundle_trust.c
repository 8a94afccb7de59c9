/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bundle_trust.h"

#include "base/encode.h"
#include "policy/bundle_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#define AUTH_LEVEL 2 /* 112 bits, in every key and signature of a chain: SSL_CTX_set_security_level(3) */

struct policy_trust {
        struct policy_anchor anchors[POLICY_ANCHORS_MAX]; /* ascending */
        size_t anchor_count;
        X509 *authorities[POLICY_ANCHORS_MAX];
        size_t authority_count;
};

/* ---- what is trusted ---- */

static bool add_anchor(struct policy_trust *trust, EVP_PKEY *key, enum policy_anchor_kind kind, struct base_error *error)
{
        struct policy_anchor anchor;
        size_t at = trust->anchor_count;

        if (!policy_bundle_key_anchor(key, kind, &anchor, error))
                return false;
        if (policy_anchor_is_in(&anchor, trust->anchors, trust->anchor_count))
                return true;
        if (trust->anchor_count == POLICY_ANCHORS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d keys and authorities", POLICY_ANCHORS_MAX);
        for (; at > 0 && policy_anchor_compare(&anchor, &trust->anchors[at - 1]) < 0; at--)
                trust->anchors[at] = trust->anchors[at - 1];
        trust->anchors[at] = anchor;
        trust->anchor_count++;
        return true;
}

static bool add_key(struct policy_trust *trust, const uint8_t *der, long len, struct base_error *error)
{
        policy_auto_pkey EVP_PKEY *key = d2i_PUBKEY(NULL, &der, len);
        const char *digest;

        if (key == NULL || !policy_bundle_key_digest(key, &digest))
                return base_error_set(
                        error, BASE_ERROR_CONFIG_INVALID,
                        "a key is of a kind that does not sign policy bundles: it must be Ed25519, or ECDSA on P-256 or "
                        "P-384");
        return add_anchor(trust, key, POLICY_ANCHOR_KEY, error);
}

static bool add_authority(struct policy_trust *trust, const uint8_t *der, long len, struct base_error *error)
{
        X509 *certificate = d2i_X509(NULL, &der, len);
        bool is_authority = certificate != NULL && X509_check_ca(certificate) == 1;

        if (is_authority && trust->authority_count < POLICY_ANCHORS_MAX) {
                trust->authorities[trust->authority_count++] = certificate;
                return add_anchor(trust, X509_get0_pubkey(certificate), POLICY_ANCHOR_AUTHORITY, error);
        }
        X509_free(certificate);
        if (is_authority)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d authorities", POLICY_ANCHORS_MAX);
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                              "a certificate is no authority's (basicConstraints CA); to trust one key, give its public key");
}

static bool add_entry(struct policy_trust *trust, const char *name, const uint8_t *der, long len, struct base_error *error)
{
        if (strcmp(name, PEM_STRING_PUBLIC) == 0)
                return add_key(trust, der, len, error);
        if (strcmp(name, PEM_STRING_X509) == 0)
                return add_authority(trust, der, len, error);
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "\"%.32s\" is neither a public key nor a certificate", name);
}

bool policy_trust_new(struct base_bytes pem, struct policy_trust **ret, struct base_error *error)
{
        policy_auto_trust struct policy_trust *trust = calloc(1, sizeof(*trust));
        BIO *bio = pem.len > 0 && pem.len <= POLICY_TRUST_PEM_BYTES_MAX ? BIO_new_mem_buf(pem.data, (int) pem.len) : NULL;
        char *name = NULL, *header = NULL;
        uint8_t *der = NULL;
        bool ok = trust != NULL && bio != NULL;
        long len;

        while (ok && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
                ok = add_entry(trust, name, der, len, error);
                OPENSSL_free(name);
                OPENSSL_free(header);
                OPENSSL_free(der);
                name = header = NULL;
                der = NULL;
        }
        BIO_free(bio);
        ERR_clear_error();
        if (trust == NULL)
                return base_error_set_no_memory(error);
        if (ok && trust->anchor_count > 0) {
                *ret = BASE_STEAL(trust);
                return true;
        }
        return bio != NULL && !ok
                       ? false
                       : base_error_set(error, BASE_ERROR_CONFIG_INVALID, "it holds no public key and no certificate in PEM");
}

void policy_trust_free(struct policy_trust *trust)
{
        if (trust == NULL)
                return;
        for (size_t i = 0; i < trust->authority_count; i++)
                X509_free(trust->authorities[i]);
        free(trust);
}

const struct policy_anchor *policy_trust_anchors(const struct policy_trust *trust, size_t *ret_count)
{
        *ret_count = trust->anchor_count;
        return trust->anchors;
}

/* ---- who stands behind a signature ---- */

static bool untrusted(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_POLICY_UNTRUSTED, "%s", what);
}

/* RFC 5280, sections 4.2.1.3, 4.2.1.9 and 4.2.1.12. */
static bool may_sign(X509 *certificate, struct base_error *error)
{
        uint32_t flags = X509_get_extension_flags(certificate);

        if ((flags & EXFLAG_INVALID) != 0 || (flags & EXFLAG_CA) != 0)
                return untrusted(error, "the certificate that signed the policy bundle is an authority's, or broken");
        if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) == 0)
                return untrusted(error, "the certificate that signed the policy bundle lacks the key usage digitalSignature");
        if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN) == 0)
                return untrusted(error, "the certificate that signed the policy bundle lacks the extended key usage codeSigning");
        return true;
}

/* Adds the certificate to `store` if it is that of one of these authorities. */
static void offer(X509_STORE *store, X509 *certificate, const struct policy_anchor *anchors, size_t count)
{
        struct policy_anchor own;

        if (X509_check_ca(certificate) == 1 &&
            policy_bundle_key_anchor(X509_get0_pubkey(certificate), POLICY_ANCHOR_AUTHORITY, &own, NULL) &&
            policy_anchor_is_in(&own, anchors, count))
                (void) X509_STORE_add_cert(store, certificate);
}

/* The outcome of verifying the signer's certificate with the authorities in `store`: X509_V_OK or why not. */
static int verify_chain(X509_STORE *store, const struct policy_bundle_signer *signer, STACK_OF(X509) * above, uint64_t now)
{
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509_VERIFY_PARAM *parameters;
        int reason = X509_V_ERR_UNSPECIFIED;

        if (context != NULL && X509_STORE_CTX_init(context, store, signer->certificates[0], above) == 1) {
                parameters = X509_STORE_CTX_get0_param(context);
                (void) X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
                X509_VERIFY_PARAM_set_auth_level(parameters, AUTH_LEVEL);
                X509_VERIFY_PARAM_set_time(parameters, (time_t) now);
                if (X509_verify_cert(context) == 1)
                        reason = X509_V_OK;
                else if (X509_STORE_CTX_get_error(context) != X509_V_OK)
                        reason = X509_STORE_CTX_get_error(context);
        }
        X509_STORE_CTX_free(context);
        return reason;
}

/* Whether the signer's chain leads to one of these authorities, whose certificates are known here or stand in the bundle. */
static bool chain_holds(const struct policy_bundle_signer *signer, const struct policy_anchor *anchors, size_t count,
                        const struct policy_trust_check *check, struct base_error *error)
{
        X509_STORE *store = X509_STORE_new();
        STACK_OF(X509) *above = sk_X509_new_null();
        size_t known = check->trust == NULL ? 0 : check->trust->authority_count;
        bool ok = store != NULL && above != NULL;
        int reason = X509_V_ERR_OUT_OF_MEM;

        for (size_t i = 0; ok && i < known; i++)
                offer(store, check->trust->authorities[i], anchors, count);
        for (size_t i = 1; ok && i < signer->certificate_count; i++) {
                offer(store, signer->certificates[i], anchors, count);
                ok = sk_X509_push(above, signer->certificates[i]) > 0;
        }
        if (ok)
                reason = verify_chain(store, signer, above, check->now);
        X509_STORE_free(store);
        sk_X509_free(above);
        ERR_clear_error();
        return reason == X509_V_OK || base_error_set(error, BASE_ERROR_POLICY_UNTRUSTED,
                                                     "the certificate that signed the policy bundle does not hold: %s",
                                                     X509_verify_cert_error_string(reason));
}

/* Whether this signer signs for one of the anchors. */
static bool stands_for(const struct policy_bundle_signer *signer, const struct policy_anchor *anchors, size_t count,
                       const struct policy_trust_check *check, struct base_error *error)
{
        struct policy_anchor own;

        if (signer->certificate_count > 0)
                return may_sign(signer->certificates[0], error) && chain_holds(signer, anchors, count, check, error);
        return policy_bundle_key_anchor(signer->key, POLICY_ANCHOR_KEY, &own, error) &&
               (policy_anchor_is_in(&own, anchors, count) ||
                untrusted(error, "the policy bundle is signed by a key that is not trusted here"));
}

/* ---- a bundle ---- */

struct signers {
        struct policy_bundle_signer items[POLICY_BUNDLE_SIGNATURES_MAX];
};

static void signers_clear(struct signers *signers)
{
        for (size_t i = 0; i < BASE_COUNT(signers->items); i++)
                policy_bundle_signer_clear(&signers->items[i]);
}

static bool parse_signers(const struct policy_bundle *bundle, struct signers *ret, struct base_error *error)
{
        if (bundle->signature_count == 0)
                return untrusted(error, "the policy bundle is not signed");
        for (size_t i = 0; i < bundle->signature_count; i++)
                if (!policy_bundle_signer_parse(&bundle->signatures[i], &ret->items[i], error) ||
                    !policy_bundle_signer_verify(&ret->items[i], bundle->content, bundle->signatures[i].signature, error))
                        return false;
        return true;
}

/* The signer's first certificate by its subject, or the key by its digest. */
static bool describe(const struct policy_bundle_signer *signer, char ret[POLICY_SIGNER_BYTES_MAX], struct base_error *error)
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(2 * BASE_SHA256_LEN + 1);
        struct policy_anchor anchor;
        const char *text;

        if (signer->certificate_count > 0) {
                if (X509_NAME_oneline(X509_get_subject_name(signer->certificates[0]), ret, POLICY_SIGNER_BYTES_MAX) == NULL)
                        return policy_bundle_crypto_failed(error, "naming a certificate");
                return true;
        }
        if (!policy_bundle_key_anchor(signer->key, POLICY_ANCHOR_KEY, &anchor, error))
                return false;
        base_hex_encode(&hex, BASE_BYTES_OF(anchor.digest));
        text = base_buffer_c_string(&hex);
        if (text == NULL)
                return base_error_set_no_memory(error);
        (void) snprintf(ret, POLICY_SIGNER_BYTES_MAX, "key %s", text);
        return true;
}

/* `ret_index` is the first signature that somebody who is believed stands behind. The error is that of the first signature. */
static bool find_trusted(const struct policy_bundle *bundle, const struct signers *signers, const struct policy_anchor *anchors,
                         size_t count, const struct policy_trust_check *check, size_t *ret_index, struct base_error *error)
{
        for (size_t i = 0; i < bundle->signature_count; i++)
                if (stands_for(&signers->items[i], anchors, count, check, i == 0 ? error : NULL)) {
                        *ret_index = i;
                        return true;
                }
        return false;
}

static bool times_hold(const struct policy_trust_check *check, const struct policy_bundle *bundle, struct base_error *error)
{
        if (check->now < bundle->not_before)
                return base_error_set(error, BASE_ERROR_POLICY_NOT_CURRENT,
                                      "the policy bundle is not valid yet; is the clock right?");
        if (bundle->not_after != 0 && check->now > bundle->not_after)
                return base_error_set(error, BASE_ERROR_POLICY_NOT_CURRENT, "the policy bundle has expired; install one of now");
        return true;
}

/* All those to trust from now on have signed. */
static bool successors_signed(const struct policy_bundle *bundle, const struct signers *signers,
                              const struct policy_trust_check *check, struct base_error *error)
{
        for (size_t i = 0; i < bundle->anchor_count; i++) {
                bool signed_it = false;

                for (size_t j = 0; !signed_it && j < bundle->signature_count; j++)
                        signed_it = stands_for(&signers->items[j], &bundle->anchors[i], 1, check, NULL);
                if (!signed_it)
                        return untrusted(error, "the policy bundle names a key for the future that has not signed it");
        }
        return true;
}

bool policy_trust_verify(const struct policy_trust_check *check, const struct policy_bundle *bundle,
                         char ret_signer[POLICY_SIGNER_BYTES_MAX], struct base_error *error)
{
        BASE_CLEANUP(signers_clear) struct signers signers = { 0 };
        bool own = check->anchor_count == 0;
        const struct policy_anchor *anchors = own ? check->trust->anchors : check->anchors;
        size_t count = own ? check->trust->anchor_count : check->anchor_count, index = 0;

        if (!parse_signers(bundle, &signers, error) || !find_trusted(bundle, &signers, anchors, count, check, &index, error) ||
            !successors_signed(bundle, &signers, check, error))
                return false;
        if (strcmp(bundle->fleet, check->fleet) != 0)
                return base_error_set(error, BASE_ERROR_POLICY_OTHER_FLEET,
                                      "the policy bundle is for the fleet %s, and this device is of %s", bundle->fleet,
                                      check->fleet);
        return times_hold(check, bundle, error) && (ret_signer == NULL || describe(&signers.items[index], ret_signer, error));
}

bool policy_bundle_signatures_check(const struct policy_bundle *bundle, char ret_signer[POLICY_SIGNER_BYTES_MAX],
                                    struct base_error *error)
{
        BASE_CLEANUP(signers_clear) struct signers signers = { 0 };

        return parse_signers(bundle, &signers, error) && describe(&signers.items[0], ret_signer, error);
}
