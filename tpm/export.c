/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/export.h"

#include "base/file.h"

#include <tss2/tss2_tpm2_types.h>

#include <endian.h>
#include <string.h>

#define MODE             0644
#define EXPORT_BYTES_MAX 16384

#define DIGESTS_IN_LIST BASE_COUNT(((TPML_DIGEST *) NULL)->digests)

/* The format is tss2's structures as they lie in the memory of a little-endian machine. */
static void put_selection(struct base_buffer *to, const struct evidence_pcrs *pcrs)
{
        TPML_PCR_SELECTION list = { .count = htole32((uint32_t) pcrs->bank_count) };

        for (size_t i = 0; i < pcrs->bank_count; i++) {
                TPMS_PCR_SELECTION *selection = &list.pcrSelections[i];
                uint32_t mask = htole32(pcrs->banks[i].mask);

                selection->hash = htole16(pcrs->banks[i].algorithm);
                selection->sizeofSelect = 3;
                memcpy(selection->pcrSelect, &mask, 3);
        }
        base_buffer_put(to, &list, sizeof(list));
}

static void put_values(struct base_buffer *to, const struct evidence_pcrs *pcrs)
{
        TPML_DIGEST lists[EVIDENCE_PCR_BANKS_MAX * EVIDENCE_PCR_COUNT / DIGESTS_IN_LIST] = { 0 };
        uint32_t count = 0, list_count;

        for (size_t i = 0; i < pcrs->bank_count; i++) {
                const struct evidence_pcr_bank *bank = &pcrs->banks[i];
                size_t value_len = evidence_pcr_value_len(bank->algorithm);

                for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                        TPML_DIGEST *list = &lists[count / DIGESTS_IN_LIST];
                        TPM2B_DIGEST *digest = &list->digests[count % DIGESTS_IN_LIST];

                        if (!(bank->mask & (1u << pcr)))
                                continue;
                        digest->size = htole16((uint16_t) value_len);
                        memcpy(digest->buffer, bank->values[pcr], value_len);
                        count++;
                        list->count = htole32((count - 1) % DIGESTS_IN_LIST + 1);
                }
        }
        list_count = (count + DIGESTS_IN_LIST - 1) / DIGESTS_IN_LIST;
        base_buffer_put(to, &(uint32_t){ htole32(list_count) }, sizeof(uint32_t));
        base_buffer_put(to, lists, list_count * sizeof(lists[0]));
}

bool tpm_export_quote(const struct evidence_quote *quote, int directory_fd, struct base_error *error)
{
        base_auto_buffer struct base_buffer values = BASE_BUFFER_INIT(EXPORT_BYTES_MAX);

        put_selection(&values, &quote->pcrs);
        put_values(&values, &quote->pcrs);
        if (!base_buffer_ok(&values))
                return base_error_set_no_memory(error);
        return base_file_replace_at(directory_fd, TPM_EXPORT_MESSAGE, BASE_BYTES(quote->attest, quote->attest_len), MODE,
                                    error) &&
               base_file_replace_at(directory_fd, TPM_EXPORT_SIGNATURE, BASE_BYTES(quote->signature, quote->signature_len), MODE,
                                    error) &&
               base_file_replace_at(directory_fd, TPM_EXPORT_PCRS, base_buffer_bytes(&values), MODE, error);
}
