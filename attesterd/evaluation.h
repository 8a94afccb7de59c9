/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy in force over the facts of now and of one request. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"
#include "attesterd/window.h"

/* What a caller says of its request, from the options argument of the interface. */
struct attesterd_request_options {
        bool interactive;
        uint32_t timeout_ms;
        char locale[POLICY_LOCALE_BYTES_MAX + 1]; /* of remedies, as policy_rule_remedy() takes it */
        struct attesterd_window window;
};

#define ATTESTERD_REQUEST_TIMEOUT_MS 60000 /* default and most */

/*
 * Parses an a{sv} that `iter` stands at. Errors: INVALID_ARGUMENT (an unknown option, one of another type, one twice, a
 * timeout of 0 or above the most, a locale that is too long), NOT_AUTHORIZED (who is not the agent tells of windows).
 */
bool attesterd_request_options_parse(const struct attesterd_call *call, DBusMessageIter *iter,
                                     struct attesterd_request_options *ret, struct base_error *error) BASE_MUST_CHECK;

/* What a request's own facts are made of. */
struct attesterd_asker {
        const struct attesterd_session *session; /* the caller's, which outlives its requests */
        const struct attesterd_request_options *options;
        struct attesterd_needs needs; /* what the facts are for */
};

/*
 * What is to be asked for a decision: what the policy in force names. With `attested`, all: the issuer has a policy of its own,
 * and evidence has every fact that it may name.
 */
struct attesterd_needs attesterd_evaluation_needs(const struct attesterd_daemon *daemon, bool attested);

/*
 * True if what the services of the system that are needed have to say for this call is known, or not to be had. Else `waiter` is
 * told within twice ATTESTERD_BUS_SERVICE_WAIT_MAX_MS, without an error, to ask again.
 */
bool attesterd_evaluation_ready(struct attesterd_daemon *daemon, const struct attesterd_needs *needs, struct attesterd_call *call,
                                struct attesterd_waiter *waiter) BASE_MUST_CHECK;

/*
 * The device's facts and the caller's session's, those that are needed and perhaps others, which all say when they were measured,
 * by CLOCK_BOOTTIME. The caller clears `ret`. Errors: NO_MEMORY, LIMIT_EXCEEDED.
 */
bool attesterd_evaluation_device_facts(struct attesterd_daemon *daemon, const struct attesterd_needs *needs,
                                       const struct attesterd_session *session, struct policy_facts *ret,
                                       struct base_error *error) BASE_MUST_CHECK;

/* The same with request.interactive and request.issuer added. `issuer` is "" for no particular one. Errors: as above. */
bool attesterd_evaluation_facts(struct attesterd_daemon *daemon, const char *issuer, const struct attesterd_asker *asker,
                                struct policy_facts *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Evaluates for `issuer` (NULL: for none); the caller clears `ret`. `counts`: tokens are asked for, so that failures are noted
 * and grace begins; else nothing is. Errors: POLICY_INVALID (there is no policy that could be loaded), NO_MEMORY, CRYPTO.
 */
bool attesterd_evaluation_run(struct attesterd_daemon *daemon, const struct policy_facts *facts,
                              const struct attesterd_issuer *issuer, bool counts, struct policy_results *ret,
                              struct base_error *error) BASE_MUST_CHECK;
