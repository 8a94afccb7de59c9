/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/pcr.h"

#include <string.h>

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
