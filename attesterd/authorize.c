/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/authorize.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define FLAG_ALLOW_INTERACTION 1u

struct question {
        struct attesterd_daemon *daemon;
        struct attesterd_call *call;
        attesterd_authorized *then;
        DBusPendingCall *pending;
};

static void question_free(struct question *question)
{
        base_bus_call_drop(&question->pending);
        free(question);
}

static void on_cancel(void *work)
{
        question_free(work);
}

static void deny(struct attesterd_call *call, const char *detail)
{
        struct base_error error = BASE_ERROR_INIT;

        (void) base_error_set(&error, BASE_ERROR_NOT_AUTHORIZED, "you are not authorised to do this; ask an administrator%s",
                              detail);
        attesterd_call_fail(call, &error);
}

/* (bba{ss}): is authorised, is a challenge, details. */
static bool parse_answer(DBusMessage *reply)
{
        DBusMessageIter top, structure;
        dbus_bool_t authorized = FALSE;

        if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR || !dbus_message_has_signature(reply, "(bba{ss})"))
                return false;
        (void) dbus_message_iter_init(reply, &top);
        dbus_message_iter_recurse(&top, &structure);
        dbus_message_iter_get_basic(&structure, &authorized);
        return authorized;
}

static void on_answer(void *context, DBusMessage *reply)
{
        struct question *question = context;
        struct attesterd_daemon *daemon = question->daemon;
        struct attesterd_call *call = question->call;
        attesterd_authorized *then = question->then;

        call->cancel = NULL;
        question_free(question);
        if (parse_answer(reply))
                then(daemon, call);
        else
                deny(call, dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR ? " (polkit does not answer)" : "");
}

/* The subject: (sa{sv}) = ("system-bus-name", {"name": unique name}). */
static bool append_subject(DBusMessageIter *top, const char *unique_name)
{
        const char *kind = "system-bus-name", *key = "name";
        DBusMessageIter subject, details, entry, value;

        return dbus_message_iter_open_container(top, DBUS_TYPE_STRUCT, NULL, &subject) &&
               dbus_message_iter_append_basic(&subject, DBUS_TYPE_STRING, &kind) &&
               dbus_message_iter_open_container(&subject, DBUS_TYPE_ARRAY, "{sv}", &details) &&
               dbus_message_iter_open_container(&details, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
               dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &value) &&
               dbus_message_iter_append_basic(&value, DBUS_TYPE_STRING, &unique_name) &&
               dbus_message_iter_close_container(&entry, &value) && dbus_message_iter_close_container(&details, &entry) &&
               dbus_message_iter_close_container(&subject, &details) && dbus_message_iter_close_container(top, &subject);
}

static bool append_question(DBusMessage *message, const char *unique_name, const char *action, dbus_uint32_t flags)
{
        const char *cancellation_id = "";
        DBusMessageIter top, details;

        dbus_message_iter_init_append(message, &top);
        return append_subject(&top, unique_name) && dbus_message_iter_append_basic(&top, DBUS_TYPE_STRING, &action) &&
               dbus_message_iter_open_container(&top, DBUS_TYPE_ARRAY, "{ss}", &details) &&
               dbus_message_iter_close_container(&top, &details) &&
               dbus_message_iter_append_basic(&top, DBUS_TYPE_UINT32, &flags) &&
               dbus_message_iter_append_basic(&top, DBUS_TYPE_STRING, &cancellation_id);
}

static bool ask(struct question *question, const char *action)
{
        DBusMessage *message = dbus_message_new_method_call(POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        bool interactive = dbus_message_get_allow_interactive_authorization(question->call->message);
        bool asked = message != NULL &&
                     append_question(message, dbus_message_get_sender(question->call->message), action,
                                     interactive ? FLAG_ALLOW_INTERACTION : 0) &&
                     base_bus_call(question->daemon->bus, message,
                                   interactive ? ATTESTERD_POLKIT_INTERACTIVE_TIMEOUT_MS : ATTESTERD_POLKIT_TIMEOUT_MS, on_answer,
                                   question, &question->pending, NULL);

        if (message != NULL)
                dbus_message_unref(message);
        return asked;
}

void attesterd_authorize(struct attesterd_daemon *daemon, struct attesterd_call *call, const char *action,
                         attesterd_authorized *then)
{
        struct question *question;

        if (call->uid == 0) {
                then(daemon, call);
                return;
        }
        question = calloc(1, sizeof(*question));
        if (question == NULL) {
                attesterd_call_reply(call, NULL);
                return;
        }
        *question = (struct question){ .daemon = daemon, .call = call, .then = then };
        if (!ask(question, action)) {
                question_free(question);
                deny(call, " (polkit cannot be asked)");
                return;
        }
        call->cancel = on_cancel;
        call->work = question;
}
