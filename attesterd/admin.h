/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers of org.attesterd.Admin1 but for the enrolment's work; each passes the gate first. Used by attesterd; may be
 * included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"

#define ATTESTERD_POLICY_CONTENT_BYTES_MAX (256 * 1024)

void attesterd_admin_enroll(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_admin_reload(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_admin_reseal(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_admin_rotate_key(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_admin_install_policy(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_admin_install_policy_bundle(struct attesterd_daemon *daemon, struct attesterd_call *call);
