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

enum state {
        UNKNOWN,
        ASKING,
        KNOWN,
        FAILED,
};

struct attesterd_lid {
        struct attesterd_bus_service service;
        enum state state;
        bool told[BASE_COUNT(known)];
        bool values[BASE_COUNT(known)];
        char reason[ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX];
        uint64_t since_ms; /* since when the state holds */
        uint64_t told_ms;
        DBusPendingCall *pending;
        struct attesterd_waiters waiters;
};

bool attesterd_lid_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_lid **ret, struct base_error *error)
{
        struct attesterd_lid *lid = calloc(1, sizeof(*lid));

        if (lid == NULL)
                return base_error_set_no_memory(error);
        lid->service = (struct attesterd_bus_service){
                .bus = bus, .clock = clock, .name = NAME, .title = SOURCE, .rules = rules
        };
        LIST_INIT(&lid->waiters);
        *ret = lid;
        return true;
}

void attesterd_lid_free(struct attesterd_lid *lid)
{
        if (lid == NULL)
                return;
        base_bus_call_drop(&lid->pending);
        free(lid);
}

static void settle(struct attesterd_lid *lid, enum state state)
{
        base_bus_call_drop(&lid->pending);
        lid->state = state;
        lid->since_ms = attesterd_bus_service_now_ms(&lid->service);
        lid->told_ms = attesterd_bus_service_boottime_ms(&lid->service);
        attesterd_waiters_wake(&lid->waiters, NULL);
}

static void on_properties(void *context, DBusMessage *reply)
{
        struct attesterd_lid *lid = context;
        DBusMessageIter iter, entries, value;
        dbus_bool_t boolean;
        const char *name;

        if (attesterd_bus_service_failed(&lid->service, reply, "a{sv}", lid->reason)) {
                settle(lid, FAILED);
                return;
        }
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
        settle(lid, KNOWN);
}

static bool is_settled(const struct attesterd_lid *lid)
{
        uint64_t age_ms = attesterd_bus_service_now_ms(&lid->service) - lid->since_ms;

        return (lid->state == KNOWN && age_ms <= ATTESTERD_LID_AGE_MAX_MS) ||
               (lid->state == FAILED && (lid->service.absent || age_ms < ATTESTERD_BUS_SERVICE_RETRY_MS));
}

bool attesterd_lid_ready(struct attesterd_lid *lid, struct attesterd_waiter *waiter)
{
        const char *interface = MANAGER;

        if (is_settled(lid))
                return true;
        if (lid->state != ASKING) {
                if (!attesterd_bus_service_call(&lid->service, attesterd_bus_service_now_ms(&lid->service), PATH,
                                                DBUS_INTERFACE_PROPERTIES, "GetAll", on_properties, lid, &lid->pending,
                                                DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID)) {
                        (void) attesterd_bus_service_failed(&lid->service, NULL, "a{sv}", lid->reason);
                        settle(lid, FAILED);
                        return true;
                }
                lid->state = ASKING;
        }
        if (waiter != NULL)
                attesterd_waiter_add(&lid->waiters, waiter);
        return false;
}

bool attesterd_lid_set_facts(const struct attesterd_lid *lid, struct policy_facts *to, struct base_error *error)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED,
                                              .source = SOURCE,
                                              .measured_ms = lid->told_ms };
        const char *reason = lid->state == KNOWN    ? "logind does not say"
                             : lid->state == FAILED ? lid->reason
                                                    : "logind is being asked; try again";

        for (size_t i = 0; i < BASE_COUNT(known); i++)
                if (lid->state == KNOWN && lid->told[i]
                            ? !policy_facts_set_boolean(to, known[i].fact, lid->values[i], origin, error)
                            : !policy_facts_set_unreadable(to, known[i].fact, reason, origin, error))
                        return false;
        return true;
}

void attesterd_lid_signal(struct attesterd_lid *lid, DBusMessage *signal)
{
        bool started = false;

        if (attesterd_bus_service_owner_changed(&lid->service, signal, &started) && lid->state != ASKING)
                lid->state = UNKNOWN;
}

void attesterd_lid_down(struct attesterd_lid *lid)
{
        attesterd_bus_service_down(&lid->service);
        settle(lid, UNKNOWN);
}
