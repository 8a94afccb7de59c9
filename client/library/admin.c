/* SPDX-License-Identifier: BSD-2-Clause */
/* What administrators ask of the daemon. */
#include "client/library/object.h"
#include "client/library/reply.h"

int attester_enroll(struct attester *attester, const char *issuer, const struct attester_options *options, char **ret_device,
                    struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        DBusMessageIter iterator;

        if (!client_bus_method(CLIENT_BUS_ADMIN, "Enroll", &message, &failure))
                return client_error_export(&failure, error);
        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, issuer, &failure) ||
            !client_object_call(attester, &call, message, "s", &reply, &failure))
                return client_error_export(&failure, error);
        (void) dbus_message_iter_init(reply, &iterator);
        return client_reply_take_string(&iterator, ret_device, &failure) ? 0 : client_error_export(&failure, error);
}

int attester_install_policy(struct attester *attester, const char *name, const char *content,
                            const struct attester_options *options, struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        DBusMessageIter iterator;

        if (!client_bus_method(CLIENT_BUS_ADMIN, "InstallPolicy", &message, &failure))
                return client_error_export(&failure, error);
        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, name, &failure) || !client_bus_append_string(&iterator, content, &failure) ||
            !client_object_call(attester, &call, message, "", &reply, &failure))
                return client_error_export(&failure, error);
        return 0;
}

int attester_install_policy_bundle(struct attester *attester, const void *bundle, size_t len,
                                   const struct attester_options *options, uint64_t *ret_version, struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        DBusMessageIter iterator;
        dbus_uint64_t version = 0;

        if (len > CLIENT_BUS_MESSAGE_BYTES_MAX / 2) {
                (void) base_error_set(&failure, BASE_ERROR_LIMIT_EXCEEDED, "the policy bundle is too large");
                return client_error_export(&failure, error);
        }
        if (!client_bus_method(CLIENT_BUS_ADMIN, "InstallPolicyBundle", &message, &failure))
                return client_error_export(&failure, error);
        if (!dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bundle, (int) len, DBUS_TYPE_INVALID)) {
                (void) base_error_set_no_memory(&failure);
                return client_error_export(&failure, error);
        }
        if (!client_object_call(attester, &call, message, "t", &reply, &failure))
                return client_error_export(&failure, error);
        (void) dbus_message_iter_init(reply, &iterator);
        client_reply_take_basic(&iterator, &version);
        *ret_version = version;
        return 0;
}

/* A method of Admin1 without arguments and results. */
static int admin_call(struct attester *attester, const struct attester_options *options, const char *member,
                      struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;

        if (!client_bus_method(CLIENT_BUS_ADMIN, member, &message, &failure) ||
            !client_object_call(attester, &call, message, "", &reply, &failure))
                return client_error_export(&failure, error);
        return 0;
}

int attester_reload(struct attester *attester, const struct attester_options *options, struct attester_error *error)
{
        return admin_call(attester, options, "Reload", error);
}

int attester_reseal(struct attester *attester, const struct attester_options *options, struct attester_error *error)
{
        return admin_call(attester, options, "Reseal", error);
}
