/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UEFI structures inside events: variables, signature lists, image loads and device paths. Used by attester-issuer and
 * attestctl, through evidence/eventlog/boot.h, and by attestctl to show a log.
 */
#pragma once

#include "base/buffer.h"

#define EVIDENCE_EFI_GUID_LEN  16
#define EVIDENCE_EFI_GUID_TEXT 37 /* 36 characters and a NUL */
#define EVIDENCE_EFI_NAME_MAX  64 /* bytes of UTF-8 */
#define EVIDENCE_EFI_PATH_MAX  512

/* UEFI_VARIABLE_DATA, PFP section 10.4.2. */
struct evidence_efi_variable {
        uint8_t guid[EVIDENCE_EFI_GUID_LEN]; /* in the byte order of the log */
        char name[EVIDENCE_EFI_NAME_MAX + 1];
        struct base_bytes content; /* inside the event */
};

/* False if the event's data is not exactly one variable, or its name is longer than EVIDENCE_EFI_NAME_MAX. */
bool evidence_efi_variable_parse(struct base_bytes data, struct evidence_efi_variable *ret) BASE_MUST_CHECK;

/* Counts the signatures of a chain of EFI_SIGNATURE_LISTs (UEFI section 32.4.1); false if the bytes are no such chain. */
bool evidence_efi_signatures_count(struct base_bytes content, size_t *ret) BASE_MUST_CHECK;

/* The device path of a UEFI_IMAGE_LOAD_EVENT (PFP section 10.2.3) as text, "" if it has none; false if it is malformed or too
 * long. */
bool evidence_efi_image_load_path(struct base_bytes data, char ret[static EVIDENCE_EFI_PATH_MAX + 1]) BASE_MUST_CHECK;

/* A device path (UEFI section 10) as text, like "PciRoot(0x0)/Pci(0x1,0x0)/\EFI\BOOT\BOOTX64.EFI"; false as above. */
bool evidence_efi_device_path_text(struct base_bytes path, char ret[static EVIDENCE_EFI_PATH_MAX + 1]) BASE_MUST_CHECK;

/* "8be4df61-93ca-11d2-aa0d-00e098032b8c" */
void evidence_efi_guid_text(const uint8_t guid[static EVIDENCE_EFI_GUID_LEN], char ret[static EVIDENCE_EFI_GUID_TEXT]);
