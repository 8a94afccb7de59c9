/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bus.h"

#include "base/dbus_glue.h"

#include <poll.h>
#include <string.h>

#define FLUSH_TIMEOUT_MS 1000
#define MATCH_BYTES_MAX  512

struct base_bus {
        sd_event *event;
        char *address;
        char *name;
        struct base_bus_events events;
        DBusConnection *connection;
        struct base_dbus_glue *glue;
        sd_event_source *retry;
        DBusPendingCall *pending; /* Hello or RequestName */
        uint64_t backoff_ms;
        bool lost; /* the connection is closed and waits for the retry to be replaced */
        bool up;
};

struct bus_call {
        base_bus_reply *callback;
        void *context;
};

const char *base_bus_session_address(char *space, size_t space_size)
{
        const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
        const char *directory = getenv("XDG_RUNTIME_DIR");

        if (address != NULL)
                return address;
        if (directory == NULL)
                return NULL;
        (void) snprintf(space, space_size, "unix:path=%s/bus", directory);
        return space;
}

static void disconnect(struct base_bus *bus)
{
        base_bus_call_drop(&bus->pending);
        base_dbus_glue_free(bus->glue);
        bus->glue = NULL;
        if (bus->connection != NULL) {
                dbus_connection_close(bus->connection);
                dbus_connection_unref(bus->connection);
                bus->connection = NULL;
        }
}

static void retry_later(struct base_bus *bus)
{
        (void) sd_event_source_set_time_relative(bus->retry, bus->backoff_ms * 1000);
        (void) sd_event_source_set_enabled(bus->retry, SD_EVENT_ONESHOT);
        bus->backoff_ms *= 2;
        if (bus->backoff_ms > BASE_BUS_BACKOFF_MAX_MS)
                bus->backoff_ms = BASE_BUS_BACKOFF_MAX_MS;
}

/* Runs within dispatch, where the connection cannot be taken apart: the retry does that. */
static void connection_lost(struct base_bus *bus)
{
        bool was_up = bus->up;

        if (bus->lost)
                return;
        bus->lost = true;
        bus->up = false;
        retry_later(bus);
        if (was_up)
                bus->events.down(bus->events.context);
}

static void connection_refused(struct base_bus *bus, DBusMessage *reply, const char *what)
{
        struct base_error error = BASE_ERROR_INIT;
        const char *text = NULL;

        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        (void) base_error_set(&error, BASE_ERROR_DAEMON_UNREACHABLE, "the bus does not %s %s", what,
                              bus->name == NULL ? "us" : bus->name);
        base_error_set_detail(&error, "%s: %s", dbus_message_get_error_name(reply), text == NULL ? "" : text);
        if (dbus_message_is_error(reply, DBUS_ERROR_ACCESS_DENIED)) {
                bus->events.refused(bus->events.context, &error);
                return;
        }
        bus->events.failed(bus->events.context, &error);
        connection_lost(bus);
}

static void come_up(struct base_bus *bus)
{
        bus->up = true;
        bus->backoff_ms = BASE_BUS_BACKOFF_MIN_MS;
        bus->events.up(bus->events.context);
}

static void on_name(void *context, DBusMessage *reply)
{
        struct base_bus *bus = context;
        struct base_error error = BASE_ERROR_INIT;
        dbus_uint32_t result = 0;

        base_bus_call_drop(&bus->pending);
        if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR) {
                connection_refused(bus, reply, "give us the name");
                return;
        }
        if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &result, DBUS_TYPE_INVALID) ||
            (result != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER && result != DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER)) {
                (void) base_error_set(&error, BASE_ERROR_BUSY, "another program owns %s on the bus", bus->name);
                bus->events.refused(bus->events.context, &error);
                return;
        }
        come_up(bus);
}

static DBusMessage *bus_method(const char *member)
{
        return dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member);
}

static void request_name(struct base_bus *bus)
{
        DBusMessage *message = bus_method("RequestName");
        dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;
        struct base_error error = BASE_ERROR_INIT;

        if (message == NULL ||
            !dbus_message_append_args(message, DBUS_TYPE_STRING, &bus->name, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID) ||
            !base_bus_call(bus, message, BASE_BUS_CALL_TIMEOUT_MS, on_name, bus, &bus->pending, &error))
                connection_lost(bus);
        if (message != NULL)
                dbus_message_unref(message);
}

