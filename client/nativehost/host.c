/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/nativehost/host.h"
#include "base/bus.h"
#include "client/library/bus.h"
#include "client/nativehost/agent_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#define RECEIVED_BYTES_MAX (sizeof(uint32_t) + NATIVEHOST_FRAME_BYTES_MAX)
#define OUTBOX_BYTES_MAX   ((NATIVEHOST_CALLS_MAX + 1) * NATIVEHOST_ANSWER_BYTES_MAX)

struct call {
        LIST_ENTRY(call) next;
        struct nativehost *host;
        struct nativehost_request request;
        DBusPendingCall *pending;
};

struct nativehost {
        sd_event *event;
        struct base_bus *bus;
        sd_event_source *input_source;
        sd_event_source *output_source;
        int input, output;
        struct base_buffer received;
        struct base_buffer outbox;
        LIST_HEAD(, call) calls;
        size_t call_count;
        bool bus_tried; /* the connection is up, or failed once */
        struct base_error refusal;
        struct base_error failure;
};

static void call_free(struct call *call)
{
        LIST_REMOVE(call, next);
        call->host->call_count--;
        base_bus_call_drop(&call->pending);
        nativehost_request_clear(&call->request);
        free(call);
}

static void end(struct nativehost *host)
{
        if (host->failure.code == BASE_ERROR_NONE)
                host->failure = host->refusal;
        (void) sd_event_exit(host->event, base_error_exit_status(host->failure.code));
}

static bool wants_requests(const struct nativehost *host)
{
        return host->bus_tried && host->outbox.len == 0 && host->call_count < NATIVEHOST_CALLS_MAX;
}

/* A browser that does not read its answers is not read from. That it has gone is noticed all the same: EPOLLHUP. */
static void set_interest(struct nativehost *host)
{
        (void) sd_event_source_set_io_events(host->input_source, wants_requests(host) ? EPOLLIN : 0);
        (void) sd_event_source_set_io_events(host->output_source, host->outbox.len > 0 ? EPOLLOUT : 0);
}

static void flush(struct nativehost *host)
{
        if (!base_buffer_ok(&host->outbox)) {
                (void) base_error_set(&host->failure, BASE_ERROR_LIMIT_EXCEEDED, "an answer is too long for the browser");
                end(host);
                return;
        }
        while (host->outbox.len > 0) {
                ssize_t written = write(host->output, host->outbox.data, host->outbox.len);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0 && errno == EAGAIN)
                        return;
                if (written < 0) {
                        (void) base_error_set_errno(&host->failure, errno, "cannot write to the browser");
                        end(host);
                        return;
                }
                base_buffer_consume(&host->outbox, (size_t) written);
        }
        base_buffer_clear(&host->outbox);
}

static void answer_error(struct nativehost *host, const struct nativehost_request *request, const struct base_error *error)
{
        nativehost_answer_error(&host->outbox, request, base_error_name(error->code), error->message);
        flush(host);
}

static void process(struct nativehost *host);

static void on_reply(void *context, DBusMessage *reply)
{
        struct call *call = context;
        struct nativehost *host = call->host;

        nativehost_call_answer(&call->request, reply, &host->outbox);
        call_free(call);
        flush(host);
        process(host);
}

static bool call_send(struct call *call, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;

        return nativehost_call_message(&call->request, &message, error) &&
               base_bus_call(call->host->bus, message, NATIVEHOST_CALL_TIMEOUT_MS, on_reply, call, &call->pending, error);
}

/* Takes the request. */
static void call_start(struct nativehost *host, struct nativehost_request *request)
{
        struct base_error error = BASE_ERROR_INIT;
        struct call *call = calloc(1, sizeof(*call));

        if (call == NULL) {
                (void) base_error_set_no_memory(&error);
                answer_error(host, request, &error);
                return;
        }
        *call = (struct call){ .host = host, .request = *request };
        *request = (struct nativehost_request){ 0 };
        LIST_INSERT_HEAD(&host->calls, call, next);
        host->call_count++;
        if (!call_send(call, &error)) {
                answer_error(host, &call->request, &error);
                call_free(call);
        }
}

static void handle(struct nativehost *host, struct base_bytes text)
{
        nativehost_auto_request struct nativehost_request request = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        if (!nativehost_request_parse(text, &request, &error))
                answer_error(host, &request, &error);
        else if (host->refusal.code != BASE_ERROR_NONE)
                answer_error(host, &request, &host->refusal);
        else
                call_start(host, &request);
}

