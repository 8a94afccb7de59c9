/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's end of attester-net: starts the program, passes it requests over a socketpair, and restarts it when it
 * dies or hangs (with the next request, so that an idle machine stays idle). What attester-net says is parsed as hostile: a
 * compromised one can deny service and lie about issuers as the network could, and no more. Runs in attesterd; may be included by
 * attesterd/.
 */
#pragma once

#include "attesterd/net/transport.h"

#include <systemd/sd-event.h>

#define NET_IN_FLIGHT_MAX    256
#define NET_QUEUE_BYTES_MAX  (2 * 1024 * 1024) /* written by us, not yet taken by attester-net */
#define NET_ANSWER_GRACE_MS  2000              /* beyond a request's own timeout, until attester-net counts as hung */
#define NET_RESTART_MS_FIRST 100               /* from the second death in a row without an answer; then doubles */
#define NET_RESTART_MS_MAX   30000

struct net_client;

struct net_client_options {
        const char *program;         /* absolute path of attester-net */
        const char *socket;          /* NULL, or in place of the program: where the service manager starts one a connection */
        bool proxy_from_environment; /* pass https_proxy, all_proxy and no_proxy on to the program, and nothing else */
        /* Tells that attester-net died and why, for the log; NULL if not wanted. Called from the event loop. */
        void (*on_exit)(void *context, const struct base_error *error);
        void *on_exit_context;
};

/*
 * Starts attester-net, or connects to it. Takes a reference to `event`; copies what it needs of `options`. The caller frees `ret`
 * with net_client_free(). The process needs no SIGCHLD set-up: the client waits for its own child only. Errors: NOT_FOUND or IO
 * (the program cannot be started; a socket that is not there yet is tried again with the first request), NO_MEMORY.
 */
bool net_client_new(sd_event *event, const struct net_client_options *options, struct net_client **ret,
                    struct base_error *error) BASE_MUST_CHECK;

/* Kills attester-net, or closes the connection to it; requests in flight get their callback with CANCELLED. NULL is allowed. Not
 * from a callback. */
void net_client_free(struct net_client *client);
BASE_DEFINE_CLEANUP(struct net_client, net_client_free)
#define net_auto_client BASE_CLEANUP(net_client_free_p)

/* As net_transport.fetch and .cancel. */
bool net_client_fetch(struct net_client *client, const struct net_request *request, net_fetch_callback *callback,
                      void *callback_context, uint64_t *ret_id, struct base_error *error) BASE_MUST_CHECK;
void net_client_cancel(struct net_client *client, uint64_t id);

/* The client as a transport; valid while the client is. */
struct net_transport net_client_transport(struct net_client *client);

/* attester-net's process id, 0 while it is not running or not our child. */
pid_t net_client_pid(const struct net_client *client);
