/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/server.h"

#include "attesterd/net/exchange.h"
#include "attesterd/net/request.h"
#include "base/memory.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>

#define MESSAGES_PER_ROUND 32
#define IDLE_POLL_MS       (24 * 60 * 60 * 1000)
#define REST_POLL_MS       1000 /* of quiet before memory goes back */
#define BUSY_POLL_MS       1000 /* curl's own timers make it shorter */

TAILQ_HEAD(exchange_list, net_exchange);

struct net_server {
        int fd;
        bool proxy_from_environment;
        bool closed; /* the other end is gone */
        bool tidy;   /* memory was given back, and nothing done since */
        CURLM *multi;
        CURLSH *share;
        struct net_trust *trust[NET_TRUST_SLOTS];
        struct exchange_list exchanges;
        size_t exchange_count;
        uint64_t upload_id;        /* 0: none */
        struct base_buffer upload; /* pieces of the body of the request that comes next */
        struct base_buffer out;
        uint8_t packet[NET_MESSAGE_BYTES_MAX];
};

static void drop(struct net_server *server, struct net_exchange *exchange)
{
        TAILQ_REMOVE(&server->exchanges, exchange, link);
        server->exchange_count--;
        (void) curl_multi_remove_handle(server->multi, exchange->easy);
        net_exchange_free(exchange);
}

static struct net_exchange *find(struct net_server *server, uint64_t id)
{
        struct net_exchange *exchange;

        TAILQ_FOREACH(exchange, &server->exchanges, link)
        if (exchange->id == id)
                return exchange;
        return NULL;
}

/* Waits until the other end takes it: it never waits for us, so this ends. */
static bool send_out(struct net_server *server, struct base_error *error)
{
        ssize_t len;

        do
                len = send(server->fd, server->out.data, server->out.len, MSG_NOSIGNAL);
        while (len < 0 && errno == EINTR);
        if (len >= 0)
                return true;
        if (errno != EPIPE && errno != ECONNRESET)
                return base_error_set_errno(error, errno, "an answer cannot be passed to attesterd");
        server->closed = true;
        return true;
}

static bool refuse(struct net_server *server, uint64_t id, enum net_failure failure, struct base_error *error)
{
        base_buffer_reset(&server->out);
        return net_message_put_failure(&server->out, id, failure, "not started", error) && send_out(server, error);
}

static void forget_upload(struct net_server *server)
{
        server->upload_id = 0;
        base_buffer_clear(&server->upload);
}

static bool take_body(struct net_server *server, const struct net_message *message, struct base_error *error)
{
        if (server->upload_id == 0) {
                server->upload_id = message->id;
                base_buffer_init(&server->upload, NET_REQUEST_BODY_MAX);
        }
        if (server->upload_id != message->id)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the pieces of two bodies are mixed");
        base_buffer_put_bytes(&server->upload, message->piece);
        return base_buffer_ok(&server->upload) ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a body in pieces is larger than %d bytes", NET_REQUEST_BODY_MAX);
}

/* Gives the request the body whose pieces came before it, if any did. */
static bool join_body(const struct net_server *server, struct net_message *message, struct base_error *error)
{
        if (server->upload_id == 0)
                return true;
        if (server->upload_id != message->id || message->request.body.len > 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "a request does not go with the pieces before it");
        message->request.body = base_buffer_bytes(&server->upload);
        return net_request_check(&message->request, error);
}

static bool take_request(struct net_server *server, const struct net_message *message, struct base_error *error)
{
        struct net_trust *trust = message->trust_slot == 0 ? NULL : server->trust[message->trust_slot - 1];
        struct net_exchange *exchange;

        if (find(server, message->id) != NULL || (message->trust_slot != 0 && trust == NULL))
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "a request names a CA bundle that was never sent, or comes twice");
        if (server->exchange_count >= NET_SERVER_EXCHANGES_MAX)
                return refuse(server, message->id, NET_FAILURE_OVERLOADED, error);
        exchange = net_exchange_new(message, trust, server->share, server->proxy_from_environment);
        if (exchange == NULL)
                return refuse(server, message->id, NET_FAILURE_NO_MEMORY, error);
        if (curl_multi_add_handle(server->multi, exchange->easy) != CURLM_OK) {
                net_exchange_free(exchange);
                return refuse(server, message->id, NET_FAILURE_INTERNAL, error);
        }
        TAILQ_INSERT_TAIL(&server->exchanges, exchange, link);
        server->exchange_count++;
        return true;
}

