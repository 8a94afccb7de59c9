/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TPM's standing keys: the storage root key (SRK), which salts sessions and is the attestation key's parent, and the
 * endorsement key (EK), which says which TPM this is. Runs on attesterd's TPM thread; may be included by tpm/ alone.
 */
#pragma once

#include "tpm/connection.h"
#include "tpm/key_file.h"
#include "tpm/worker.h"

#define TPM_SRK_HANDLE 0x81000001u

struct tpm_srk {
        ESYS_TR object;              /* the persistent key, or the transient one below */
        struct tpm_handle transient; /* only where the TPM refuses to keep one */
        uint8_t name[TPM_KEY_NAME_BYTES_MAX];
        size_t name_len;
};

#define TPM_SRK_INIT                                                                                                             \
        {                                                                                                                        \
                .object = ESYS_TR_NONE, .transient = TPM_HANDLE_INIT                                                             \
        }

/*
 * Finds the SRK at TPM_SRK_HANDLE, whatever its kind. If there is none, creates one from the TCG template for ECC P-256 and
 * makes it persistent; where that is refused, the same key is used from a slot for transient objects.
 * Errors: TPM_UNAVAILABLE, TPM_FAILED. Source: TCG TPM v2.0 Provisioning Guidance, section 7.5.1.
 */
bool tpm_srk_open(struct tpm_connection *connection, struct tpm_srk *ret, struct base_error *error) BASE_MUST_CHECK;
void tpm_srk_close(struct tpm_srk *srk);

struct tpm_ek {
        struct tpm_handle key;
        bool policy_only;                               /* no userWithAuth: TPM2_PolicySecret(endorsement) is the only way in */
        uint8_t public_area[EVIDENCE_PUBLIC_BYTES_MAX]; /* TPM2B_PUBLIC */
        size_t public_len;
        uint8_t certificate[TPM_CERTIFICATE_BYTES_MAX]; /* DER */
        size_t certificate_len;                         /* 0: the TPM has none that we know of */
};

#define TPM_EK_INIT                                                                                                              \
        {                                                                                                                        \
                .key = TPM_HANDLE_INIT                                                                                           \
        }
static inline void tpm_ek_close(struct tpm_ek *ek)
{
        tpm_handle_flush(&ek->key);
}
#define tpm_auto_ek BASE_CLEANUP(tpm_ek_close)

/*
 * Makes the EK that the first certificate found in NV is for, in the order of docs/tpm.md; without one, ECC P-256.
 * The caller closes `ret`. Errors: TPM_UNAVAILABLE, TPM_FAILED, STATE_INVALID (a certificate that is not DER).
 * Source: TCG EK Credential Profile 2.5, sections 2.2.1.4, 2.2.1.5, B.3 and B.4.
 */
bool tpm_ek_open(struct tpm_connection *connection, const struct tpm_srk *srk, struct tpm_ek *ret,
                 struct base_error *error) BASE_MUST_CHECK;

/*
 * Starts the session that authorises the use of the EK: a policy session that has satisfied PolicySecret(endorsement),
 * or an HMAC session where the EK's template allows that. Errors: TPM_UNAVAILABLE, TPM_FAILED.
 */
bool tpm_ek_authorize(const struct tpm_ek *ek, const struct tpm_srk *srk, struct tpm_handle *ret,
                      struct base_error *error) BASE_MUST_CHECK;
