/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/client.h"

#include "attesterd/net/message.h"
#include "attesterd/net/process.h"
#include "attesterd/net/queue.h"
#include "attesterd/net/request.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* Answers are taken before deadlines are looked at: if we were late ourselves, attester-net is not to blame. */
#define SOCKET_PRIORITY       (SD_EVENT_PRIORITY_NORMAL - 5)
#define DEADLINE_ACCURACY_US  (100 * 1000)
#define MESSAGES_PER_DISPATCH 32
#define WHY_BYTES_MAX         128

struct in_flight {
        TAILQ_ENTRY(in_flight) link;
        struct net_client *client;
        uint64_t id;
        uint64_t process_number; /* which attester-net, counted from the first */
        net_fetch_callback *callback;
        void *callback_context;
        sd_event_source *deadline;
        uint32_t response_bytes_max;
        struct base_buffer download; /* pieces of the body of the response that is to come */
        char host[NET_HOST_BYTES_MAX];
};

TAILQ_HEAD(in_flight_list, in_flight);

struct net_client {
        sd_event *event;
        char *program;
        char *socket_path; /* NULL: start `program` */
        struct net_client_options options;
        struct net_process process; /* fd is -1 while there is none */
        uint64_t process_number;
        bool answered; /* this process has sent at least one message that parsed */
        unsigned deaths_in_row;
        uint64_t restart_at_us;
        sd_event_source *socket;
        struct net_queue queue;
        struct in_flight_list in_flight;
        size_t in_flight_count;
        uint64_t last_id;
        uint8_t packet[NET_MESSAGE_BYTES_MAX];
};

static uint64_t now_us(const struct net_client *client)
{
        uint64_t now = 0;

        (void) sd_event_now(client->event, CLOCK_MONOTONIC, &now);
        return now;
}

static void in_flight_remove(struct in_flight *item)
{
        TAILQ_REMOVE(&item->client->in_flight, item, link);
        item->client->in_flight_count--;
        (void) sd_event_source_disable_unref(item->deadline);
        base_buffer_clear(&item->download);
        free(item);
}

static struct in_flight *in_flight_find(struct net_client *client, uint64_t id)
{
        struct in_flight *item;

        TAILQ_FOREACH(item, &client->in_flight, link)
        if (item->id == id)
                return item;
        return NULL;
}

/* Removes before it calls, so that the callback finds the client as it will stay. */
static void in_flight_end(struct in_flight *item, const struct net_response *response, const struct base_error *error)
{
        struct base_buffer download = item->download; /* what `response` may point into */
        net_fetch_callback *callback = item->callback;
        void *context = item->callback_context;

        base_buffer_init(&item->download, 0);
        in_flight_remove(item);
        callback(context, response, error);
        base_buffer_clear(&download);
}

/* Adds bytes to what came before. False: attester-net sends more than it was allowed to take. */
static bool in_flight_append(struct in_flight *item, struct base_bytes bytes)
{
        if (bytes.len > item->response_bytes_max - item->download.len)
                return false;
        base_buffer_put_bytes(&item->download, bytes);
        return true;
}

/* The whole body: the pieces that came before, and the response's own. */
static bool in_flight_join(struct in_flight *item, struct net_response *response)
{
        if (item->download.len == 0 && !item->download.failed)
                return response->body.len <= item->response_bytes_max;
        if (!in_flight_append(item, response->body))
                return false;
        response->body = base_buffer_bytes(&item->download);
        return true;
}

/* Fails what one process was to answer. Requests that callbacks make meanwhile go to the next one and stand behind. */
static void in_flight_fail_all(struct net_client *client, uint64_t process_number, enum base_error_code code, const char *why)
{
        struct in_flight *item;

        while ((item = TAILQ_FIRST(&client->in_flight)) != NULL && item->process_number == process_number) {
                struct base_error error;

                (void) base_error_set(&error, code, "the request to %s was given up: %s", item->host,
                                      code == BASE_ERROR_CANCELLED ? "attesterd is stopping" : "attester-net ended; try again");
                base_error_set_detail(&error, "attester-net: %s", why);
                in_flight_end(item, NULL, &error);
        }
}

static void schedule_restart(struct net_client *client)
{
        uint64_t delay_ms = 0;

        if (client->answered)
                client->deaths_in_row = 0;
        if (client->deaths_in_row > 0)
                delay_ms = NET_RESTART_MS_FIRST << (client->deaths_in_row < 16 ? client->deaths_in_row - 1 : 15);
        if (delay_ms > NET_RESTART_MS_MAX)
                delay_ms = NET_RESTART_MS_MAX;
        client->deaths_in_row++;
        client->restart_at_us = now_us(client) + delay_ms * 1000;
}

