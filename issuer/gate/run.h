/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-gate from configuration to exit. May be included by issuer/gate only. */
#pragma once

#include "issuer/gate/config.h"

/*
 * Serves until SIGTERM or SIGINT; SIGHUP reads the issuer's keys again. `port_file` (NULL: none) gets the bound port, and
 * that of the metrics, one a line, once both listen. Call before any thread was started.
 * Errors: what keeps it from serving. An issuer directory that cannot be read is logged and tried again instead.
 */
bool gate_run(const struct gate_config *config, const char *port_file, struct base_error *error) BASE_MUST_CHECK;
