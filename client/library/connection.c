/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/connection.h"
#include "base/system.h"

#define DISPATCH_MAX       64 /* messages for one run; what is left is for the next */
#define WAIT_MS_MAX        60000
#define RECEIVED_BYTES_MAX (4 * CLIENT_BUS_MESSAGE_BYTES_MAX)

bool client_connection_init(struct client_connection *connection, const char *address, struct base_error *error)
{
        *connection = (struct client_connection){ .address = address };
        LIST_INIT(&connection->requests);
        return client_poller_init(&connection->poller, error);
}

static void bus_close(struct client_connection *connection)
{
        client_request_drop(&connection->hello);
        if (connection->bus == NULL)
                return;
        client_poller_detach(connection->bus);
        dbus_connection_close(connection->bus);
        dbus_connection_unref(connection->bus);
        connection->bus = NULL;
}

void client_connection_clear(struct client_connection *connection)
{
        bus_close(connection);
        client_poller_clear(&connection->poller);
}

static void request_end(struct client_request *request, DBusMessage *reply, const struct base_error *error)
{
        client_request_drop(request);
        request->done(request->context, reply, error);
}

/* Ends all requests and the connection. */
static void connection_fail(struct client_connection *connection, const struct base_error *error)
{
        struct client_request *request;

        /* Without a connection nothing is sent in the place of a request that ends. */
        bus_close(connection);
        while ((request = LIST_FIRST(&connection->requests)) != NULL)
                request_end(request, NULL, error);
}

static void on_hello(void *context, DBusMessage *reply, const struct base_error *error)
{
        struct client_connection *connection = context;
        struct base_error failure = BASE_ERROR_INIT;
        const char *name = NULL;

        if (error == NULL && dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) &&
            dbus_bus_set_unique_name(connection->bus, name))
                return;
        (void) base_error_set(&failure, BASE_ERROR_DAEMON_UNREACHABLE, "the system bus does not let this program in: %s",
                              error != NULL ? error->message : "out of memory");
        base_error_set_detail(&failure, "%s", error != NULL ? error->detail : "");
        connection_fail(connection, &failure);
}

/* The bus answers in order: what is sent behind the greeting need not wait for its answer. */
static bool hello_send(struct client_connection *connection, struct base_error *error)
{
        client_auto_message DBusMessage *message = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                                                DBUS_INTERFACE_DBUS, "Hello");

        if (message == NULL)
                return base_error_set_no_memory(error);
        connection->hello.done = on_hello;
        connection->hello.context = connection;
        connection->hello_call = client_call_start(NULL);
        return client_request_send(connection, &connection->hello, &connection->hello_call, message, "s", error);
}

/* Sets the error of a bus that cannot be reached. Frees `reason`. Always returns false. */
static bool unreachable(DBusError *reason, struct base_error *error)
{
        (void) base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "the system bus cannot be reached: %s",
                              reason->message != NULL ? reason->message : "no reason given");
        base_error_set_detail(error, "%s", reason->name != NULL ? reason->name : "no error name");
        dbus_error_free(reason);
        return false;
}

static bool bus_open(struct client_connection *connection, struct base_error *error)
{
        const char *environment = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        const char *address = environment != NULL ? environment : CLIENT_CONNECTION_DEFAULT_ADDRESS;
        DBusError reason = DBUS_ERROR_INIT;

        /* libdbus would have the whole program ignore SIGPIPE, though it sends with MSG_NOSIGNAL. */
        dbus_connection_set_change_sigpipe(FALSE);
        connection->bus = dbus_connection_open_private(connection->address != NULL ? connection->address : address, &reason);
        if (connection->bus == NULL)
                return unreachable(&reason, error);
        dbus_connection_set_exit_on_disconnect(connection->bus, FALSE);
        dbus_connection_set_max_message_size(connection->bus, CLIENT_BUS_MESSAGE_BYTES_MAX);
        dbus_connection_set_max_received_size(connection->bus, RECEIVED_BYTES_MAX);
        if (client_poller_attach(&connection->poller, connection->bus, error) && hello_send(connection, error))
                return true;
        bus_close(connection);
        return false;
}

