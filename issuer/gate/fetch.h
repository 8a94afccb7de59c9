/* SPDX-License-Identifier: BSD-2-Clause */
/* Fetches the issuer's directory, by libcurl, which stays behind this header. May be included by issuer/gate only. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define GATE_FETCH_TIMEOUT_MS 10000

/*
 * Appends the body that a GET of `url` answers with 200 to `ret`, whose limit is the most that is taken. Redirects are not
 * followed. `ca_file` is "" for the system's certificates. `stop` is asked now and then whether to give up.
 * Errors: ISSUER_UNREACHABLE (name, connection, TLS), TIMEOUT, ISSUER_REJECTED (status or media type), LIMIT_EXCEEDED,
 * CANCELLED (`stop`), NO_MEMORY.
 */
bool gate_fetch(const char *url, const char *ca_file, bool (*stop)(void), struct base_buffer *ret,
                struct base_error *error) BASE_MUST_CHECK;
