/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TPM key's public area (TPM2B_PUBLIC, Part 2 section 12.2.5) read without a TPM: its name, whether it may serve as
 * attestation key or endorsement key. Used by attester-issuer, and by attesterd to look at its own key.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define EVIDENCE_PUBLIC_BYTES_MAX  1024
#define EVIDENCE_KEY_ID_LEN        34 /* the name of a key whose nameAlg is SHA-256 */
#define EVIDENCE_POLICY_DIGEST_LEN 32

struct evidence_public;

/*
 * Parses a whole TPM2B_PUBLIC of an ECC P-256, P-384, RSA 2048 or RSA 3072 key with nameAlg SHA-256 or SHA-384; the public
 * key is checked (point on curve, modulus length). Free with evidence_public_free().
 * Errors: MALFORMED, UNSUPPORTED (another algorithm, size or curve), NO_MEMORY, CRYPTO.
 */
bool evidence_public_new(struct base_bytes tpm2b_public, struct evidence_public **ret, struct base_error *error) BASE_MUST_CHECK;
void evidence_public_free(struct evidence_public *key);
BASE_DEFINE_CLEANUP(struct evidence_public, evidence_public_free)
#define evidence_auto_public BASE_CLEANUP(evidence_public_free_p)

/* The name: nameAlg and digest (Part 1, section 16); owned by the key. EVIDENCE_KEY_ID_LEN bytes for SHA-256. */
struct base_bytes evidence_public_name(const struct evidence_public *key);

/* The key's authPolicy, empty if it has none; owned by the key. */
struct base_bytes evidence_public_auth_policy(const struct evidence_public *key);

/* The TPM2B_PUBLIC that was parsed; owned by the key. */
struct base_bytes evidence_public_bytes(const struct evidence_public *key);

/*
 * Whether the key may attest: fixedTPM, fixedParent, sensitiveDataOrigin, restricted and sign set; decrypt and
 * userWithAuth clear; an authPolicy of 32 bytes; nameAlg SHA-256; ECDSA P-256 or RSASSA or RSAPSS 2048, with SHA-256.
 * Errors: EVIDENCE_INVALID, naming the first property that is wrong.
 */
bool evidence_public_check_attestation_key(const struct evidence_public *key, struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether the key has the shape of an endorsement key (TCG EK Credential Profile): fixedTPM, fixedParent,
 * sensitiveDataOrigin, restricted and decrypt set; sign clear; AES-CFB 128 or 256, no scheme; and that of a template in
 * evidence/ek_template.h. Whether a TPM holds it is for its certificate to say. Errors: EVIDENCE_INVALID, naming the first
 * property that is wrong.
 */
bool evidence_public_check_endorsement_key(const struct evidence_public *key, struct base_error *error) BASE_MUST_CHECK;
