/* SPDX-License-Identifier: BSD-2-Clause */
/* Table numbers are those of TPM 2.0 Part 2, revision 1.59. */
#include "evidence/public.h"

#include "evidence/ek_template.h"
#include "evidence/internal.h"
#include "evidence/tpm_numbers.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#define RSA_EXPONENT       65537u
#define RSA_MODULUS_MAX    (3072 / 8)
#define POINT_UNCOMPRESSED 0x04

static bool malformed(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "The TPM public key is malformed: %s.", what);
}

static bool unsupported(struct base_error *error, const char *what, unsigned value)
{
        return base_error_set(error, BASE_ERROR_UNSUPPORTED, "The TPM public key has an unsupported %s (0x%x).", what, value);
}

/* TPMT_SYM_DEF_OBJECT, table 146: AES-CFB, or none. */
static bool parse_symmetric(struct base_reader *reader, struct evidence_public *key, struct base_error *error)
{
        uint16_t mode;

        if (!base_reader_get_u16(reader, &key->symmetric))
                return malformed(error, "symmetric algorithm");
        if (key->symmetric == EVIDENCE_TPM_ALG_NULL)
                return true;
        if (key->symmetric != EVIDENCE_TPM_ALG_AES)
                return unsupported(error, "symmetric algorithm", key->symmetric);
        if (!base_reader_get_u16(reader, &key->symmetric_bits) || !base_reader_get_u16(reader, &mode))
                return malformed(error, "symmetric algorithm");
        if (key->symmetric_bits != 128 && key->symmetric_bits != 256)
                return unsupported(error, "AES key length", key->symmetric_bits);
        if (mode != EVIDENCE_TPM_ALG_CFB)
                return unsupported(error, "AES mode", mode);
        return true;
}

/* TPMT_RSA_SCHEME and TPMT_ECC_SCHEME, tables 185 and 191: none, or a signature scheme with its hash. */
static bool parse_scheme(struct base_reader *reader, struct evidence_public *key, struct base_error *error)
{
        bool known;

        if (!base_reader_get_u16(reader, &key->scheme))
                return malformed(error, "scheme");
        if (key->scheme == EVIDENCE_TPM_ALG_NULL)
                return true;
        known = key->type == EVIDENCE_TPM_ALG_ECC
                        ? key->scheme == EVIDENCE_TPM_ALG_ECDSA
                        : key->scheme == EVIDENCE_TPM_ALG_RSASSA || key->scheme == EVIDENCE_TPM_ALG_RSAPSS;
        if (!known)
                return unsupported(error, "scheme", key->scheme);
        if (!base_reader_get_u16(reader, &key->scheme_hash))
                return malformed(error, "scheme");
        return true;
}

static bool push_and_build(EVP_PKEY_CTX *context, OSSL_PARAM_BLD *builder, EVP_PKEY **ret)
{
        OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
        bool ok = parameters != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                  EVP_PKEY_fromdata(context, ret, EVP_PKEY_PUBLIC_KEY, parameters) == 1;

        OSSL_PARAM_free(parameters);
        return ok;
}

static bool build_rsa(struct evidence_public *key, struct base_bytes modulus, struct base_error *error)
{
        evidence_auto_pkey_context EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BIGNUM *n = BN_bin2bn(modulus.data, (int) modulus.len, NULL);
        bool sound = n != NULL && BN_num_bits(n) == key->rsa_bits && BN_is_odd(n);
        bool ok = sound && context != NULL && builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                  OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, RSA_EXPONENT) == 1 &&
                  push_and_build(context, builder, &key->key);

        OSSL_PARAM_BLD_free(builder);
        BN_free(n);
        if (n != NULL && !sound)
                return malformed(error, "RSA modulus");
        return ok || evidence_crypto_failed(error, "Reading an RSA public key");
}

/* TPMS_RSA_PARMS, table 198, and TPM2B_PUBLIC_KEY_RSA. */
static bool parse_rsa(struct base_reader *reader, struct evidence_public *key, struct base_error *error)
{
        struct base_bytes modulus;
        uint32_t exponent;

        if (!parse_symmetric(reader, key, error) || !parse_scheme(reader, key, error))
                return false;
        if (!base_reader_get_u16(reader, &key->rsa_bits) || !base_reader_get_u32(reader, &exponent))
                return malformed(error, "RSA parameters");
        if (key->rsa_bits != 2048 && key->rsa_bits != 3072)
                return unsupported(error, "RSA key length", key->rsa_bits);
        if (exponent != 0 && exponent != RSA_EXPONENT)
                return unsupported(error, "RSA exponent", exponent);
        key->odd_encoding = exponent != 0;
        if (!base_reader_get_u16_prefixed(reader, &modulus) || modulus.len != key->rsa_bits / 8u)
                return malformed(error, "RSA modulus");
        return build_rsa(key, modulus, error);
}