static void on_hello(void *context, DBusMessage *reply)
{
        struct base_bus *bus = context;
        const char *unique = NULL;

        base_bus_call_drop(&bus->pending);
        if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR) {
                connection_refused(bus, reply, "welcome");
                return;
        }
        if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &unique, DBUS_TYPE_INVALID) ||
            !dbus_bus_set_unique_name(bus->connection, unique)) {
                connection_lost(bus);
                return;
        }
        if (bus->name == NULL)
                come_up(bus);
        else
                request_name(bus);
}

static bool on_name_owner_changed(struct base_bus *bus, DBusMessage *message)
{
        const char *name, *old_owner, *new_owner;

        if (!dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged") ||
            !dbus_message_has_sender(message, DBUS_SERVICE_DBUS) ||
            !dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &old_owner, DBUS_TYPE_STRING,
                                   &new_owner, DBUS_TYPE_INVALID) ||
            name[0] != ':')
                return false;
        if (new_owner[0] == '\0')
                bus->events.peer_gone(bus->events.context, name);
        return true;
}

static DBusHandlerResult on_message(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct base_bus *bus = data;

        (void) connection;
        if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
                connection_lost(bus);
        else if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL)
                bus->events.call(bus->events.context, message);
        else if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_SIGNAL)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        else if (!on_name_owner_changed(bus, message) && bus->events.signal != NULL &&
                 dbus_message_get_destination(message) == NULL)
                bus->events.signal(bus->events.context, message);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static bool open_connection(struct base_bus *bus, struct base_error *error)
{
        DBusError problem = DBUS_ERROR_INIT;

        bus->connection = dbus_connection_open_private(bus->address, &problem);
        if (bus->connection == NULL) {
                (void) base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "cannot connect to the message bus");
                base_error_set_detail(error, "%s", problem.message);
                dbus_error_free(&problem);
                return false;
        }
        dbus_connection_set_exit_on_disconnect(bus->connection, FALSE);
        dbus_connection_set_max_received_size(bus->connection, BASE_BUS_RECEIVED_BYTES_MAX);
        if (!dbus_connection_add_filter(bus->connection, on_message, bus, NULL))
                return base_error_set_no_memory(error);
        return base_dbus_glue_new(bus->event, bus->connection, &bus->glue, error);
}

static void start(struct base_bus *bus)
{
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *hello = bus_method("Hello");

        bus->lost = false;
        if (hello == NULL)
                (void) base_error_set_no_memory(&error);
        else if (open_connection(bus, &error) &&
                 base_bus_call(bus, hello, BASE_BUS_CALL_TIMEOUT_MS, on_hello, bus, &bus->pending, &error)) {
                dbus_message_unref(hello);
                return;
        }
        if (hello != NULL)
                dbus_message_unref(hello);
        disconnect(bus);
        bus->lost = true;
        retry_later(bus);
        bus->events.failed(bus->events.context, &error);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct base_bus *bus = userdata;

        (void) source;
        (void) usec;
        disconnect(bus);
        start(bus);
        return 0;
}

bool base_bus_new(sd_event *event, const char *address, const char *name, const struct base_bus_events *events,
                  struct base_bus **ret, struct base_error *error)
{
        struct base_bus *bus = calloc(1, sizeof(*bus));

        if (bus == NULL)
                return base_error_set_no_memory(error);
        bus->event = sd_event_ref(event);
        bus->events = *events;
        bus->backoff_ms = BASE_BUS_BACKOFF_MIN_MS;
        bus->lost = true;
        bus->address = strdup(address);
        bus->name = name == NULL ? NULL : strdup(name);
        if (bus->address == NULL || (name != NULL && bus->name == NULL) ||
            sd_event_add_time_relative(event, &bus->retry, CLOCK_MONOTONIC, 0, 1, on_retry, bus) < 0) {
                base_bus_free(bus);
                return base_error_set_no_memory(error);
        }
        *ret = bus;
        return true;
}

/* The last replies of a daemon that stops should reach their callers, but a stuck bus must not keep it from stopping. */
static void flush(struct base_bus *bus)
{
        struct pollfd ready = { .events = POLLOUT };

        if (bus->connection == NULL || bus->lost || !dbus_connection_get_unix_fd(bus->connection, &ready.fd))
                return;
        while (dbus_connection_has_messages_to_send(bus->connection) && dbus_connection_get_is_connected(bus->connection) &&
               poll(&ready, 1, FLUSH_TIMEOUT_MS) > 0)
                (void) dbus_connection_read_write(bus->connection, 0);
}

