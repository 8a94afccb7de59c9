/* SPDX-License-Identifier: BSD-2-Clause */
/* What fake_attesterd answers about facts and rules. `reply` is the empty answer to the call; the issuer's name asks for the
 * case. */
#pragma once

#include <dbus/dbus.h>

/* The rules that PolicyDenied carries, for denied….example, in the locale that the call `message` of RequestTokens gave. */
void fake_policy_put_denials(const char *issuer, DBusMessage *message, DBusMessage *reply);

/* GetFacts. */
void fake_policy_get_facts(DBusMessage *reply);

/* Explain and Evaluate: denied for fail-PolicyDenied.example. */
void fake_policy_explain(const char *issuer, DBusMessage *reply);
void fake_policy_evaluate(const char *issuer, DBusMessage *reply);
