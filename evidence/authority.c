/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/authority.h"

#include "base/hash.h"
#include "evidence/internal.h"
#include "evidence/tpm_numbers.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define RSA_EXPONENT       65537u
#define COORDINATE_LEN     32 /* P-256 */
#define POINT_UNCOMPRESSED 0x04
#define ATTRIBUTES         (EVIDENCE_TPMA_USER_WITH_AUTH | EVIDENCE_TPMA_DECRYPT | EVIDENCE_TPMA_SIGN)

static bool unsupported(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                              "An authority's public key must be RSA of 2048 or 3072 bits with exponent 65537, or ECC P-256.");
}

/* TPM2B_PUBLIC up to the type's own parameters: part 2, table 204. */
static void put_area_start(struct base_buffer *area, uint16_t type)
{
        base_buffer_put_u16(area, type);
        base_buffer_put_u16(area, EVIDENCE_TPM_ALG_SHA256);
        base_buffer_put_u32(area, ATTRIBUTES);
        base_buffer_put_u16(area, 0);                     /* no authPolicy */
        base_buffer_put_u16(area, EVIDENCE_TPM_ALG_NULL); /* symmetric */
        base_buffer_put_u16(area, EVIDENCE_TPM_ALG_NULL); /* scheme */
}

static bool put_rsa(struct base_buffer *area, const EVP_PKEY *key, struct base_error *error)
{
        BIGNUM *n = NULL, *e = NULL;
        uint8_t *modulus;
        int bits = EVP_PKEY_get_bits(key);
        bool ok = (bits == 2048 || bits == 3072) && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, RSA_EXPONENT);

        if (ok) {
                put_area_start(area, EVIDENCE_TPM_ALG_RSA);
                base_buffer_put_u16(area, (uint16_t) bits);
                base_buffer_put_u32(area, RSA_EXPONENT);
                base_buffer_put_u16(area, (uint16_t) (bits / 8));
                modulus = base_buffer_extend(area, (size_t) bits / 8);
                ok = modulus != NULL && BN_bn2binpad(n, modulus, bits / 8) == bits / 8;
        }
        BN_free(n);
        BN_free(e);
        return ok || unsupported(error);
}

static bool put_ecc(struct base_buffer *area, const EVP_PKEY *key, struct base_error *error)
{
        uint8_t point[1 + 2 * COORDINATE_LEN];
        char curve[32] = "";
        size_t len = 0;

        if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1 || strcmp(curve, "prime256v1") != 0 ||
            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
            len != sizeof(point) || point[0] != POINT_UNCOMPRESSED)
                return unsupported(error);
        put_area_start(area, EVIDENCE_TPM_ALG_ECC);
        base_buffer_put_u16(area, EVIDENCE_TPM_ECC_NIST_P256);
        base_buffer_put_u16(area, EVIDENCE_TPM_ALG_NULL); /* kdf */
        for (unsigned i = 0; i < 2; i++) {
                base_buffer_put_u16(area, COORDINATE_LEN);
                base_buffer_put(area, point + 1 + i * COORDINATE_LEN, COORDINATE_LEN);
        }
        return true;
}

static EVP_PKEY *read_pem(struct base_bytes pem)
{
        BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

        BIO_free(bio);
        ERR_clear_error();
        return key;
}

bool evidence_authority_from_key(const EVP_PKEY *key, struct evidence_authority *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer area = BASE_BUFFER_INIT(EVIDENCE_PUBLIC_BYTES_MAX - 2);
        evidence_auto_public struct evidence_public *parsed = NULL;
        struct evidence_authority authority;
        bool put;

        if (EVP_PKEY_is_a(key, "RSA"))
                put = put_rsa(&area, key, error);
        else if (EVP_PKEY_is_a(key, "EC"))
                put = put_ecc(&area, key, error);
        else
                put = unsupported(error);
        ERR_clear_error();
        if (!put)
                return false;
        if (!base_buffer_ok(&area))
                return base_error_set_no_memory(error);
        authority.public_area[0] = (uint8_t) (area.len >> 8);
        authority.public_area[1] = (uint8_t) area.len;
        memcpy(authority.public_area + 2, area.data, area.len);
        authority.public_len = 2 + area.len;
        if (!evidence_public_new(BASE_BYTES(authority.public_area, authority.public_len), &parsed, error))
                return false;
        memcpy(authority.name, evidence_public_name(parsed).data, sizeof(authority.name));
        *ret = authority;
        return true;
}

bool evidence_authority_from_pem(struct base_bytes pem, struct evidence_authority *ret, struct base_error *error)
{
        evidence_auto_pkey EVP_PKEY *key = NULL;

        if (pem.len == 0 || pem.len > EVIDENCE_AUTHORITY_PEM_BYTES_MAX || (key = read_pem(pem)) == NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "It is not a public key in PEM.");
        return evidence_authority_from_key(key, ret, error);
}