void base_bus_free(struct base_bus *bus)
{
        if (bus == NULL)
                return;
        flush(bus);
        disconnect(bus);
        (void) sd_event_source_disable_unref(bus->retry);
        (void) sd_event_unref(bus->event);
        free(bus->address);
        free(bus->name);
        free(bus);
}

void base_bus_send(struct base_bus *bus, DBusMessage *message)
{
        if (bus->connection != NULL && !bus->lost)
                (void) dbus_connection_send(bus->connection, message, NULL);
}

void base_bus_answer(struct base_bus *bus, DBusMessage *call, DBusMessage *reply)
{
        if (reply == NULL)
                return;
        if (!dbus_message_get_no_reply(call))
                base_bus_send(bus, reply);
        dbus_message_unref(reply);
}

static void on_reply(DBusPendingCall *pending, void *data)
{
        const struct bus_call *call = data;
        DBusMessage *reply = dbus_pending_call_steal_reply(pending);

        /* The callback may drop the pending call, and with it `call`. */
        if (reply != NULL) {
                call->callback(call->context, reply);
                dbus_message_unref(reply);
        }
}

bool base_bus_call(struct base_bus *bus, DBusMessage *message, int timeout_ms, base_bus_reply *callback, void *context,
                   DBusPendingCall **ret, struct base_error *error)
{
        DBusPendingCall *pending = NULL;
        struct bus_call *call;

        if (bus->connection == NULL || bus->lost)
                return base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "the message bus is not connected");
        call = calloc(1, sizeof(*call));
        if (call == NULL)
                return base_error_set_no_memory(error);
        *call = (struct bus_call){ .callback = callback, .context = context };
        if (!dbus_connection_send_with_reply(bus->connection, message, &pending, timeout_ms)) {
                free(call);
                return base_error_set_no_memory(error);
        }
        if (pending == NULL) {
                free(call);
                return base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "the message bus is not connected");
        }
        if (!dbus_pending_call_set_notify(pending, on_reply, call, free)) {
                free(call);
                base_bus_call_drop(&pending);
                return base_error_set_no_memory(error);
        }
        *ret = pending;
        return true;
}

void base_bus_call_drop(DBusPendingCall **call)
{
        if (*call == NULL)
                return;
        if (!dbus_pending_call_get_completed(*call))
                dbus_pending_call_cancel(*call);
        dbus_pending_call_unref(*call);
        *call = NULL;
}

static void match(struct base_bus *bus, const char *member, const char *rule)
{
        DBusMessage *message = bus_method(member);

        if (message == NULL)
                return;
        dbus_message_set_no_reply(message, TRUE);
        if (dbus_message_append_args(message, DBUS_TYPE_STRING, &rule, DBUS_TYPE_INVALID))
                base_bus_send(bus, message);
        dbus_message_unref(message);
}

static void match_peer(struct base_bus *bus, const char *member, const char *unique_name)
{
        char rule[MATCH_BYTES_MAX];

        (void) snprintf(rule, sizeof(rule),
                        "type='signal',sender='" DBUS_SERVICE_DBUS "',interface='" DBUS_INTERFACE_DBUS
                        "',member='NameOwnerChanged',arg0='%s'",
                        unique_name);
        match(bus, member, rule);
}

void base_bus_watch_peer(struct base_bus *bus, const char *unique_name)
{
        match_peer(bus, "AddMatch", unique_name);
}

void base_bus_unwatch_peer(struct base_bus *bus, const char *unique_name)
{
        match_peer(bus, "RemoveMatch", unique_name);
}

void base_bus_subscribe(struct base_bus *bus, const char *rule)
{
        match(bus, "AddMatch", rule);
}

bool base_bus_release_name(struct base_bus *bus, base_bus_reply *callback, void *context, DBusPendingCall **ret,
                           struct base_error *error)
{
        DBusMessage *message = bus_method("ReleaseName");
        bool done;

        if (message == NULL)
                return base_error_set_no_memory(error);
        if (dbus_message_append_args(message, DBUS_TYPE_STRING, &bus->name, DBUS_TYPE_INVALID))
                done = base_bus_call(bus, message, BASE_BUS_CALL_TIMEOUT_MS, callback, context, ret, error);
        else
                done = base_error_set_no_memory(error);
        dbus_message_unref(message);
        return done;
}

bool base_bus_is_sending(const struct base_bus *bus)
{
        return bus->connection != NULL && dbus_connection_has_messages_to_send(bus->connection);
}
