/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of the extension as a method call to attester-agent, and the reply as an answer to the extension. Runs in
 * attester-native-host; may be included by client/nativehost.
 */
#pragma once

#include "client/nativehost/message.h"

#include <dbus/dbus.h>

#define NATIVEHOST_CALL_TIMEOUT_MS 65000 /* the agent gives up, with a better sentence, after 60 s */

/* Makes the method call of org.attesterd.Client1; the caller unrefs it. Errors: INVALID_ARGUMENT (not UTF-8), NO_MEMORY. */
bool nativehost_call_message(const struct nativehost_request *request, DBusMessage **ret,
                             struct base_error *error) BASE_MUST_CHECK;

/*
 * Appends the frame that answers `request` to `to`, from the agent's reply or from the bus's error in its stead. The
 * token is wiped in `reply` afterwards. Whatever the reply is, one answer is written, unless `to` fails.
 */
void nativehost_call_answer(const struct nativehost_request *request, DBusMessage *reply, struct base_buffer *to);
