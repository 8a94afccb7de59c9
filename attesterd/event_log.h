/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends the firmware's event log to an issuer that asks for it (docs/PROTOCOL.md), beside the requests of users. Used by
 * attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"

#define ATTESTERD_EVENT_LOG_FILE       "sys/kernel/security/tpm0/binary_bios_measurements" /* below the root */
#define ATTESTERD_EVENT_LOG_TIMEOUT_MS 60000
#define ATTESTERD_EVENT_LOG_AGAIN_MS   60000ull            /* an issuer that asks sooner than this gets nothing ... */
#define ATTESTERD_EVENT_LOG_FAILED_MS  (10ull * 60 * 1000) /* ... or than this, if it could not be given the last one */

/*
 * Starts to send, unless that is under way or was tried just now. The waiters of the issuer's `event_log` are told when it has
 * ended. What fails is logged: the issuer says for itself what it refuses without the log.
 */
void attesterd_event_log_send(struct attesterd_daemon *daemon, struct attesterd_issuer *issuer);

/* Takes back what is under way. */
void attesterd_event_logs_clear(struct attesterd_daemon *daemon);
