/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/packagekit.h"

#include "attesterd/bus_service.h"

#include <string.h>

#define NAME           "org.freedesktop.PackageKit"
#define PATH           "/org/freedesktop/PackageKit"
#define INTERFACE      "org.freedesktop.PackageKit"
#define TRANSACTION    "org.freedesktop.PackageKit.Transaction"
#define SOURCE         "PackageKit"
#define SECURITY       "os.updates.security"
#define AGE            "os.updates.age"
#define PATH_BYTES_MAX 128

/* pk-enum.h of PackageKit: the numbers are its interface's. */
#define FILTER_NONE        (1ULL << 1)
#define ROLE_REFRESH_CACHE 13
#define INFO_MASK          0xffffU /* above it an update's severity */
#define INFO_SECURITY      8
#define OUTCOME_SUCCESS    1
#define NEVER              UINT32_MAX

static const char *const rules[] = {
        "type='signal',sender='" NAME "',path='" PATH "',interface='" INTERFACE "',member='UpdatesChanged'",
        "type='signal',sender='" NAME "',interface='" TRANSACTION "',member='Package'",
        "type='signal',sender='" NAME "',interface='" TRANSACTION "',member='Finished'",
        NULL,
};

struct attesterd_packagekit {
        struct attesterd_bus_service service;
        struct attesterd_bus_question question;
        bool changed; /* something did while it was asked */
        char transaction[PATH_BYTES_MAX];
        int64_t counted; /* of the transaction, so far */
        int64_t security;
        bool refreshed; /* through PackageKit, `refreshed_s` seconds before the answer */
        uint32_t refreshed_s;
};

/* ---- the calls, one after another ---- */

static void on_time(void *context, DBusMessage *reply)
{
        struct attesterd_packagekit *packagekit = context;
        dbus_uint32_t seconds = NEVER;

        if (!attesterd_bus_question_check(&packagekit->question, reply, "u"))
                return;
        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &seconds, DBUS_TYPE_INVALID);
        packagekit->security = packagekit->counted;
        packagekit->refreshed = seconds != NEVER;
        packagekit->refreshed_s = seconds;
        if (packagekit->changed)
                attesterd_bus_question_forget(&packagekit->question);
        else
                attesterd_bus_question_answered(&packagekit->question);
}

static void on_finished(struct attesterd_packagekit *packagekit, DBusMessage *signal)
{
        dbus_uint32_t outcome = 0, runtime_ms = 0, role = ROLE_REFRESH_CACHE;

        packagekit->transaction[0] = '\0';
        if (!dbus_message_get_args(signal, NULL, DBUS_TYPE_UINT32, &outcome, DBUS_TYPE_UINT32, &runtime_ms, DBUS_TYPE_INVALID) ||
            outcome != OUTCOME_SUCCESS)
                attesterd_bus_question_fail(&packagekit->question, "PackageKit could not look for updates");
        else
                (void) attesterd_bus_question_call(&packagekit->question, PATH, INTERFACE, "GetTimeSinceAction", on_time,
                                                   DBUS_TYPE_UINT32, &role, DBUS_TYPE_INVALID);
}

/* The updates come as signals. */
static void on_started(void *context, DBusMessage *reply)
{
        struct attesterd_packagekit *packagekit = context;

        (void) attesterd_bus_question_check(&packagekit->question, reply, "");
}

static void on_transaction(void *context, DBusMessage *reply)
{
        struct attesterd_packagekit *packagekit = context;
        dbus_uint64_t filter = FILTER_NONE;
        const char *path = "";

        if (!attesterd_bus_question_check(&packagekit->question, reply, "o"))
                return;
        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
        if (strlen(path) >= sizeof(packagekit->transaction)) {
                attesterd_bus_question_fail(&packagekit->question, "PackageKit answered with something else");
                return;
        }
        (void) snprintf(packagekit->transaction, sizeof(packagekit->transaction), "%s", path);
        packagekit->counted = 0;
        (void) attesterd_bus_question_call(&packagekit->question, path, TRANSACTION, "GetUpdates", on_started, DBUS_TYPE_UINT64,
                                           &filter, DBUS_TYPE_INVALID);
}

static void ask(void *context)
{
        struct attesterd_packagekit *packagekit = context;

        packagekit->changed = false;
        packagekit->transaction[0] = '\0';
        (void) attesterd_bus_question_call(&packagekit->question, PATH, INTERFACE, "CreateTransaction", on_transaction,
                                           DBUS_TYPE_INVALID);
}

bool attesterd_packagekit_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_packagekit **ret,
                              struct base_error *error)
{
        struct attesterd_packagekit *packagekit = calloc(1, sizeof(*packagekit));

