/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What evidence/'s own files share and no other folder may include: OpenSSL's types, the parsed public area.
 */
#pragma once

#include "evidence/authority.h"
#include "evidence/public.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define EVIDENCE_AUTH_POLICY_BYTES_MAX 64
#define EVIDENCE_NAME_BYTES_MAX        50 /* SHA-384 */
#define EVIDENCE_ECC_COORDINATE_MAX    48

struct evidence_public {
        struct base_buffer bytes; /* the TPM2B_PUBLIC */
        uint16_t type;            /* TPM_ALG_ECC or TPM_ALG_RSA */
        uint16_t name_algorithm;
        uint32_t attributes;
        uint8_t auth_policy[EVIDENCE_AUTH_POLICY_BYTES_MAX];
        size_t auth_policy_len;
        uint16_t symmetric;      /* TPM_ALG_AES or TPM_ALG_NULL */
        uint16_t symmetric_bits; /* of AES, in CFB mode */
        uint16_t scheme;         /* TPM_ALG_NULL, ECDSA, RSASSA or RSAPSS */
        uint16_t scheme_hash;
        uint16_t curve;                         /* ECC */
        uint8_t x[EVIDENCE_ECC_COORDINATE_MAX]; /* ECC; as long as the curve's field, like every coordinate we make */
        uint8_t y[EVIDENCE_ECC_COORDINATE_MAX];
        size_t coordinate_len;
        uint16_t rsa_bits; /* RSA */
        bool odd_encoding; /* an exponent that is written out, or a coordinate without its leading zeros */
        uint8_t name[EVIDENCE_NAME_BYTES_MAX];
        size_t name_len;
        EVP_PKEY *key;
};

/* Sets CRYPTO with OpenSSL's newest reason as detail, empties OpenSSL's error queue. Returns false. */
bool evidence_crypto_failed(struct base_error *error, const char *what);

/* As evidence_authority_from_pem(), of OpenSSL's key, public or private. */
bool evidence_authority_from_key(const EVP_PKEY *key, struct evidence_authority *ret, struct base_error *error) BASE_MUST_CHECK;

/* The digest of a TPM_ALG_ID, or NULL. */
const EVP_MD *evidence_tpm_hash(uint16_t algorithm);

/* OpenSSL's name of a TPM_ECC_CURVE, or NULL, and how long its coordinates are. */
const char *evidence_curve_name(uint16_t curve, size_t *ret_coordinate_len);

static inline void evidence_pkey_free_p(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static inline void evidence_pkey_context_free_p(EVP_PKEY_CTX **context)
{
        EVP_PKEY_CTX_free(*context);
}

#define evidence_auto_pkey         BASE_CLEANUP(evidence_pkey_free_p)
#define evidence_auto_pkey_context BASE_CLEANUP(evidence_pkey_context_free_p)
