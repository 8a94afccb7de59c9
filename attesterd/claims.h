/* SPDX-License-Identifier: BSD-2-Clause */
/* Posture facts as the claims of evidence: evidence/ has types of its own. Used by attesterd; may be included by attesterd/. */
#pragma once

#include "evidence/claims.h"
#include "policy/facts.h"

/*
 * Adds all facts. Why one is unreadable is not told, nor where it is from; a version that is too long for claims is unreadable
 * there. Errors: LIMIT_EXCEEDED, NO_MEMORY.
 */
bool attesterd_claims_add_facts(const struct policy_facts *facts, struct evidence_claims *claims,
                                struct base_error *error) BASE_MUST_CHECK;