/* TPM2B_ECC_PARAMETER; a TPM may leave leading zeros out. */
static bool get_coordinate(struct base_reader *reader, struct evidence_public *key, uint8_t *ret)
{
        size_t len = key->coordinate_len;
        struct base_bytes bytes;

        if (!base_reader_get_u16_prefixed(reader, &bytes) || bytes.len == 0 || bytes.len > len)
                return false;
        memcpy(ret + len - bytes.len, bytes.data, bytes.len);
        key->odd_encoding = key->odd_encoding || bytes.len != len;
        return true;
}

static bool build_ecc(struct evidence_public *key, const char *curve, struct base_error *error)
{
        evidence_auto_pkey_context EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        uint8_t point[1 + 2 * EVIDENCE_ECC_COORDINATE_MAX] = { POINT_UNCOMPRESSED };
        bool prepared, ok;

        memcpy(point + 1, key->x, key->coordinate_len);
        memcpy(point + 1 + key->coordinate_len, key->y, key->coordinate_len);
        prepared = context != NULL && builder != NULL &&
                   OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
                   OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * key->coordinate_len) == 1;
        /* OpenSSL refuses a point that is not on the curve, and these curves have cofactor 1. */
        ok = prepared && push_and_build(context, builder, &key->key);
        OSSL_PARAM_BLD_free(builder);
        if (!prepared)
                return evidence_crypto_failed(error, "Reading an ECC public key");
        if (!ok) {
                (void) evidence_crypto_failed(NULL, "");
                return malformed(error, "the point is not on its curve");
        }
        return true;
}

/* TPMS_ECC_PARMS, table 199, and TPMS_ECC_POINT. */
static bool parse_ecc(struct base_reader *reader, struct evidence_public *key, struct base_error *error)
{
        const char *curve;
        uint16_t kdf;

        if (!parse_symmetric(reader, key, error) || !parse_scheme(reader, key, error))
                return false;
        if (!base_reader_get_u16(reader, &key->curve) || !base_reader_get_u16(reader, &kdf))
                return malformed(error, "ECC parameters");
        curve = evidence_curve_name(key->curve, &key->coordinate_len);
        if (curve == NULL)
                return unsupported(error, "curve", key->curve);
        if (kdf != EVIDENCE_TPM_ALG_NULL)
                return unsupported(error, "key derivation scheme", kdf);
        if (!get_coordinate(reader, key, key->x) || !get_coordinate(reader, key, key->y))
                return malformed(error, "ECC point");
        return build_ecc(key, curve, error);
}

/* Part 1, section 16: nameAlg, and its digest over the TPMT_PUBLIC. */
static bool compute_name(struct evidence_public *key, struct base_bytes tpmt_public, struct base_error *error)
{
        const EVP_MD *hash = evidence_tpm_hash(key->name_algorithm);
        unsigned len = 0;

        key->name[0] = (uint8_t) (key->name_algorithm >> 8);
        key->name[1] = (uint8_t) key->name_algorithm;
        if (EVP_Digest(tpmt_public.data, tpmt_public.len, key->name + 2, &len, hash, NULL) != 1)
                return evidence_crypto_failed(error, "Hashing a TPM public key");
        key->name_len = 2 + len;
        return true;
}

/* TPMT_PUBLIC, table 204. */
static bool parse_public(struct base_bytes tpmt_public, struct evidence_public *key, struct base_error *error)
{
        struct base_reader reader = base_reader_over(tpmt_public);
        struct base_bytes policy;
        bool parsed;

        if (!base_reader_get_u16(&reader, &key->type) || !base_reader_get_u16(&reader, &key->name_algorithm) ||
            !base_reader_get_u32(&reader, &key->attributes) || !base_reader_get_u16_prefixed(&reader, &policy) ||
            policy.len > sizeof(key->auth_policy))
                return malformed(error, "it is too short");
        if (evidence_tpm_hash(key->name_algorithm) == NULL)
                return unsupported(error, "name algorithm", key->name_algorithm);
        if (policy.len > 0)
                memcpy(key->auth_policy, policy.data, policy.len);
        key->auth_policy_len = policy.len;
        if (key->type == EVIDENCE_TPM_ALG_RSA)
                parsed = parse_rsa(&reader, key, error);
        else if (key->type == EVIDENCE_TPM_ALG_ECC)
                parsed = parse_ecc(&reader, key, error);
        else
                parsed = unsupported(error, "type", key->type);
        if (!parsed)
                return false;
        if (!base_reader_at_end(&reader))
                return malformed(error, "bytes after the end");
        return compute_name(key, tpmt_public, error);
}