static bool take_trust(struct net_server *server, const struct net_message *message, struct base_error *error)
{
        struct net_trust **slot = &server->trust[message->trust_slot - 1];
        struct net_trust *trust = net_trust_new(message->ca_bundle);

        if (trust == NULL)
                return base_error_set_no_memory(error);
        net_trust_unref(*slot);
        *slot = trust;
        return true;
}

static bool take_message(struct net_server *server, struct net_message *message, struct base_error *error)
{
        struct net_exchange *exchange;
        bool ok;

        switch (message->kind) {
        case NET_MESSAGE_REQUEST:
                ok = join_body(server, message, error) && take_request(server, message, error);
                forget_upload(server);
                return ok;
        case NET_MESSAGE_BODY:
                return take_body(server, message, error);
        case NET_MESSAGE_TRUST:
                return take_trust(server, message, error);
        default: /* the decoder lets only a cancel through; what it names may have been answered meanwhile */
                exchange = find(server, message->id);
                if (exchange != NULL)
                        drop(server, exchange);
                if (server->upload_id == message->id)
                        forget_upload(server);
                return true;
        }
}

static bool receive(struct net_server *server, struct base_error *error)
{
        for (unsigned i = 0; i < MESSAGES_PER_ROUND && !server->closed; i++) {
                struct net_message message;
                ssize_t len = recv(server->fd, server->packet, sizeof(server->packet), MSG_TRUNC | MSG_DONTWAIT);

                if (len < 0 && (errno == EAGAIN || errno == EINTR))
                        return true;
                if (len == 0 || (len < 0 && errno == ECONNRESET)) {
                        server->closed = true;
                        return true;
                }
                if (len < 0)
                        return base_error_set_errno(error, errno, "nothing can be read from attesterd");
                if ((size_t) len > sizeof(server->packet))
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a message is larger than %d bytes",
                                              NET_MESSAGE_BYTES_MAX);
                if (!net_message_decode(BASE_BYTES(server->packet, len), NET_TO_CHILD, &message, error) ||
                    !take_message(server, &message, error))
                        return false;
        }
        return true;
}

/* Sends what of a long body does not fit into the response itself. */
static bool send_pieces(struct net_server *server, const struct net_exchange *exchange, size_t *ret_sent,
                        struct base_error *error)
{
        struct base_bytes body = base_buffer_bytes(&exchange->body);
        size_t sent = 0;

        while (body.len - sent > NET_PIECE_BYTES_MAX) {
                base_buffer_reset(&server->out);
                if (!net_message_put_body(&server->out, exchange->id, BASE_BYTES(body.data + sent, NET_PIECE_BYTES_MAX), error) ||
                    !send_out(server, error))
                        return false;
                sent += NET_PIECE_BYTES_MAX;
        }
        *ret_sent = sent;
        return true;
}

static bool send_answer(struct net_server *server, struct net_exchange *exchange, CURLcode code, struct base_error *error)
{
        size_t sent = 0;

        if (net_exchange_is_response(exchange, code) && !send_pieces(server, exchange, &sent, error))
                return false;
        base_buffer_reset(&server->out);
        return net_exchange_finish(exchange, code, sent, &server->out, error) && send_out(server, error);
}

static bool send_finished(struct net_server *server, struct base_error *error)
{
        CURLMsg *done;
        int left;

        while ((done = curl_multi_info_read(server->multi, &left)) != NULL) {
                struct net_exchange *exchange = NULL;
                CURLcode code = done->data.result;

                if (curl_easy_getinfo(done->easy_handle, CURLINFO_PRIVATE, (char **) &exchange) != CURLE_OK)
                        return base_error_set(error, BASE_ERROR_INTERNAL, "curl has lost a transfer");
                if (!send_answer(server, exchange, code, error))
                        return false;
                drop(server, exchange);
                server->tidy = false;
        }
        return true;
}

