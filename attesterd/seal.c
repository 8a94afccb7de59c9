/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/seal.h"

#include "base/dbus_text.h"
#include "base/encode.h"

#define HEX_BYTES_MAX (2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1)

/* A call that waits for the TPM. */
struct seal_query {
        struct attesterd_call *call; /* NULL: it was cancelled */
};

static void on_cancel(void *work)
{
        ((struct seal_query *) work)->call = NULL;
}

static bool append_hex(DBusMessageIter *to, struct base_bytes bytes)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(HEX_BYTES_MAX);
        const char *string;

        base_hex_encode(&text, bytes);
        string = base_buffer_c_string(&text);
        return string != NULL && dbus_message_iter_append_basic(to, DBUS_TYPE_STRING, &string);
}

static bool append_pcr(DBusMessageIter *array, const struct tpm_seal_details *details, dbus_uint32_t pcr)
{
        const char *bank = evidence_pcr_bank_name(details->present.algorithm);
        size_t len = evidence_pcr_value_len(details->present.algorithm);
        DBusMessageIter fields;

        return dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &fields) &&
               dbus_message_iter_append_basic(&fields, DBUS_TYPE_STRING, &bank) &&
               dbus_message_iter_append_basic(&fields, DBUS_TYPE_UINT32, &pcr) &&
               append_hex(&fields, BASE_BYTES(details->approved.values[pcr], len)) &&
               append_hex(&fields, BASE_BYTES(details->present.values[pcr], len)) &&
               dbus_message_iter_close_container(array, &fields);
}

static bool append_details(DBusMessage *message, const struct tpm_seal_details *details)
{
        bool is_signed = details->mode == TPM_SEAL_MODE_SIGNED;
        const char *mode = details->mode == 0 ? "" : is_signed ? "signed" : "pcr";
        DBusMessageIter top, array;

        dbus_message_iter_init_append(message, &top);
        if (!dbus_message_iter_append_basic(&top, DBUS_TYPE_STRING, &mode) ||
            !dbus_message_iter_open_container(&top, DBUS_TYPE_ARRAY, "(suss)", &array))
                return false;
        for (dbus_uint32_t pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if ((details->approved.mask >> pcr & 1) != 0 && !append_pcr(&array, details, pcr))
                        return false;
        return dbus_message_iter_close_container(&top, &array) &&
               append_hex(&top, BASE_BYTES(details->authority, is_signed ? sizeof(details->authority) : 0)) &&
               base_dbus_text_append(&top, details->policy_ref);
}

static void answer(struct attesterd_call *call, const struct tpm_status *status)
{
        DBusMessage *message;

        if (status->state != TPM_STATE_READY) {
                attesterd_call_fail(call, &status->reason);
                return;
        }
        if (status->seal == TPM_SEAL_UNKNOWN) {
                attesterd_call_fail(call, &status->seal_reason);
                return;
        }
        message = dbus_message_new_method_return(call->message);
        if (message != NULL && !append_details(message, &status->seal_details)) {
                dbus_message_unref(message);
                message = NULL;
        }
        attesterd_call_reply(call, message);
}

static void on_status(void *context, const struct tpm_status *status, const struct base_error *error)
{
        struct seal_query *query = context;

        if (query->call != NULL) {
                query->call->cancel = NULL;
                if (error != NULL)
                        attesterd_call_fail(query->call, error);
                else
                        answer(query->call, status);
        }
        free(query);
}

void attesterd_seal_get(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct seal_query *query = calloc(1, sizeof(*query));
        struct base_error error = BASE_ERROR_INIT;

        if (query == NULL) {
                attesterd_call_reply(call, NULL);
                return;
        }
        query->call = call;
        if (!tpm_worker_status(daemon->worker, on_status, query, &error)) {
                free(query);
                attesterd_call_fail(call, &error);
                return;
        }
        call->cancel = on_cancel;
        call->work = query;
}
