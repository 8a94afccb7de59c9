/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The private half of an authority: signs PCR policies, so that keys sealed to it sign in those boot states. Used by attestctl.
 */
#pragma once

#include "evidence/authority.h"

struct evidence_signer;

/*
 * Takes a private key in PEM: RSA of 2048 or 3072 bits with exponent 65537, or ECC P-256; not encrypted. The caller wipes `pem`
 * and frees `ret`. Errors: MALFORMED, UNSUPPORTED, NO_MEMORY, CRYPTO.
 */
bool evidence_signer_from_pem(struct base_bytes pem, struct evidence_signer **ret, struct base_error *error) BASE_MUST_CHECK;
void evidence_signer_free(struct evidence_signer *signer);
BASE_DEFINE_CLEANUP(struct evidence_signer, evidence_signer_free)
#define evidence_auto_signer BASE_CLEANUP(evidence_signer_free_p)

/* As evidence_authority_fingerprint(); EVIDENCE_AUTHORITY_FINGERPRINT_LEN bytes, owned by the signer. */
const uint8_t *evidence_signer_fingerprint(const struct evidence_signer *signer);

/*
 * Signs `policy` under `policy_ref`, and checks what it has signed as a reader will: what evidence_authority_verify() takes.
 * An RSA signature is always the same one (PKCS #1 v1.5). Errors: EVIDENCE_INVALID (reference too long), CRYPTO.
 * Source: TPM 2.0 part 3, TPM2_PolicyAuthorize (aHash).
 */
bool evidence_signer_sign(const struct evidence_signer *signer, const uint8_t policy[static EVIDENCE_POLICY_DIGEST_LEN],
                          struct base_bytes policy_ref, uint8_t ret[static EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX],
                          size_t *ret_len, struct base_error *error) BASE_MUST_CHECK;