/* Sleeps until a socket, a timer of curl's or attesterd has something. */
static bool wait(struct net_server *server, bool *ret_readable, struct base_error *error)
{
        struct curl_waitfd socket = { .fd = server->fd, .events = CURL_WAIT_POLLIN };
        bool idle = server->exchange_count == 0;
        int timeout_ms = !idle ? BUSY_POLL_MS : server->tidy ? IDLE_POLL_MS : REST_POLL_MS;
        int ready = 0;
        CURLMcode code = curl_multi_poll(server->multi, &socket, 1, timeout_ms, &ready);

        if (code != CURLM_OK)
                return base_error_set(error, BASE_ERROR_INTERNAL, "curl cannot wait: %s", curl_multi_strerror(code));
        if (idle && ready == 0 && !server->tidy) {
                base_buffer_clear(&server->out);
                base_memory_give_back();
                server->tidy = true;
        }
        *ret_readable = socket.revents != 0;
        return true;
}

bool net_server_run(struct net_server *server, struct base_error *error)
{
        while (!server->closed) {
                CURLMcode code;
                bool readable = false;
                int running;

                if (!wait(server, &readable, error) || (readable && !receive(server, error)))
                        return false;
                code = curl_multi_perform(server->multi, &running);
                if (code != CURLM_OK)
                        return base_error_set(error, BASE_ERROR_INTERNAL, "curl cannot go on: %s", curl_multi_strerror(code));
                if (!send_finished(server, error))
                        return false;
        }
        return true;
}

/* Small and steady rather than fast: one arena for all threads, and freed memory goes back. */
static void set_up_malloc(void)
{
        (void) mallopt(M_ARENA_MAX, 1);
        (void) mallopt(M_TRIM_THRESHOLD, 128 * 1024);
        (void) mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

static bool set_up_curl(struct net_server *server, struct base_error *error)
{
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return base_error_set(error, BASE_ERROR_INTERNAL, "curl cannot be initialised");
        if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SSL) == 0)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "this curl library has no TLS");
        server->multi = curl_multi_init();
        server->share = curl_share_init();
        if (server->multi == NULL || server->share == NULL ||
            curl_share_setopt(server->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK ||
            curl_multi_setopt(server->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) NET_SERVER_HOST_CONNECTIONS_MAX) != CURLM_OK ||
            curl_multi_setopt(server->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) NET_SERVER_CONNECTIONS_MAX) != CURLM_OK ||
            curl_multi_setopt(server->multi, CURLMOPT_MAXCONNECTS, (long) NET_SERVER_IDLE_CONNECTIONS_MAX) != CURLM_OK)
                return base_error_set_no_memory(error);
        return true;
}

bool net_server_new(int fd, bool proxy_from_environment, struct net_server **ret, struct base_error *error)
{
        net_auto_server struct net_server *server = NULL;
        socklen_t len = sizeof(int);
        int type;

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "descriptor %d is not attesterd's socket: attester-net is started by attesterd only", fd);
        set_up_malloc();
        server = calloc(1, sizeof(*server));
        if (server == NULL)
                return base_error_set_no_memory(error);
        server->fd = fd;
        server->proxy_from_environment = proxy_from_environment;
        TAILQ_INIT(&server->exchanges);
        base_buffer_init(&server->out, NET_MESSAGE_BYTES_MAX);
        if (!set_up_curl(server, error))
                return false;
        *ret = BASE_STEAL(server);
        return true;
}

void net_server_free(struct net_server *server)
{
        if (server == NULL)
                return;
        while (!TAILQ_EMPTY(&server->exchanges))
                drop(server, TAILQ_FIRST(&server->exchanges));
        (void) curl_multi_cleanup(server->multi);
        (void) curl_share_cleanup(server->share);
        curl_global_cleanup();
        for (size_t i = 0; i < NET_TRUST_SLOTS; i++)
                net_trust_unref(server->trust[i]);
        base_buffer_clear(&server->out);
        base_buffer_clear(&server->upload);
        base_close_p(&server->fd);
        free(server);
}
