/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What systemd-stub and systemd-pcrphase measure into PCR 11: the sections of a unified kernel image, then the phases of the
 * boot. Used by attestctl to predict a boot. Sources: UAPI group, "Unified Kernel Images"; systemd-stub(7), systemd-measure(1).
 */
#pragma once

#include "evidence/eventlog/pe.h"
#include "evidence/pcrs.h"

#define EVIDENCE_UKI_PCR          11
#define EVIDENCE_UKI_SECTIONS     10
#define EVIDENCE_UKI_PHASES_MAX   16  /* words in one path of phases */
#define EVIDENCE_UKI_PHASES_BYTES 256 /* of such a path */

/* In the order in which they are measured; no data: the image has no such section. */
struct evidence_uki {
        struct base_bytes sections[EVIDENCE_UKI_SECTIONS];
};

/* ".linux" and so on; NULL beyond the last. */
const char *evidence_uki_section_name(size_t index);

/*
 * The sections of an image; `ret` points into it. Errors: MALFORMED (a measured section twice, or longer in memory than in the
 * file); UNSUPPORTED (no .linux; or sections of which systemd-stub chooses at boot, so that nobody can say what it measures).
 */
bool evidence_uki_from_pe(const struct evidence_pe *pe, struct evidence_uki *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Extends `value`, which starts as zeros, by the sections that are there. A section that is there without a byte is not
 * measured, as systemd-stub has it. Errors: CRYPTO.
 */
bool evidence_uki_measure(const struct evidence_uki *uki, uint16_t algorithm, uint8_t *value,
                          struct base_error *error) BASE_MUST_CHECK;

/*
 * Extends `value` by the words of "enter-initrd:leave-initrd". "" is no phase: the kernel has just been started.
 * Errors: INVALID_ARGUMENT (an empty word, or too many), CRYPTO.
 */
bool evidence_uki_measure_phases(const char *phases, uint16_t algorithm, uint8_t *value,
                                 struct base_error *error) BASE_MUST_CHECK;
