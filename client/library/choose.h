/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which challenge of a header is answered, and with which of the issuer's keys. Pure: no bus, no clock. Runs in the
 * calling program or in attester-agent; may be included by client/library and client/agent.
 */
#pragma once

#include "client/library/attester.h"
#include "token/header.h"

/* A website's clock and this one may differ by that much; so much the verifier lets a device's clock be off, too. */
#define CLIENT_CLOCK_SKEW_S_MAX 600

struct client_choice {
        const struct token_offer *offer; /* of the offers */
        const char *issuer;              /* the daemon's spelling of the name; of the status */
};

/*
 * Takes the first offer from index `from` on whose issuer is configured and which allows `origin`, a valid server name.
 * Errors: UNSUPPORTED (no offer of a known type), MALFORMED (all of them are broken), ISSUER_UNKNOWN, ORIGIN_MISMATCH.
 */
bool client_choose_offer(const struct token_offers *offers, size_t from, struct base_bytes origin,
                         const struct attester_status *status, struct client_choice *ret,
                         struct base_error *error) BASE_MUST_CHECK;

/*
 * The key to blind with: the one that the challenge names, which must be in the directory, or else the first of the
 * challenge's type that is valid at `now_s` (seconds since 1970). A named key may begin CLIENT_CLOCK_SKEW_S_MAX later: whoever
 * named it has begun to use it, and at a rotation a slow clock must not keep its owner out.
 * Errors: KEY_MISMATCH (not in the directory, or not yet valid), ISSUER_REJECTED (no usable key of this type).
 * Source: RFC 9577, section 2.1.1 (token-key); RFC 9578, section 4 (preference, not-before); RFC 9576, section 6.
 */
bool client_choose_key(const struct token_offer *offer, const struct attester_issuer *directory, uint64_t now_s,
                       const struct attester_key **ret, struct base_error *error) BASE_MUST_CHECK;
