/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an issuer's refusal means to the caller: HTTP status and problem document (RFC 9457, docs/PROTOCOL.md) to an error.
 * Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/denials.h"
#include "attesterd/net/transport.h"

#define ATTESTERD_PROBLEM_BYTES_MAX  8192 /* a larger document is not read */
#define ATTESTERD_PROBLEM_DETAIL_MAX 256  /* of its sentence, what reaches the caller */

/*
 * Sets `error` to what a response that is not 2xx means: NOT_ENROLLED and POLICY_DENIED if the problem says so (with the
 * refused rules in `denials`), ISSUER_UNREACHABLE for 429 and 5xx, else ISSUER_REJECTED. What the issuer says is cleaned
 * and bounded. Always returns false.
 */
bool attesterd_problem_error(const char *issuer, const struct net_response *response, struct attesterd_denials *denials,
                             struct base_error *error);
