/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/pcr.h"

#include <string.h>

/* PC Client Platform Firmware Profile, section 3.3.4; the UAPI group's Linux TPM PCR registry. */
static const char *const purposes[EVIDENCE_PCR_COUNT] = {
        [0] = "firmware",
        [1] = "firmware configuration",
        [2] = "option ROMs",
        [3] = "option ROM configuration",
        [4] = "boot loader",
        [5] = "partition table and boot loader configuration",
        [6] = "platform manufacturer",
        [7] = "Secure Boot policy",
        [8] = "boot loader commands and kernel command line",
        [9] = "initial ramdisk and files read at boot",
        [10] = "IMA",
        [11] = "unified kernel image",
        [12] = "kernel command line and credentials",
        [13] = "system extensions",
        [14] = "shim's MOK state",
        [15] = "system identity",
        [16] = "debug",
        [23] = "application",
};

const char *tpm_pcr_purpose(unsigned index)
{
        if (index >= EVIDENCE_PCR_COUNT || purposes[index] == NULL)
                return "no assigned use";
        return purposes[index];
}

bool tpm_pcr_selection_parse(const char *text, struct tpm_pcr_selection *ret, struct base_error *error)
{
        struct evidence_pcr_selection selection;

        if (!evidence_pcr_selection_parse(text, &selection, error))
                return false;
        *ret = (struct tpm_pcr_selection){ .bank = selection.algorithm, .mask = selection.mask };
        return true;
}

uint32_t tpm_pcrs_changed(const struct evidence_pcrs *sealed, const struct evidence_pcrs *current)
{
        const struct evidence_pcr_bank *from, *to;
        uint32_t changed = 0;

        if (sealed->bank_count == 0)
                return 0;
        from = &sealed->banks[0];
        to = evidence_pcrs_find_bank(current, from->algorithm);
        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                uint32_t bit = 1u << i;

                if (!(from->mask & bit))
                        continue;
                if (to == NULL || !(to->mask & bit) ||
                    memcmp(from->values[i], to->values[i], evidence_pcr_value_len(from->algorithm)) != 0)
                        changed |= bit;
        }
        return changed;
}

void tpm_pcr_names_put(struct base_buffer *to, uint32_t mask)
{
        bool first = true;

        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if (!(mask & (1u << i)))
                        continue;
                mask &= ~(1u << i);
                if (!first)
                        base_buffer_put_string(to, mask == 0 ? " and " : ", ");
                base_buffer_printf(to, "PCR %u (%s)", i, tpm_pcr_purpose(i));
                first = false;
        }
}
