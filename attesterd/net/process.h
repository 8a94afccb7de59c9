/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts and ends the attester-net process, or connects to one that the service manager starts. Runs in attesterd; may be
 * included by attesterd/net/.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/* The descriptor that attester-net finds its socket at. */
#define NET_CHILD_FD 3

struct net_process {
        pid_t pid; /* 0: not our child */
        int fd;    /* our end of the socket; non-blocking, close-on-exec */
};

/*
 * Starts `program` with an environment that is empty but, if asked, for the proxy variables. The caller ends it with
 * net_process_kill(). Errors: NOT_FOUND, IO, NO_MEMORY.
 */
bool net_process_spawn(const char *program, bool proxy_from_environment, struct net_process *ret,
                       struct base_error *error) BASE_MUST_CHECK;

/*
 * Connects to the SOCK_SEQPACKET socket `path`, behind which each connection has an attester-net of its own
 * (attester-net.socket). That process ends when the connection is closed. Errors: INVALID_ARGUMENT (too long), NOT_FOUND, IO.
 */
bool net_process_connect(const char *path, struct net_process *ret, struct base_error *error) BASE_MUST_CHECK;

/* Kills, reaps and closes; only closes what is not our child; describes in `why` (at least 64 bytes) how the process ended. */
void net_process_kill(struct net_process *process, char *why, size_t why_bytes);
