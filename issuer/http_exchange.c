/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/http_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define LARGE_RETRY_AFTER_S "10"

/* One request of a connection, from the end of its header to the end of its response. */
struct issuer_http_exchange {
        struct issuer_http_server *server;
        struct MHD_Connection *connection;
        const struct issuer_http_route *route; /* NULL: no such path */
        bool method_allowed;
        bool large;      /* counted as such by the server */
        bool too_many;   /* of these */
        size_t body_max; /* of this method and media type */
        struct base_buffer body;
        size_t body_seen; /* with what was thrown away */
        struct issuer_http_request request;
};

static uint64_t now_us(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

const char *issuer_http_request_field(const struct issuer_http_request *request, const char *name)
{
        return MHD_lookup_connection_value(request->exchange->connection, MHD_HEADER_KIND, name);
}

struct field_counter {
        const char *name;
        size_t count;
};

static enum MHD_Result count_field(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
        struct field_counter *counter = context;

        if (strcasecmp(name, counter->name) == 0)
                counter->count++;
        return MHD_YES;
}

size_t issuer_http_request_field_count(const struct issuer_http_request *request, const char *name)
{
        struct field_counter counter = { .name = name };

        (void) MHD_get_connection_values(request->exchange->connection, MHD_HEADER_KIND, count_field, &counter);
        return counter.count;
}

struct query_visit {
        bool (*visitor)(void *context, const char *name, const char *value, size_t value_len);
        void *context;
};

static enum MHD_Result visit_parameter(void *context, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                       const char *value, size_t value_len)
{
        const struct query_visit *visit = context;

        /* A name with a NUL byte is none that anybody looks for. */
        if (name == NULL || strlen(name) != name_len)
                name = "";
        return visit->visitor(visit->context, name, value, value_len) ? MHD_YES : MHD_NO;
}

void issuer_http_request_visit_query(const struct issuer_http_request *request,
                                     bool (*visitor)(void *context, const char *name, const char *value, size_t value_len),
                                     void *context)
{
        struct query_visit visit = { .visitor = visitor, .context = context };

        (void) MHD_get_connection_values_n(request->exchange->connection, MHD_GET_ARGUMENT_KIND, visit_parameter, &visit);
}

bool issuer_http_request_is_media_type(const struct issuer_http_request *request, const char *media_type)
{
        const char *value = issuer_http_request_field(request, "Content-Type");
        size_t len = strlen(media_type);

        return value != NULL && strncasecmp(value, media_type, len) == 0 && strchr("; \t", value[len]) != NULL;
}

uint64_t issuer_http_request_elapsed_us(const struct issuer_http_request *request)
{
        return now_us() - request->started_us;
}

/* Whether `method` is one of the space-separated `methods`. */
static bool method_in(const char *methods, const char *method)
{
        size_t len = strlen(method);

        if (strcmp(method, "HEAD") == 0)
                return method_in(methods, "GET");
        for (const char *at = methods; (at = strstr(at, method)) != NULL; at += len)
                if ((at == methods || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
                        return true;
        return false;
}

/* What is kept of the body. */
static size_t keep_max(const struct issuer_http_exchange *exchange)
{
        return exchange->too_many ? 0 : exchange->body_max;
}

/* What is read of it. */
static size_t read_max(const struct issuer_http_exchange *exchange)
{
        size_t max = keep_max(exchange);

        return max > ISSUER_HTTP_DISCARD_BYTES_MAX ? max : ISSUER_HTTP_DISCARD_BYTES_MAX;
}

static size_t route_body_max(const struct issuer_http_route *route, const struct issuer_http_request *request)
{
        return route->other_type != NULL && issuer_http_request_is_media_type(request, route->other_type) ? route->other_body_max
                                                                                                          : route->body_max;
}

static struct issuer_http_exchange *exchange_new(struct issuer_http_server *server, struct MHD_Connection *connection,
                                                 const char *path, const char *method)
{
        struct issuer_http_exchange *exchange = calloc(1, sizeof(*exchange));

        if (exchange == NULL)
                return NULL;
        exchange->server = server;
        exchange->connection = connection;
        for (size_t i = 0; i < server->route_count && exchange->route == NULL; i++)
                if (strcmp(server->routes[i].path, path) == 0)
                        exchange->route = &server->routes[i];
        exchange->request = (struct issuer_http_request){
                .method = method,
                .path = path,
                .started_us = now_us(),
                .exchange = exchange,
        };
        if (exchange->route != NULL)
                exchange->method_allowed = exchange->route->methods == NULL || method_in(exchange->route->methods, method);
        if (exchange->method_allowed)
                exchange->body_max = route_body_max(exchange->route, &exchange->request);
        if (exchange->body_max > ISSUER_HTTP_DISCARD_BYTES_MAX) {
                exchange->large = true;
                exchange->too_many = atomic_fetch_add(&server->large_bodies, 1) >= ISSUER_HTTP_LARGE_BODIES_MAX;
        }
        base_buffer_init(&exchange->body, keep_max(exchange));
        return exchange;
}

static struct issuer_http_connection *connection_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info == NULL ? NULL : info->socket_context;
}

void issuer_http_on_completed(void *context, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode code)
{
        struct issuer_http_server *server = context;
        struct issuer_http_exchange *exchange = *state;
        struct issuer_http_connection *entry = connection_of(connection);

        if (entry != NULL) {
                atomic_store(&entry->deadline_ms,
                             server->clock->monotonic_ms(server->clock->context) + server->request_timeout_s * 1000ULL);
                atomic_store(&entry->busy, false);
        }
        if (exchange != NULL && exchange->large)
                (void) atomic_fetch_sub(&server->large_bodies, 1);
        if (exchange != NULL)
                base_buffer_clear(&exchange->body);
        free(exchange);
        *state = NULL;
}

static bool user_peer(int fd, struct issuer_http_peer *ret, struct base_error *error)
{
        struct ucred credentials;
        socklen_t len = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
                return base_error_set_errno(error, errno, "cannot find out who is at the other end of the socket");
        *ret = (struct issuer_http_peer){ .kind = ISSUER_HTTP_PEER_USER, .uid = credentials.uid };
        return true;
}

bool issuer_http_request_peer(const struct issuer_http_request *request, struct issuer_http_peer *ret, struct base_error *error)
{
        struct issuer_http_server *server = request->exchange->server;
        struct MHD_Connection *connection = request->exchange->connection;
        const union MHD_ConnectionInfo *info;

        if (server->clients != NULL) {
                info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
                if (info == NULL)
                        return base_error_set(error, BASE_ERROR_INTERNAL, "the connection has no TLS session");
                return issuer_http_clients_check(server->clients, info->tls_session, ret, error);
        }
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (server->socket_path != NULL && info != NULL)
                return user_peer(info->connect_fd, ret, error);
        *ret = (struct issuer_http_peer){ .kind = ISSUER_HTTP_PEER_ANYBODY };
        return true;
}

static void respond_by_route(struct issuer_http_exchange *exchange, struct issuer_http_response *response)
{
        const struct issuer_http_route *route = exchange->route;
        struct issuer_http_server *server = exchange->server;

        if (route == NULL) {
                issuer_http_response_put_problem(response, 404, BASE_ERROR_NOT_FOUND, "There is nothing at this path.", "");
                return;
        }
        if (!exchange->method_allowed) {
                issuer_http_response_put_problem(response, 405, BASE_ERROR_INVALID_ARGUMENT,
                                                 "This path does not take this method; Allow names those it takes.", "");
                issuer_http_response_put_field(response, "Allow", route->methods);
        } else if (exchange->too_many) {
                issuer_http_response_put_problem(response, 503, BASE_ERROR_BUSY,
                                                 "Too many large requests are under way; try again.", "");
                issuer_http_response_put_field(response, "Retry-After", LARGE_RETRY_AFTER_S);
        } else if (exchange->body_seen > exchange->body_max) {
                issuer_http_response_put_problem(response, 413, BASE_ERROR_LIMIT_EXCEEDED, "The body is too large for this path.",
                                                 "");
        } else {
                route->handler(&exchange->request, response, server->context);
        }
        if (route->finish != NULL)
                route->finish(&exchange->request, response, server->context);
}

static void respond(struct issuer_http_exchange *exchange, struct issuer_http_response *response)
{
        struct issuer_http_server *server = exchange->server;

        exchange->request.body = base_buffer_bytes(&exchange->body);
        if (server->admit == NULL || server->admit(&exchange->request, response, server->context))
                respond_by_route(exchange, response);
        if (server->finish != NULL)
                server->finish(&exchange->request, response, server->context);
}

/* Whether the server is stopping, or has another certificate by now. */
static bool ends_with_this(const struct issuer_http_exchange *exchange)
{
        struct issuer_http_server *server = exchange->server;
        struct issuer_http_connection *entry = connection_of(exchange->connection);

        return atomic_load(&server->closing) || entry == NULL || entry->generation != atomic_load(&server->generation);
}

static enum MHD_Result queue(struct issuer_http_exchange *exchange, struct issuer_http_response *response)
{
        bool failed = response->failed || !base_buffer_ok(&response->body);
        struct MHD_Response *native = MHD_create_response_from_buffer(failed ? 0 : response->body.len,
                                                                      failed ? NULL : response->body.data, MHD_RESPMEM_MUST_COPY);
        enum MHD_Result result;

        if (native == NULL)
                return MHD_NO;
        for (size_t i = 0; i < response->field_count && !failed; i++)
                failed = MHD_add_response_header(native, response->fields[i].name, response->fields[i].value) != MHD_YES;
        if (ends_with_this(exchange))
                (void) MHD_add_response_header(native, "Connection", "close");
        result = MHD_queue_response(exchange->connection, failed ? MHD_HTTP_INTERNAL_SERVER_ERROR : response->status, native);
        MHD_destroy_response(native);
        return result;
}

static enum MHD_Result answer(struct issuer_http_exchange *exchange)
{
        struct issuer_http_response response;
        enum MHD_Result result;

        issuer_http_response_init(&response);
        respond(exchange, &response);
        result = queue(exchange, &response);
        issuer_http_response_clear(&response);
        return result;
}

/* The first call for a request: its header is complete, nothing of its body is read. */
static enum MHD_Result begin(struct issuer_http_exchange *exchange)
{
        struct issuer_http_connection *entry = connection_of(exchange->connection);
        const char *length = issuer_http_request_field(&exchange->request, "Content-Length");
        unsigned long long announced = length == NULL ? 0 : strtoull(length, NULL, 10);

        if (entry != NULL)
                atomic_store(&entry->busy, true);
        if (announced <= read_max(exchange))
                return MHD_YES;
        /* More than is worth reading: answered at once, and libmicrohttpd closes the connection. */
        exchange->body_seen = SIZE_MAX;
        return answer(exchange);
}

enum MHD_Result issuer_http_on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                       const char *version, const char *upload, size_t *upload_len, void **state)
{
        struct issuer_http_exchange *exchange = *state;

        if (exchange == NULL) {
                exchange = exchange_new(context, connection, path, method);
                *state = exchange;
                return exchange == NULL ? MHD_NO : begin(exchange);
        }
        if (*upload_len == 0)
                return answer(exchange);
        exchange->body_seen += *upload_len;
        if (exchange->body_seen > read_max(exchange))
                return MHD_NO;
        base_buffer_put(&exchange->body, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
}