/* Handles the frames that are there, as far as their answers have room. */
static void process(struct nativehost *host)
{
        enum nativehost_frame_state state = NATIVEHOST_FRAME_INCOMPLETE;
        struct base_bytes text;
        size_t len;

        while (wants_requests(host) && host->failure.code == BASE_ERROR_NONE) {
                state = nativehost_frame_find(base_buffer_bytes(&host->received), &text, &len);
                if (state != NATIVEHOST_FRAME_COMPLETE)
                        break;
                handle(host, text);
                base_buffer_consume(&host->received, len);
        }
        if (state == NATIVEHOST_FRAME_TOO_LONG) {
                (void) base_error_set(&host->failure, BASE_ERROR_LIMIT_EXCEEDED,
                                      "the extension's message is longer than %d bytes", NATIVEHOST_FRAME_BYTES_MAX);
                answer_error(host, &(struct nativehost_request){ 0 }, &host->failure);
                end(host);
        }
        set_interest(host);
}

static void input_closed(struct nativehost *host)
{
        struct base_bytes text;
        size_t len;

        if (host->received.len > 0 &&
            nativehost_frame_find(base_buffer_bytes(&host->received), &text, &len) == NATIVEHOST_FRAME_INCOMPLETE)
                (void) base_error_set(&host->failure, BASE_ERROR_MALFORMED, "the browser's last message is not whole");
        end(host);
}

/* Also called when the browser has gone while nothing is wanted of it: what it left in the pipe is read all the same. */
static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct nativehost *host = userdata;
        size_t before = host->received.len;
        size_t room = RECEIVED_BYTES_MAX - before;
        ssize_t count = 0;

        (void) source;
        (void) events;
        if (room > 0) {
                uint8_t *place = base_buffer_extend(&host->received, room);

                if (place == NULL)
                        errno = ENOMEM;
                count = place == NULL ? -1 : read(fd, place, room);
                host->received.len = before + (count > 0 ? (size_t) count : 0);
        }
        if (count > 0) {
                process(host);
        } else if (count == 0) {
                input_closed(host);
        } else if (errno != EAGAIN && errno != EINTR) {
                (void) base_error_set_errno(&host->failure, errno, "cannot read from the browser");
                end(host);
        }
        return 0;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct nativehost *host = userdata;

        (void) source;
        (void) fd;
        if ((events & EPOLLOUT) == 0) {
                end(host);
                return 0;
        }
        flush(host);
        process(host);
        return 0;
}

static void on_bus_call(void *context, DBusMessage *message)
{
        (void) context;
        (void) message;
}

static void on_bus_up(void *context)
{
        struct nativehost *host = context;

        host->bus_tried = true;
        process(host);
}

static void on_bus_down(void *context)
{
        (void) context;
}

static void on_bus_failed(void *context, const struct base_error *error)
{
        (void) error;
        on_bus_up(context);
}

static bool watch(struct nativehost *host, int fd, sd_event_io_handler_t handler, sd_event_source **ret, struct base_error *error)
{
        int flags = fcntl(fd, F_GETFL);
        int status;

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return base_error_set_errno(error, errno, "the browser's pipe");
        status = sd_event_add_io(host->event, ret, fd, 0, handler, host);
        return status >= 0 || base_error_set_errno(error, -status, "the browser's pipe");
}

static bool bus_connect(struct nativehost *host, const char *address, struct base_error *error)
{
        const struct base_bus_events events = {
                .call = on_bus_call,
                .up = on_bus_up,
                .down = on_bus_down,
                .refused = on_bus_failed,
                .failed = on_bus_failed,
                .context = host,
        };

        return base_bus_new(host->event, address, NULL, &events, &host->bus, error);
}

bool nativehost_new(sd_event *event, const char *address, int input, int output, const struct base_error *refusal,
                    struct nativehost **ret, struct base_error *error)
{
        BASE_CLEANUP(nativehost_free_p) struct nativehost *host = calloc(1, sizeof(*host));

        if (host == NULL)
                return base_error_set_no_memory(error);
        host->event = sd_event_ref(event);
        host->input = input;
        host->output = output;
        LIST_INIT(&host->calls);
        base_buffer_init(&host->received, RECEIVED_BYTES_MAX);
        base_buffer_init(&host->outbox, OUTBOX_BYTES_MAX);
        host->refusal = *refusal;
        if (!watch(host, input, on_input, &host->input_source, error) ||
            !watch(host, output, on_output, &host->output_source, error))
                return false;
        if (refusal->code == BASE_ERROR_NONE) {
                if (!bus_connect(host, address, error))
                        return false;
        } else {
                host->bus_tried = true;
                set_interest(host);
        }
        *ret = BASE_STEAL(host);
        return true;
}

void nativehost_free(struct nativehost *host)
{
        if (host == NULL)
                return;
        while (!LIST_EMPTY(&host->calls))
                call_free(LIST_FIRST(&host->calls));
        base_bus_free(host->bus);
        (void) sd_event_source_disable_unref(host->input_source);
        (void) sd_event_source_disable_unref(host->output_source);
        (void) sd_event_unref(host->event);
        base_buffer_clear(&host->received);
        base_buffer_clear(&host->outbox);
        free(host);
}

const struct base_error *nativehost_failure(const struct nativehost *host)
{
        return &host->failure;
}
