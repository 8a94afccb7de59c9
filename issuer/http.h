/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small HTTP/1.1 server over libmicrohttpd: a routing table, bounded requests, responses as values. Handlers run in the
 * server's own threads, several at a time. Used by attester-issuer and attester-gate; may be included by issuer/.
 *
 * What is bounded: connections, header bytes (431), body bytes (413), the idle time of a connection, and the time from
 * one finished request of a connection (or its start, TLS handshake included) to the end of the next, so that a peer that
 * sends one byte at a time is cut off (see issuer_http_server_sweep()).
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/system.h"

#include <sys/types.h>

#define ISSUER_HTTP_HEADER_BYTES_MAX (24 * 1024) /* request line and fields, with the server's own bookkeeping */
#define ISSUER_HTTP_DISCARD_BYTES_MAX                                                                                            \
        (256 * 1024)                      /* of a body that is too large: read this much so that the peer sees the 413           \
                                           */
#define ISSUER_HTTP_LARGE_BODIES_MAX   64 /* requests at a time whose route takes more than that; the next get 503 */
#define ISSUER_HTTP_RESPONSE_BYTES_MAX (256 * 1024)
#define ISSUER_HTTP_FIELDS_MAX         12 /* of a response */

struct issuer_http_exchange;

struct issuer_http_request {
        const char *method;
        const char *path; /* percent-decoded, without the query */
        struct base_bytes body;
        uint64_t started_us; /* CLOCK_MONOTONIC, when its header was complete */
        const struct issuer_http_exchange *exchange;
};

/* The first field of that name, or NULL; owned by the request. */
const char *issuer_http_request_field(const struct issuer_http_request *request, const char *name);
/* How many fields of that name there are. */
size_t issuer_http_request_field_count(const struct issuer_http_request *request, const char *name);
/* Whether Content-Type names this media type, whatever its parameters. */
bool issuer_http_request_is_media_type(const struct issuer_http_request *request, const char *media_type);
/* Calls `visitor` for each query parameter, percent-decoded; `value` may hold any bytes, and is NULL if there is no '='. */
void issuer_http_request_visit_query(const struct issuer_http_request *request,
                                     bool (*visitor)(void *context, const char *name, const char *value, size_t value_len),
                                     void *context);
/* Microseconds since `started_us`. */
uint64_t issuer_http_request_elapsed_us(const struct issuer_http_request *request);

/* Starts as an empty 200. If one of the puts fails for want of memory or space, a bare 500 is sent in its place. */
struct issuer_http_response {
        unsigned status;
        struct base_buffer body; /* ISSUER_HTTP_RESPONSE_BYTES_MAX */
        struct {
                const char *name; /* a literal */
                char *value;
        } fields[ISSUER_HTTP_FIELDS_MAX];
        size_t field_count;
        bool failed;
};

/* Adds a field; one of the same name is replaced. `name` must be a literal, `value` (no line ends) is copied. */
void issuer_http_response_put_field(struct issuer_http_response *response, const char *name, const char *value);
/* Replaces status, Content-Type and body; `content` is copied. Other fields stay. */
void issuer_http_response_put_body(struct issuer_http_response *response, unsigned status, const char *content_type,
                                   struct base_bytes content);
/*
 * Replaces status and body by application/problem+json (RFC 9457): type "urn:attesterd:error:<name of code>", title,
 * status, detail. `members` is "" or more members as JSON text, as in "\"rules\":[]".
 */
void issuer_http_response_put_problem(struct issuer_http_response *response, unsigned status, enum base_error_code code,
                                      const char *detail, const char *members);

/* Who is at the other end, as far as the connection itself proves it. */
enum issuer_http_peer_kind {
        ISSUER_HTTP_PEER_ANYBODY,     /* TCP without client certificates */
        ISSUER_HTTP_PEER_CERTIFICATE, /* the key of a certificate that the server takes */
        ISSUER_HTTP_PEER_USER,        /* a process of this user, over a Unix socket */
};

#define ISSUER_HTTP_SUBJECT_MAX 256

struct issuer_http_peer {
        enum issuer_http_peer_kind kind;
        uint8_t fingerprint[32];               /* SHA-256 of the certificate */
        char subject[ISSUER_HTTP_SUBJECT_MAX]; /* its subject (RFC 4514), cut to fit; "" if there is none */
        uid_t uid;
};

