/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attester-net's loop: requests from attesterd's socket into curl, answers back. Runs in attester-net; may be included by
 * attester-net's own files.
 */
#pragma once

#include "base/error.h"

#define NET_SERVER_EXCHANGES_MAX        256
#define NET_SERVER_HOST_CONNECTIONS_MAX 8
#define NET_SERVER_CONNECTIONS_MAX      64
#define NET_SERVER_IDLE_CONNECTIONS_MAX 8

struct net_server;

/*
 * Initialises curl for the socket `fd`, which it takes. The caller frees `ret` with net_server_free().
 * Errors: UNSUPPORTED (a curl without TLS), INVALID_ARGUMENT (`fd` is no SOCK_SEQPACKET socket), NO_MEMORY.
 */
bool net_server_new(int fd, bool proxy_from_environment, struct net_server **ret, struct base_error *error) BASE_MUST_CHECK;
void net_server_free(struct net_server *server);
BASE_DEFINE_CLEANUP(struct net_server, net_server_free)
#define net_auto_server BASE_CLEANUP(net_server_free_p)

/*
 * Serves until the other end closes, which is true.
 * Errors: MALFORMED, INVALID_ARGUMENT, LIMIT_EXCEEDED (what came in is no request of attesterd's), IO, NO_MEMORY, INTERNAL.
 */
bool net_server_run(struct net_server *server, struct base_error *error) BASE_MUST_CHECK;
