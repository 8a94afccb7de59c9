/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/pcrs.h"

#include "base/hash.h"
#include "evidence/tpm_numbers.h"

#define SELECT_BYTES (EVIDENCE_PCR_COUNT / 8)

/* TPM_CC, TPML_PCR_SELECTION with every bank, two digests. */
#define POLICY_INPUT_BYTES_MAX (4 + 4 + EVIDENCE_PCR_BANKS_MAX * (2 + 1 + SELECT_BYTES) + 2 * EVIDENCE_PCR_DIGEST_LEN)

size_t evidence_pcr_value_len(uint16_t algorithm)
{
        switch (algorithm) {
        case EVIDENCE_TPM_ALG_SHA1:
                return 20;
        case EVIDENCE_TPM_ALG_SHA256:
                return 32;
        case EVIDENCE_TPM_ALG_SHA384:
                return 48;
        case EVIDENCE_TPM_ALG_SHA512:
                return 64;
        default:
                return 0;
        }
}

const struct evidence_pcr_bank *evidence_pcrs_find_bank(const struct evidence_pcrs *pcrs, uint16_t algorithm)
{
        for (size_t i = 0; i < pcrs->bank_count; i++)
                if (pcrs->banks[i].algorithm == algorithm)
                        return &pcrs->banks[i];
        return NULL;
}

bool evidence_pcrs_select(const struct evidence_pcrs *pcrs, struct evidence_pcr_selection selection, struct evidence_pcrs *ret)
{
        const struct evidence_pcr_bank *bank = evidence_pcrs_find_bank(pcrs, selection.algorithm);

        if (bank == NULL || selection.mask == 0 || (selection.mask & ~bank->mask) != 0)
                return false;
        ret->bank_count = 1;
        ret->banks[0] = *bank;
        ret->banks[0].mask = selection.mask;
        return true;
}

static bool check_banks(const struct evidence_pcrs *pcrs, struct base_error *error)
{
        if (pcrs->bank_count == 0 || pcrs->bank_count > EVIDENCE_PCR_BANKS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A PCR selection has 1 to %d banks, not %zu.",
                                      EVIDENCE_PCR_BANKS_MAX, pcrs->bank_count);
        for (size_t i = 0; i < pcrs->bank_count; i++) {
                const struct evidence_pcr_bank *bank = &pcrs->banks[i];

                if (evidence_pcr_value_len(bank->algorithm) == 0 || bank->mask == 0 || bank->mask >> EVIDENCE_PCR_COUNT != 0)
                        return base_error_set(
                                error, BASE_ERROR_INVALID_ARGUMENT,
                                "The PCR selection names an unknown bank, or no PCR or an unknown PCR of bank 0x%04x.",
                                bank->algorithm);
        }
        return true;
}

bool evidence_pcrs_digest(const struct evidence_pcrs *pcrs, uint8_t ret[static EVIDENCE_PCR_DIGEST_LEN], struct base_error *error)
{
        struct base_bytes values[EVIDENCE_PCR_BANKS_MAX * EVIDENCE_PCR_COUNT];
        size_t count = 0;

        if (!check_banks(pcrs, error))
                return false;
        for (size_t i = 0; i < pcrs->bank_count; i++) {
                const struct evidence_pcr_bank *bank = &pcrs->banks[i];

                for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                        if (bank->mask & (1u << pcr))
                                values[count++] = BASE_BYTES(bank->values[pcr], evidence_pcr_value_len(bank->algorithm));
        }
        return base_sha256(values, count, ret, error);
}

bool evidence_pcr_policy_digest(const struct evidence_pcrs *pcrs, uint8_t ret[static EVIDENCE_PCR_DIGEST_LEN],
                                struct base_error *error)
{
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(POLICY_INPUT_BYTES_MAX);
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];
        struct base_bytes piece;

        if (!evidence_pcrs_digest(pcrs, digest, error))
                return false;
        (void) base_buffer_extend(&input, EVIDENCE_PCR_DIGEST_LEN); /* the policyDigest of a fresh session */
        base_buffer_put_u32(&input, EVIDENCE_TPM_CC_POLICY_PCR);
        base_buffer_put_u32(&input, (uint32_t) pcrs->bank_count);
        for (size_t i = 0; i < pcrs->bank_count; i++) {
                base_buffer_put_u16(&input, pcrs->banks[i].algorithm);
                base_buffer_put_u8(&input, SELECT_BYTES);
                for (unsigned byte = 0; byte < SELECT_BYTES; byte++)
                        base_buffer_put_u8(&input, (uint8_t) (pcrs->banks[i].mask >> (8 * byte)));
        }
        base_buffer_put(&input, digest, sizeof(digest));
        if (!base_buffer_ok(&input))
                return base_error_set_no_memory(error);
        piece = base_buffer_bytes(&input);
        return base_sha256(&piece, 1, ret, error);
}
