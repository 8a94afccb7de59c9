/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the machine's lid is closed and whether it is docked, as logind has it. logind does not tell when these change: they
 * are asked again when a request comes a second later. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/waiter.h"
#include "base/bus.h"
#include "base/system.h"
#include "policy/facts.h"

#define ATTESTERD_LID_AGE_MAX_MS 1000

struct attesterd_lid;

/* `bus` and `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_lid_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_lid **ret,
                       struct base_error *error) BASE_MUST_CHECK;
/* Nobody may wait any more. */
void attesterd_lid_free(struct attesterd_lid *lid);

/*
 * True if the answer is known, or not to be had. Else asks, and `waiter` (NULL: nobody waits) is told within
 * ATTESTERD_BUS_SERVICE_WAIT_MAX_MS, always without an error, to ask again.
 * Source: org.freedesktop.login1(5): LidClosed, Docked.
 */
bool attesterd_lid_ready(struct attesterd_lid *lid, struct attesterd_waiter *waiter);

/* Sets session.lid_closed and session.docked. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
bool attesterd_lid_set_facts(const struct attesterd_lid *lid, struct policy_facts *to, struct base_error *error) BASE_MUST_CHECK;

/* A signal of the bus came, of whatever rule; the connection went. */
void attesterd_lid_signal(struct attesterd_lid *lid, DBusMessage *signal);
void attesterd_lid_down(struct attesterd_lid *lid);
