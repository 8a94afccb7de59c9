/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies that hold a token: libdbus neither wipes a message nor always frees it, so whoever made the message keeps it until
 * the socket took it, and wipes it in place. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/buffer.h"
#include "base/bus.h"

struct agent_outbox;

/* `session` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool agent_outbox_new(struct base_bus *session, struct agent_outbox **ret, struct base_error *error) BASE_MUST_CHECK;
/* Wipes what is left. */
void agent_outbox_free(struct agent_outbox *outbox);

/* Overwrites the first argument of `message`, a string as long as `text` that nobody else reads yet. */
void agent_outbox_fill(DBusMessage *message, struct base_bytes text);

/* Takes the reference of a message that was just sent, and wipes its first argument when it has left. */
void agent_outbox_add(struct agent_outbox *outbox, DBusMessage *message);

/* To be called when the loop has turned. */
void agent_outbox_sweep(struct agent_outbox *outbox);
bool agent_outbox_is_empty(const struct agent_outbox *outbox);
