/* SPDX-License-Identifier: BSD-2-Clause */
/* PE images and the sections of a unified kernel image: what parses lies within the file, and can be measured. */
#include "evidence/eventlog/uki.h"
#include "evidence/tpm_numbers.h"

#include <stdlib.h>

static void must_lie_within(struct base_bytes image, struct base_bytes part)
{
        if (part.len > 0 && (part.data < image.data || part.len > image.len || part.data > image.data + image.len - part.len))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_bytes image = BASE_BYTES(data, size);
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX] = { 0 };
        struct evidence_uki uki;
        struct evidence_pe pe;

        if (!evidence_pe_parse(image, &pe, NULL))
                return 0;
        if (pe.section_count > EVIDENCE_PE_SECTIONS_MAX || pe.headers_len > size || pe.certificates_len > size)
                abort();
        for (size_t i = 0; i < pe.section_count; i++)
                must_lie_within(image, pe.sections[i].raw);
        if (!evidence_pe_authenticode(&pe, EVIDENCE_TPM_ALG_SHA256, digest, NULL))
                abort();
        if (!evidence_uki_from_pe(&pe, &uki, NULL))
                return 0;
        for (size_t i = 0; i < EVIDENCE_UKI_SECTIONS; i++)
                must_lie_within(image, uki.sections[i]);
        if (!evidence_uki_measure(&uki, EVIDENCE_TPM_ALG_SHA256, digest, NULL))
                abort();
        return 0;
}
