/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's properties. */
#include "client/library/object.h"
#include "client/library/query.h"
#include "client/library/reply.h"

#include <string.h>

void attester_status_free(struct attester_status *status)
{
        if (status == NULL)
                return;
        free(status->version);
        free(status->tpm_state);
        free(status->seal_state);
        free(status->policy_error);
        free(status->config_error);
        free(status->policy_fetch_name);
        free(status->policy_fetch_error);
        for (size_t i = 0; i < status->issuer_count; i++) {
                free(status->issuers[i].name);
                free(status->issuers[i].enrollment);
        }
        free(status->issuers);
        free(status);
}

static bool issuers_read(DBusMessageIter *value, struct attester_status *status, struct base_error *error)
{
        DBusMessageIter elements;

        if (status->issuers != NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has \"Issuers\" twice");
        if (!client_reply_enter_array(value, sizeof(*status->issuers), &elements, &status->issuers, &status->issuer_count, error))
                return false;
        for (size_t i = 0; i < status->issuer_count; i++, (void) dbus_message_iter_next(&elements)) {
                DBusMessageIter fields;

                dbus_message_iter_recurse(&elements, &fields);
                if (!client_reply_take_string(&fields, &status->issuers[i].name, error) ||
                    !client_reply_take_string(&fields, &status->issuers[i].enrollment, error))
                        return false;
        }
        return true;
}

static bool fetch_error_read(DBusMessageIter *value, struct attester_status *status, struct base_error *error)
{
        base_auto_free char *name = NULL;
        const char *last;
        dbus_uint64_t at = 0;
        DBusMessageIter fields;

        if (status->policy_fetch_name != NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has \"PolicyFetchError\" twice");
        dbus_message_iter_recurse(value, &fields);
        if (!client_reply_take_string(&fields, &name, error) ||
            !client_reply_take_string(&fields, &status->policy_fetch_error, error))
                return false;
        client_reply_take_basic(&fields, &at);
        status->policy_fetch_failed_at = at;
        last = strrchr(name, '.');
        status->policy_fetch_name = strdup(last != NULL ? last + 1 : name);
        return status->policy_fetch_name != NULL || base_error_set_no_memory(error);
}

static bool property_read(const char *name, DBusMessageIter *value, void *context, struct base_error *error)
{
        struct attester_status *status = context;
        struct {
                const char *name;
                char **to;
        } texts[] = {
                { "Version", &status->version },          { "TpmState", &status->tpm_state },
                { "SealState", &status->seal_state },     { "PolicyError", &status->policy_error },
                { "ConfigError", &status->config_error },
        };

        for (size_t i = 0; i < BASE_COUNT(texts); i++) {
                if (strcmp(name, texts[i].name) != 0)
                        continue;
                if (*texts[i].to != NULL)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has \"%s\" twice", name);
                return client_reply_check_type(name, value, "s", error) && client_reply_take_string(value, texts[i].to, error);
        }
        if (strcmp(name, "PolicyVersion") == 0) {
                dbus_uint64_t number = 0;

                if (!client_reply_check_type(name, value, "t", error))
                        return false;
                client_reply_take_basic(value, &number);
                status->policy_version = number;
        }
        if (strcmp(name, "PolicyFetchError") == 0)
                return client_reply_check_type(name, value, "(sst)", error) && fetch_error_read(value, status, error);
        if (strcmp(name, "Issuers") == 0)
                return client_reply_check_type(name, value, "a(ss)", error) && issuers_read(value, status, error);
        return true;
}

bool client_status_message(DBusMessage **ret, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;
        DBusMessageIter iterator;

        if (!client_bus_method(CLIENT_BUS_PROPERTIES, "GetAll", &message, error))
                return false;
        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, CLIENT_BUS_ATTESTER, error))
                return false;
        *ret = BASE_STEAL(message);
        return true;
}

bool client_status_read(DBusMessage *reply, struct attester_status **ret, struct base_error *error)
{
        client_auto_status struct attester_status *status = calloc(1, sizeof(*status));
        DBusMessageIter iterator;

        if (status == NULL)
                return base_error_set_no_memory(error);
        (void) dbus_message_iter_init(reply, &iterator);
        if (!client_reply_visit(&iterator, property_read, status, error))
                return false;
        if (status->version == NULL || status->tpm_state == NULL || status->seal_state == NULL || status->policy_error == NULL ||
            status->config_error == NULL || status->policy_fetch_name == NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "attesterd's answer lacks a property; is it of another version?");
        *ret = BASE_STEAL(status);
        return true;
}

int attester_get_status(struct attester *attester, const struct attester_options *options, struct attester_status **ret,
                        struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;

        if (!client_status_message(&message, &failure) ||
            !client_object_call(attester, &call, message, "a{sv}", &reply, &failure) || !client_status_read(reply, ret, &failure))
                return client_error_export(&failure, error);
        return 0;
}