bool evidence_authority_fingerprint(const struct evidence_public *key, uint8_t ret[static EVIDENCE_AUTHORITY_FINGERPRINT_LEN],
                                    struct base_error *error)
{
        unsigned char *encoded = NULL;
        int len = i2d_PublicKey(key->key, &encoded);
        struct base_bytes piece;
        bool ok;

        if (len <= 0)
                return evidence_crypto_failed(error, "Encoding an authority's public key");
        piece = BASE_BYTES(encoded, len);
        ok = base_sha256(&piece, 1, ret, error);
        OPENSSL_free(encoded);
        return ok;
}

/* ECDSA-Sig-Value in DER, whole, as r and s of the curve's length. */
static bool put_ecdsa(struct base_buffer *to, struct base_bytes der)
{
        const unsigned char *at = der.data;
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long) der.len);
        bool ok = signature != NULL && at == der.data + der.len;
        uint8_t number[COORDINATE_LEN];

        ok = ok && BN_bn2binpad(ECDSA_SIG_get0_r(signature), number, sizeof(number)) == sizeof(number);
        if (ok) {
                base_buffer_put_u16(to, sizeof(number));
                base_buffer_put(to, number, sizeof(number));
        }
        ok = ok && BN_bn2binpad(ECDSA_SIG_get0_s(signature), number, sizeof(number)) == sizeof(number);
        if (ok) {
                base_buffer_put_u16(to, sizeof(number));
                base_buffer_put(to, number, sizeof(number));
        }
        ECDSA_SIG_free(signature);
        return ok;
}

/* TPMT_SIGNATURE: part 2, table 218. */
static bool put_signature(struct base_buffer *to, const struct evidence_public *key, struct base_bytes signature)
{
        bool rsa = key->type == EVIDENCE_TPM_ALG_RSA;

        base_buffer_put_u16(to, rsa ? EVIDENCE_TPM_ALG_RSASSA : EVIDENCE_TPM_ALG_ECDSA);
        base_buffer_put_u16(to, EVIDENCE_TPM_ALG_SHA256);
        if (!rsa)
                return put_ecdsa(to, signature) && base_buffer_ok(to);
        base_buffer_put_u16(to, (uint16_t) signature.len);
        base_buffer_put_bytes(to, signature);
        return base_buffer_ok(to);
}

bool evidence_authority_verify(const struct evidence_public *key,
                               const uint8_t approved_policy[static EVIDENCE_POLICY_DIGEST_LEN], struct base_bytes policy_ref,
                               struct base_bytes signature, uint8_t ret[static EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX],
                               size_t *ret_len, struct base_error *error)
{
        base_auto_buffer struct base_buffer converted = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX);
        uint8_t signed_bytes[EVIDENCE_POLICY_DIGEST_LEN + EVIDENCE_POLICY_REF_BYTES_MAX];
        size_t len = EVIDENCE_POLICY_DIGEST_LEN + policy_ref.len;
        EVP_MD_CTX *context;
        bool valid;

        if (policy_ref.len > EVIDENCE_POLICY_REF_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The policy reference is longer than %d bytes.",
                                      EVIDENCE_POLICY_REF_BYTES_MAX);
        memcpy(signed_bytes, approved_policy, EVIDENCE_POLICY_DIGEST_LEN);
        if (policy_ref.len > 0)
                memcpy(signed_bytes + EVIDENCE_POLICY_DIGEST_LEN, policy_ref.data, policy_ref.len);
        context = EVP_MD_CTX_new();
        if (context == NULL || EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key->key, NULL) != 1) {
                EVP_MD_CTX_free(context);
                return evidence_crypto_failed(error, "Verifying an authority's signature");
        }
        valid = EVP_DigestVerify(context, signature.data, signature.len, signed_bytes, len) == 1 &&
                put_signature(&converted, key, signature);
        EVP_MD_CTX_free(context);
        ERR_clear_error();
        if (!valid)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The signature is not by the authority, or for another policy or policy reference.");
        memcpy(ret, converted.data, converted.len);
        *ret_len = converted.len;
        return true;
}

bool evidence_policy_authorize_digest(struct base_bytes name, struct base_bytes policy_ref,
                                      uint8_t ret[static EVIDENCE_POLICY_DIGEST_LEN], struct base_error *error)
{
        static const uint8_t fresh_session[EVIDENCE_POLICY_DIGEST_LEN] = { 0 };
        static const uint8_t command[] = { 0, 0, EVIDENCE_TPM_CC_POLICY_AUTHORIZE >> 8, EVIDENCE_TPM_CC_POLICY_AUTHORIZE & 0xff };
        uint8_t first[EVIDENCE_POLICY_DIGEST_LEN];

        return base_sha256((struct base_bytes[]){ BASE_BYTES_OF(fresh_session), BASE_BYTES_OF(command), name }, 3, first,
                           error) &&
               base_sha256((struct base_bytes[]){ BASE_BYTES_OF(first), policy_ref }, 2, ret, error);
}
