/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the HTTP server share. May be included by issuer/http*.c only.
 */
#pragma once

#include "issuer/http.h"
#include "issuer/http_clients.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* One TCP connection; in the server's list, under its lock, from accept to close. */
struct issuer_http_connection {
        struct issuer_http_server *server;
        struct issuer_http_connection *next;
        struct issuer_http_connection *previous;
        int fd;              /* libmicrohttpd's */
        unsigned generation; /* the server's when it was accepted */
        atomic_bool busy;
        _Atomic uint64_t deadline_ms; /* of the end of its next request */
};

struct issuer_http_server {
        const struct issuer_http_route *routes;
        size_t route_count;
        void *context;
        bool (*admit)(const struct issuer_http_request *request, struct issuer_http_response *response, void *context);
        issuer_http_handler *finish;
        void (*on_refused)(const char *why, void *context);
        struct issuer_http_clients *clients; /* owned; NULL: no client certificates */
        const struct base_clock *clock;
        unsigned threads;
        unsigned connections_max;
        unsigned idle_timeout_s;
        unsigned request_timeout_s;
        char *certificate_file;
        char *key_file;
        char *address;
        char *socket_path; /* to unlink at the end; NULL for TCP */
        uint16_t port;
        int listen_fd;
        struct MHD_Daemon *daemon;
        struct MHD_Daemon *retired; /* with the certificate before the last reload */
        atomic_uint generation;     /* counts reloads; a connection of an earlier one ends with its next response */
        atomic_uint large_bodies;   /* requests under way whose route takes a large body */
        atomic_bool closing;        /* every connection ends with its next response */
        pthread_mutex_t lock;
        struct issuer_http_connection *connections;
        size_t connection_count;
};

/* http_exchange.c: the callbacks that libmicrohttpd gets; `context` is the server. */
enum MHD_Result issuer_http_on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                       const char *version, const char *upload, size_t *upload_len, void **state);
void issuer_http_on_completed(void *context, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode code);

/* http_response.c */
void issuer_http_response_init(struct issuer_http_response *response);
void issuer_http_response_clear(struct issuer_http_response *response);
