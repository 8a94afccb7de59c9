/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/lid.h"

#include "attesterd/bus_service.h"

#include <string.h>

#define NAME    "org.freedesktop.login1"
#define PATH    "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"
#define SOURCE  "logind"

static const char *const rules[] = { NULL };

/* The properties and the facts that they become. */
static const struct {
        const char *property;
        const char *fact;
} known[] = {
        { "LidClosed", "session.lid_closed" },
        { "Docked", "session.docked" },
};

struct attesterd_lid {
        struct attesterd_bus_service service;
        struct attesterd_bus_question question;
        bool told[BASE_COUNT(known)];
        bool values[BASE_COUNT(known)];
};

static void on_properties(void *context, DBusMessage *reply)
{
        struct attesterd_lid *lid = context;
        DBusMessageIter iter, entries, value;
        dbus_bool_t boolean;
        const char *name;

        if (!attesterd_bus_question_check(&lid->question, reply, "a{sv}"))
                return;
        memset(lid->told, 0, sizeof(lid->told));
        (void) dbus_message_iter_init(reply, &iter);
        dbus_message_iter_recurse(&iter, &entries);
        while ((name = attesterd_bus_service_next_entry(&entries, &value)) != NULL)
                for (size_t i = 0; i < BASE_COUNT(known); i++)
                        if (strcmp(name, known[i].property) == 0 && dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_BOOLEAN) {
                                dbus_message_iter_get_basic(&value, &boolean);
                                lid->told[i] = true;
                                lid->values[i] = boolean;
                        }
        attesterd_bus_question_answered(&lid->question);
}

static void ask(void *context)
{
        struct attesterd_lid *lid = context;
        const char *interface = MANAGER;

        (void) attesterd_bus_question_call(&lid->question, PATH, DBUS_INTERFACE_PROPERTIES, "GetAll", on_properties,
                                           DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID);
}

bool attesterd_lid_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_lid **ret, struct base_error *error)
{
        struct attesterd_lid *lid = calloc(1, sizeof(*lid));

        if (lid == NULL)
                return base_error_set_no_memory(error);
        lid->service = (struct attesterd_bus_service){
                .bus = bus, .clock = clock, .name = NAME, .title = SOURCE, .rules = rules
        };
        lid->question = (struct attesterd_bus_question){
                .service = &lid->service,
                .ask = ask,
                .context = lid,
                .age_max_ms = ATTESTERD_LID_AGE_MAX_MS,
                .wait_max_ms = ATTESTERD_BUS_SERVICE_WAIT_MAX_MS,
        };
        *ret = lid;
        return true;
}

void attesterd_lid_free(struct attesterd_lid *lid)
{
        if (lid == NULL)
                return;
        attesterd_bus_question_clear(&lid->question);
        free(lid);
}

bool attesterd_lid_ready(struct attesterd_lid *lid, struct attesterd_waiter *waiter)
{
        return attesterd_bus_question_ready(&lid->question, waiter);
}

bool attesterd_lid_set_facts(const struct attesterd_lid *lid, struct policy_facts *to, struct base_error *error)
{
        const struct policy_origin origin = attesterd_bus_question_origin(&lid->question);
        bool known_now = lid->question.state == ATTESTERD_BUS_ANSWER_KNOWN;
        const char *reason = known_now ? "logind does not say" : attesterd_bus_question_reason(&lid->question);

        for (size_t i = 0; i < BASE_COUNT(known); i++)
                if (known_now && lid->told[i] ? !policy_facts_set_boolean(to, known[i].fact, lid->values[i], origin, error)
                                              : !policy_facts_set_unreadable(to, known[i].fact, reason, origin, error))
                        return false;
        return true;
}

void attesterd_lid_signal(struct attesterd_lid *lid, DBusMessage *signal)
{
        bool started = false;

        if (attesterd_bus_service_owner_changed(&lid->service, signal, &started))
                attesterd_bus_question_forget(&lid->question);
}

void attesterd_lid_down(struct attesterd_lid *lid)
{
        attesterd_bus_service_down(&lid->service);
        attesterd_bus_question_forget(&lid->question);
}
