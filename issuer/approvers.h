/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The authorities of the configuration's [Approver NAME] sections: whoever holds such a key says in which boot states a device
 * may sign, and a device whose attestation key is sealed to it (docs/tpm.md, mode `signed`) has the fact quote.approver. Used
 * by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/config.h"

#include "evidence/evidence.h"

struct issuer_approver {
        char name[ISSUER_NAME_MAX + 1];
        char policy_ref[EVIDENCE_POLICY_REF_BYTES_MAX + 1];
        struct evidence_pcr_selection pcrs; /* what its signatures cover, as the operator says; mask 0: not said */
};

/* Item and key of one index belong together. The keys point into the items: it is filled where it stays. */
struct issuer_approvers {
        size_t count;
        struct issuer_approver items[ISSUER_APPROVERS_MAX];
        struct evidence_approver keys[ISSUER_APPROVERS_MAX]; /* as evidence_expectation takes them */
};

/*
 * Reads the public keys. Nothing in `ret` is owned.
 * Errors: CONFIG_INVALID (names the section: a file that is no such key; two sections with the same key and reference, between
 * which no evidence could tell), NOT_FOUND, IO, NO_MEMORY, CRYPTO.
 */
bool issuer_approvers_load(const struct issuer_config *config, struct issuer_approvers *ret,
                           struct base_error *error) BASE_MUST_CHECK;

/* Which of them a verdict names; NULL: none. */
const struct issuer_approver *issuer_approvers_find(const struct issuer_approvers *approvers,
                                                    const struct evidence_approver *sealed_to);
