/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another service of the system bus that the daemon asks for facts: logind, fwupd, PackageKit. Asked when a fact is first needed,
 * and listened to from then on; never waited for longer than ATTESTERD_BUS_SERVICE_WAIT_MAX_MS. Used by attesterd; may be
 * included by attesterd/.
 */
#pragma once

#include "base/bus.h"
#include "base/system.h"

#define ATTESTERD_BUS_SERVICE_WAIT_MAX_MS      1000  /* of all the calls that one fact needs together */
#define ATTESTERD_BUS_SERVICE_RETRY_MS         10000 /* a service that failed is not asked again so soon, unless it starts anew */
#define ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX 128   /* with the NUL */

/* Embedded in who asks; the first six are set by it. */
struct attesterd_bus_service {
        struct base_bus *bus;
        const struct base_clock *clock;
        const char *name;         /* on the bus */
        const char *title;        /* for people */
        const char *const *rules; /* of its signals, each with its name as sender; ends with NULL */
        bool never_start;         /* it is asked only while it runs */
        bool subscribed;
        bool absent; /* nobody has the name, and nobody can, or is to, be started for it */
};

uint64_t attesterd_bus_service_now_ms(const struct attesterd_bus_service *service);
/* CLOCK_BOOTTIME: when facts were told. */
uint64_t attesterd_bus_service_boottime_ms(const struct attesterd_bus_service *service);

/*
 * Calls a method with basic arguments as dbus_message_append_args() takes them, ended by DBUS_TYPE_INVALID; the first call
 * subscribes to the signals before. `since_ms` is when the first call for the same fact was made. `callback` and `ret` are
 * as for base_bus_call(). False: no memory, no connection, or no time left.
 */
bool attesterd_bus_service_call(struct attesterd_bus_service *service, uint64_t since_ms, const char *path, const char *interface,
                                const char *member, base_bus_reply *callback, void *context, DBusPendingCall **ret,
                                ...) BASE_MUST_CHECK;

/*
 * False if `reply` has this signature. Else why it is of no use, as a reason of an unreadable fact; NULL for `reply` stands for
 * a call that could not be made. Notices that the service is absent.
 */
bool attesterd_bus_service_failed(struct attesterd_bus_service *service, DBusMessage *reply, const char *signature,
                                  char ret_reason[ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX]);

/* True if `signal` says that the service started or ended; it is not absent any more when it started. */
bool attesterd_bus_service_owner_changed(struct attesterd_bus_service *service, DBusMessage *signal,
                                         bool *ret_started) BASE_MUST_CHECK;

/* The connection to the bus is gone, and what was subscribed to with it. */
void attesterd_bus_service_down(struct attesterd_bus_service *service);

/* Moves `entries`, within an a{sv}, to the value of the next entry whose name it gives; NULL at the end. */
const char *attesterd_bus_service_next_entry(DBusMessageIter *entries, DBusMessageIter *ret_value);
