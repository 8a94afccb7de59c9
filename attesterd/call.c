/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/call.h"

#include "attesterd/bus_service.h"
#include "attesterd/notice.h"
#include "base/dbus_text.h"
#include "base/log.h"

#include <string.h>

#define NOBODY_YET ((uid_t) -1) /* whose user the bus has not told */

struct attesterd_caller {
        LIST_ENTRY(attesterd_caller) of_all;
        struct attesterd_callers *callers;
        char *name;
        uid_t uid;
        pid_t pid;
        bool may_tell_focus;
        bool identified;
        struct attesterd_session session;
        DBusPendingCall *credentials;
        size_t call_count;
        LIST_HEAD(, attesterd_call) calls;
};

struct attesterd_callers {
        struct base_bus *bus;
        struct attesterd_limits *limits;
        struct attesterd_refusals *refusals;
        const struct base_clock *clock;
        attesterd_call_start *start;
        void *context;
        gid_t focus_group; /* (gid_t) -1: none */
        struct attesterd_notice limited;
        size_t count;
        LIST_HEAD(, attesterd_caller) all;
};

bool attesterd_callers_new(struct base_bus *bus, struct attesterd_limits *limits, struct attesterd_refusals *refusals,
                           const struct base_clock *clock, attesterd_call_start *start, void *context,
                           struct attesterd_callers **ret, struct base_error *error)
{
        struct attesterd_callers *callers = calloc(1, sizeof(*callers));

        if (callers == NULL)
                return base_error_set_no_memory(error);
        *callers = (struct attesterd_callers){
                .bus = bus,
                .limits = limits,
                .refusals = refusals,
                .clock = clock,
                .start = start,
                .context = context,
                .focus_group = (gid_t) -1,
        };
        LIST_INIT(&callers->all);
        *ret = callers;
        return true;
}

void attesterd_callers_free(struct attesterd_callers *callers)
{
        if (callers == NULL)
                return;
        attesterd_callers_forget_all(callers, NULL);
        free(callers);
}

void attesterd_callers_set_focus_group(struct attesterd_callers *callers, gid_t group)
{
        callers->focus_group = group;
}

static void send_error(struct attesterd_callers *callers, uid_t uid, DBusMessage *message, const struct base_error *error)
{
        DBusMessage *reply = dbus_message_get_no_reply(message) ? NULL : base_dbus_text_error(message, error);

        if (reply == NULL)
                return;
        if (error->code == BASE_ERROR_RATE_LIMITED)
                attesterd_refusals_send(callers->refusals, uid, reply);
        else
                base_bus_send(callers->bus, reply);
        dbus_message_unref(reply);
}

static void call_free(struct attesterd_call *call)
{
        LIST_REMOVE(call, of_caller);
        call->caller->call_count--;
        if (call->weight > 0)
                attesterd_limits_leave(call->callers->limits, call->uid, call->weight);
        dbus_message_unref(call->message);
        free(call);
}

void attesterd_call_reply(struct attesterd_call *call, DBusMessage *reply)
{
        struct base_error error = BASE_ERROR_INIT;

        if (reply == NULL) {
                (void) base_error_set_no_memory(&error);
                send_error(call->callers, call->uid, call->message, &error);
        } else if (!dbus_message_get_no_reply(call->message)) {
                base_bus_send(call->callers->bus, reply);
        }
        if (reply != NULL)
                dbus_message_unref(reply);
        call_free(call);
}

void attesterd_call_fail(struct attesterd_call *call, const struct base_error *error)
{
        send_error(call->callers, call->uid, call->message, error);
        call_free(call);
}

/* `reason` NULL: nobody is there to be told. */
static void call_cancel(struct attesterd_call *call, const struct base_error *reason)
{
        if (call->cancel != NULL)
                call->cancel(call->work);
        if (reason != NULL)
                send_error(call->callers, call->uid, call->message, reason);
        call_free(call);
}

static void caller_free(struct attesterd_caller *caller, const struct base_error *reason)
{
        while (!LIST_EMPTY(&caller->calls))
                call_cancel(LIST_FIRST(&caller->calls), reason);
        base_bus_call_drop(&caller->credentials);
        attesterd_session_clear(&caller->session);
        LIST_REMOVE(caller, of_all);
        caller->callers->count--;
        free(caller->name);
        free(caller);
}

static struct attesterd_caller *find(struct attesterd_callers *callers, const char *name)
{
        struct attesterd_caller *caller;

