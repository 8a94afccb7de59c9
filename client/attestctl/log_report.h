/* SPDX-License-Identifier: BSD-2-Clause */
/* How event logs and what follows from them are shown. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"
#include "evidence/eventlog/boot.h"

/* The events, one line or object each. */
void attestctl_log_print_events(const struct attestctl *ctl, const struct evidence_eventlog *log);
json_t *attestctl_log_events_json(const struct evidence_eventlog *log);

/* Each compared PCR: whether it comes out. `logged` has the PCRs with events. */
void attestctl_log_print_pcrs(const struct attestctl *ctl, const struct evidence_eventlog_replay *replay, uint32_t logged);
json_t *attestctl_log_pcrs_json(const struct evidence_eventlog_replay *replay, uint32_t logged);

/* The boot state. */
void attestctl_log_print_boot(const struct attestctl *ctl, const struct evidence_boot *boot);
json_t *attestctl_log_boot_json(const struct evidence_boot *boot);
