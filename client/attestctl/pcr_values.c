/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/pcr_values.h"

#include "base/encode.h"
#include "base/file.h"
#include "evidence/pcr_names.h"

#include <string.h>

#define BLANKS " \t\r\n,+"

static bool wrong(const char *word, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                              "\"%.40s\" is no PCR value; write sha256:7=HEX,8=HEX or give what tpm2_pcrread prints", word);
}

/* "sha256:": the bank that the next values are of. */
static bool bank_start(const char **text, struct evidence_pcrs *pcrs, struct evidence_pcr_bank **bank)
{
        size_t len = strcspn(*text, ":");
        uint16_t algorithm;

        if ((*text)[len] != ':' || !evidence_pcr_bank_find(*text, len, &algorithm))
                return false;
        *text += len + 1;
        for (size_t at = 0; at < pcrs->bank_count; at++)
                if (pcrs->banks[at].algorithm == algorithm) {
                        *bank = &pcrs->banks[at];
                        return true;
                }
        *bank = &pcrs->banks[pcrs->bank_count++];
        **bank = (struct evidence_pcr_bank){ .algorithm = algorithm };
        return true;
}

/* "7 : 0xHEX" or "7=HEX". */
static bool value_take(const char **text, struct evidence_pcr_bank *bank)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(EVIDENCE_PCR_VALUE_BYTES_MAX);
        const char *p = *text;
        size_t digits = strspn(p, "0123456789"), len;
        unsigned long pcr = strtoul(p, NULL, 10);

        if (digits == 0 || digits > 2 || pcr >= EVIDENCE_PCR_COUNT)
                return false;
        p += digits;
        p += strspn(p, " \t");
        if (*p != ':' && *p != '=')
                return false;
        p++;
        p += strspn(p, " \t");
        if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
                p += 2;
        len = strspn(p, "0123456789abcdefABCDEF");
        if (!base_hex_decode(&value, p, len) || value.len != evidence_pcr_value_len(bank->algorithm))
                return false;
        memcpy(bank->values[pcr], value.data, value.len);
        bank->mask |= 1u << pcr;
        *text = p + len;
        return true;
}

bool attestctl_pcr_values_read(const char *text, struct evidence_pcrs *pcrs, struct base_error *error)
{
        struct evidence_pcr_bank *bank = NULL;

        for (text += strspn(text, BLANKS); *text != '\0'; text += strspn(text, BLANKS)) {
                if (bank_start(&text, pcrs, &bank))
                        continue;
                if (bank == NULL || !value_take(&text, bank))
                        return wrong(text, error);
        }
        /* tpm2_pcrread names banks that have no PCRs. */
        for (size_t i = pcrs->bank_count; i-- > 0;)
                if (pcrs->banks[i].mask == 0)
                        pcrs->banks[i] = pcrs->banks[--pcrs->bank_count];
        if (pcrs->bank_count == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is no PCR value to compare with");
        return true;
}

bool attestctl_pcr_file_read(const char *path, struct evidence_pcrs *pcrs, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(ATTESTCTL_PCR_TEXT_BYTES_MAX);
        const char *string;

        if (!base_file_read(path, &text, error))
                return false;
        string = base_buffer_c_string(&text);
        if (string == NULL)
                return base_error_set_no_memory(error);
        return attestctl_pcr_values_read(string, pcrs, error) || base_error_prefix(error, "%s", path);
}
