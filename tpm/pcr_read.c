/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/pcr_read.h"

#include <string.h>

#define ROUNDS_MAX   EVIDENCE_PCR_COUNT /* a TPM may give as little as one PCR at a time */
#define RESTARTS_MAX 8                  /* when a PCR moves between two rounds */

TPML_PCR_SELECTION tpm_pcr_selection_list(struct tpm_pcr_selection selection)
{
        return (TPML_PCR_SELECTION) {
                .count = 1,
                .pcrSelections[0] = {
                        .hash = selection.bank,
                        .sizeofSelect = 3,
                        .pcrSelect = { selection.mask & 0xff, (selection.mask >> 8) & 0xff, (selection.mask >> 16) & 0xff },
                },
        };
}

static uint32_t mask_of(const TPML_PCR_SELECTION *list)
{
        const TPMS_PCR_SELECTION *selection = &list->pcrSelections[0];
        uint32_t mask = 0;

        for (unsigned i = 0; list->count == 1 && i < selection->sizeofSelect && i < 3; i++)
                mask |= (uint32_t) selection->pcrSelect[i] << (8 * i);
        return mask;
}

/* Takes the digests of one round: ascending PCRs of `mask`. False if the answer does not fit the question. */
static bool take_digests(struct evidence_pcr_bank *bank, uint32_t mask, const TPML_DIGEST *digests)
{
        size_t value_len = evidence_pcr_value_len(bank->algorithm), next = 0;

        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if (!(mask & (1u << i)))
                        continue;
                if (next >= digests->count || digests->digests[next].size != value_len)
                        return false;
                memcpy(bank->values[i], digests->digests[next++].buffer, value_len);
        }
        return next == digests->count;
}

enum pass {
        PASS_DONE,
        PASS_MOVED,
        PASS_FAILED,
};

static enum pass read_once(struct tpm_connection *connection, struct tpm_pcr_selection selection, ESYS_TR session,
                           struct evidence_pcr_bank *bank, struct base_error *error)
{
        struct tpm_pcr_selection left = selection;
        uint32_t first_counter = 0;

        for (unsigned round = 0; round < ROUNDS_MAX && left.mask != 0; round++) {
                tpm_auto_esys TPML_PCR_SELECTION *got = NULL;
                tpm_auto_esys TPML_DIGEST *digests = NULL;
                TPML_PCR_SELECTION wanted = tpm_pcr_selection_list(left);
                uint32_t counter, mask;
                TSS2_RC rc;

                rc = Esys_PCR_Read(connection->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, &counter, &got, &digests);
                if (rc != TSS2_RC_SUCCESS) {
                        (void) tpm_connection_fail(connection, rc, "read its PCRs", error);
                        return PASS_FAILED;
                }
                if (round > 0 && counter != first_counter)
                        return PASS_MOVED;
                first_counter = counter;
                mask = mask_of(got);
                if (mask == 0 || (mask & ~left.mask) != 0 || !take_digests(bank, mask, digests))
                        break;
                left.mask &= ~mask;
        }
        if (left.mask == 0)
                return PASS_DONE;
        (void) base_error_set(
                error, BASE_ERROR_TPM_FAILED,
                "The TPM does not have the selected PCRs in bank %s; select others, or enable the bank in the firmware.",
                selection.bank == TPM_PCR_BANK_SHA384 ? "sha384" : "sha256");
        return PASS_FAILED;
}

bool tpm_pcrs_read(struct tpm_connection *connection, struct tpm_pcr_selection selection, ESYS_TR session,
                   struct evidence_pcrs *ret, struct base_error *error)
{
        for (unsigned restart = 0; restart < RESTARTS_MAX; restart++) {
                struct evidence_pcrs pcrs = { .bank_count = 1,
                                              .banks[0] = { .algorithm = selection.bank, .mask = selection.mask } };

                switch (read_once(connection, selection, session, &pcrs.banks[0], error)) {
                case PASS_DONE:
                        *ret = pcrs;
                        return true;
                case PASS_FAILED:
                        return false;
                case PASS_MOVED:
                        break;
                }
        }
        return base_error_set(error, BASE_ERROR_TPM_FAILED, "The TPM's PCRs keep changing while they are read; try again.");
}
