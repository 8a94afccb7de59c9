/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What PackageKit says of updates, while it runs: it is never started for this. Its answer may take the package manager's time,
 * so nobody waits for it; it holds until PackageKit says that something changed, or ends. Used by attesterd; may be included by
 * attesterd/.
 */
#pragma once

#include "base/bus.h"
#include "base/system.h"
#include "policy/facts.h"

#define ATTESTERD_PACKAGEKIT_WAIT_MAX_MS 120000 /* of one question; then it failed */

struct attesterd_packagekit;

/* `bus` and `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_packagekit_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_packagekit **ret,
                              struct base_error *error) BASE_MUST_CHECK;
void attesterd_packagekit_free(struct attesterd_packagekit *packagekit);

/* Asks, if PackageKit runs and has something to say that is not known. */
void attesterd_packagekit_ask(struct attesterd_packagekit *packagekit);

/*
 * Sets os.updates.security, and os.updates.age if PackageKit looked for updates later than what `to` says, as far as it is
 * known; if it is not, and `to` has it as unreadable, why. Errors: NO_MEMORY, LIMIT_EXCEEDED.
 * Source: org.freedesktop.PackageKit.xml, org.freedesktop.PackageKit.Transaction.xml.
 */
bool attesterd_packagekit_set_facts(const struct attesterd_packagekit *packagekit, struct policy_facts *to,
                                    struct base_error *error) BASE_MUST_CHECK;

/* A signal of the bus came, of whatever rule; the connection went. */
void attesterd_packagekit_signal(struct attesterd_packagekit *packagekit, DBusMessage *signal);
void attesterd_packagekit_down(struct attesterd_packagekit *packagekit);
