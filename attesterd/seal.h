/* SPDX-License-Identifier: BSD-2-Clause */
/* The handler of Attester1.GetSeal. Used by attesterd; may be included by attesterd/. */
#pragma once

#include "attesterd/daemon.h"

void attesterd_seal_get(struct attesterd_daemon *daemon, struct attesterd_call *call);
