/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/interface.h"

#include "attesterd/admin.h"
#include "attesterd/introspection.h"
#include "attesterd/query.h"
#include "attesterd/request.h"
#include "attesterd/seal.h"

const struct attesterd_method attesterd_methods[] = {
        { { ATTESTERD_INTERFACE, "RequestTokens", "saaya{sv}", "aaya{sv}" }, attesterd_request_tokens },
        { { ATTESTERD_INTERFACE, "GetIssuer", "s", "a{sv}" }, attesterd_query_issuer },
        { { ATTESTERD_INTERFACE, "GetFacts", "", "a(svsst)" }, attesterd_query_facts },
        { { ATTESTERD_INTERFACE, "Evaluate", "sa{sv}", "ba(ssss)" }, attesterd_query_evaluate },
        { { ATTESTERD_INTERFACE, "Explain", "sa{sv}", "ba(ssssssas)a(svsst)" }, attesterd_query_explain },
        { { ATTESTERD_INTERFACE, "GetSeal", "", "sa(suss)ss" }, attesterd_seal_get },
        { { ATTESTERD_ADMIN_INTERFACE, "Enroll", "s", "s" }, attesterd_admin_enroll },
        { { ATTESTERD_ADMIN_INTERFACE, "Reload", "", "" }, attesterd_admin_reload },
        { { ATTESTERD_ADMIN_INTERFACE, "Reseal", "", "" }, attesterd_admin_reseal },
        { { ATTESTERD_ADMIN_INTERFACE, "RotateKey", "", "" }, attesterd_admin_rotate_key },
        { { ATTESTERD_ADMIN_INTERFACE, "InstallPolicy", "ss", "" }, attesterd_admin_install_policy },
        { { ATTESTERD_ADMIN_INTERFACE, "InstallPolicyBundle", "ay", "t" }, attesterd_admin_install_policy_bundle },
        { { NULL, NULL, NULL, NULL }, NULL },
};

static const struct base_bus_method *method_at(size_t index)
{
        return attesterd_methods[index].handler == NULL ? NULL : &attesterd_methods[index].call;
}

static const struct base_bus_node nodes[] = {
        { ATTESTERD_OBJECT_PATH, ATTESTERD_INTROSPECTION },
        { "/org", "<node><node name=\"attesterd\"/></node>\n" },
        { "/", "<node><node name=\"org\"/></node>\n" },
};

static const struct base_bus_object object = { ATTESTERD_OBJECT_PATH, nodes, BASE_COUNT(nodes), method_at };

void attesterd_interface_dispatch(struct attesterd_daemon *daemon, DBusMessage *message)
{
        DBusMessage *reply = NULL;
        size_t index;

        if (dbus_message_has_path(message, ATTESTERD_OBJECT_PATH) &&
            dbus_message_has_interface(message, DBUS_INTERFACE_PROPERTIES))
                base_bus_answer(daemon->bus, message, attesterd_properties_answer(daemon->properties, message));
        else if (base_bus_object_find(&object, message, &index, &reply))
                attesterd_callers_accept(daemon->callers, message);
        else
                base_bus_answer(daemon->bus, message, reply);
}

void attesterd_interface_run(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        DBusMessage *reply = NULL;
        size_t index;

        if (base_bus_object_find(&object, call->message, &index, &reply))
                attesterd_methods[index].handler(daemon, call);
        else
                attesterd_call_reply(call, reply);
}
