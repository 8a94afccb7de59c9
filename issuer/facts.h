/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts that the issuer's policy is evaluated over. Used by attester-issuer; may be included by issuer/.
 *
 * What the verifier knows itself has provenance `hardware` (it follows from the quote) or comes from the registry:
 *   pcr.sha256.0 … 23 (and sha1, sha384, sha512)  hex, as quoted
 *   pcr.approved          whether SHA-256 PCRs 0, 2, 4 and 7 are as the operator approved for the device's group
 *   quote.sealed          whether the key can sign only while PCRs hold what was quoted
 *   quote.sealed.sha256.7 … whether these are among those PCRs
 *   boot.…                what the boot's event log proves; see issuer/boot.h. These take the place of the claims
 *   quote.age_s           seconds between the claims' time and now
 *   device.ek_certified   whether a TPM maker's certificate was checked at enrolment
 *   device.group          the operator's, if one was given
 * Everything else is the device's own word, with provenance `reported`. Claims under `pcr.`, `quote.` and `device.`,
 * and `boot.event_log_ok`, are left out, so that none can pass for the verifier's.
 */
#pragma once

#include "issuer/registry.h"

#include "evidence/evidence.h"
#include "policy/facts.h"

struct issuer_knowledge {
        const struct issuer_device *device;
        const struct issuer_boot *boot; /* of the quoted boot; NULL: nothing is known of it */
        bool approved;                  /* the quoted boot state, for the device's group */
};

/* The caller clears `ret`. Errors: EVIDENCE_INVALID (a claim that
 * no policy could name), NO_MEMORY. */
bool issuer_facts_collect(const struct evidence *evidence, const struct evidence_verdict *verdict,
                          const struct issuer_knowledge *knowledge, uint64_t now, struct policy_facts *ret,
                          struct base_error *error) BASE_MUST_CHECK;

/* "sha256", as in the facts' names; for a bank that evidence can hold. */
const char *issuer_facts_bank_name(uint16_t algorithm);
