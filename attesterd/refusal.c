/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/refusal.h"

#include "attesterd/fair.h"

struct refusal {
        struct attesterd_fair_item queued;
        DBusMessage *reply;
};

struct attesterd_refusals {
        struct base_bus *bus;
        sd_event_source *period;
        struct attesterd_fair_queue held;
};

/* Ends the next `count`, or as many as there are. */
static void end(struct attesterd_refusals *refusals, size_t count, bool send)
{
        struct refusal *refusal;

        while (count-- > 0 && (refusal = attesterd_fair_pop(&refusals->held)) != NULL) {
                if (send)
                        base_bus_send(refusals->bus, refusal->reply);
                dbus_message_unref(refusal->reply);
                free(refusal);
        }
}

static void start_period(struct attesterd_refusals *refusals)
{
        (void) sd_event_source_set_time_relative(refusals->period, ATTESTERD_REFUSAL_PERIOD_MS * 1000);
        (void) sd_event_source_set_enabled(refusals->period, SD_EVENT_ONESHOT);
}

static int on_period(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct attesterd_refusals *refusals = userdata;

        (void) source;
        (void) usec;
        end(refusals, ATTESTERD_REFUSALS_PER_PERIOD, true);
        if (refusals->held.count > 0)
                start_period(refusals);
        return 0;
}

bool attesterd_refusals_new(sd_event *event, struct base_bus *bus, struct attesterd_refusals **ret, struct base_error *error)
{
        struct attesterd_refusals *refusals = calloc(1, sizeof(*refusals));

        if (refusals == NULL)
                return base_error_set_no_memory(error);
        refusals->bus = bus;
        attesterd_fair_init(&refusals->held);
        if (sd_event_add_time_relative(event, &refusals->period, CLOCK_MONOTONIC, 0, 1000, on_period, refusals) < 0 ||
            sd_event_source_set_enabled(refusals->period, SD_EVENT_OFF) < 0) {
                attesterd_refusals_free(refusals);
                return base_error_set_no_memory(error);
        }
        *ret = refusals;
        return true;
}

void attesterd_refusals_free(struct attesterd_refusals *refusals)
{
        if (refusals == NULL)
                return;
        end(refusals, SIZE_MAX, true);
        (void) sd_event_source_disable_unref(refusals->period);
        free(refusals);
}

void attesterd_refusals_send(struct attesterd_refusals *refusals, uid_t uid, DBusMessage *reply)
{
        struct refusal *refusal = refusals->held.count < ATTESTERD_REFUSALS_HELD_MAX ? calloc(1, sizeof(*refusal)) : NULL;

        if (refusal == NULL || !attesterd_fair_push(&refusals->held, &refusal->queued, uid, refusal, NULL)) {
                free(refusal);
                base_bus_send(refusals->bus, reply);
                return;
        }
        refusal->reply = dbus_message_ref(reply);
        if (refusals->held.count == 1)
                start_period(refusals);
}

void attesterd_refusals_forget(struct attesterd_refusals *refusals)
{
        end(refusals, SIZE_MAX, false);
}
