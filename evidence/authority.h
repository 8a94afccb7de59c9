/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An authority that approves boot states: the public key (of a fleet or of an OS vendor) in a TPM2_PolicyAuthorize, and its
 * signatures over PCR policies. Used by attesterd (tpm/) to satisfy the policy and by attester-issuer to recognise it.
 */
#pragma once

#include "evidence/public.h"

#define EVIDENCE_AUTHORITY_PEM_BYTES_MAX       16384
#define EVIDENCE_AUTHORITY_FINGERPRINT_LEN     32
#define EVIDENCE_POLICY_REF_BYTES_MAX          32
#define EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX 512 /* as OpenSSL and TPMT_SIGNATURE have it */

struct evidence_authority {
        uint8_t public_area[EVIDENCE_PUBLIC_BYTES_MAX]; /* TPM2B_PUBLIC, as TPM2_LoadExternal takes it */
        size_t public_len;
        uint8_t name[EVIDENCE_KEY_ID_LEN];
};

/*
 * Takes a public key in PEM (SubjectPublicKeyInfo): RSA 2048 or 3072 with exponent 65537, or ECC P-256. The public area has
 * nameAlg SHA-256, the attributes userWithAuth, decrypt and sign, no scheme, and the exponent as a number, as tpm2_loadexternal
 * makes it of a PEM file, so that administrators can compute the name. Errors: MALFORMED, UNSUPPORTED, NO_MEMORY, CRYPTO.
 */
bool evidence_authority_from_pem(struct base_bytes pem, struct evidence_authority *ret, struct base_error *error) BASE_MUST_CHECK;

/* What systemd calls pkfp: SHA-256 of the PKCS #1 RSAPublicKey, or of the ECC point. Errors: CRYPTO. */
bool evidence_authority_fingerprint(const struct evidence_public *key, uint8_t ret[static EVIDENCE_AUTHORITY_FINGERPRINT_LEN],
                                    struct base_error *error) BASE_MUST_CHECK;

/*
 * Verifies the authority's signature (RSASSA-PKCS1-v1_5, or ECDSA in DER, with SHA-256) over `approved_policy` followed by
 * `policy_ref`, and gives it as a TPMT_SIGNATURE of `ret_len` bytes, for TPM2_VerifySignature. Errors: EVIDENCE_INVALID (not
 * this key's, or for another policy or reference), CRYPTO. Source: TPM 2.0 part 3, TPM2_PolicyAuthorize (aHash).
 */
bool evidence_authority_verify(const struct evidence_public *key,
                               const uint8_t approved_policy[static EVIDENCE_POLICY_DIGEST_LEN], struct base_bytes policy_ref,
                               struct base_bytes signature, uint8_t ret[static EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX],
                               size_t *ret_len, struct base_error *error) BASE_MUST_CHECK;

/*
 * The authPolicy of a key that TPM2_PolicyAuthorize alone opens: SHA-256(SHA-256(0^32 || TPM_CC_PolicyAuthorize || name) ||
 * policyRef) (Part 3, TPM2_PolicyAuthorize; Part 1, section 19.7.11). `name` is the authority's. Errors: CRYPTO.
 */
bool evidence_policy_authorize_digest(struct base_bytes name, struct base_bytes policy_ref,
                                      uint8_t ret[static EVIDENCE_POLICY_DIGEST_LEN], struct base_error *error) BASE_MUST_CHECK;
