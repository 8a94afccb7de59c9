/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/notice.h"

#include "base/dbus_text.h"
#include "base/log.h"

#include <string.h>

#define NAME      "org.freedesktop.Notifications"
#define PATH      "/org/freedesktop/Notifications"
#define INTERFACE "org.freedesktop.Notifications"
#define DENIED    "org.attesterd.Error.PolicyDenied"

/* The words that are not the policy's. By language, as a locale begins; the first is the default. */
struct words {
        const char *language;
        const char *summary;
        const char *more;
};

static const struct words words[] = {
        { "en", "This device does not meet the requirements", "“attestctl policy explain” says more." },
        { "de", "Dieses Gerät erfüllt die Anforderungen nicht", "„attestctl policy explain“ sagt mehr." },
};

static const struct words *words_of(const char *locale)
{
        for (size_t i = 0; locale != NULL && i < BASE_COUNT(words); i++) {
                size_t len = strlen(words[i].language);

                if (strncmp(locale, words[i].language, len) == 0 && strchr("_.@-", locale[len]) != NULL)
                        return &words[i];
        }
        return &words[0];
}

void agent_notice_append_text(struct base_buffer *to, const char *text)
{
        for (; *text != '\0'; text++) {
                switch (*text) {
                case '&':
                        base_buffer_put_string(to, "&amp;");
                        break;
                case '<':
                        base_buffer_put_string(to, "&lt;");
                        break;
                case '>':
                        base_buffer_put_string(to, "&gt;");
                        break;
                case '"':
                        base_buffer_put_string(to, "&quot;");
                        break;
                default:
                        base_buffer_put(to, (unsigned char) *text < 0x20 || *text == 0x7f ? " " : text, 1);
                }
        }
}

/* One failed rule of the refusal. */
struct failure {
        const char *rule;
        const char *reason;
        const char *remedy;
};

static bool next_failure(DBusMessageIter *array, struct failure *ret)
{
        const char *texts[4]; /* rule, outcome, reason, remedy */
        DBusMessageIter fields;

        if (dbus_message_iter_get_arg_type(array) != DBUS_TYPE_STRUCT)
                return false;
        dbus_message_iter_recurse(array, &fields);
        for (size_t i = 0; i < BASE_COUNT(texts); i++, (void) dbus_message_iter_next(&fields))
                dbus_message_iter_get_basic(&fields, &texts[i]);
        (void) dbus_message_iter_next(array);
        *ret = (struct failure){ .rule = texts[0], .reason = texts[2], .remedy = texts[3] };
        return true;
}

static void add_line(const struct failure *failure, struct base_buffer *body)
{
        if (body->len > 0)
                base_buffer_put_string(body, "\n");
        if (failure->remedy[0] != '\0') {
                agent_notice_append_text(body, failure->remedy);
        } else {
                agent_notice_append_text(body, failure->rule);
                base_buffer_put_string(body, ": ");
                agent_notice_append_text(body, failure->reason);
        }
}

/* Writes what the person was not told of today to `body`, and notes it as told. */
static void take_failures(struct agent_notices *notices, DBusMessage *reply, struct base_buffer *body)
{
        uint64_t now_s = notices->clock->wall_seconds(notices->clock->context);
        DBusMessageIter iterator, array;
        struct failure failure;

        (void) dbus_message_iter_init(reply, &iterator);
        (void) dbus_message_iter_next(&iterator);
        dbus_message_iter_recurse(&iterator, &array);
        notices->told_count = 0;
        while (notices->told_count < AGENT_NOTICE_RULES_MAX && next_failure(&array, &failure)) {
                if (strlen(failure.rule) >= sizeof(notices->told[0]) ||
                    agent_notice_memory_has(&notices->memory, failure.rule, now_s) ||
                    !agent_notice_memory_add(&notices->memory, failure.rule, now_s))
                        continue;
                (void) snprintf(notices->told[notices->told_count], sizeof(notices->told[0]), "%s", failure.rule);
                if (notices->told_count++ < AGENT_NOTICE_REMEDIES_MAX)
                        add_line(&failure, body);
        }
        if (notices->told_count > AGENT_NOTICE_REMEDIES_MAX)
                base_buffer_printf(body, "\n%s", words_of(notices->locale)->more);
}

