/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Token requests of one kind on their way through RequestTokens: blinded, sent, read and unblinded. Neither blocks nor
 * knows a loop. Runs in the calling program or in attester-agent; may be included by client/library and client/agent.
 */
#pragma once

#include "client/library/bus.h"
#include "token/client.h"

#define CLIENT_BATCH_MAX 16 /* what RequestTokens takes in one call */

/* Secrets until the answer is there. Start with { .count = 0 }. */
struct client_batch {
        size_t count;
        struct token_client_state *states[CLIENT_BATCH_MAX];
        struct base_buffer requests[CLIENT_BATCH_MAX];
};

/* Wipes; the batch is empty and usable afterwards. */
void client_batch_clear(struct client_batch *batch);
#define client_auto_batch BASE_CLEANUP(client_batch_clear)

/*
 * Makes 1 to CLIENT_BATCH_MAX blinded requests for tokens of the challenge with this digest; the batch must be empty. After
 * a failure it may hold some of them. Errors: CRYPTO (the key), NO_MEMORY.
 */
bool client_batch_blind(struct client_batch *batch, const struct attester_key *key, const uint8_t digest[static TOKEN_DIGEST_LEN],
                        size_t count, struct base_error *error) BASE_MUST_CHECK;

/* Makes the call of RequestTokens; the caller unrefs it. `window`: NULL but in attester-agent. Errors: INVALID_ARGUMENT (the
 * name), NO_MEMORY. */
bool client_batch_message(const struct client_batch *batch, const struct client_call *call, const struct client_window *window,
                          const char *issuer, DBusMessage **ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads an answer that client_bus_check() passed: one response for each request, which point into `reply`, and what
 * the daemon says of them. Errors: MALFORMED.
 */
#define CLIENT_BATCH_REPLY "aaya{sv}"
bool client_batch_read(const struct client_batch *batch, DBusMessage *reply, struct base_bytes responses[static CLIENT_BATCH_MAX],
                       struct attester_info *info, struct base_error *error) BASE_MUST_CHECK;

/* Appends the token that response number `i` makes to `token`, verified. Errors: as token_client_finalize(). */
bool client_batch_finalize(const struct client_batch *batch, size_t i, const char *issuer, struct base_bytes response,
                           struct base_buffer *token, struct base_error *error) BASE_MUST_CHECK;
