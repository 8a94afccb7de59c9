/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an event log proves about the programs that were started before the operating system, and about the kernel's command
 * line. Shared by issuer/boot*.c, and included by nobody else.
 *
 *   boot.loader              hexadecimal Authenticode digest of the first program that the firmware started (PCR 4)
 *   boot.applications        how many programs PCR 4 has, if all are known
 *   boot.application.N       the digest of the Nth, from 2 to ISSUER_BOOT_APPLICATIONS_MAX
 *   boot.command_lines       how many different command lines PCRs 8 and 12 have, if none can hide there
 *   boot.command_line        the text, if there is just one and its loader vouches for it; only up to EVIDENCE_FACT_TEXT_MAX
 * bytes boot.command_line_sha256 its hash, whatever its length boot.parameters          the names in it, sorted, each once, with
 * a space between boot.parameter.NAME      the value of one; several values with commas, "" for a name alone The parameters are
 * all there or none is, so that one that is missing was not given.
 */
#pragma once

#include "evidence/eventlog/boot.h"
#include "issuer/boot.h"

#define ISSUER_BOOT_APPLICATIONS_MAX 8
#define ISSUER_BOOT_PARAMETERS_MAX   24

/* Appends a fact of this kind, whose value is the caller's to set. There is room: ISSUER_BOOT_FACTS_MAX is enough for all. */
struct evidence_fact *issuer_boot_add(struct issuer_boot *boot, const char *name, enum evidence_fact_kind kind);

/* Appends those of the facts above that the log proves. Errors: CRYPTO. */
bool issuer_boot_add_loaders(struct issuer_boot *boot, const struct evidence_boot *derived,
                             struct base_error *error) BASE_MUST_CHECK;
