/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts that the issuer's policy is evaluated over. Used by attester-issuer; may be included by issuer/.
 *
 * What the verifier knows itself has provenance `hardware` (it follows from the quote) or comes from the registry:
 *   pcr.sha256.0 … 23 (and sha1, sha384, sha512)  hex, as quoted
 *   pcr.approved          whether the PCRs are as the operator approved, or gave as reference values, for the device's group
 *   pcr.reference         the name of the reference values that they have, if any
 *   quote.sealed          whether the key can sign only while PCRs hold what was quoted, or what an approver has signed
 *   quote.approver        the name of that approver; absent for a key that is sealed to the quoted values
 *   quote.sealed.sha256.7 … whether these are among those PCRs; of an approver's, whether the operator says so
 *   boot.…                what the boot's event log proves; see issuer/boot.h. These take the place of the claims
 *   quote.rolled_back     whether the TPM counts fewer resets than in an earlier quote by this key: a copy, or set back
 *   quote.age_s           seconds between the claims' time and now
 *   device.ek_certified   whether a TPM maker's certificate was checked at enrolment
 *   device.group          the operator's, if one was given
 *   request.issuer        this issuer's name
 * Everything else is the device's own word, with provenance `reported`. Claims under `pcr.`, `quote.` and `device.`,
 * and `boot.event_log_ok`, are left out, so that none can pass for the verifier's.
 */
#pragma once

#include "issuer/approvers.h"
#include "issuer/registry.h"

#include "evidence/evidence.h"
#include "policy/facts.h"

struct issuer_knowledge {
        const char *issuer; /* this issuer's own name */
        const struct issuer_device *device;
        const struct issuer_boot *boot;         /* of the quoted boot; NULL: nothing is known of it */
        bool approved;                          /* the quoted boot state, for the device's group */
        bool rolled_back;                       /* the TPM counts fewer resets than it did */
        const char *reference;                  /* the name of the reference values that it has; NULL: of none */
        const struct issuer_approver *approver; /* whose signatures open the key; NULL: nobody's that is known */
};

/* The caller clears `ret`. Errors: EVIDENCE_INVALID (a claim that
 * no policy could name), NO_MEMORY. */
bool issuer_facts_collect(const struct evidence *evidence, const struct evidence_verdict *verdict,
                          const struct issuer_knowledge *knowledge, uint64_t now, struct policy_facts *ret,
                          struct base_error *error) BASE_MUST_CHECK;
