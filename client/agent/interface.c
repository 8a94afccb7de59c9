/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/interface.h"
#include "base/dbus_text.h"
#include "client/agent/introspection.h"
#include "client/agent/request.h"
#include "client/agent/status.h"

#include <string.h>

static void clear_cache(struct agent *agent, struct agent_call *call)
{
        if (agent->cache != NULL)
                agent_cache_clear(agent->cache);
        agent_call_reply(call, dbus_message_new_method_return(call->message));
}

const struct agent_method agent_methods[] = {
        { "GetAuthorization", "ssa{sv}", "sa{sv}", agent_request_start },
        { "GetStatus", "", "a{sv}", agent_status_start },
        { "ClearCache", "", "", clear_cache },
        { NULL, NULL, NULL, NULL },
};

/* Our object, and the way to it. */
static const struct {
        const char *path;
        const char *text;
} nodes[] = {
        { AGENT_OBJECT_PATH, AGENT_INTROSPECTION },
        { "/org/attesterd", "<node><node name=\"Client\"/></node>\n" },
        { "/org", "<node><node name=\"attesterd\"/></node>\n" },
        { "/", "<node><node name=\"org\"/></node>\n" },
};

static void send(struct agent *agent, DBusMessage *call, DBusMessage *reply)
{
        if (reply == NULL)
                return;
        if (!dbus_message_get_no_reply(call))
                base_bus_send(agent->session, reply);
        dbus_message_unref(reply);
}

/* False if it is another call, or there is no such object. */
static bool introspect(struct agent *agent, DBusMessage *message)
{
        if (!dbus_message_is_method_call(message, DBUS_INTERFACE_INTROSPECTABLE, "Introspect"))
                return false;
        for (size_t i = 0; i < BASE_COUNT(nodes); i++) {
                DBusMessage *reply;

                if (!dbus_message_has_path(message, nodes[i].path))
                        continue;
                reply = dbus_message_new_method_return(message);
                if (reply != NULL)
                        (void) dbus_message_append_args(reply, DBUS_TYPE_STRING, &nodes[i].text, DBUS_TYPE_INVALID);
                send(agent, message, reply);
                return true;
        }
        return false;
}

static const struct agent_method *find(const char *member)
{
        for (const struct agent_method *method = agent_methods; method->member != NULL; method++)
                if (strcmp(method->member, member) == 0)
                        return method;
        return NULL;
}

/* Why a message is no call of ours, as a D-Bus error name and sentence; NULL if it is one. */
static const char *misdirected(DBusMessage *message, const char **ret_sentence)
{
        const char *interface = dbus_message_get_interface(message);

        *ret_sentence = "there is no such object";
        if (!dbus_message_has_path(message, AGENT_OBJECT_PATH))
                return DBUS_ERROR_UNKNOWN_OBJECT;
        *ret_sentence = "there is no such interface";
        if (interface != NULL && strcmp(interface, AGENT_INTERFACE) != 0)
                return DBUS_ERROR_UNKNOWN_INTERFACE;
        *ret_sentence = "there is no such method";
        return find(dbus_message_get_member(message)) == NULL ? DBUS_ERROR_UNKNOWN_METHOD : NULL;
}

void agent_interface_dispatch(struct agent *agent, DBusMessage *message)
{
        struct base_error error = BASE_ERROR_INIT;
        const struct agent_method *method;
        const char *name, *sentence;
        struct agent_call *call;

        if (dbus_message_get_sender(message) == NULL || introspect(agent, message))
                return;
        name = misdirected(message, &sentence);
        if (name != NULL) {
                send(agent, message, dbus_message_new_error(message, name, sentence));
                return;
        }
        method = find(dbus_message_get_member(message));
        if (!dbus_message_has_signature(message, method->in)) {
                (void) base_error_set(&error, BASE_ERROR_INVALID_ARGUMENT, "%s takes arguments of signature \"%s\", not \"%s\"",
                                      method->member, method->in, dbus_message_get_signature(message));
        } else if (agent_callers_accept(agent->callers, message, &call, &error)) {
                agent->active_ms = agent->clock->monotonic_ms(agent->clock->context);
                method->handler(agent, call);
                return;
        }
        send(agent, message, base_dbus_text_error(message, &error));
}
