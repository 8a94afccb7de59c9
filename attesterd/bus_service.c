/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/bus_service.h"

#include <string.h>

uint64_t attesterd_bus_service_now_ms(const struct attesterd_bus_service *service)
{
        return service->clock->monotonic_ms(service->clock->context);
}

uint64_t attesterd_bus_service_boottime_ms(const struct attesterd_bus_service *service)
{
        return service->clock->boottime_ms(service->clock->context);
}

/* Before the first question, so that no change after its answer is missed. */
static void subscribe(struct attesterd_bus_service *service)
{
        char rule[256];

        if (service->subscribed)
                return;
        service->subscribed = true;
        (void) snprintf(rule, sizeof(rule),
                        "type='signal',sender='" DBUS_SERVICE_DBUS "',interface='" DBUS_INTERFACE_DBUS
                        "',member='NameOwnerChanged',arg0='%s'",
                        service->name);
        base_bus_subscribe(service->bus, rule);
        for (const char *const *wanted = service->rules; *wanted != NULL; wanted++)
                base_bus_subscribe(service->bus, *wanted);
}

bool attesterd_bus_service_call(struct attesterd_bus_service *service, uint64_t since_ms, const char *path, const char *interface,
                                const char *member, base_bus_reply *callback, void *context, DBusPendingCall **ret, ...)
{
        uint64_t passed_ms = attesterd_bus_service_now_ms(service) - since_ms;
        DBusMessage *message;
        va_list arguments;
        bool done;
        int first;

        if (passed_ms >= ATTESTERD_BUS_SERVICE_WAIT_MAX_MS)
                return false;
        message = dbus_message_new_method_call(service->name, path, interface, member);
        if (message == NULL)
                return false;
        dbus_message_set_auto_start(message, !service->never_start);
        subscribe(service);
        va_start(arguments, ret);
        first = va_arg(arguments, int);
        done = dbus_message_append_args_valist(message, first, arguments) &&
               base_bus_call(service->bus, message, (int) (ATTESTERD_BUS_SERVICE_WAIT_MAX_MS - passed_ms), callback, context, ret,
                             NULL);
        va_end(arguments);
        dbus_message_unref(message);
        return done;
}

bool attesterd_bus_service_failed(struct attesterd_bus_service *service, DBusMessage *reply, const char *signature,
                                  char ret_reason[ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX])
{
        const char *error = reply == NULL ? DBUS_ERROR_NO_REPLY : dbus_message_get_error_name(reply);
        const char *format = "%s could not tell";

        if (reply != NULL && dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR) {
                if (dbus_message_has_signature(reply, signature))
                        return false;
                format = "%s answered with something else";
        } else if (strcmp(error, DBUS_ERROR_SERVICE_UNKNOWN) == 0 || strcmp(error, DBUS_ERROR_NAME_HAS_NO_OWNER) == 0) {
                service->absent = true;
                format = "%s is not on the system bus";
        } else if (strcmp(error, DBUS_ERROR_NO_REPLY) == 0 || strcmp(error, DBUS_ERROR_TIMEOUT) == 0) {
                format = "%s did not answer";
        } else if (strcmp(error, DBUS_ERROR_ACCESS_DENIED) == 0) {
                format = "the system bus does not let attesterd ask %s";
        }
        (void) snprintf(ret_reason, ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX, format, service->title);
        return true;
}

bool attesterd_bus_service_owner_changed(struct attesterd_bus_service *service, DBusMessage *signal, bool *ret_started)
{
        const char *name, *old_owner, *new_owner;

        if (!dbus_message_is_signal(signal, DBUS_INTERFACE_DBUS, "NameOwnerChanged") ||
            !dbus_message_has_sender(signal, DBUS_SERVICE_DBUS) ||
            !dbus_message_get_args(signal, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &old_owner, DBUS_TYPE_STRING,
                                   &new_owner, DBUS_TYPE_INVALID) ||
            strcmp(name, service->name) != 0)
                return false;
        *ret_started = new_owner[0] != '\0';
        if (*ret_started)
                service->absent = false;
        return true;
}

void attesterd_bus_service_down(struct attesterd_bus_service *service)
{
        service->subscribed = false;
        service->absent = false;
}

const char *attesterd_bus_service_next_entry(DBusMessageIter *entries, DBusMessageIter *ret_value)
{
        DBusMessageIter entry;
        const char *name;

        if (dbus_message_iter_get_arg_type(entries) != DBUS_TYPE_DICT_ENTRY)
                return NULL;
        dbus_message_iter_recurse(entries, &entry);
        dbus_message_iter_get_basic(&entry, &name);
        (void) dbus_message_iter_next(&entry);
        dbus_message_iter_recurse(&entry, ret_value);
        (void) dbus_message_iter_next(entries);
        return name;
}
