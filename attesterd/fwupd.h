/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fwupd says of the firmware: the host security level. Read when it is first needed, which starts fwupd, and again
 * when fwupd says that it changed. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/waiter.h"
#include "base/bus.h"
#include "base/system.h"
#include "policy/facts.h"

struct attesterd_fwupd;

/* `bus` and `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_fwupd_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_fwupd **ret,
                         struct base_error *error) BASE_MUST_CHECK;
/* Nobody may wait any more. */
void attesterd_fwupd_free(struct attesterd_fwupd *fwupd);

/*
 * True if the answer is known, or not to be had. Else asks, and `waiter` (NULL: nobody waits) is told within
 * ATTESTERD_BUS_SERVICE_WAIT_MAX_MS, always without an error, to ask again.
 */
bool attesterd_fwupd_ready(struct attesterd_fwupd *fwupd, struct attesterd_waiter *waiter);

/* Sets firmware.hsi. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
bool attesterd_fwupd_set_facts(const struct attesterd_fwupd *fwupd, struct policy_facts *to,
                               struct base_error *error) BASE_MUST_CHECK;

/* A signal of the bus came, of whatever rule; the connection went. */
void attesterd_fwupd_signal(struct attesterd_fwupd *fwupd, DBusMessage *signal);
void attesterd_fwupd_down(struct attesterd_fwupd *fwupd);

/*
 * The level in fwupd's text: 1 of "HSI:1! (v1.8.12)". False if it names none, as "HSI:INVALID:chassis[0x1]".
 * Source: fwupd, docs/hsi.md.
 */
bool attesterd_fwupd_level_parse(const char *text, int *ret) BASE_MUST_CHECK;
