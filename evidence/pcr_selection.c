/* SPDX-License-Identifier: BSD-2-Clause */
/* PCRs as people write them. */
#include "evidence/pcrs.h"

#include "evidence/tpm_numbers.h"

#include <string.h>

struct bank_name {
        const char *name;
        uint16_t algorithm;
};

static const struct bank_name bank_names[] = {
        { "sha256:", EVIDENCE_TPM_ALG_SHA256 },
        { "sha384:", EVIDENCE_TPM_ALG_SHA384 },
};

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
                if (*at != ',' && *at != '+')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "PCRs are separated by a comma or plus, at \"%s\".", at);
                at++;
        }
        *ret_mask = mask;
        return true;
}

bool evidence_pcr_selection_parse(const char *text, struct evidence_pcr_selection *ret, struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(bank_names); i++) {
                size_t len = strlen(bank_names[i].name);
                uint32_t mask = 0;

                if (strncmp(text, bank_names[i].name, len) != 0)
                        continue;
                if (!parse_list(text + len, &mask, error))
                        return false;
                *ret = (struct evidence_pcr_selection){ .algorithm = bank_names[i].algorithm, .mask = mask };
                return true;
        }
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                              "PCRs are selected as in \"sha256:0-7,11\" or \"sha384:7\", not \"%s\".", text);
}
