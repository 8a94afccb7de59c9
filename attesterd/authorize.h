/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one gate to org.attesterd.Admin1: root may, anybody else is put to polkit. Used by attesterd; may be included by
 * attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"

#define ATTESTERD_POLKIT_TIMEOUT_MS             5000
#define ATTESTERD_POLKIT_INTERACTIVE_TIMEOUT_MS 120000 /* a person may have to type a password */

/* Goes on with a call that is authorised; to be ended like any handler's. */
typedef void attesterd_authorized(struct attesterd_daemon *daemon, struct attesterd_call *call);

/*
 * Runs `then` now or later if the caller may do `action` ("org.attesterd.enroll"); else ends the call with NOT_AUTHORIZED,
 * also if polkit is not there or does not answer in time.
 */
void attesterd_authorize(struct attesterd_daemon *daemon, struct attesterd_call *call, const char *action,
                         attesterd_authorized *then);
