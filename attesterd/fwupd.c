/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/fwupd.h"

#include "attesterd/bus_service.h"

#include <string.h>

#define NAME      "org.freedesktop.fwupd"
#define PATH      "/"
#define INTERFACE "org.freedesktop.fwupd"
#define PROPERTY  "HostSecurityId"
#define PREFIX    "HSI:"
#define LEVEL_MAX '5'
#define FACT      "firmware.hsi"
#define SOURCE    "fwupd"

static const char *const rules[] = {
        "type='signal',sender='" NAME "',path='" PATH "',interface='" DBUS_INTERFACE_PROPERTIES
        "',member='PropertiesChanged',arg0='" INTERFACE "'",
        NULL,
};

struct attesterd_fwupd {
        struct attesterd_bus_service service;
        struct attesterd_bus_question question;
        int level;
};

bool attesterd_fwupd_level_parse(const char *text, int *ret)
{
        const char *digit = text + strlen(PREFIX);

        /* What may follow is a mark ("!", "+UA!") or the version of the rules. */
        if (strncmp(text, PREFIX, strlen(PREFIX)) != 0 || *digit < '0' || *digit > LEVEL_MAX ||
            (digit[1] != '\0' && strchr("!+ ", digit[1]) == NULL))
                return false;
        *ret = *digit - '0';
        return true;
}

/* `value` stands within a variant. */
static void take_value(struct attesterd_fwupd *fwupd, DBusMessageIter *value)
{
        const char *text = "";

        if (dbus_message_iter_get_arg_type(value) == DBUS_TYPE_STRING)
                dbus_message_iter_get_basic(value, &text);
        if (attesterd_fwupd_level_parse(text, &fwupd->level))
                attesterd_bus_question_answered(&fwupd->question);
        else
                attesterd_bus_question_fail(&fwupd->question, "fwupd has no security level for this machine");
}

static void on_reply(void *context, DBusMessage *reply)
{
        struct attesterd_fwupd *fwupd = context;
        DBusMessageIter iter, value;

        if (!attesterd_bus_question_check(&fwupd->question, reply, "v"))
                return;
        (void) dbus_message_iter_init(reply, &iter);
        dbus_message_iter_recurse(&iter, &value);
        take_value(fwupd, &value);
}

static void ask(void *context)
{
        struct attesterd_fwupd *fwupd = context;
        const char *interface = INTERFACE, *property = PROPERTY;

        (void) attesterd_bus_question_call(&fwupd->question, PATH, DBUS_INTERFACE_PROPERTIES, "Get", on_reply, DBUS_TYPE_STRING,
                                           &interface, DBUS_TYPE_STRING, &property, DBUS_TYPE_INVALID);
}

bool attesterd_fwupd_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_fwupd **ret,
                         struct base_error *error)
{
        struct attesterd_fwupd *fwupd = calloc(1, sizeof(*fwupd));

        if (fwupd == NULL)
                return base_error_set_no_memory(error);
        fwupd->service = (struct attesterd_bus_service){
                .bus = bus, .clock = clock, .name = NAME, .title = SOURCE, .rules = rules
        };
        fwupd->question = (struct attesterd_bus_question){
                .service = &fwupd->service,
                .ask = ask,
                .context = fwupd,
                .wait_max_ms = ATTESTERD_BUS_SERVICE_WAIT_MAX_MS,
        };
        *ret = fwupd;
        return true;
}

void attesterd_fwupd_free(struct attesterd_fwupd *fwupd)
{
        if (fwupd == NULL)
                return;
        attesterd_bus_question_clear(&fwupd->question);
        free(fwupd);
}

bool attesterd_fwupd_ready(struct attesterd_fwupd *fwupd, struct attesterd_waiter *waiter)
{
        return attesterd_bus_question_ready(&fwupd->question, waiter);
}

bool attesterd_fwupd_set_facts(const struct attesterd_fwupd *fwupd, struct policy_facts *to, struct base_error *error)
{
        const struct policy_origin origin = attesterd_bus_question_origin(&fwupd->question);

        if (fwupd->question.state == ATTESTERD_BUS_ANSWER_KNOWN)
                return policy_facts_set_integer(to, FACT, fwupd->level, origin, error);
        return policy_facts_set_unreadable(to, FACT, attesterd_bus_question_reason(&fwupd->question), origin, error);
}

static void on_changed(struct attesterd_fwupd *fwupd, DBusMessage *signal)
{
        DBusMessageIter iter, entries, value;
        const char *name;

        if (!dbus_message_has_signature(signal, "sa{sv}as"))
                return;
        (void) dbus_message_iter_init(signal, &iter);
        dbus_message_iter_get_basic(&iter, &name);
        if (strcmp(name, INTERFACE) != 0)
                return;
        (void) dbus_message_iter_next(&iter);
        dbus_message_iter_recurse(&iter, &entries);
        while ((name = attesterd_bus_service_next_entry(&entries, &value)) != NULL)
                if (strcmp(name, PROPERTY) == 0)
                        take_value(fwupd, &value);
}

void attesterd_fwupd_signal(struct attesterd_fwupd *fwupd, DBusMessage *signal)
{
        bool started = false;

        if (dbus_message_is_signal(signal, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged") && dbus_message_has_path(signal, PATH))
                on_changed(fwupd, signal);
        else if (attesterd_bus_service_owner_changed(&fwupd->service, signal, &started) && started && !fwupd->question.asking)
                /* It ends itself when it is idle, and what it said holds; one that starts may be newer and know better. */
                attesterd_bus_question_forget(&fwupd->question);
}

void attesterd_fwupd_down(struct attesterd_fwupd *fwupd)
{
        attesterd_bus_service_down(&fwupd->service);
        attesterd_bus_question_forget(&fwupd->question);
}
