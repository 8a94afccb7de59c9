/* SPDX-License-Identifier: BSD-2-Clause */
/* What the attestation key is sealed to. */
#include "client/library/object.h"
#include "client/library/reply.h"

void attester_seal_free(struct attester_seal *seal)
{
        if (seal == NULL)
                return;
        for (size_t i = 0; i < seal->pcr_count; i++) {
                free(seal->pcrs[i].bank);
                free(seal->pcrs[i].approved);
                free(seal->pcrs[i].present);
        }
        free(seal->pcrs);
        free(seal->mode);
        free(seal->authority);
        free(seal->policy_ref);
        free(seal);
}

static void seal_free_p(struct attester_seal **seal)
{
        attester_seal_free(*seal);
}

static bool pcrs_read(DBusMessageIter *array, struct attester_seal *seal, struct base_error *error)
{
        DBusMessageIter elements;

        if (!client_reply_enter_array(array, sizeof(*seal->pcrs), &elements, &seal->pcrs, &seal->pcr_count, error))
                return false;
        for (size_t i = 0; i < seal->pcr_count; i++, (void) dbus_message_iter_next(&elements)) {
                struct attester_pcr *pcr = &seal->pcrs[i];
                dbus_uint32_t number = 0;
                DBusMessageIter fields;

                dbus_message_iter_recurse(&elements, &fields);
                if (!client_reply_take_string(&fields, &pcr->bank, error))
                        return false;
                client_reply_take_basic(&fields, &number);
                pcr->number = number;
                if (!client_reply_take_string(&fields, &pcr->approved, error) ||
                    !client_reply_take_string(&fields, &pcr->present, error))
                        return false;
        }
        return true;
}

static bool seal_get(struct attester *attester, const struct client_call *call, struct attester_seal **ret,
                     struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        BASE_CLEANUP(seal_free_p) struct attester_seal *seal = calloc(1, sizeof(*seal));
        DBusMessageIter iterator;

        if (seal == NULL)
                return base_error_set_no_memory(error);
        if (!client_bus_method(CLIENT_BUS_ATTESTER, "GetSeal", &message, error) ||
            !client_object_call(attester, call, message, "sa(suss)ss", &reply, error))
                return false;
        (void) dbus_message_iter_init(reply, &iterator);
        if (!client_reply_take_string(&iterator, &seal->mode, error) || !pcrs_read(&iterator, seal, error))
                return false;
        (void) dbus_message_iter_next(&iterator);
        if (!client_reply_take_string(&iterator, &seal->authority, error) ||
            !client_reply_take_string(&iterator, &seal->policy_ref, error))
                return false;
        *ret = BASE_STEAL(seal);
        return true;
}

int attester_get_seal(struct attester *attester, const struct attester_options *options, struct attester_seal **ret,
                      struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;

        return seal_get(attester, &call, ret, &failure) ? 0 : client_error_export(&failure, error);
}
