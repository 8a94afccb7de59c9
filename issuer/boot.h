/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device's event log proves about one boot of it. The log itself is not kept: only what follows from it, and which
 * registers of which boot it follows from. Used by attester-issuer; may be included by issuer/.
 *
 *   boot.event_log_ok    the log accounts for every quoted PCR, and each firmware PCR has its separator
 *   boot.secure_boot     the firmware enforced Secure Boot; false too if it does not know it
 *   boot.setup_mode      no platform key is enrolled: anybody may change the keys
 *   boot.debug_mode      the firmware allows a debugger
 *   boot.dma_protection  false: the firmware says that devices may read all memory while it runs
 *   boot.dbx_entries     forbidden hashes and certificates in the revocation list
 *   boot.sbat_level      the date of shim's revocations, a version
 *   boot.loader …        what was started and told (issuer/boot_loaders.h)
 * A fact that the log does not prove is absent.
 */
#pragma once

#include "evidence/evidence.h"

#define ISSUER_BOOT_FACTS_MAX       48                  /* in the registry, for each device */
#define ISSUER_BOOT_LOG_FACT        "boot.event_log_ok" /* the one that the posture cannot know */
#define ISSUER_EVENT_LOG_MEDIA_TYPE "application/vnd.attesterd.event-log"

struct issuer_boot {
        uint8_t key_id[EVIDENCE_KEY_ID_LEN];         /* the attestation key that quoted; `reset_count` means nothing without it */
        uint32_t reset_count;                        /* of the quote */
        uint32_t pcrs;                               /* bit n: something follows from PCR n */
        uint8_t pcr_digest[EVIDENCE_PCR_DIGEST_LEN]; /* of these, in every quoted bank */
        size_t fact_count;
        struct evidence_fact facts[ISSUER_BOOT_FACTS_MAX];
};

/*
 * Replays the log against the PCR values of a quote that was verified, and derives. `evidence` is what `verdict` is about.
 * Errors: EVIDENCE_INVALID (the log does not parse, or one of the firmware's quoted PCRs 0 to 7 is not accounted for: names
 * them), NO_MEMORY, CRYPTO.
 */
bool issuer_boot_derive(struct base_bytes log, const struct evidence *evidence, const struct evidence_verdict *verdict,
                        struct issuer_boot *ret, struct base_error *error) BASE_MUST_CHECK;

/* Whether the quote is of that very boot, and the PCRs that the facts follow from are as they were. Errors: CRYPTO. */
bool issuer_boot_holds(const struct issuer_boot *boot, const struct evidence *evidence, const struct evidence_verdict *verdict,
                       bool *ret, struct base_error *error) BASE_MUST_CHECK;

/* The derived fact of that name, or NULL. */
const struct evidence_fact *issuer_boot_find(const struct issuer_boot *boot, const char *name);

/*
 * Compares the claims with what the log proves. A claim that says nothing (unreadable) is no lie.
 * Errors: EVIDENCE_INVALID, which names the fact.
 */
bool issuer_boot_check_claims(const struct issuer_boot *boot, const struct evidence_claims *claims,
                              struct base_error *error) BASE_MUST_CHECK;
