/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which client certificates a server takes. May be included by issuer/http*.c and by tests only.
 */
#pragma once

#include "issuer/http.h"

#include <gnutls/gnutls.h>

#define ISSUER_HTTP_CLIENT_LIST_ENTRIES_MAX 4096
#define ISSUER_HTTP_CLIENT_LIST_BYTES_MAX   (512 * 1024)

struct issuer_http_clients;

/* Reads the files, whose names are copied. Errors: CONFIG_INVALID (a line that is neither form, as file:line:column), IO,
 * NOT_FOUND. */
bool issuer_http_clients_new(const struct issuer_http_client_files *files, struct issuer_http_clients **ret,
                             struct base_error *error) BASE_MUST_CHECK;
void issuer_http_clients_free(struct issuer_http_clients *clients);
BASE_DEFINE_CLEANUP(struct issuer_http_clients, issuer_http_clients_free)
#define issuer_auto_http_clients BASE_CLEANUP(issuer_http_clients_free_p)

/* Reads the lists again; on failure the old ones stay. May run beside checks. Errors: as new. */
bool issuer_http_clients_reload(struct issuer_http_clients *clients, struct base_error *error) BASE_MUST_CHECK;

/* Appends the authorities' certificates with a NUL at the end. Errors: CONFIG_INVALID (there is none), IO, NOT_FOUND. */
bool issuer_http_clients_authorities(const struct issuer_http_clients *clients, struct base_buffer *to,
                                     struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether the peer's certificate counts now: chain, time, purpose, and the lists. Errors: NOT_AUTHORIZED, with why; CRYPTO.
 */
bool issuer_http_clients_check(struct issuer_http_clients *clients, gnutls_session_t session, struct issuer_http_peer *ret,
                               struct base_error *error) BASE_MUST_CHECK;