static void stop(struct net_client *client, char why[static WHY_BYTES_MAX])
{
        client->socket = sd_event_source_disable_unref(client->socket);
        if (client->process.fd >= 0)
                net_process_kill(&client->process, why, WHY_BYTES_MAX);
        net_queue_reset(&client->queue);
}

/* Ends the process, if it has not ended itself, and fails its requests. `reason` is NULL if it ended itself. */
static void process_died(struct net_client *client, const char *reason)
{
        uint64_t process_number = client->process_number;
        char why[WHY_BYTES_MAX] = "";
        struct base_error error;

        stop(client, why);
        schedule_restart(client);
        (void) base_error_set(&error, BASE_ERROR_ISSUER_UNREACHABLE, "attester-net %s",
                              reason != NULL ? reason : "ended unexpectedly");
        base_error_set_detail(&error, "%s", why);
        if (client->options.on_exit != NULL)
                client->options.on_exit(client->options.on_exit_context, &error);
        in_flight_fail_all(client, process_number, BASE_ERROR_ISSUER_UNREACHABLE, reason != NULL ? reason : why);
}

/* False: what it says is not what was asked for. */
static bool take_message(struct net_client *client, struct net_message *message)
{
        struct in_flight *item = in_flight_find(client, message->id);
        struct base_error error;

        client->answered = true;
        /* Cancelled meanwhile. */
        if (item == NULL)
                return true;
        if (message->kind == NET_MESSAGE_BODY)
                return in_flight_append(item, message->piece);
        if (message->kind == NET_MESSAGE_RESPONSE) {
                if (!in_flight_join(item, &message->response))
                        return false;
                if (item->download.failed)
                        (void) base_error_set_no_memory(&error);
                in_flight_end(item, item->download.failed ? NULL : &message->response, item->download.failed ? &error : NULL);
                return true;
        }
        (void) net_failure_to_error(message->failure, item->host, message->failure_detail, &error);
        in_flight_end(item, NULL, &error);
        return true;
}

/* Takes what is there, within bounds. False if the process has ended or talks nonsense, and was dealt with. */
static bool receive(struct net_client *client)
{
        for (unsigned i = 0; i < MESSAGES_PER_DISPATCH; i++) {
                struct net_message message;
                ssize_t len = recv(client->process.fd, client->packet, sizeof(client->packet), MSG_TRUNC);

                if (len < 0 && (errno == EAGAIN || errno == EINTR))
                        return true;
                if (len <= 0) {
                        process_died(client, NULL);
                        return false;
                }
                if ((size_t) len > sizeof(client->packet) ||
                    !net_message_decode(BASE_BYTES(client->packet, len), NET_FROM_CHILD, &message, NULL)) {
                        process_died(client, "was ended for sending a message that does not parse");
                        return false;
                }
                if (!take_message(client, &message)) {
                        process_died(client, "was ended for sending more than was asked for");
                        return false;
                }
                /* A callback's fetch may find that the process is gone only in the next round; it never replaces it here. */
        }
        return true;
}

/* Writes what the socket takes and asks to be told when it takes more. */
static void flush(struct net_client *client)
{
        bool more = net_queue_flush(&client->queue, client->process.fd);

        (void) sd_event_source_set_io_events(client->socket, EPOLLIN | (more ? EPOLLOUT : 0U));
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *context)
{
        struct net_client *client = context;

        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive(client))
                return 0;
        if ((events & EPOLLOUT) != 0)
                flush(client);
        return 0;
}

static bool open_process(struct net_client *client, struct base_error *error)
{
        if (client->socket_path != NULL)
                return net_process_connect(client->socket_path, &client->process, error);
        return net_process_spawn(client->program, client->options.proxy_from_environment, &client->process, error);
}

static bool start(struct net_client *client, struct base_error *error)
{
        char why[WHY_BYTES_MAX];
        int r;

        client->answered = false;
        client->process_number++;
        if (!open_process(client, error)) {
                schedule_restart(client);
                return false;
        }
        r = sd_event_add_io(client->event, &client->socket, client->process.fd, EPOLLIN, on_socket, client);
        if (r >= 0)
                r = sd_event_source_set_priority(client->socket, SOCKET_PRIORITY);
        if (r < 0) {
                stop(client, why);
                return base_error_set_errno(error, -r, "attester-net's socket cannot be watched");
        }
        return true;
}

static bool ensure_running(struct net_client *client, struct base_error *error)
{
        uint64_t now = now_us(client);
        struct base_error why;

        if (client->process.fd >= 0)
                return true;
        if (now < client->restart_at_us)
                return base_error_set(error, BASE_ERROR_ISSUER_UNREACHABLE,
                                      "attester-net keeps ending: it is tried again in %u milliseconds",
                                      (unsigned) ((client->restart_at_us - now) / 1000 + 1));
        if (start(client, &why))
                return true;
        (void) base_error_set(error, BASE_ERROR_ISSUER_UNREACHABLE, "attester-net cannot be reached: %s", why.message);
        base_error_set_detail(error, "%s", why.detail);
        return false;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *context)
{
        struct in_flight *item = context;
        struct net_client *client = item->client;
        struct base_error error;

        (void) net_failure_to_error(NET_FAILURE_TIMEOUT, item->host, "it gave no answer at all", &error);
        in_flight_end(item, NULL, &error);
        if (client->process.fd >= 0)
                process_died(client, "was ended because it hung");
        return 0;
}