bool client_connection_ready(struct client_connection *connection, struct base_error *error)
{
        if (connection->bus != NULL)
                client_connection_run(connection);
        return connection->bus != NULL || bus_open(connection, error);
}

static bool set_timeout(const struct client_call *call, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_TIMEOUT, "attesterd did not answer within %u ms",
                              (unsigned) call->options.timeout_ms);
}

static bool set_closed(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "the system bus closed the connection; try again");
}

bool client_request_send(struct client_connection *connection, struct client_request *request, const struct client_call *call,
                         DBusMessage *message, const char *signature, struct base_error *error)
{
        DBusPendingCall *pending = NULL;

        if (client_call_left_ms(call) == 0)
                return set_timeout(call, error);
        dbus_message_set_allow_interactive_authorization(message, call->options.interactive);
        if (connection->bus != NULL &&
            !dbus_connection_send_with_reply(connection->bus, message, &pending, DBUS_TIMEOUT_INFINITE))
                return base_error_set_no_memory(error);
        if (pending == NULL)
                return set_closed(error);
        request->call = call;
        request->signature = signature;
        request->pending = pending;
        LIST_INSERT_HEAD(&connection->requests, request, next);
        return true;
}

void client_request_drop(struct client_request *request)
{
        if (request->pending == NULL)
                return;
        LIST_REMOVE(request, next);
        dbus_pending_call_cancel(request->pending);
        dbus_pending_call_unref(request->pending);
        request->pending = NULL;
}

static bool is_over(const struct client_request *request)
{
        return dbus_pending_call_get_completed(request->pending) || client_call_left_ms(request->call) == 0;
}

/* Gets the answer, or returns false with the reason why there is none. */
static bool request_read(const struct client_request *request, DBusMessage **ret_reply, struct base_error *error)
{
        client_auto_message DBusMessage *reply = NULL;

        if (!dbus_pending_call_get_completed(request->pending))
                return set_timeout(request->call, error);
        reply = dbus_pending_call_steal_reply(request->pending);
        /* What nobody sent is libdbus's own answer to all calls when the connection ends. */
        if (dbus_message_get_sender(reply) == NULL)
                return set_closed(error);
        if (!client_bus_check(request->call, reply, request->signature, error))
                return false;
        *ret_reply = BASE_STEAL(reply);
        return true;
}

static void request_conclude(struct client_request *request)
{
        client_auto_message DBusMessage *reply = NULL;
        struct base_error error = BASE_ERROR_INIT;

        if (request_read(request, &reply, &error))
                request_end(request, reply, NULL);
        else
                request_end(request, NULL, &error);
}

/* Each turn starts anew, because the end of one request may be the end of others. */
static void requests_conclude(struct client_connection *connection)
{
        struct client_request *request;

        do {
                LIST_FOREACH(request, &connection->requests, next)
                if (is_over(request))
                        break;
                if (request != NULL)
                        request_conclude(request);
        } while (request != NULL);
}

static bool has_undispatched(const struct client_connection *connection)
{
        return connection->bus != NULL && dbus_connection_get_dispatch_status(connection->bus) == DBUS_DISPATCH_DATA_REMAINS;
}

void client_connection_run(struct client_connection *connection)
{
        struct base_error error = BASE_ERROR_INIT;

        client_poller_run(&connection->poller);
        for (unsigned i = 0; i < DISPATCH_MAX && has_undispatched(connection); i++)
                (void) dbus_connection_dispatch(connection->bus);
        requests_conclude(connection);
        if (connection->bus == NULL || dbus_connection_get_is_connected(connection->bus) || has_undispatched(connection))
                return;
        (void) set_closed(&error);
        connection_fail(connection, &error);
}

void client_connection_arm(const struct client_connection *connection, bool more)
{
        const struct client_request *request;
        uint64_t at_ms = UINT64_MAX;

        LIST_FOREACH(request, &connection->requests, next)
        at_ms = request->call->deadline_ms < at_ms ? request->call->deadline_ms : at_ms;
        client_poller_arm(&connection->poller, more || has_undispatched(connection) ? 0 : at_ms);
}

void client_connection_wait(struct client_connection *connection)
{
        client_connection_arm(connection, false);
        client_poller_wait(&connection->poller, WAIT_MS_MAX);
        client_connection_run(connection);
}
