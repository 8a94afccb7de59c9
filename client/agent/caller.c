/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/caller.h"
#include "base/dbus_text.h"
#include "client/agent/outbox.h"

#include <string.h>

struct agent_caller {
        LIST_ENTRY(agent_caller) of_all;
        char *name;
        bool watched;
        size_t call_count;
        LIST_HEAD(, agent_call) calls;
};

struct agent_callers {
        struct base_bus *session;
        struct agent_outbox *outbox;
        size_t call_count;
        LIST_HEAD(, agent_caller) all;
};

bool agent_callers_new(struct base_bus *session, struct agent_outbox *outbox, struct agent_callers **ret,
                       struct base_error *error)
{
        struct agent_callers *callers = calloc(1, sizeof(*callers));

        if (callers == NULL)
                return base_error_set_no_memory(error);
        callers->session = session;
        callers->outbox = outbox;
        LIST_INIT(&callers->all);
        *ret = callers;
        return true;
}

static void caller_free(struct agent_callers *callers, struct agent_caller *caller)
{
        if (caller->watched)
                base_bus_unwatch_peer(callers->session, caller->name);
        LIST_REMOVE(caller, of_all);
        free(caller->name);
        free(caller);
}

static void call_free(struct agent_call *call)
{
        struct agent_callers *callers = call->callers;
        struct agent_caller *caller = call->caller;

        LIST_REMOVE(call, of_caller);
        dbus_message_unref(call->message);
        free(call);
        callers->call_count--;
        if (--caller->call_count == 0)
                caller_free(callers, caller);
}

/* Ends all calls of a caller, and the caller with the last of them. */
static void caller_cancel(struct agent_caller *caller)
{
        for (size_t left = caller->call_count; left > 0; left--) {
                struct agent_call *call = LIST_FIRST(&caller->calls);

                if (call->cancel != NULL)
                        call->cancel(call->work);
                call_free(call);
        }
}

void agent_callers_free(struct agent_callers *callers)
{
        if (callers == NULL)
                return;
        while (!LIST_EMPTY(&callers->all))
                caller_cancel(LIST_FIRST(&callers->all));
        free(callers);
}

static struct agent_caller *find(const struct agent_callers *callers, const char *name)
{
        struct agent_caller *caller;

        LIST_FOREACH(caller, &callers->all, of_all)
        if (strcmp(caller->name, name) == 0)
                return caller;
        return NULL;
}

static struct agent_caller *caller_new(struct agent_callers *callers, const char *name)
{
        struct agent_caller *caller = calloc(1, sizeof(*caller));

        if (caller == NULL || (caller->name = strdup(name)) == NULL) {
                free(caller);
                return NULL;
        }
        LIST_INIT(&caller->calls);
        LIST_INSERT_HEAD(&callers->all, caller, of_all);
        return caller;
}

bool agent_callers_accept(struct agent_callers *callers, DBusMessage *message, struct agent_call **ret, struct base_error *error)
{
        const char *name = dbus_message_get_sender(message);
        struct agent_caller *caller = find(callers, name);
        struct agent_call *call;

        if (caller != NULL && caller->call_count >= AGENT_CALLS_PER_CALLER_MAX)
                return base_error_set(error, BASE_ERROR_RATE_LIMITED, "too many calls at once; retry when one is answered");
        if (callers->call_count >= AGENT_CALLS_MAX)
                return base_error_set(error, BASE_ERROR_BUSY, "attester-agent has too many calls to answer; retry in a moment");
        call = calloc(1, sizeof(*call));
        if (call == NULL || (caller == NULL && (caller = caller_new(callers, name)) == NULL)) {
                free(call);
                return base_error_set_no_memory(error);
        }
        call->callers = callers;
        call->caller = caller;
        call->message = dbus_message_ref(message);
        LIST_INSERT_HEAD(&caller->calls, call, of_caller);
        caller->call_count++;
        callers->call_count++;
        *ret = call;
        return true;
}

void agent_call_keep(struct agent_call *call, void (*cancel)(void *work), void *work)
{
        call->cancel = cancel;
        call->work = work;
        if (call->caller->watched)
                return;
        call->caller->watched = true;
        base_bus_watch_peer(call->callers->session, call->caller->name);
}

void agent_call_fail(struct agent_call *call, const struct base_error *error)
{
        agent_call_reply(call, base_dbus_text_error(call->message, error));
}

void agent_call_reply(struct agent_call *call, DBusMessage *reply)
{
        if (reply == NULL)
                reply = dbus_message_new_error(call->message, base_error_dbus_name(BASE_ERROR_NO_MEMORY), "out of memory");
        if (reply != NULL && !dbus_message_get_no_reply(call->message))
                base_bus_send(call->callers->session, reply);
        if (reply != NULL)
                dbus_message_unref(reply);
        call_free(call);
}

void agent_call_reply_secret(struct agent_call *call, DBusMessage *reply)
{
        if (!dbus_message_get_no_reply(call->message))
                base_bus_send(call->callers->session, reply);
        agent_outbox_add(call->callers->outbox, reply);
        call_free(call);
}

void agent_callers_peer_gone(struct agent_callers *callers, const char *unique_name)
{
        struct agent_caller *caller = find(callers, unique_name);

        if (caller != NULL)
                caller_cancel(caller);
}

size_t agent_callers_in_flight(const struct agent_callers *callers)
{
        return callers->call_count;
}
