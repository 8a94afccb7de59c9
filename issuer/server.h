/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attester-issuer as a process: its listeners, signals and event loop. Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/config.h"

struct issuer_server_options {
        const char *listen;    /* in place of the configuration's; NULL: that */
        const char *log_file;  /* NULL: standard output */
        const char *port_file; /* NULL, or where to write the bound ports: the public one, then the metrics' and the admin page's
                                  if there are such */
};

/*
 * Serves until SIGTERM or SIGINT, then lets requests that are under way end. SIGHUP reads certificate, keys, policy and
 * trust again. Errors: whatever kept it from starting.
 */
bool issuer_server_run(struct issuer_config *config, const struct issuer_server_options *options,
                       struct base_error *error) BASE_MUST_CHECK;