        if (packagekit == NULL)
                return base_error_set_no_memory(error);
        packagekit->service = (struct attesterd_bus_service){
                .bus = bus, .clock = clock, .name = NAME, .title = SOURCE, .rules = rules, .never_start = true
        };
        packagekit->question = (struct attesterd_bus_question){
                .service = &packagekit->service,
                .ask = ask,
                .context = packagekit,
                .wait_max_ms = ATTESTERD_PACKAGEKIT_WAIT_MAX_MS,
        };
        *ret = packagekit;
        return true;
}

void attesterd_packagekit_free(struct attesterd_packagekit *packagekit)
{
        if (packagekit == NULL)
                return;
        attesterd_bus_question_clear(&packagekit->question);
        free(packagekit);
}

void attesterd_packagekit_ask(struct attesterd_packagekit *packagekit)
{
        (void) attesterd_bus_question_ready(&packagekit->question, NULL);
}

/* ---- what is known ---- */

static bool set_age(const struct attesterd_packagekit *packagekit, struct policy_facts *to, struct policy_origin origin,
                    struct base_error *error)
{
        uint64_t passed_ms = packagekit->service.clock->boottime_ms(packagekit->service.clock->context) -
                             packagekit->question.told_ms;
        int64_t age = (int64_t) packagekit->refreshed_s + (int64_t) (passed_ms / 1000);
        const struct policy_fact *other = policy_facts_find(to, AGE);

        /* The package manager may have been called without PackageKit. */
        if (other != NULL && other->type == POLICY_FACT_INTEGER && other->integer <= age)
                return true;
        return policy_facts_set_integer(to, AGE, age, origin, error);
}

bool attesterd_packagekit_set_facts(const struct attesterd_packagekit *packagekit, struct policy_facts *to,
                                    struct base_error *error)
{
        const struct attesterd_bus_question *question = &packagekit->question;
        const struct policy_origin origin = attesterd_bus_question_origin(question);
        const struct policy_fact *other = policy_facts_find(to, SECURITY);

        if (question->state == ATTESTERD_BUS_ANSWER_KNOWN)
                return policy_facts_set_integer(to, SECURITY, packagekit->security, origin, error) &&
                       (!packagekit->refreshed || set_age(packagekit, to, origin, error));
        if (packagekit->service.absent || (question->state == ATTESTERD_BUS_ANSWER_NONE && !question->asking) ||
            (other != NULL && other->type != POLICY_FACT_UNREADABLE))
                return true;
        return policy_facts_set_unreadable(to, SECURITY,
                                           question->state == ATTESTERD_BUS_ANSWER_FAILED
                                                   ? attesterd_bus_question_reason(question)
                                                   : "PackageKit is looking for updates; try again in a moment",
                                           origin, error);
}

/* ---- signals ---- */

static void on_package(struct attesterd_packagekit *packagekit, DBusMessage *signal)
{
        dbus_uint32_t info = 0;
        const char *package = NULL, *summary = NULL;

        if (dbus_message_get_args(signal, NULL, DBUS_TYPE_UINT32, &info, DBUS_TYPE_STRING, &package, DBUS_TYPE_STRING, &summary,
                                  DBUS_TYPE_INVALID) &&
            (info & INFO_MASK) == INFO_SECURITY)
                packagekit->counted++;
}

void attesterd_packagekit_signal(struct attesterd_packagekit *packagekit, DBusMessage *signal)
{
        bool started = false;

        if (attesterd_bus_service_owner_changed(&packagekit->service, signal, &started)) {
                /* One that ended does not see what changes; one that started is asked for itself. */
                attesterd_bus_question_forget(&packagekit->question);
                packagekit->service.absent = !started;
        } else if (dbus_message_is_signal(signal, INTERFACE, "UpdatesChanged")) {
                packagekit->changed = true;
                if (!packagekit->question.asking)
                        attesterd_bus_question_forget(&packagekit->question);
        } else if (packagekit->question.asking && packagekit->transaction[0] != '\0' &&
                   dbus_message_has_path(signal, packagekit->transaction)) {
                /* Other programs' transactions have other paths. */
                if (dbus_message_is_signal(signal, TRANSACTION, "Package"))
                        on_package(packagekit, signal);
                else if (dbus_message_is_signal(signal, TRANSACTION, "Finished"))
                        on_finished(packagekit, signal);
        }
}

void attesterd_packagekit_down(struct attesterd_packagekit *packagekit)
{
        attesterd_bus_service_down(&packagekit->service);
        attesterd_bus_question_forget(&packagekit->question);
}
