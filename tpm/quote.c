/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/quote.h"

#include "tpm/pcr_read.h"
#include "tpm/policy_session.h"

#include <tss2/tss2_mu.h>

#include <string.h>

#define ATTEMPTS_MAX 8 /* when PCRs move while we quote them */

enum outcome {
        OUTCOME_DONE,
        OUTCOME_REFUSED, /* the policy does not hold */
        OUTCOME_MOVED,   /* a PCR moved in between: try again */
        OUTCOME_FAILED,
};

/* What does not change between attempts. */
struct quote_request {
        const struct tpm_key_file *file;
        const struct tpm_seal_config *seal;
        struct tpm_pcr_selection pcrs;
        const uint8_t *qualifying_data;
        uint32_t *ret_changed_pcrs;
};

static bool sealed_error(uint32_t changed, struct base_error *error)
{
        base_auto_buffer struct base_buffer names = BASE_BUFFER_INIT(BASE_ERROR_TEXT_MAX / 2);
        const char *text;

        evidence_pcr_names_put(&names, changed);
        text = base_buffer_c_string(&names);
        return base_error_set(
                error, BASE_ERROR_SEALED,
                "%s changed since the attestation key was sealed, so it does not sign. If the change was intended, an "
                "administrator can run \"attestctl reseal\" and enroll this device again.",
                text != NULL ? text : "Several PCRs");
}

bool tpm_quote_check_seal(struct tpm_connection *connection, const struct tpm_key_file *file, const struct tpm_seal_config *seal,
                          uint32_t *ret_changed_pcrs, struct base_error *error)
{
        const struct evidence_pcr_bank *bank = &file->sealed.banks[0];
        struct tpm_approval approval;
        struct evidence_pcrs current;
        uint32_t changed;

        if (file->mode == TPM_SEAL_MODE_SIGNED)
                return tpm_approval_find(connection, file, seal, &approval, ret_changed_pcrs, error);
        if (!tpm_pcrs_read(connection, (struct tpm_pcr_selection){ .bank = bank->algorithm, .mask = bank->mask }, ESYS_TR_NONE,
                           &current, error))
                return false;
        changed = tpm_pcrs_changed(&file->sealed, &current);
        if (changed == 0)
                return true;
        *ret_changed_pcrs = changed;
        return sealed_error(changed, error);
}

/* Keeps what the TPM signed, if it is a quote of what was asked. */
static bool take_attest(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature, struct tpm_pcr_selection pcrs,
                        const uint8_t *qualifying_data, struct evidence_quote *quote, struct evidence_attest *parsed,
                        struct base_error *error)
{
        size_t signature_len = 0;

        if (attest->size > sizeof(quote->attest))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The TPM's quote is too long.");
        memcpy(quote->attest, attest->attestationData, attest->size);
        quote->attest_len = attest->size;
        if (Tss2_MU_TPMT_SIGNATURE_Marshal(signature, quote->signature, sizeof(quote->signature), &signature_len) !=
            TSS2_RC_SUCCESS)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The TPM's signature is too long.");
        quote->signature_len = signature_len;
        if (!evidence_attest_parse(BASE_BYTES(quote->attest, quote->attest_len), parsed, error))
                return false;
        if (!base_bytes_equal(BASE_BYTES(parsed->extra_data, parsed->extra_data_len),
                              BASE_BYTES(qualifying_data, TPM_QUALIFYING_DATA_LEN)) ||
            parsed->pcrs.bank_count != 1 || parsed->pcrs.banks[0].algorithm != pcrs.bank ||
            parsed->pcrs.banks[0].mask != pcrs.mask)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The TPM quoted something other than what it was asked for.");
        return true;
}

