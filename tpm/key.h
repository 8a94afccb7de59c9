/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attestation key (AK): made, loaded, proven to live beside the endorsement key. It signs only in the boot state
 * that it was sealed to; why it has the attributes it has is in docs/tpm.md. Runs on attesterd's TPM thread; may be
 * included by tpm/ alone.
 */
#pragma once

#include "tpm/hierarchy.h"
#include "tpm/pcr.h"
#include "tpm/seal.h"

/*
 * Makes a restricted ECDSA P-256 signing key under the SRK, sealed as `seal` says: to the present values of `pcrs`, or to an
 * authority. Nothing is written. `now` is for the record. Errors: TPM_UNAVAILABLE, TPM_FAILED, CRYPTO; those of
 * tpm_authority_load(). Source: TPM 2.0 part 3, TPM2_Create.
 */
bool tpm_key_create(struct tpm_connection *connection, const struct tpm_srk *srk, struct tpm_pcr_selection pcrs,
                    const struct tpm_seal_config *seal, uint64_t now, struct tpm_key_file *ret,
                    struct base_error *error) BASE_MUST_CHECK;

/*
 * Loads the key into a slot; the caller flushes `ret`.
 * Errors: NOT_ENROLLED (made by another TPM, or before this one was cleared), TPM_UNAVAILABLE, TPM_FAILED.
 */
bool tpm_key_load(struct tpm_connection *connection, const struct tpm_srk *srk, const struct tpm_key_file *file,
                  struct tpm_handle *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Opens a credential made for this EK and the loaded `key`. The secret comes back encrypted on the bus.
 * Errors: TPM_UNAVAILABLE, TPM_FAILED, CRYPTO (made for other keys, or not of TPM_CREDENTIAL_SECRET_LEN bytes).
 * Source: TPM 2.0 part 3, TPM2_ActivateCredential.
 */
bool tpm_key_activate(struct tpm_connection *connection, const struct tpm_srk *srk, const struct tpm_ek *ek,
                      const struct tpm_handle *key, const TPM2B_ID_OBJECT *credential,
                      const TPM2B_ENCRYPTED_SECRET *encrypted_secret, uint8_t ret[static TPM_CREDENTIAL_SECRET_LEN],
                      struct base_error *error) BASE_MUST_CHECK;
