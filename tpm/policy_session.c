/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/policy_session.h"

#include "base/hash.h"
#include "tpm/pcr_read.h"

#include <tss2/tss2_mu.h>

#include <string.h>

static TSS2_RC policy_pcr(struct tpm_connection *connection, ESYS_TR session, struct tpm_pcr_selection pcrs)
{
        static const TPM2B_DIGEST present_values = { 0 };
        TPML_PCR_SELECTION list = tpm_pcr_selection_list(pcrs);

        return Esys_PolicyPCR(connection->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &present_values, &list);
}

/*
 * The TPM's word that it has seen the signature. In the owner hierarchy, since the null hierarchy gives no ticket. No session:
 * all of it is public, and a ticket that is not the TPM's own is of no use.
 */
static bool verify(struct tpm_connection *connection, const struct tpm_key_file *file, const struct tpm_approval *approval,
                   TPMT_TK_VERIFIED **ret_ticket, struct base_error *error)
{
        tpm_auto_handle struct tpm_handle key = { .connection = connection, .object = ESYS_TR_NONE };
        TPM2B_PUBLIC public = { 0 };
        TPM2B_DIGEST digest = { .size = BASE_SHA256_LEN };
        TPMT_SIGNATURE signature = { 0 };
        size_t public_at = 0, signature_at = 0;
        TSS2_RC rc;

        if (!base_sha256(
                    (struct base_bytes[]){ BASE_BYTES_OF(approval->policy), BASE_BYTES(file->policy_ref, file->policy_ref_len) },
                    2, digest.buffer, error))
                return false;
        rc = Tss2_MU_TPM2B_PUBLIC_Unmarshal(file->authority_area, file->authority_len, &public_at, &public);
        if (rc == TSS2_RC_SUCCESS)
                rc = Tss2_MU_TPMT_SIGNATURE_Unmarshal(approval->signature, approval->signature_len, &signature_at, &signature);
        if (rc == TSS2_RC_SUCCESS)
                rc = Esys_LoadExternal(connection->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &public,
                                       ESYS_TR_RH_OWNER, &key.object);
        if (rc == TSS2_RC_SUCCESS)
                rc = Esys_VerifySignature(connection->esys, key.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest,
                                          &signature, ret_ticket);
        return rc == TSS2_RC_SUCCESS || tpm_connection_fail(connection, rc, "verify the authority's signature", error);
}

static enum tpm_policy_outcome authorize(struct tpm_connection *connection, const struct tpm_key_file *file,
                                         const struct tpm_approval *approval, const TPMT_TK_VERIFIED *ticket, ESYS_TR session,
                                         struct base_error *error)
{
        TPM2B_DIGEST policy = { .size = EVIDENCE_POLICY_DIGEST_LEN };
        TPM2B_NONCE policy_ref = { .size = (uint16_t) file->policy_ref_len };
        TPM2B_NAME name = { .size = EVIDENCE_KEY_ID_LEN };
        TSS2_RC rc;

        if (!tpm_key_file_authority_name(file, name.name, error))
                return TPM_POLICY_FAILED;
        memcpy(policy.buffer, approval->policy, EVIDENCE_POLICY_DIGEST_LEN);
        memcpy(policy_ref.buffer, file->policy_ref, file->policy_ref_len);
        rc = policy_pcr(connection, session, approval->pcrs);
        if (rc == TSS2_RC_SUCCESS)
                rc = Esys_PolicyAuthorize(connection->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &policy,
                                          &policy_ref, &name, ticket);
        if (rc == TSS2_RC_SUCCESS)
                return TPM_POLICY_SATISFIED;
        (void) tpm_connection_fail(connection, rc, "accept the authority's signature for its PCRs", error);
        /* TPM_RC_VALUE: the session's PolicyPCR is no longer the approved one. */
        return connection->failure == TPM_RC_CLASS_VALUE ? TPM_POLICY_MOVED : TPM_POLICY_FAILED;
}

enum tpm_policy_outcome tpm_policy_satisfy(struct tpm_connection *connection, const struct tpm_key_file *file,
                                           const struct tpm_seal_config *config, const struct tpm_handle *session,
                                           uint32_t *ret_pcrs, struct base_error *error)
{
        tpm_auto_esys TPMT_TK_VERIFIED *ticket = NULL;
        struct tpm_approval approval;
        TSS2_RC rc;

        if (file->mode == TPM_SEAL_MODE_SIGNED) {
                if (!tpm_approval_find(connection, file, config, &approval, ret_pcrs, error) ||
                    !verify(connection, file, &approval, &ticket, error))
                        return TPM_POLICY_FAILED;
                return authorize(connection, file, &approval, ticket, session->object, error);
        }
        rc = policy_pcr(
                connection, session->object,
                (struct tpm_pcr_selection){ .bank = file->sealed.banks[0].algorithm, .mask = file->sealed.banks[0].mask });
        if (rc == TSS2_RC_SUCCESS)
                return TPM_POLICY_SATISFIED;
        (void) tpm_connection_fail(connection, rc, "take its PCRs into the policy", error);
        return TPM_POLICY_FAILED;
}
