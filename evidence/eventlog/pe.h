/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PE images as firmware, shim and systemd-stub measure them: the Authenticode digest (PCR 4), and the sections of a unified
 * kernel image (PCR 11). Used by attestctl to predict a boot.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define EVIDENCE_PE_BYTES_MAX    (1024u * 1024 * 1024) /* a unified kernel image holds an initrd */
#define EVIDENCE_PE_SECTIONS_MAX 256
#define EVIDENCE_PE_NAME_MAX     8

struct evidence_pe_section {
        char name[EVIDENCE_PE_NAME_MAX + 1];
        uint32_t memory_len;   /* VirtualSize */
        struct base_bytes raw; /* in the file; padded beyond `memory_len` as a rule */
};

struct evidence_pe {
        struct base_bytes image;
        size_t checksum_at;      /* 4 bytes that no digest covers */
        size_t directory_at;     /* 8 bytes likewise: where the certificates are; 0: the image has no such entry */
        size_t headers_len;      /* SizeOfHeaders */
        size_t certificates_len; /* at the end of the file */
        size_t section_count;
        struct evidence_pe_section sections[EVIDENCE_PE_SECTIONS_MAX];
};

/*
 * Parses; `ret` points into `image`. Errors: MALFORMED with the offset in the file (cut off, sections outside the file or over
 * each other, certificates that are not at its end); LIMIT_EXCEEDED. Source: Microsoft's PE format; UEFI section 2.1.1.
 */
bool evidence_pe_parse(struct base_bytes image, struct evidence_pe *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * The image's Authenticode digest, of the length of the TPM_ALG_ID's. Errors: CRYPTO.
 * Source: Windows Authenticode Portable Executable Signature Format, "Calculating the PE Image Hash".
 */
bool evidence_pe_authenticode(const struct evidence_pe *pe, uint16_t algorithm, uint8_t *ret,
                              struct base_error *error) BASE_MUST_CHECK;

/* The first section of that name; NULL: there is none. */
const struct evidence_pe_section *evidence_pe_section_find(const struct evidence_pe *pe, const char *name);
