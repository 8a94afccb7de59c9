/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's own boolean variables, as efivarfs shows them. Used by the collector of boot.* only.
 */
#pragma once

#include "base/buffer.h"

#define POSTURE_EFI_VARIABLE_BYTES_MAX 64

/*
 * Reads a variable of one byte, 0 or 1: four bytes of attributes in little-endian order, then the value. Returns NULL and
 * sets `ret`, or returns what is wrong. A variable that is kept in flash is refused: the firmware's own SecureBoot and
 * SetupMode are not, but one that was written in their place by an operating system would be.
 * Source: UEFI 2.10, section 3.3 (Globally Defined Variables), section 8.2 (attributes); the kernel's efivarfs.rst.
 */
const char *posture_efi_variable_parse(struct base_bytes content, bool *ret) BASE_MUST_CHECK;
