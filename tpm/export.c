/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/export.h"

#include "base/file.h"

#define MODE 0644

static void put_values(struct base_buffer *to, const struct evidence_pcr_bank *bank)
{
        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if (bank->mask & (1u << i))
                        base_buffer_put(to, bank->values[i], evidence_pcr_value_len(bank->algorithm));
        }
}

bool tpm_export_quote(const struct evidence_quote *quote, int directory_fd, struct base_error *error)
{
        base_auto_buffer struct base_buffer values = BASE_BUFFER_INIT(sizeof(quote->pcrs));

        for (size_t i = 0; i < quote->pcrs.bank_count; i++)
                put_values(&values, &quote->pcrs.banks[i]);
        if (!base_buffer_ok(&values))
                return base_error_set_no_memory(error);
        return base_file_replace_at(directory_fd, TPM_EXPORT_MESSAGE, BASE_BYTES(quote->attest, quote->attest_len), MODE,
                                    error) &&
               base_file_replace_at(directory_fd, TPM_EXPORT_SIGNATURE, BASE_BYTES(quote->signature, quote->signature_len), MODE,
                                    error) &&
               base_file_replace_at(directory_fd, TPM_EXPORT_PCRS, base_buffer_bytes(&values), MODE, error);
}
