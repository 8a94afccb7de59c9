/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers to calls that were refused because their user asks too much. They go out few at a time, in turn between users: a
 * program that calls again as soon as it is answered is slowed down by that, and leaves the bus, this daemon and the processors
 * to the others. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/bus.h"

#include <sys/types.h>

#define ATTESTERD_REFUSAL_PERIOD_MS   10
#define ATTESTERD_REFUSALS_PER_PERIOD 8
#define ATTESTERD_REFUSALS_HELD_MAX   2048 /* more go out at once; the bus lets a connection wait for 128 */

struct attesterd_refusals;

/* `bus` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_refusals_new(sd_event *event, struct base_bus *bus, struct attesterd_refusals **ret,
                            struct base_error *error) BASE_MUST_CHECK;
/* Sends what is held first. NULL is fine. */
void attesterd_refusals_free(struct attesterd_refusals *refusals);

/* Sends `reply`, which is for `uid`, later; takes no reference of the caller's. */
void attesterd_refusals_send(struct attesterd_refusals *refusals, uid_t uid, DBusMessage *reply);

/* Drops what is held, when the bus and all who waited are gone. */
void attesterd_refusals_forget(struct attesterd_refusals *refusals);
