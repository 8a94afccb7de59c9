/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/interface.h"
#include "base/dbus_text.h"
#include "client/agent/introspection.h"
#include "client/agent/request.h"
#include "client/agent/status.h"

static void clear_cache(struct agent *agent, struct agent_call *call)
{
        if (agent->cache != NULL)
                agent_cache_clear(agent->cache);
        agent_call_reply(call, dbus_message_new_method_return(call->message));
}

const struct agent_method agent_methods[] = {
        { { AGENT_INTERFACE, "GetAuthorization", "ssa{sv}", "sa{sv}" }, agent_request_start },
        { { AGENT_INTERFACE, "GetStatus", "", "a{sv}" }, agent_status_start },
        { { AGENT_INTERFACE, "ClearCache", "", "" }, clear_cache },
        { { NULL, NULL, NULL, NULL }, NULL },
};

static const struct base_bus_method *method_at(size_t index)
{
        return agent_methods[index].handler == NULL ? NULL : &agent_methods[index].call;
}

static const struct base_bus_node nodes[] = {
        { AGENT_OBJECT_PATH, AGENT_INTROSPECTION },
        { "/org/attesterd", "<node><node name=\"Client\"/></node>\n" },
        { "/org", "<node><node name=\"attesterd\"/></node>\n" },
        { "/", "<node><node name=\"org\"/></node>\n" },
};

static const struct base_bus_object object = { AGENT_OBJECT_PATH, nodes, BASE_COUNT(nodes), method_at };

void agent_interface_dispatch(struct agent *agent, DBusMessage *message)
{
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *reply = NULL;
        struct agent_call *call;
        size_t index;

        if (dbus_message_get_sender(message) == NULL)
                return;
        if (!base_bus_object_find(&object, message, &index, &reply)) {
                base_bus_answer(agent->session, message, reply);
        } else if (agent_callers_accept(agent->callers, message, &call, &error)) {
                agent->active_ms = agent->clock->boottime_ms(agent->clock->context);
                agent_methods[index].handler(agent, call);
        } else {
                base_bus_answer(agent->session, message, base_dbus_text_error(message, &error));
        }
}
