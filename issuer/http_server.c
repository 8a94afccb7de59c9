/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/http_internal.h"

#include "issuer/address.h"
#include "issuer/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

static uint64_t now_ms(const struct issuer_http_server *server)
{
        return server->clock->monotonic_ms(server->clock->context);
}

/*
 * Within the handshake: a peer without a certificate, or with one that does not count, never gets as far as a request. The alert
 * has its browser say so; libmicrohttpd would only hang up.
 */
static int on_certificate(gnutls_session_t session)
{
        struct issuer_http_connection *entry = gnutls_db_get_ptr(session);
        struct issuer_http_server *server = entry->server;
        struct base_error reason = BASE_ERROR_INIT;
        struct issuer_http_peer peer;

        if (issuer_http_clients_check(server->clients, session, &peer, &reason))
                return 0;
        if (server->on_refused != NULL)
                server->on_refused(reason.message, server->context);
        (void) gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
        return GNUTLS_E_CERTIFICATE_ERROR;
}

/* GnuTLS asks on_certificate() about an absent certificate, too, unless it is to require one by itself. No session is kept, so
 * that their pointer is free. */
static void demand_certificate(struct MHD_Connection *connection, struct issuer_http_connection *entry)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

        if (info == NULL) {
                (void) shutdown(entry->fd, SHUT_RDWR);
                return;
        }
        gnutls_db_set_ptr(info->tls_session, entry);
        gnutls_certificate_server_set_request(info->tls_session, GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(info->tls_session, on_certificate);
}

static void connection_opened(struct issuer_http_server *server, struct MHD_Connection *connection, void **socket_context)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct issuer_http_connection *entry = calloc(1, sizeof(*entry));

        if (entry == NULL || info == NULL) {
                /* One that could not be watched must not live. */
                if (info != NULL)
                        (void) shutdown(info->connect_fd, SHUT_RDWR);
                free(entry);
                return;
        }
        entry->server = server;
        entry->fd = info->connect_fd;
        entry->generation = atomic_load(&server->generation);
        atomic_init(&entry->busy, false);
        atomic_init(&entry->deadline_ms, now_ms(server) + server->request_timeout_s * 1000ULL);
        pthread_mutex_lock(&server->lock);
        entry->next = server->connections;
        if (entry->next != NULL)
                entry->next->previous = entry;
        server->connections = entry;
        server->connection_count++;
        pthread_mutex_unlock(&server->lock);
        *socket_context = entry;
        if (server->clients != NULL)
                demand_certificate(connection, entry);
}

/* Called before the descriptor is closed, so that under the lock every listed one is open. */
static void connection_closed(struct issuer_http_server *server, void **socket_context)
{
        struct issuer_http_connection *entry = *socket_context;

        if (entry == NULL)
                return;
        pthread_mutex_lock(&server->lock);
        if (entry->previous != NULL)
                entry->previous->next = entry->next;
        else
                server->connections = entry->next;
        if (entry->next != NULL)
                entry->next->previous = entry->previous;
        server->connection_count--;
        pthread_mutex_unlock(&server->lock);
        free(entry);
        *socket_context = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                connection_opened(context, connection, socket_context);
        else
                connection_closed(context, socket_context);
}

/* Starts one daemon on a duplicate of the listening socket, which it then owns. */
static bool daemon_start(struct issuer_http_server *server, struct MHD_Daemon **ret, struct base_error *error)
{
        issuer_auto_tls_files struct issuer_tls_files files = { 0 };
        bool tls = server->certificate_file != NULL;
        unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | (tls ? MHD_USE_TLS : 0);
        base_auto_close int fd = -1;
        base_auto_buffer struct base_buffer authorities = BASE_BUFFER_INIT(ISSUER_TLS_FILE_BYTES_MAX);
        struct MHD_OptionItem options[] = {
                { tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, NULL },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, NULL },
                { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) TLS_PRIORITIES },
                { MHD_OPTION_END, 0, NULL },
                { MHD_OPTION_END, 0, NULL },
        };

        if (tls) {
                if (!issuer_tls_files_load(server->certificate_file, server->key_file, &files, error))
                        return false;
                options[0].ptr_value = files.certificate.data;
                options[1].ptr_value = files.key.data;
                if (server->clients != NULL) {
                        if (!issuer_http_clients_authorities(server->clients, &authorities, error))
                                return false;
                        options[3] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, authorities.data };
                }
        }
        fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return base_error_set(error, BASE_ERROR_IO, "cannot duplicate the listening socket");
        *ret = MHD_start_daemon(flags, 0, NULL, NULL, issuer_http_on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
                                MHD_OPTION_NOTIFY_COMPLETED, issuer_http_on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
                                on_connection, server, MHD_OPTION_CONNECTION_LIMIT, server->connections_max,
                                MHD_OPTION_CONNECTION_TIMEOUT, server->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                (size_t) ISSUER_HTTP_HEADER_BYTES_MAX, MHD_OPTION_THREAD_POOL_SIZE,
                                server->threads > 1 ? server->threads : 0, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
                                options, MHD_OPTION_END);
        if (*ret == NULL)
                return base_error_set(error, BASE_ERROR_INTERNAL, "the HTTP server on %s does not start", server->address);
        (void) base_steal_fd(&fd);
        return true;
}

