/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attesterd tells of itself, inside the library: the calls behind attester_get_status(), attester_get_issuer(), …
 * Runs in the calling program or in attester-agent; may be included by client/library and client/agent.
 */
#pragma once

#include "client/library/bus.h"

/* The calls; the caller unrefs them. Errors: NO_MEMORY, INVALID_ARGUMENT (a name that is not UTF-8). */
bool client_status_message(DBusMessage **ret, struct base_error *error) BASE_MUST_CHECK;
bool client_issuer_message(const char *name, DBusMessage **ret, struct base_error *error) BASE_MUST_CHECK;

/* Read their answers, which client_bus_check() found to be an a{sv}. Errors: MALFORMED, LIMIT_EXCEEDED, NO_MEMORY. */
bool client_status_read(DBusMessage *reply, struct attester_status **ret, struct base_error *error) BASE_MUST_CHECK;
bool client_issuer_read(DBusMessage *reply, const char *name, struct attester_issuer **ret,
                        struct base_error *error) BASE_MUST_CHECK;

BASE_DEFINE_CLEANUP(struct attester_status, attester_status_free)
BASE_DEFINE_CLEANUP(struct attester_issuer, attester_issuer_free)
#define client_auto_status BASE_CLEANUP(attester_status_free_p)
#define client_auto_issuer BASE_CLEANUP(attester_issuer_free_p)
