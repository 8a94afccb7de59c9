/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/pcr_names.h"

#include "evidence/tpm_numbers.h"

#include <string.h>

static const struct {
        const char *name;
        uint16_t algorithm;
} banks[] = {
        { "sha1", EVIDENCE_TPM_ALG_SHA1 },
        { "sha256", EVIDENCE_TPM_ALG_SHA256 },
        { "sha384", EVIDENCE_TPM_ALG_SHA384 },
        { "sha512", EVIDENCE_TPM_ALG_SHA512 },
};

const char *evidence_pcr_bank_name(uint16_t algorithm)
{
        for (size_t i = 0; i < BASE_COUNT(banks); i++)
                if (banks[i].algorithm == algorithm)
                        return banks[i].name;
        return "";
}

bool evidence_pcr_bank_find(const char *name, size_t len, uint16_t *ret)
{
        for (size_t i = 0; i < BASE_COUNT(banks); i++)
                if (strlen(banks[i].name) == len && memcmp(banks[i].name, name, len) == 0) {
                        *ret = banks[i].algorithm;
                        return true;
                }
        return false;
}

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

const char *evidence_pcr_purpose(unsigned index)
{
        if (index >= EVIDENCE_PCR_COUNT || purposes[index] == NULL)
                return "no assigned use";
        return purposes[index];
}

void evidence_pcr_names_put(struct base_buffer *to, uint32_t mask)
{
        bool first = true;

        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if (!(mask & (1u << i)))
                        continue;
                mask &= ~(1u << i);
                if (!first)
                        base_buffer_put_string(to, mask == 0 ? " and " : ", ");
                base_buffer_printf(to, "PCR %u (%s)", i, evidence_pcr_purpose(i));
                first = false;
        }
}