static bool in_flight_add(struct net_client *client, const struct net_request *request, struct in_flight **ret,
                          struct base_error *error)
{
        base_auto_free struct in_flight *item = calloc(1, sizeof(*item));
        uint64_t deadline_us = (uint64_t) (request->timeout_ms + NET_ANSWER_GRACE_MS) * 1000;
        int r;

        if (item == NULL)
                return base_error_set_no_memory(error);
        if (!net_url_get_host(request->url, item->host, error))
                return false;
        r = sd_event_add_time_relative(client->event, &item->deadline, CLOCK_MONOTONIC, deadline_us, DEADLINE_ACCURACY_US,
                                       on_deadline, item);
        if (r < 0)
                return base_error_set_errno(error, -r, "no timer for the request to %s", item->host);
        item->response_bytes_max = request->response_bytes_max;
        base_buffer_init(&item->download, request->response_bytes_max);
        item->client = client;
        item->id = ++client->last_id;
        item->process_number = client->process_number;
        TAILQ_INSERT_TAIL(&client->in_flight, item, link);
        client->in_flight_count++;
        *ret = BASE_STEAL(item);
        return true;
}

bool net_client_fetch(struct net_client *client, const struct net_request *request, net_fetch_callback *callback,
                      void *callback_context, uint64_t *ret_id, struct base_error *error)
{
        struct in_flight *item = NULL;

        if (!net_request_check(request, error))
                return false;
        if (client->in_flight_count >= NET_IN_FLIGHT_MAX)
                return base_error_set(error, BASE_ERROR_BUSY, "%d requests to issuers are under way: try again",
                                      NET_IN_FLIGHT_MAX);
        if (!ensure_running(client, error) || !in_flight_add(client, request, &item, error))
                return false;
        item->callback = callback;
        item->callback_context = callback_context;
        if (!net_queue_put_request(&client->queue, item->id, request, error)) {
                in_flight_remove(item);
                return false;
        }
        if (ret_id != NULL)
                *ret_id = item->id;
        flush(client);
        return true;
}

void net_client_cancel(struct net_client *client, uint64_t id)
{
        struct in_flight *item = in_flight_find(client, id);
        bool sent_to_current;

        if (item == NULL)
                return;
        sent_to_current = client->process.fd >= 0 && item->process_number == client->process_number;
        in_flight_remove(item);
        if (!sent_to_current)
                return;
        net_queue_put_cancel(&client->queue, id);
        flush(client);
}

bool net_client_new(sd_event *event, const struct net_client_options *options, struct net_client **ret, struct base_error *error)
{
        net_auto_client struct net_client *client = calloc(1, sizeof(*client));

        if (client == NULL)
                return base_error_set_no_memory(error);
        TAILQ_INIT(&client->in_flight);
        net_queue_init(&client->queue);
        client->process.fd = -1;
        client->event = sd_event_ref(event);
        client->options = *options;
        client->program = strdup(options->program);
        client->socket_path = options->socket != NULL ? strdup(options->socket) : NULL;
        if (client->program == NULL || (options->socket != NULL && client->socket_path == NULL))
                return base_error_set_no_memory(error);
        client->options.program = client->program;
        client->options.socket = client->socket_path;
        /* The service manager may open the socket after this program has started; the program is there or never. */
        if (!start(client, error) && client->socket_path == NULL)
                return false;
        *ret = BASE_STEAL(client);
        return true;
}

void net_client_free(struct net_client *client)
{
        char why[WHY_BYTES_MAX] = "";

        if (client == NULL)
                return;
        stop(client, why);
        in_flight_fail_all(client, client->process_number, BASE_ERROR_CANCELLED, why);
        net_queue_clear(&client->queue);
        (void) sd_event_unref(client->event);
        free(client->program);
        free(client->socket_path);
        free(client);
}

static bool transport_fetch(void *context, const struct net_request *request, net_fetch_callback *callback,
                            void *callback_context, uint64_t *ret_id, struct base_error *error)
{
        return net_client_fetch(context, request, callback, callback_context, ret_id, error);
}

static void transport_cancel(void *context, uint64_t id)
{
        net_client_cancel(context, id);
}

struct net_transport net_client_transport(struct net_client *client)
{
        return (struct net_transport){ .fetch = transport_fetch, .cancel = transport_cancel, .context = client };
}

pid_t net_client_pid(const struct net_client *client)
{
        return client->process.pid;
}
