/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCRs and their banks by name, for people and for what people write. Used by attesterd (tpm/) and attestctl.
 */
#pragma once

#include "evidence/pcrs.h"

/* What the PC Client profile and the Linux world measure into PCR `index`, as in "Secure Boot policy"; never NULL. */
const char *evidence_pcr_purpose(unsigned index);

/* "sha256", or "" for an algorithm that is no PCR bank; and the algorithm of the bank that has this name of `len` bytes. */
const char *evidence_pcr_bank_name(uint16_t algorithm);
bool evidence_pcr_bank_find(const char *name, size_t len, uint16_t *ret) BASE_MUST_CHECK;

/* Appends "PCR 7 (Secure Boot policy) and PCR 11 (unified kernel image)". */
void evidence_pcr_names_put(struct base_buffer *to, uint32_t mask);