        LIST_FOREACH(caller, &callers->all, of_all)
        if (strcmp(caller->name, name) == 0)
                return caller;
        return NULL;
}

void attesterd_callers_peer_gone(struct attesterd_callers *callers, const char *unique_name)
{
        struct attesterd_caller *caller = find(callers, unique_name);

        if (caller == NULL)
                return;
        base_bus_unwatch_peer(callers->bus, caller->name);
        caller_free(caller, NULL);
}

void attesterd_callers_forget_all(struct attesterd_callers *callers, const struct base_error *reason)
{
        while (!LIST_EMPTY(&callers->all))
                caller_free(LIST_FIRST(&callers->all), reason);
}

static void tell_limited(struct attesterd_call *call)
{
        struct attesterd_callers *callers = call->callers;
        char uid[16];

        (void) snprintf(uid, sizeof(uid), "%u", (unsigned) call->uid);
        if (attesterd_notice_due(&callers->limited, uid, callers->clock->monotonic_ms(callers->clock->context)))
                base_log_event(BASE_EVENT_USER_LIMITED, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_UID, uid }), NULL,
                               "uid %s asks for more than [Limits] allow", uid);
}

static bool weigh(struct attesterd_call *call, unsigned more, struct base_error *error)
{
        if (!attesterd_limits_enter(call->callers->limits, call->uid, more, error))
                return false;
        call->weight += more;
        return attesterd_limits_spend(call->callers->limits, call->uid, more, error);
}

bool attesterd_call_weigh(struct attesterd_call *call, unsigned more, struct base_error *error)
{
        struct base_error problem = BASE_ERROR_INIT;

        if (weigh(call, more, &problem))
                return true;
        if (problem.code == BASE_ERROR_RATE_LIMITED)
                tell_limited(call);
        return base_error_copy(error, &problem);
}

struct attesterd_session *attesterd_call_session(struct attesterd_call *call)
{
        return &call->caller->session;
}

static void start_call(struct attesterd_call *call)
{
        struct attesterd_callers *callers = call->callers;
        struct base_error error = BASE_ERROR_INIT;

        call->started = true;
        call->uid = call->caller->uid;
        call->pid = call->caller->pid;
        call->may_tell_focus = call->caller->may_tell_focus;
        if (attesterd_call_weigh(call, 1, &error))
                callers->start(callers->context, call);
        else
                attesterd_call_fail(call, &error);
}

/* The bus had it from the kernel when the connection was made: SO_PEERCRED, SO_PEERGROUPS. */
static bool has_group(DBusMessageIter *value, gid_t group)
{
        DBusMessageIter array;
        const dbus_uint32_t *groups = NULL;
        int count = 0;

        if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_ARRAY ||
            dbus_message_iter_get_element_type(value) != DBUS_TYPE_UINT32)
                return false;
        dbus_message_iter_recurse(value, &array);
        dbus_message_iter_get_fixed_array(&array, &groups, &count);
        for (int i = 0; i < count; i++)
                if (groups[i] == group)
                        return true;
        return false;
}

/* GetConnectionCredentials: a{sv} with UnixUserID (u), ProcessID (u) and UnixGroupIDs (au), as far as the bus knows them. */
static bool parse_credentials(DBusMessage *reply, struct attesterd_caller *caller)
{
        DBusMessageIter top, entries, value;
        bool has_uid = false;
        const char *key;

        if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR || !dbus_message_has_signature(reply, "a{sv}"))
                return false;
        (void) dbus_message_iter_init(reply, &top);
        dbus_message_iter_recurse(&top, &entries);
        while ((key = attesterd_bus_service_next_entry(&entries, &value)) != NULL) {
                dbus_uint32_t number = 0;

                if (strcmp(key, "UnixGroupIDs") == 0 && caller->callers->focus_group != (gid_t) -1)
                        caller->may_tell_focus = has_group(&value, caller->callers->focus_group);
                if (dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_UINT32)
                        continue;
                dbus_message_iter_get_basic(&value, &number);
                if (strcmp(key, "UnixUserID") == 0) {
                        caller->uid = number;
                        has_uid = true;
                } else if (strcmp(key, "ProcessID") == 0) {
                        caller->pid = (pid_t) number;
                }
        }
        return has_uid;
}

