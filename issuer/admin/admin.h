/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operators' page: devices, groups, boot states, refusals and keys to look at, and what an operator may change, on a
 * listener of its own that only TLS client certificates or users of this machine get through. It reads the registry by a
 * connection of its own and in its own threads, so that no request for a token waits for it. Used by attester-issuer; may be
 * included by issuer/.
 */
#pragma once

#include "issuer/service.h"

#define ADMIN_THREADS               2
#define ADMIN_CONNECTIONS_MAX       64
#define ADMIN_IDLE_TIMEOUT_MAX_S    30 /* or the public listener's, if that is less */
#define ADMIN_REQUEST_TIMEOUT_MAX_S 20 /* the same */
#define ADMIN_USERS_MAX             32

struct issuer_admin;

/* Reads what the section [Admin], which is there, names, and opens nothing. Errors: CONFIG_INVALID, NOT_FOUND, IO. */
bool issuer_admin_check(const struct issuer_config *config, struct base_error *error) BASE_MUST_CHECK;

/*
 * Listens where the configuration says, which names a place. All but `ret` must outlive it.
 * Errors: those of issuer_http_server_start() and issuer_registry_open(); CONFIG_INVALID (no such user).
 */
bool issuer_admin_start(const struct issuer_config *config, struct issuer_service *service, struct issuer_events *events,
                        const struct base_clock *clock, const struct base_random *random, struct issuer_admin **ret,
                        struct base_error *error) BASE_MUST_CHECK;
void issuer_admin_stop(struct issuer_admin *admin);

/* Its server: for the sweep, the reload and the address. */
struct issuer_http_server *issuer_admin_server(struct issuer_admin *admin);