static enum outcome policy_and_quote(struct tpm_connection *connection, const struct tpm_srk *srk,
                                     const struct quote_request *request, TPM2B_ATTEST **ret_attest,
                                     TPMT_SIGNATURE **ret_signature, struct base_error *error)
{
        static const TPMT_SIG_SCHEME scheme_of_key = { .scheme = TPM2_ALG_NULL };
        tpm_auto_handle struct tpm_handle policy = TPM_HANDLE_INIT, key = TPM_HANDLE_INIT;
        TPML_PCR_SELECTION quoted = tpm_pcr_selection_list(request->pcrs);
        TPM2B_DATA data = { .size = TPM_QUALIFYING_DATA_LEN };
        enum tpm_policy_outcome satisfied;
        TSS2_RC rc;

        memcpy(data.buffer, request->qualifying_data, TPM_QUALIFYING_DATA_LEN);
        if (!tpm_session_start(connection, srk->object, TPM2_SE_POLICY, 0, &policy, error))
                return OUTCOME_FAILED;
        satisfied = tpm_policy_satisfy(connection, request->file, request->seal, &policy, request->ret_changed_pcrs, error);
        if (satisfied != TPM_POLICY_SATISFIED)
                return satisfied == TPM_POLICY_MOVED ? OUTCOME_MOVED : OUTCOME_FAILED;
        /* The key comes last, so that it takes a slot for as short as can be. */
        if (!tpm_key_load(connection, srk, request->file, &key, error))
                return OUTCOME_FAILED;
        rc = Esys_Quote(connection->esys, key.object, policy.object, ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme_of_key, &quoted,
                        ret_attest, ret_signature);
        if (rc == TSS2_RC_SUCCESS)
                return OUTCOME_DONE;
        (void) tpm_connection_fail(connection, rc, "quote its PCRs", error);
        if (connection->failure == TPM_RC_CLASS_AUTH) {
                (void) base_error_set(error, BASE_ERROR_TPM_FAILED,
                                      "The TPM did not get the command to quote as it was sent: something between this program "
                                      "and the TPM alters it.");
                base_error_set_detail(error, "TSS2_RC 0x%08x", rc);
        }
        if (connection->failure == TPM_RC_CLASS_POLICY)
                return OUTCOME_REFUSED;
        return connection->failure == TPM_RC_CLASS_PCR_CHANGED ? OUTCOME_MOVED : OUTCOME_FAILED;
}

static bool values_match(const struct evidence_pcrs *values, const struct evidence_attest *attest)
{
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];

        return values->bank_count == 1 && evidence_pcrs_digest(values, digest, NULL) &&
               memcmp(digest, attest->pcr_digest, sizeof(digest)) == 0;
}

static enum outcome quote_once(struct tpm_connection *connection, const struct tpm_srk *srk, const struct quote_request *request,
                               struct evidence_pcrs *cached, struct evidence_quote *quote, struct base_error *error)
{
        tpm_auto_esys TPM2B_ATTEST *attest = NULL;
        tpm_auto_esys TPMT_SIGNATURE *signature = NULL;
        struct evidence_attest parsed;
        enum outcome outcome;

        outcome = policy_and_quote(connection, srk, request, &attest, &signature, error);
        if (outcome != OUTCOME_DONE)
                return outcome;
        if (!take_attest(attest, signature, request->pcrs, request->qualifying_data, quote, &parsed, error))
                return OUTCOME_FAILED;
        if (!values_match(cached, &parsed)) {
                if (!tpm_pcrs_read(connection, request->pcrs, ESYS_TR_NONE, cached, error))
                        return OUTCOME_FAILED;
                if (!values_match(cached, &parsed)) {
                        (void) base_error_set(error, BASE_ERROR_TPM_FAILED,
                                              "The TPM's PCRs keep changing while it quotes them; try again.");
                        return OUTCOME_MOVED;
                }
        }
        quote->pcrs = *cached;
        return OUTCOME_DONE;
}

bool tpm_quote_create(struct tpm_connection *connection, const struct tpm_srk *srk, const struct tpm_key_file *file,
                      const struct tpm_seal_config *seal, struct tpm_pcr_selection pcrs,
                      const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN], struct evidence_pcrs *cached,
                      struct tpm_quote *ret, uint32_t *ret_changed_pcrs, struct base_error *error)
{
        const struct evidence_pcr_bank *bank = &file->sealed.banks[0];
        const struct quote_request request = { file, seal, pcrs, qualifying_data, ret_changed_pcrs };
        struct tpm_quote made = { .seal = { .algorithm = bank->algorithm, .mask = bank->mask } };

        if (!tpm_key_file_name(file, made.key_name, error))
                return false;
        for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
                struct base_error sealed = BASE_ERROR_INIT;

                switch (quote_once(connection, srk, &request, cached, &made.evidence, error)) {
                case OUTCOME_DONE:
                        *ret = made;
                        return true;
                case OUTCOME_FAILED:
                        return false;
                case OUTCOME_REFUSED:
                        if (!tpm_quote_check_seal(connection, file, seal, ret_changed_pcrs, &sealed))
                                return base_error_copy(error, &sealed);
                        break;
                case OUTCOME_MOVED:
                        break;
                }
        }
        return false;
}