bool evidence_public_new(struct base_bytes tpm2b_public, struct evidence_public **ret, struct base_error *error)
{
        evidence_auto_public struct evidence_public *key = NULL;
        struct base_reader reader = base_reader_over(tpm2b_public);
        struct base_bytes tpmt_public;

        if (tpm2b_public.len > EVIDENCE_PUBLIC_BYTES_MAX || !base_reader_get_u16_prefixed(&reader, &tpmt_public) ||
            !base_reader_at_end(&reader))
                return malformed(error, "its length");
        key = calloc(1, sizeof(*key));
        if (key == NULL)
                return base_error_set_no_memory(error);
        base_buffer_init(&key->bytes, EVIDENCE_PUBLIC_BYTES_MAX);
        base_buffer_put_bytes(&key->bytes, tpm2b_public);
        if (!base_buffer_ok(&key->bytes))
                return base_error_set_no_memory(error);
        if (!parse_public(tpmt_public, key, error))
                return false;
        *ret = BASE_STEAL(key);
        return true;
}

void evidence_public_free(struct evidence_public *key)
{
        if (key == NULL)
                return;
        EVP_PKEY_free(key->key);
        base_buffer_clear(&key->bytes);
        free(key);
}

struct base_bytes evidence_public_name(const struct evidence_public *key)
{
        return BASE_BYTES(key->name, key->name_len);
}

struct base_bytes evidence_public_auth_policy(const struct evidence_public *key)
{
        return BASE_BYTES(key->auth_policy, key->auth_policy_len);
}

struct base_bytes evidence_public_bytes(const struct evidence_public *key)
{
        return base_buffer_bytes(&key->bytes);
}

struct attribute_rule {
        uint32_t attribute;
        bool wanted;
        const char *name;
};

static bool check_attributes(const struct evidence_public *key, const char *role, const struct attribute_rule *rules,
                             size_t count, struct base_error *error)
{
        for (size_t i = 0; i < count; i++)
                if (((key->attributes & rules[i].attribute) != 0) != rules[i].wanted)
                        return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The %s key must %shave the attribute %s.",
                                              role, rules[i].wanted ? "" : "not ", rules[i].name);
        return true;
}

static bool attestation_scheme_ok(const struct evidence_public *key)
{
        if (key->scheme_hash != EVIDENCE_TPM_ALG_SHA256)
                return false;
        if (key->type == EVIDENCE_TPM_ALG_ECC)
                return key->scheme == EVIDENCE_TPM_ALG_ECDSA && key->curve == EVIDENCE_TPM_ECC_NIST_P256;
        return key->rsa_bits == 2048 && (key->scheme == EVIDENCE_TPM_ALG_RSASSA || key->scheme == EVIDENCE_TPM_ALG_RSAPSS);
}

bool evidence_public_check_attestation_key(const struct evidence_public *key, struct base_error *error)
{
        static const struct attribute_rule rules[] = {
                { EVIDENCE_TPMA_RESTRICTED, true, "restricted" },
                { EVIDENCE_TPMA_SIGN, true, "sign" },
                { EVIDENCE_TPMA_DECRYPT, false, "decrypt" },
                { EVIDENCE_TPMA_FIXED_TPM, true, "fixedTPM" },
                { EVIDENCE_TPMA_FIXED_PARENT, true, "fixedParent" },
                { EVIDENCE_TPMA_SENSITIVE_DATA_ORIGIN, true, "sensitiveDataOrigin" },
                { EVIDENCE_TPMA_USER_WITH_AUTH, false, "userWithAuth" },
        };

        if (!check_attributes(key, "attestation", rules, BASE_COUNT(rules), error))
                return false;
        if (key->name_algorithm != EVIDENCE_TPM_ALG_SHA256)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The attestation key's name algorithm must be SHA-256.");
        if (key->auth_policy_len != EVIDENCE_POLICY_DIGEST_LEN)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The attestation key must have a SHA-256 authPolicy.");
        if (!attestation_scheme_ok(key))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The attestation key must sign by ECDSA P-256, RSASSA 2048 or RSAPSS 2048 with SHA-256.");
        return true;
}

bool evidence_public_check_endorsement_key(const struct evidence_public *key, struct base_error *error)
{
        static const struct attribute_rule rules[] = {
                { EVIDENCE_TPMA_RESTRICTED, true, "restricted" },
                { EVIDENCE_TPMA_DECRYPT, true, "decrypt" },
                { EVIDENCE_TPMA_SIGN, false, "sign" },
                { EVIDENCE_TPMA_FIXED_TPM, true, "fixedTPM" },
                { EVIDENCE_TPMA_FIXED_PARENT, true, "fixedParent" },
                { EVIDENCE_TPMA_SENSITIVE_DATA_ORIGIN, true, "sensitiveDataOrigin" },
        };

        if (!check_attributes(key, "endorsement", rules, BASE_COUNT(rules), error))
                return false;
        if (key->symmetric != EVIDENCE_TPM_ALG_AES)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The endorsement key must have AES-CFB for its children.");
        if (key->scheme != EVIDENCE_TPM_ALG_NULL)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The endorsement key must not have a signature scheme.");
        if (evidence_ek_template_of(key) == NULL)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The endorsement key must be of template L-1, L-2, H-1, H-2, H-3 or H-6 of the TCG EK "
                                      "Credential Profile.");
        return true;
}
