/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers of Attester1 that only tell: GetIssuer, GetFacts, Evaluate, Explain. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"

void attesterd_query_issuer(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_query_facts(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_query_evaluate(struct attesterd_daemon *daemon, struct attesterd_call *call);
void attesterd_query_explain(struct attesterd_daemon *daemon, struct attesterd_call *call);
