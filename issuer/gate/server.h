/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate's two HTTP servers: /auth for the website, /metrics and /healthz for its operator. issuer/gate only. */
#pragma once

#include "issuer/gate/gate.h"
#include "issuer/http.h"

/* Starts the server that decides. `gate` must outlive it. Errors: of issuer_http_server_start(). */
bool gate_server_start(struct gate *gate, struct issuer_http_server **ret, struct base_error *error) BASE_MUST_CHECK;

/* Starts the operator's, at MetricsListen=. */
bool gate_server_start_metrics(struct gate *gate, struct issuer_http_server **ret, struct base_error *error) BASE_MUST_CHECK;