/* Takes the listening socket away from a daemon, which keeps its connections. */
static void daemon_quiesce(struct MHD_Daemon *daemon)
{
        int fd = MHD_quiesce_daemon(daemon);

        if (fd >= 0)
                (void) close(fd);
}

static bool copy_string(const char *from, char **ret, struct base_error *error)
{
        *ret = from == NULL ? NULL : strdup(from);
        return from == NULL || *ret != NULL || base_error_set_no_memory(error);
}

static bool open_socket(struct issuer_http_server *server, const struct issuer_http_options *options, struct base_error *error)
{
        struct issuer_address address;
        char text[ISSUER_ADDRESS_TEXT_MAX];

        if (!issuer_address_parse(options->listen, &address, error))
                return false;
        if (options->certificate_file == NULL && !issuer_address_is_local(&address))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "%s can be reached by others: plain HTTP is for loopback and Unix sockets only",
                                      options->listen);
        if (!issuer_address_listen(&address, &server->listen_fd, &server->port, error))
                return false;
        if (options->socket_mode != 0 && options->listen[0] == '/' && chmod(options->listen, options->socket_mode) < 0)
                return base_error_set_errno(error, errno, "cannot set the mode of %s", options->listen);
        issuer_address_print(&address, server->port, text);
        return copy_string(text, &server->address, error) &&
               copy_string(text[0] == '/' ? text : NULL, &server->socket_path, error);
}

bool issuer_http_server_start(const struct issuer_http_options *options, struct issuer_http_server **ret,
                              struct base_error *error)
{
        issuer_auto_http_server struct issuer_http_server *server = calloc(1, sizeof(*server));

        if (server == NULL)
                return base_error_set_no_memory(error);
        server->listen_fd = -1;
        (void) pthread_mutex_init(&server->lock, NULL);
        server->routes = options->routes;
        server->route_count = options->route_count;
        server->context = options->context;
        server->admit = options->admit;
        server->finish = options->finish;
        server->on_refused = options->on_refused;
        server->clock = options->clock;
        server->threads = options->threads;
        server->connections_max = options->connections_max;
        server->idle_timeout_s = options->idle_timeout_s;
        server->request_timeout_s = options->request_timeout_s;
        if (!copy_string(options->certificate_file, &server->certificate_file, error) ||
            !copy_string(options->key_file, &server->key_file, error) ||
            (options->clients != NULL && !issuer_http_clients_new(options->clients, &server->clients, error)) ||
            !open_socket(server, options, error) || !daemon_start(server, &server->daemon, error))
                return false;
        *ret = BASE_STEAL(server);
        return true;
}

uint16_t issuer_http_server_port(const struct issuer_http_server *server)
{
        return server->port;
}

const char *issuer_http_server_address(const struct issuer_http_server *server)
{
        return server->address;
}

bool issuer_http_server_reload(struct issuer_http_server *server, struct base_error *error)
{
        struct MHD_Daemon *fresh = NULL;

        if ((server->clients != NULL && !issuer_http_clients_reload(server->clients, error)) ||
            !daemon_start(server, &fresh, error))
                return false;
        if (server->retired != NULL)
                MHD_stop_daemon(server->retired);
        daemon_quiesce(server->daemon);
        server->retired = server->daemon;
        server->daemon = fresh;
        atomic_fetch_add(&server->generation, 1);
        return true;
}

void issuer_http_server_sweep(struct issuer_http_server *server)
{
        uint64_t now = now_ms(server);
        unsigned generation = atomic_load(&server->generation);
        bool retired_in_use = false;

        pthread_mutex_lock(&server->lock);
        for (struct issuer_http_connection *entry = server->connections; entry != NULL; entry = entry->next) {
                if (now > atomic_load(&entry->deadline_ms))
                        (void) shutdown(entry->fd, SHUT_RDWR);
                retired_in_use = retired_in_use || entry->generation != generation;
        }
        pthread_mutex_unlock(&server->lock);
        if (server->retired != NULL && !retired_in_use) {
                MHD_stop_daemon(server->retired);
                server->retired = NULL;
        }
}

void issuer_http_server_drain(struct issuer_http_server *server)
{
        if (!atomic_exchange(&server->closing, true))
                daemon_quiesce(server->daemon);
        pthread_mutex_lock(&server->lock);
        for (struct issuer_http_connection *entry = server->connections; entry != NULL; entry = entry->next)
                if (!atomic_load(&entry->busy))
                        (void) shutdown(entry->fd, SHUT_RD);
        pthread_mutex_unlock(&server->lock);
}

size_t issuer_http_server_connection_count(struct issuer_http_server *server)
{
        size_t count;

        pthread_mutex_lock(&server->lock);
        count = server->connection_count;
        pthread_mutex_unlock(&server->lock);
        return count;
}

void issuer_http_server_free(struct issuer_http_server *server)
{
        if (server == NULL)
                return;
        if (server->retired != NULL)
                MHD_stop_daemon(server->retired);
        if (server->daemon != NULL)
                MHD_stop_daemon(server->daemon);
        base_close_p(&server->listen_fd);
        if (server->socket_path != NULL)
                (void) unlink(server->socket_path);
        (void) pthread_mutex_destroy(&server->lock);
        issuer_http_clients_free(server->clients);
        free(server->certificate_file);
        free(server->key_file);
        free(server->address);
        free(server->socket_path);
        free(server);
}
