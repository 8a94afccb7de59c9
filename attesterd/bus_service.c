/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/bus_service.h"

#include <string.h>

static uint64_t now_ms(const struct attesterd_bus_service *service)
{
        return service->clock->monotonic_ms(service->clock->context);
}

static uint64_t boottime_ms(const struct attesterd_bus_service *service)
{
        return service->clock->boottime_ms(service->clock->context);
}

/* ---- the service ---- */

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

/* ---- a question ---- */

void attesterd_bus_question_clear(struct attesterd_bus_question *question)
{
        base_bus_call_drop(&question->pending);
}

static void settle(struct attesterd_bus_question *question, enum attesterd_bus_answer state)
{
        base_bus_call_drop(&question->pending);
        question->state = state;
        question->asking = question->stale = false;
        question->since_ms = now_ms(question->service);
        question->told_ms = boottime_ms(question->service);
        attesterd_waiters_wake(&question->waiters, NULL);
}

void attesterd_bus_question_answered(struct attesterd_bus_question *question)
{
        settle(question, ATTESTERD_BUS_ANSWER_KNOWN);
}

void attesterd_bus_question_fail(struct attesterd_bus_question *question, const char *reason)
{
        (void) snprintf(question->reason, sizeof(question->reason), "%s", reason);
        settle(question, ATTESTERD_BUS_ANSWER_FAILED);
}

void attesterd_bus_question_forget(struct attesterd_bus_question *question)
{
        settle(question, ATTESTERD_BUS_ANSWER_NONE);
}

/* As attesterd_bus_question_fail(); `format` has a %s for the service's title. */
static void fail_of_service(struct attesterd_bus_question *question, const char *format)
{
        char reason[ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX];

        (void) snprintf(reason, sizeof(reason), format, question->service->title);
        attesterd_bus_question_fail(question, reason);
}

bool attesterd_bus_question_check(struct attesterd_bus_question *question, DBusMessage *reply, const char *signature)
{
        const char *error = dbus_message_get_error_name(reply);

        base_bus_call_drop(&question->pending);
        if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR) {
                if (dbus_message_has_signature(reply, signature))
                        return true;
                fail_of_service(question, "%s answered with something else");
        } else if (strcmp(error, DBUS_ERROR_SERVICE_UNKNOWN) == 0 || strcmp(error, DBUS_ERROR_NAME_HAS_NO_OWNER) == 0) {
                question->service->absent = true;
                fail_of_service(question, "%s is not on the system bus");
        } else if (strcmp(error, DBUS_ERROR_NO_REPLY) == 0 || strcmp(error, DBUS_ERROR_TIMEOUT) == 0) {
                fail_of_service(question, "%s did not answer");
        } else if (strcmp(error, DBUS_ERROR_ACCESS_DENIED) == 0) {
                fail_of_service(question, "the system bus does not let attesterd ask %s");
        } else {
                fail_of_service(question, "%s could not tell");
        }
        return false;
}

/* How long a call may take that is made now; 0: there is no time left. */
static int call_timeout_ms(const struct attesterd_bus_question *question)
{
        uint64_t passed_ms = now_ms(question->service) - question->since_ms;
        uint64_t left_ms = passed_ms < question->wait_max_ms ? question->wait_max_ms - passed_ms : 0;

        return (int) (left_ms < ATTESTERD_BUS_SERVICE_WAIT_MAX_MS ? left_ms : ATTESTERD_BUS_SERVICE_WAIT_MAX_MS);
}

static bool send_call(struct attesterd_bus_question *question, DBusMessage *message, base_bus_reply *callback)
{
        int timeout_ms = call_timeout_ms(question);

        if (timeout_ms == 0)
                return false;
        dbus_message_set_auto_start(message, !question->service->never_start);
        subscribe(question->service);
        return base_bus_call(question->service->bus, message, timeout_ms, callback, question->context, &question->pending, NULL);
}

bool attesterd_bus_question_call(struct attesterd_bus_question *question, const char *path, const char *interface,
                                 const char *member, base_bus_reply *callback, ...)
{
        DBusMessage *message = dbus_message_new_method_call(question->service->name, path, interface, member);
        va_list arguments;
        bool done;
        int first;

        base_bus_call_drop(&question->pending);
        va_start(arguments, callback);
        first = va_arg(arguments, int);
        done = message != NULL && dbus_message_append_args_valist(message, first, arguments) &&
               send_call(question, message, callback);
        va_end(arguments);
        if (message != NULL)
                dbus_message_unref(message);
        if (!done)
                fail_of_service(question, "%s did not answer");
        return done;
}

static bool is_settled(const struct attesterd_bus_question *question)
{
        uint64_t age_ms = now_ms(question->service) - question->since_ms;

        if (question->asking || question->stale)
                return false;
        return (question->state == ATTESTERD_BUS_ANSWER_KNOWN && (question->age_max_ms == 0 || age_ms <= question->age_max_ms)) ||
               (question->state == ATTESTERD_BUS_ANSWER_FAILED && age_ms < ATTESTERD_BUS_SERVICE_RETRY_MS);
}

bool attesterd_bus_question_ready(struct attesterd_bus_question *question, struct attesterd_waiter *waiter)
{
        /* An answer that comes as a signal has no call that would end. */
        if (question->asking && call_timeout_ms(question) == 0)
                fail_of_service(question, "%s did not answer");
        if (is_settled(question))
                return true;
        if (!question->asking && question->service->absent) {
                fail_of_service(question, "%s is not on the system bus");
                return true;
        }
        if (!question->asking) {
                question->asking = true;
                question->since_ms = now_ms(question->service);
                question->ask(question->context);
        }
        if (!question->asking)
                return true;
        if (waiter != NULL)
                attesterd_waiter_add(&question->waiters, waiter);
        return false;
}

const char *attesterd_bus_question_reason(const struct attesterd_bus_question *question)
{
        return question->state == ATTESTERD_BUS_ANSWER_FAILED ? question->reason : "there is no answer yet; try again";
}

struct policy_origin attesterd_bus_question_origin(const struct attesterd_bus_question *question)
{
        return (struct policy_origin){ .provenance = POLICY_PROVENANCE_REPORTED,
                                       .source = question->service->title,
                                       .measured_ms = question->told_ms };
}

/* ---- what answers hold ---- */

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
