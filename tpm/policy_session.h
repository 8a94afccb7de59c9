/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brings a policy session to where the attestation key's authPolicy holds, if the PCRs allow that. Runs on attesterd's TPM
 * thread; may be included by tpm/ alone.
 */
#pragma once

#include "tpm/approval.h"

enum tpm_policy_outcome {
        TPM_POLICY_SATISFIED, /* as far as the session goes: a PCR mode key says only when it is used whether the values are right
                               */
        TPM_POLICY_MOVED,     /* a PCR changed meanwhile: try again in a new session */
        TPM_POLICY_FAILED,    /* `error` is set */
};

/*
 * TPM2_PolicyPCR with the present values and, for a key of mode SIGNED, TPM2_VerifySignature of the authority's signature for
 * them and TPM2_PolicyAuthorize. Takes a slot for an object for a moment. Errors: those of tpm_approval_find() (SEALED with
 * `ret_pcrs`). Source: TPM 2.0 part 3, TPM2_PolicyAuthorize.
 */
enum tpm_policy_outcome tpm_policy_satisfy(struct tpm_connection *connection, const struct tpm_key_file *file,
                                           const struct tpm_seal_config *config, const struct tpm_handle *session,
                                           uint32_t *ret_pcrs, struct base_error *error) BASE_MUST_CHECK;
