/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate's decision about one request, free of HTTP: token or no token, may it pass? Source: RFC 9577, sections 2.1 and
 * 2.2 (challenge and redemption by an origin). May be included by issuer/gate only (and tests).
 */
#pragma once

#include "issuer/gate/config.h"
#include "issuer/gate/keys.h"
#include "issuer/gate/store.h"

#include <stdatomic.h>

/* Why a request may or may not pass. gate_outcome_name() gives what X-Attester-Reason and the metrics say. */
enum gate_outcome {
        GATE_ACCEPTED,
        GATE_CHALLENGED,        /* no Authorization: it gets a challenge */
        GATE_MALFORMED,         /* Authorization: PrivateToken, but no token in it; or two of the field */
        GATE_UNSUPPORTED,       /* Authorization of another scheme, or a token of another type */
        GATE_CHALLENGE_UNKNOWN, /* not our challenge, or from before a restart */
        GATE_CHALLENGE_EXPIRED,
        GATE_TOKEN_INVALID,
        GATE_TOKEN_SPENT,
        GATE_ORIGIN_MISMATCH, /* the token is for another of our origins */
        GATE_ORIGIN_UNKNOWN,  /* the host is none of ours */
        GATE_NO_KEY,          /* no issuer key yet: nothing can be decided */
        GATE_INTERNAL,
        GATE_OUTCOME_COUNT,
};

struct gate {
        const struct gate_config *config;
        struct gate_keys *keys;
        struct gate_store *store;
        const struct base_clock *clock;
        const struct base_random *random;
        atomic_ullong outcomes[GATE_OUTCOME_COUNT];
        atomic_ullong refreshes_failed;
        atomic_ullong refreshed_at_s; /* when keys were last read; 0: never */
};

/* What the request said. */
struct gate_request {
        const char *host;          /* X-Forwarded-Host, else Host; NULL: none, or it stands there twice */
        const char *authorization; /* NULL: none */
        bool authorization_twice;
};

/*
 * Decides, and counts. With an outcome of status 401 fresh challenges, one for each token type that there is a key of, are put
 * into `challenge`, which is empty before and has room for GATE_CHALLENGE_BYTES_MAX. A token that is accepted is spent.
 * `error` says more about an outcome of MALFORMED, UNSUPPORTED, TOKEN_INVALID or INTERNAL; no token bytes.
 */
enum gate_outcome gate_decide(struct gate *gate, const struct gate_request *request, struct base_buffer *challenge,
                              struct base_error *error);

#define GATE_CHALLENGE_BYTES_MAX 4096

/* Whether challenges can be made now. */
bool gate_has_key(struct gate *gate);

/* "TokenSpent"; static. */
const char *gate_outcome_name(enum gate_outcome outcome);
/* 204, 401, 403 or 503: what nginx's auth_request takes. */
unsigned gate_outcome_status(enum gate_outcome outcome);
/* The nearest of our errors, for a problem document. */
enum base_error_code gate_outcome_code(enum gate_outcome outcome);
/* A sentence for whoever looks at the response; static. */
const char *gate_outcome_sentence(enum gate_outcome outcome);
