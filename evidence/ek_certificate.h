/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endorsement key certificates: which TPM makers' certificate authorities the verifier trusts, and whether a certificate
 * by one of them is for a given key. Used by attester-issuer.
 */
#pragma once

#include "evidence/public.h"

#define EVIDENCE_EK_CERTIFICATE_BYTES_MAX 4096
#define EVIDENCE_EK_AUTHORITIES_MAX       512
#define EVIDENCE_EK_AUTHORITIES_BYTES_MAX (4 * 1024 * 1024)

struct evidence_ek_authorities;

/*
 * Reads a bundle of PEM certificates, roots and intermediates in any order; each of them is trusted as such, so a bundle may
 * hold only an intermediate. Free with evidence_ek_authorities_free().
 * Errors: MALFORMED (no certificate, or one that does not parse: says which), LIMIT_EXCEEDED, NO_MEMORY.
 */
bool evidence_ek_authorities_new(struct base_bytes pem, struct evidence_ek_authorities **ret,
                                 struct base_error *error) BASE_MUST_CHECK;
void evidence_ek_authorities_free(struct evidence_ek_authorities *authorities);
BASE_DEFINE_CLEANUP(struct evidence_ek_authorities, evidence_ek_authorities_free)
#define evidence_auto_ek_authorities BASE_CLEANUP(evidence_ek_authorities_free_p)

/*
 * Checks that the DER certificate is for `endorsement_key`, and no more: not who issued it, nor when. For a verifier that knows
 * this very certificate. Errors: MALFORMED (DER), EVIDENCE_INVALID (for another key, or not for an endorsement key).
 */
bool evidence_ek_certificate_check_subject(struct base_bytes der, const struct evidence_public *endorsement_key,
                                           struct base_error *error) BASE_MUST_CHECK;

/*
 * Checks that the DER certificate is for `endorsement_key`, is valid at `now` (seconds since 1970) and chains to a trusted
 * authority. The critical subjectAltName with TPM attributes (not looked at) and the tcg-kp-EKCertificate usage (TCG EK
 * Credential Profile 2.5) are understood. Revocation is not looked up: a verifier takes a compromised authority out of its
 * bundle. Errors: MALFORMED (DER), EVIDENCE_INVALID (says what does not hold), NO_MEMORY, CRYPTO.
 */
bool evidence_ek_certificate_check(const struct evidence_ek_authorities *authorities, struct base_bytes der,
                                   const struct evidence_public *endorsement_key, uint64_t now,
                                   struct base_error *error) BASE_MUST_CHECK;