/*
 * Of the connection of this request. A certificate is checked anew, so that one that has expired, or is refused by lists that
 * were read since, stops to count while its connection lasts.
 * Errors: NOT_AUTHORIZED (no certificate, or one that does not count; says why), IO, CRYPTO.
 */
bool issuer_http_request_peer(const struct issuer_http_request *request, struct issuer_http_peer *ret,
                              struct base_error *error) BASE_MUST_CHECK;

typedef void issuer_http_handler(const struct issuer_http_request *request, struct issuer_http_response *response, void *context);

struct issuer_http_route {
        const char *path;    /* whole path */
        const char *methods; /* "GET" (HEAD goes with it), "POST", "GET POST"; NULL: any method */
        size_t body_max;     /* bytes; a larger body gets 413 */
        issuer_http_handler *handler;
        issuer_http_handler *finish; /* NULL, or called for every response of this route, the server's own 405 and 413 too */
        const char *other_type;      /* NULL, or a media type whose bodies may have `other_body_max` bytes */
        size_t other_body_max;
};

/*
 * Which clients may connect, by TLS certificate: those by one of the authorities, of the allow-list if there is one, and never
 * those of the revocation list. A list has one certificate a line, by SHA-256 fingerprint (64 hex digits, colons between or
 * not) or by subject (RFC 4514), each as openssl-x509(1) prints it.
 */
struct issuer_http_client_files {
        const char *authorities;     /* PEM */
        const char *allow_list;      /* NULL: none */
        const char *revocation_list; /* NULL: none */
};

/* Reads them. Errors: CONFIG_INVALID (no certificate; a line of a list that is neither form), NOT_FOUND, IO. */
bool issuer_http_client_files_check(const struct issuer_http_client_files *files, struct base_error *error) BASE_MUST_CHECK;

struct issuer_http_options {
        const char *listen;                     /* see issuer/address.h */
        const char *certificate_file;           /* PEM chain; NULL: plain HTTP */
        const char *key_file;                   /* PEM */
        const struct issuer_http_route *routes; /* must outlive the server */
        size_t route_count;
        void *context; /* for the handlers */
        /* NULL, or asked before anything else is done; false: it has put a response, which is sent. */
        bool (*admit)(const struct issuer_http_request *request, struct issuer_http_response *response, void *context);
        issuer_http_handler *finish;                    /* NULL, or called for every response, whatever its path */
        const struct issuer_http_client_files *clients; /* NULL: no client certificates; else TLS and a certificate are needed */
        unsigned socket_mode;                           /* of a Unix socket; 0: as the umask has it */
        void (*on_refused)(const char *why, void *context); /* NULL, or called when a client's certificate is refused */
        unsigned threads;
        unsigned connections_max;
        unsigned idle_timeout_s;
        unsigned request_timeout_s;
        const struct base_clock *clock;
};

struct issuer_http_server;

/*
 * Listens and serves. Plain HTTP is refused on an address that others than this machine can reach.
 * Errors: INVALID_ARGUMENT (address), CONFIG_INVALID (certificate, key or a list of clients, or a key that others may read;
 * names the file), IO, INTERNAL (libmicrohttpd).
 */
bool issuer_http_server_start(const struct issuer_http_options *options, struct issuer_http_server **ret,
                              struct base_error *error) BASE_MUST_CHECK;

/* The bound port; 0 for a Unix socket. */
uint16_t issuer_http_server_port(const struct issuer_http_server *server);

/* The bound address as text, owned by the server. */
const char *issuer_http_server_address(const struct issuer_http_server *server);

/*
 * Reads certificate, key and the files of `clients` again; new connections get them, connections that are open end with their
 * next response. Errors: as of start, and the old ones stay in use.
 */
bool issuer_http_server_reload(struct issuer_http_server *server, struct base_error *error) BASE_MUST_CHECK;

/* Cuts off connections that are past their time. Call about once a second. */
void issuer_http_server_sweep(struct issuer_http_server *server);

/* Stops to accept, closes idle connections, lets requests that are under way end. */
void issuer_http_server_drain(struct issuer_http_server *server);

size_t issuer_http_server_connection_count(struct issuer_http_server *server);

/* Closes everything at once. */
void issuer_http_server_free(struct issuer_http_server *server);
BASE_DEFINE_CLEANUP(struct issuer_http_server, issuer_http_server_free)
#define issuer_auto_http_server BASE_CLEANUP(issuer_http_server_free_p)
