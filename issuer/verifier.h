/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verdict on a token request: does the evidence verify, is the device in good standing, does it meet the policy, has it
 * had its tokens for today. Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/registry.h"
#include "issuer/replay.h"
#include "issuer/snapshot.h"

#include "evidence/nonce.h"

#define ISSUER_IAT_SKEW_S_MAX     600 /* a device's clock may be this far off; freshness is the nonce's matter */
#define ISSUER_RULES_BYTES_MAX    (64 * 1024)
#define ISSUER_BUSY_RETRY_AFTER_S 10
#define ISSUER_BASIS_BYTES_MAX    256
#define ISSUER_RULE_NAMES_MAX     512 /* bytes; names beyond it are left out */

/* Shared by all threads; nothing in it changes while requests are served. */
struct issuer_verifier {
        struct issuer_registry *registry;
        struct issuer_replay *replay;
        const struct base_clock *clock;
        const char *issuer;                              /* this issuer's own name */
        uint8_t nonce_key[EVIDENCE_NONCE_KEY_BYTES_MIN]; /* of this process only: nonces do not outlive it */
        bool require_evidence;
};

struct issuer_verdict {
        unsigned status;                        /* HTTP: 200 is "issue"; otherwise docs/PROTOCOL.md */
        struct base_error error;                /* why not: the message is for the peer, the detail for the log */
        char device[ISSUER_DEVICE_ID_LEN + 1];  /* "" while not known */
        struct base_buffer rules;               /* a JSON array of the rules that failed; empty unless the policy refused */
        char rule_names[ISSUER_RULE_NAMES_MAX]; /* for the log: their names, with spaces between them */
        char reasons[BASE_ERROR_TEXT_MAX];      /* the same as a sentence, for the operator; cut to fit */
        unsigned retry_after_s;                 /* 0: none */
        bool event_log_wanted;                  /* nothing is known of the boot that the quote is of */
        char basis[ISSUER_BASIS_BYTES_MAX];     /* for the log: what a verdict of 200 or 204 rests on */
        char warning[ISSUER_BASIS_BYTES_MAX];   /* for the log, whatever the verdict: what an operator should look at; or "" */
};

void issuer_verdict_clear(struct issuer_verdict *verdict);
#define issuer_auto_verdict BASE_CLEANUP(issuer_verdict_clear)

/*
 * Judges evidence (the header's value; NULL if there is none) for a request of `token_count` tokens: the evidence is of the
 * whole of `request`. There is always a verdict, which the caller clears. One of status 200 has used up the evidence and
 * counted the tokens, all or none. Checked in this order: the header parses
 * (400) · it is there (401) · the key is known, not superseded, not revoked (403) · evidence_verify() (403; 401 for its
 * nonce) · not used before (401) · no claim contradicts the boot's event log (403) · policy (403) · tokens of the day (429). 503:
 * a part of the issuer fails.
 */
void issuer_verifier_judge(const struct issuer_verifier *verifier, const struct issuer_snapshot *snapshot,
                           const char *evidence_header, struct base_bytes request, size_t token_count,
                           struct issuer_verdict *ret);

/*
 * Judges an event log: as above up to the check for used evidence, whose request digest is the log's; then it is replayed and
 * what it proves is kept for the device (403 if it does not replay). 204 is good.
 */
void issuer_verifier_take_event_log(const struct issuer_verifier *verifier, const struct issuer_snapshot *snapshot,
                                    const char *evidence_header, struct base_bytes log, struct issuer_verdict *ret);

/* Turns a failure of the issuer itself into a verdict of status 503 that tells the peer no more than that. */
void issuer_verdict_set_failure(struct issuer_verdict *verdict, const struct base_error *error);
