/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/pcr.h"

#include <string.h>

struct bank_name {
        const char *name;
        uint16_t bank;
};

static const struct bank_name bank_names[] = {
        { "sha256:", TPM_PCR_BANK_SHA256 },
        { "sha384:", TPM_PCR_BANK_SHA384 },
};

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

static bool parse_index(const char **cursor, unsigned *ret)
{
        unsigned value = 0, digits = 0;
        const char *at = *cursor;

        while (*at >= '0' && *at <= '9' && digits < 3) {
                value = value * 10 + (unsigned) (*at - '0');
                at++;
                digits++;
        }
        if (digits == 0 || digits > 2 || value >= EVIDENCE_PCR_COUNT)
                return false;
        *cursor = at;
        *ret = value;
        return true;
}

/* "0,2-4": true at the end of the string. */
static bool parse_list(const char *list, uint32_t *ret_mask, struct base_error *error)
{
        uint32_t mask = 0;

        for (const char *at = list;;) {
                unsigned first, last;

                if (!parse_index(&at, &first))
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "A PCR number from 0 to %d was expected at \"%s\".", EVIDENCE_PCR_COUNT - 1, at);
                last = first;
                if (*at == '-') {
                        at++;
                        if (!parse_index(&at, &last) || last < first)
                                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                                      "A range of PCRs must end with a PCR number above its first, at \"%s\".",
                                                      at);
                }
                for (unsigned i = first; i <= last; i++) {
                        if (mask & (1u << i))
                                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "PCR %u is named twice.", i);
                        mask |= 1u << i;
                }
                if (*at == '\0')
                        break;
                if (*at++ != ',')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "PCRs are separated by a comma, at \"%s\".",
                                              at - 1);
        }
        *ret_mask = mask;
        return true;
}

bool tpm_pcr_selection_parse(const char *text, struct tpm_pcr_selection *ret, struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(bank_names); i++) {
                size_t len = strlen(bank_names[i].name);
                uint32_t mask = 0;

                if (strncmp(text, bank_names[i].name, len) != 0)
                        continue;
                if (!parse_list(text + len, &mask, error))
                        return false;
                *ret = (struct tpm_pcr_selection){ .bank = bank_names[i].bank, .mask = mask };
                return true;
        }
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                              "PCRs are selected as in \"sha256:0-7,11\" or \"sha384:7\", not \"%s\".", text);
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