/* Calls start in the order in which they came; a start may end its call, and others of this caller never. */
static void start_waiting(struct attesterd_caller *caller)
{
        for (;;) {
                struct attesterd_call *call, *oldest = NULL;

                LIST_FOREACH(call, &caller->calls, of_caller)
                if (!call->started)
                        oldest = call;
                if (oldest == NULL)
                        return;
                start_call(oldest);
        }
}

static void on_credentials(void *context, DBusMessage *reply)
{
        struct attesterd_caller *caller = context;
        struct base_error error = BASE_ERROR_INIT;

        base_bus_call_drop(&caller->credentials);
        if (parse_credentials(reply, caller)) {
                caller->identified = true;
                start_waiting(caller);
                return;
        }
        (void) base_error_set(&error, BASE_ERROR_NOT_AUTHORIZED, "the bus does not say which user you are");
        base_bus_unwatch_peer(caller->callers->bus, caller->name);
        caller_free(caller, &error);
}

static bool identify(struct attesterd_caller *caller, struct base_error *error)
{
        DBusMessage *message = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                                            "GetConnectionCredentials");
        bool done;

        if (message == NULL || !dbus_message_append_args(message, DBUS_TYPE_STRING, &caller->name, DBUS_TYPE_INVALID)) {
                if (message != NULL)
                        dbus_message_unref(message);
                return base_error_set_no_memory(error);
        }
        /* Watched first: if it has left already, the question fails and it is forgotten. */
        base_bus_watch_peer(caller->callers->bus, caller->name);
        done = base_bus_call(caller->callers->bus, message, BASE_BUS_CALL_TIMEOUT_MS, on_credentials, caller,
                             &caller->credentials, error);
        dbus_message_unref(message);
        return done;
}

static bool make_room(struct attesterd_callers *callers, struct base_error *error)
{
        struct attesterd_caller *caller, *idle = NULL;

        if (callers->count < ATTESTERD_CALLERS_MAX)
                return true;
        LIST_FOREACH(caller, &callers->all, of_all)
        if (caller->call_count == 0)
                idle = caller;
        if (idle == NULL)
                return base_error_set(error, BASE_ERROR_BUSY, "too many programs ask at once; retry in a moment");
        base_bus_unwatch_peer(callers->bus, idle->name);
        caller_free(idle, NULL);
        return true;
}

static struct attesterd_caller *add(struct attesterd_callers *callers, const char *name, struct base_error *error)
{
        struct attesterd_caller *caller;

        if (!make_room(callers, error))
                return NULL;
        caller = calloc(1, sizeof(*caller));
        if (caller == NULL || (caller->name = strdup(name)) == NULL) {
                free(caller);
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        caller->callers = callers;
        LIST_INIT(&caller->calls);
        LIST_INSERT_HEAD(&callers->all, caller, of_all);
        callers->count++;
        if (identify(caller, error))
                return caller;
        caller_free(caller, NULL);
        return NULL;
}

static struct attesterd_call *call_new(struct attesterd_caller *caller, DBusMessage *message, struct base_error *error)
{
        struct attesterd_call *call;

        if (!caller->identified && caller->call_count >= ATTESTERD_CALLS_UNIDENTIFIED_MAX) {
                (void) base_error_set(error, BASE_ERROR_RATE_LIMITED, "too many calls at once; retry when one is answered");
                return NULL;
        }
        call = calloc(1, sizeof(*call));
        if (call == NULL) {
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        call->callers = caller->callers;
        call->caller = caller;
        call->message = dbus_message_ref(message);
        call->uid = NOBODY_YET;
        call->started_ms = caller->callers->clock->monotonic_ms(caller->callers->clock->context);
        LIST_INSERT_HEAD(&caller->calls, call, of_caller);
        caller->call_count++;
        return call;
}

void attesterd_callers_accept(struct attesterd_callers *callers, DBusMessage *message)
{
        const char *sender = dbus_message_get_sender(message);
        struct base_error error = BASE_ERROR_INIT;
        struct attesterd_caller *caller;
        struct attesterd_call *call;

        if (sender == NULL)
                return;
        caller = find(callers, sender);
        if (caller == NULL)
                caller = add(callers, sender, &error);
        call = caller == NULL ? NULL : call_new(caller, message, &error);
        if (call == NULL)
                send_error(callers, caller == NULL || !caller->identified ? NOBODY_YET : caller->uid, message, &error);
        else if (caller->identified)
                start_call(call);
}