static void save(const struct agent_notices *notices)
{
        struct base_error error = BASE_ERROR_INIT;

        if (!agent_notice_memory_save(&notices->memory, &error))
                base_log_error(BASE_LOG_INFO, &error, "which notices were shown is forgotten when this program ends");
}

/* Nobody has seen it: it may be said again, when there may be a service. */
static void take_back(struct agent_notices *notices)
{
        for (size_t i = 0; i < notices->told_count; i++)
                agent_notice_memory_remove(&notices->memory, notices->told[i]);
        notices->retry_ms = notices->clock->monotonic_ms(notices->clock->context) + AGENT_NOTICE_RETRY_MS;
        save(notices);
}

static void on_notified(void *context, DBusMessage *reply)
{
        struct agent_notices *notices = context;

        base_bus_call_drop(&notices->pending);
        /* One that is slow may still show it; any other error means that it was not. */
        if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR && !dbus_message_is_error(reply, DBUS_ERROR_NO_REPLY) &&
            !dbus_message_is_error(reply, DBUS_ERROR_TIMEOUT)) {
                base_log(BASE_LOG_INFO, "the notification service: %s", dbus_message_get_error_name(reply));
                take_back(notices);
        }
}

static bool append_hints(DBusMessageIter *to)
{
        const char *urgency = "urgency";
        const unsigned char normal = 1;
        DBusMessageIter array, entry, value;

        return dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sv}", &array) &&
               dbus_message_iter_open_container(&array, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &urgency) &&
               dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "y", &value) &&
               dbus_message_iter_append_basic(&value, DBUS_TYPE_BYTE, &normal) &&
               dbus_message_iter_close_container(&entry, &value) && dbus_message_iter_close_container(&array, &entry) &&
               dbus_message_iter_close_container(to, &array);
}

/* Notify(s app_name, u replaces_id, s app_icon, s summary, s body, as actions, a{sv} hints, i expire_timeout). */
static DBusMessage *notify_message(const char *summary, const char *body)
{
        DBusMessage *message = dbus_message_new_method_call(NAME, PATH, INTERFACE, "Notify");
        const char *application = "attester-agent", *icon = "dialog-warning";
        const dbus_uint32_t replaces = 0;
        const dbus_int32_t expires = -1; /* as the service likes */
        DBusMessageIter iterator, actions;

        if (message == NULL)
                return NULL;
        dbus_message_iter_init_append(message, &iterator);
        if (dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &application) &&
            dbus_message_iter_append_basic(&iterator, DBUS_TYPE_UINT32, &replaces) &&
            dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &icon) && base_dbus_text_append(&iterator, summary) &&
            base_dbus_text_append(&iterator, body) &&
            dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "s", &actions) &&
            dbus_message_iter_close_container(&iterator, &actions) && append_hints(&iterator) &&
            dbus_message_iter_append_basic(&iterator, DBUS_TYPE_INT32, &expires))
                return message;
        dbus_message_unref(message);
        return NULL;
}

static bool send(struct agent_notices *notices, struct base_bus *session, struct base_buffer *body)
{
        const char *text = base_buffer_c_string(body);
        DBusMessage *message = text == NULL ? NULL : notify_message(words_of(notices->locale)->summary, text);
        bool sent;

        if (message == NULL)
                return false;
        sent = base_bus_call(session, message, AGENT_NOTICE_TIMEOUT_MS, on_notified, notices, &notices->pending, NULL);
        dbus_message_unref(message);
        return sent;
}

void agent_notices_refused(struct agent_notices *notices, struct base_bus *session, DBusMessage *reply)
{
        base_auto_buffer struct base_buffer body = BASE_BUFFER_INIT(AGENT_NOTICE_BODY_MAX);

        if (!notices->on || session == NULL || notices->pending != NULL || !dbus_message_is_error(reply, DENIED) ||
            !dbus_message_has_signature(reply, "sa(ssss)") ||
            notices->clock->monotonic_ms(notices->clock->context) < notices->retry_ms)
                return;
        take_failures(notices, reply, &body);
        if (notices->told_count == 0)
                return;
        /* Before it is shown: a program that ends in between does not say it twice. */
        save(notices);
        if (!send(notices, session, &body))
                take_back(notices);
}

void agent_notices_clear(struct agent_notices *notices)
{
        base_bus_call_drop(&notices->pending);
}
