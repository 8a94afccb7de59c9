/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether to believe a policy bundle: keys and certification authorities that are trusted, and the check of a bundle against
 * them. Used by attesterd and attestctl; may be included by the folders that may include policy/.
 *
 * Keys are Ed25519, ECDSA on P-256 with SHA-256 or on P-384 with SHA-384, and no others. A certified signer's certificate must
 * have digitalSignature in its key usage and codeSigning in its extended key usage, and must be no authority's.
 */
#pragma once

#include "policy/bundle.h"

#define POLICY_TRUST_PEM_BYTES_MAX (64 * 1024)
#define POLICY_SIGNER_BYTES_MAX    160 /* with the NUL */

struct policy_trust;

/*
 * Takes public keys and certificates of authorities in PEM, any number up to POLICY_ANCHORS_MAX of both together. The caller
 * frees `ret`. Errors: CONFIG_INVALID (says what is wrong with which entry), LIMIT_EXCEEDED, NO_MEMORY.
 */
bool policy_trust_new(struct base_bytes pem, struct policy_trust **ret, struct base_error *error) BASE_MUST_CHECK;
void policy_trust_free(struct policy_trust *trust);
BASE_DEFINE_CLEANUP(struct policy_trust, policy_trust_free)
#define policy_auto_trust BASE_CLEANUP(policy_trust_free_p)

/* Those of the PEM text, ascending; owned by `trust`. */
const struct policy_anchor *policy_trust_anchors(const struct policy_trust *trust, size_t *ret_count);

/* What to check a bundle against. */
struct policy_trust_check {
        const struct policy_trust *trust;
        const struct policy_anchor *anchors; /* whom to believe in place of the anchors of `trust`: what an earlier bundle said */
        size_t anchor_count;                 /* 0: those of `trust` */
        const char *fleet;
        uint64_t now; /* seconds since 1970: for the bundle's times and those of certificates */
};

/*
 * Whether the bundle is for this fleet, valid now, and signed by somebody who is believed. Every signature on it must be good,
 * and every key that it says to trust from now on must have signed it too: a slip of the pen cannot lock a fleet out.
 * `ret_signer` (NULL if not wanted) says who signed, for people. Errors: POLICY_UNTRUSTED, POLICY_OTHER_FLEET,
 * POLICY_NOT_CURRENT, NO_MEMORY, CRYPTO.
 */
bool policy_trust_verify(const struct policy_trust_check *check, const struct policy_bundle *bundle,
                         char ret_signer[POLICY_SIGNER_BYTES_MAX], struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether all signatures are good, by whatever key; says who made the first one. For people who look at a bundle without knowing
 * whom to trust. Errors: POLICY_UNTRUSTED, NO_MEMORY, CRYPTO.
 */
bool policy_bundle_signatures_check(const struct policy_bundle *bundle, char ret_signer[POLICY_SIGNER_BYTES_MAX],
                                    struct base_error *error) BASE_MUST_CHECK;
