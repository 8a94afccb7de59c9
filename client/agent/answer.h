/* SPDX-License-Identifier: BSD-2-Clause */
/* What GetAuthorization answers. Runs in attester-agent; may be included by client/agent. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <dbus/dbus.h>
#include <stdint.h>

struct agent_answer {
        char issuer[264];
        uint16_t token_type;
        bool from_cache;
        uint32_t quote_shared_by; /* 0: not said */
};

void agent_answer_set(struct agent_answer *answer, const char *issuer, uint16_t token_type);

/*
 * Makes the reply to `call` with the Authorization value of `token`, which stands nowhere else in memory: see outbox.h for
 * how it leaves. The caller owns `ret`. Errors: NO_MEMORY.
 */
bool agent_answer_message(const struct agent_answer *answer, DBusMessage *call, struct base_bytes token, DBusMessage **ret,
                          struct base_error *error) BASE_MUST_CHECK;
