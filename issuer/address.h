/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a server listens: "127.0.0.1:8443", "[::1]:8443", "0.0.0.0:0" (0 picks a free port) or the absolute path of a
 * Unix socket. Used by attester-issuer and attester-gate; may be included by issuer/.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/socket.h>

#define ISSUER_ADDRESS_TEXT_MAX 128

struct issuer_address {
        struct sockaddr_storage storage;
        socklen_t len;
};

/* Errors: INVALID_ARGUMENT (no such form, a host name, a path that is too long). */
bool issuer_address_parse(const char *text, struct issuer_address *ret, struct base_error *error) BASE_MUST_CHECK;

/* Whether only this machine can reach it: a Unix socket, or a loopback address. */
bool issuer_address_is_local(const struct issuer_address *address);

/*
 * Opens a listening socket, close-on-exec and non-blocking. A stale Unix socket at the path is replaced, a file of another
 * kind is not. `ret_port` is the port that was bound, 0 for a Unix socket. The caller closes `ret_fd`.
 * Errors: IO, naming the address.
 */
bool issuer_address_listen(const struct issuer_address *address, int *ret_fd, uint16_t *ret_port,
                           struct base_error *error) BASE_MUST_CHECK;

/* Writes the address with `port` in place of its own, as issuer_address_parse() reads it. */
void issuer_address_print(const struct issuer_address *address, uint16_t port, char ret[static ISSUER_ADDRESS_TEXT_MAX]);
