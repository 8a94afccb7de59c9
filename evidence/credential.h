/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPM2_MakeCredential in software (TPM 2.0 Part 1, section 24 and annexes B and C). Used by attester-issuer.
 */
#pragma once

#include "evidence/public.h"

#define EVIDENCE_ID_OBJECT_BYTES_MAX        512
#define EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX 1024
#define EVIDENCE_CREDENTIAL_BYTES_MAX       32

/*
 * Encrypts `secret` (1..EVIDENCE_CREDENTIAL_BYTES_MAX bytes) so that only the TPM that holds `endorsement_key` releases it,
 * and only while it also holds the object called `object_name`. Appends a TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET, the
 * two arguments of TPM2_ActivateCredential. Errors: INVALID_ARGUMENT, NO_MEMORY, CRYPTO.
 */
bool evidence_credential_make(const struct evidence_public *endorsement_key, struct base_bytes object_name,
                              struct base_bytes secret, struct base_buffer *ret_id_object,
                              struct base_buffer *ret_encrypted_secret, struct base_error *error) BASE_MUST_CHECK;
