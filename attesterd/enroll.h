/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Admin1.Enroll: makes this device known to an issuer by the exchange of docs/PROTOCOL.md. Used by attesterd; may be
 * included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"

#define ATTESTERD_ENROLL_TIMEOUT_MS 90000 /* for all of it; the TPM may have to make keys */

/* Goes on with an authorised call of Admin1.Enroll; ends it sooner or later. */
void attesterd_enroll(struct attesterd_daemon *daemon, struct attesterd_call *call);
