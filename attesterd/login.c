/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/login.h"

#include "attesterd/bus_service.h"

#include <string.h>

#define NAME    "org.freedesktop.login1"
#define PATH    "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"
#define SESSION "org.freedesktop.login1.Session"
#define USER    "org.freedesktop.login1.User"
#define SOURCE  "logind"
#define NO_PATH "/"

_Static_assert(ATTESTERD_SESSION_REASON_BYTES_MAX >= ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX, "reasons are copied");

/* What a session has, which session a user's display is, and which sessions there are. */
static const char *const rules[] = {
        "type='signal',sender='" NAME "',path_namespace='" PATH "',interface='" DBUS_INTERFACE_PROPERTIES
        "',member='PropertiesChanged',arg0='" SESSION "'",
        "type='signal',sender='" NAME "',path_namespace='" PATH "',interface='" DBUS_INTERFACE_PROPERTIES
        "',member='PropertiesChanged',arg0='" USER "'",
        "type='signal',sender='" NAME "',path='" PATH "',interface='" MANAGER "',member='SessionNew'",
        "type='signal',sender='" NAME "',path='" PATH "',interface='" MANAGER "',member='SessionRemoved'",
        NULL,
};

struct attesterd_login {
        struct attesterd_bus_service service;
        LIST_HEAD(, attesterd_session) sessions;
};

bool attesterd_login_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_login **ret,
                         struct base_error *error)
{
        struct attesterd_login *login = calloc(1, sizeof(*login));

        if (login == NULL)
                return base_error_set_no_memory(error);
        login->service = (struct attesterd_bus_service){
                .bus = bus, .clock = clock, .name = NAME, .title = SOURCE, .rules = rules
        };
        LIST_INIT(&login->sessions);
        *ret = login;
        return true;
}

void attesterd_login_free(struct attesterd_login *login)
{
        free(login);
}

void attesterd_session_clear(struct attesterd_session *session)
{
        if (session->login == NULL)
                return;
        base_bus_call_drop(&session->pending);
        LIST_REMOVE(session, of_all);
        session->login = NULL;
}

static void settle(struct attesterd_session *session, enum attesterd_session_state state)
{
        base_bus_call_drop(&session->pending);
        session->state = state;
        session->asking = session->stale = false;
        session->since_ms = attesterd_bus_service_now_ms(&session->login->service);
        session->told_ms = attesterd_bus_service_boottime_ms(&session->login->service);
        attesterd_waiters_wake(&session->waiters, NULL);
}

static void fail(struct attesterd_session *session, const char *reason)
{
        (void) snprintf(session->reason, sizeof(session->reason), "%s", reason);
        settle(session, ATTESTERD_SESSION_FAILED);
}

/* True if `reply` is of use; else the question is over. */
static bool check(struct attesterd_session *session, DBusMessage *reply, const char *signature)
{
        char reason[ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX];

        base_bus_call_drop(&session->pending);
        if (!attesterd_bus_service_failed(&session->login->service, reply, signature, reason))
                return true;
        fail(session, reason);
        return false;
}

/* ---- properties ---- */

static void take_boolean(DBusMessageIter *value, bool *ret)
{
        dbus_bool_t boolean;

        if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_BOOLEAN)
                return;
        dbus_message_iter_get_basic(value, &boolean);
        *ret = boolean;
}

static void take_type(DBusMessageIter *value, struct attesterd_session *session)
{
        const char *type;

        if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_STRING)
                return;
        dbus_message_iter_get_basic(value, &type);
        (void) snprintf(session->type, sizeof(session->type), "%s", strlen(type) < sizeof(session->type) ? type : "");
}

/* Enters a structure whose first member is of `type`. */
static bool first_member(DBusMessageIter *value, int type, void *ret)
{
        DBusMessageIter member;

        if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_STRUCT)
                return false;
        dbus_message_iter_recurse(value, &member);
        if (dbus_message_iter_get_arg_type(&member) != type)
                return false;
        dbus_message_iter_get_basic(&member, ret);
        return true;
}

/* Properties of a session: (so) Seat, (uo) User, b Active, … */
static void take_properties(struct attesterd_session *session, DBusMessageIter *entries)
{
        const char *name, *seat;
        dbus_uint32_t owner;
        DBusMessageIter value;

        while ((name = attesterd_bus_service_next_entry(entries, &value)) != NULL) {
                if (strcmp(name, "Active") == 0)
                        take_boolean(&value, &session->active);
                else if (strcmp(name, "LockedHint") == 0)
                        take_boolean(&value, &session->locked);
                else if (strcmp(name, "IdleHint") == 0)
                        take_boolean(&value, &session->idle);
                else if (strcmp(name, "Remote") == 0)
                        take_boolean(&value, &session->remote);
                else if (strcmp(name, "Type") == 0)
                        take_type(&value, session);
                else if (strcmp(name, "Seat") == 0 && first_member(&value, DBUS_TYPE_STRING, &seat))
                        session->on_seat = seat[0] != '\0';
                else if (strcmp(name, "User") == 0 && first_member(&value, DBUS_TYPE_UINT32, &owner))
                        session->owner = owner;
        }
}

/* ---- the questions, one after another ---- */

static void on_properties(void *context, DBusMessage *reply)
{
        struct attesterd_session *session = context;
        DBusMessageIter iter, entries;

        if (!check(session, reply, "a{sv}"))
                return;
        /* What is not told must not look good. */
        session->active = session->on_seat = false;
        session->locked = session->remote = session->idle = true;
        session->owner = (uid_t) -1;
        session->type[0] = '\0';
        (void) dbus_message_iter_init(reply, &iter);
        dbus_message_iter_recurse(&iter, &entries);
        take_properties(session, &entries);
        /* A process's number may have gone to another user's process since the bus noted it. */
        if (session->owner != session->uid)
                fail(session, "the session of the program that asks is another user's");
        else
                settle(session, ATTESTERD_SESSION_KNOWN);
}

static void ask_properties(struct attesterd_session *session, const char *path)
{
        const char *interface = SESSION;

        if (strlen(path) >= sizeof(session->path) || strcmp(path, NO_PATH) == 0) {
                fail(session, "the program that asks belongs to no session");
                return;
        }
        (void) snprintf(session->path, sizeof(session->path), "%s", path);
        if (!attesterd_bus_service_call(&session->login->service, session->since_ms, path, DBUS_INTERFACE_PROPERTIES, "GetAll",
                                        on_properties, session, &session->pending, DBUS_TYPE_STRING, &interface,
                                        DBUS_TYPE_INVALID))
                (void) check(session, NULL, "");
}

/* (so): the display session's name and object. */
static void on_display(void *context, DBusMessage *reply)
{
        struct attesterd_session *session = context;
        DBusMessageIter iter, value, member;
        const char *path = NO_PATH;

        if (!check(session, reply, "v"))
                return;
        (void) dbus_message_iter_init(reply, &iter);
        dbus_message_iter_recurse(&iter, &value);
        if (dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_STRUCT) {
                dbus_message_iter_recurse(&value, &member);
                if (dbus_message_iter_next(&member) && dbus_message_iter_get_arg_type(&member) == DBUS_TYPE_OBJECT_PATH)
                        dbus_message_iter_get_basic(&member, &path);
        }
        ask_properties(session, path);
}

static void on_user(void *context, DBusMessage *reply)
{
        struct attesterd_session *session = context;
        const char *path = NULL, *interface = USER, *property = "Display";

        if (dbus_message_is_error(reply, NAME ".NoSuchUser")) {
                base_bus_call_drop(&session->pending);
                fail(session, "the program that asks belongs to no session");
                return;
        }
        if (!check(session, reply, "o"))
                return;
        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
        if (!attesterd_bus_service_call(&session->login->service, session->since_ms, path, DBUS_INTERFACE_PROPERTIES, "Get",
                                        on_display, session, &session->pending, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING,
                                        &property, DBUS_TYPE_INVALID))
                (void) check(session, NULL, "");
}

static void on_session(void *context, DBusMessage *reply)
{
        struct attesterd_session *session = context;
        dbus_uint32_t uid = session->uid;
        const char *path = NULL;

        if (dbus_message_is_error(reply, NAME ".NoSessionForPID")) {
                base_bus_call_drop(&session->pending);
                if (!attesterd_bus_service_call(&session->login->service, session->since_ms, PATH, MANAGER, "GetUser", on_user,
                                                session, &session->pending, DBUS_TYPE_UINT32, &uid, DBUS_TYPE_INVALID))
                        (void) check(session, NULL, "");
                return;
        }
        if (!check(session, reply, "o"))
                return;
        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
        ask_properties(session, path);
}

static bool ask(struct attesterd_session *session, pid_t pid)
{
        dbus_uint32_t number = (dbus_uint32_t) pid;

        session->since_ms = attesterd_bus_service_now_ms(&session->login->service);
        /* To logind 0 is who asks: attesterd. */
        if (pid <= 0) {
                fail(session, "the message bus does not say which process asks");
                return false;
        }
        if (!attesterd_bus_service_call(&session->login->service, session->since_ms, PATH, MANAGER, "GetSessionByPID", on_session,
                                        session, &session->pending, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID)) {
                (void) check(session, NULL, "");
                return false;
        }
        session->asking = true;
        return true;
}

static bool is_settled(const struct attesterd_session *session)
{
        const struct attesterd_bus_service *service = &session->login->service;

        if (session->asking || session->stale)
                return false;
        return session->state == ATTESTERD_SESSION_KNOWN ||
               (session->state == ATTESTERD_SESSION_FAILED &&
                attesterd_bus_service_now_ms(service) - session->since_ms < ATTESTERD_BUS_SERVICE_RETRY_MS);
}

bool attesterd_login_ready(struct attesterd_login *login, struct attesterd_session *session, uid_t uid, pid_t pid,
                           struct attesterd_waiter *waiter)
{
        if (session->login == NULL) {
                session->login = login;
                session->uid = uid;
                LIST_INIT(&session->waiters);
                LIST_INSERT_HEAD(&login->sessions, session, of_all);
        }
        if (is_settled(session))
                return true;
        if (login->service.absent) {
                (void) snprintf(session->reason, sizeof(session->reason), "logind is not on the system bus");
                session->state = ATTESTERD_SESSION_FAILED;
                return true;
        }
        if (!session->asking && !ask(session, pid))
                return true;
        attesterd_waiter_add(&session->waiters, waiter);
        return false;
}

/* ---- what is known ---- */

static const char *reason_of(const struct attesterd_session *session)
{
        return session->state == ATTESTERD_SESSION_FAILED ? session->reason : "logind is being asked; try again";
}

bool attesterd_session_is_in_front(const struct attesterd_session *session, const char **ret_reason)
{
        *ret_reason = reason_of(session);
        if (session->state != ATTESTERD_SESSION_KNOWN)
                return false;
        *ret_reason = session->remote                         ? "the session is a remote one"
                      : !session->active || !session->on_seat ? "the session is not in front"
                      : session->locked                       ? "the screen is locked"
                                                              : NULL;
        return *ret_reason == NULL;
}

bool attesterd_session_set_facts(const struct attesterd_session *session, struct policy_facts *to, struct base_error *error)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED,
                                              .source = SOURCE,
                                              .measured_ms = session->told_ms };
        const struct {
                const char *name;
                bool value;
        } facts[] = {
                /* To logind a session without a seat is always active. */
                { "session.active", session->active && session->on_seat },
                { "session.idle", session->idle },
                { "session.locked", session->locked },
                { "session.remote", session->remote },
        };
        bool known = session->state == ATTESTERD_SESSION_KNOWN;

        for (size_t i = 0; i < BASE_COUNT(facts); i++)
                if (known ? !policy_facts_set_boolean(to, facts[i].name, facts[i].value, origin, error)
                          : !policy_facts_set_unreadable(to, facts[i].name, reason_of(session), origin, error))
                        return false;
        if (known && session->type[0] != '\0' && policy_text_valid(session->type))
                return policy_facts_set_string(to, "session.type", session->type, origin, error);
        return policy_facts_set_unreadable(to, "session.type", known ? "logind does not say" : reason_of(session), origin, error);
}

/* ---- signals ---- */

static void forget(struct attesterd_login *login)
{
        struct attesterd_session *session;

        LIST_FOREACH(session, &login->sessions, of_all)
        session->stale = true;
}

static void on_properties_changed(struct attesterd_login *login, DBusMessage *signal)
{
        struct attesterd_session *session;
        DBusMessageIter iter, entries;
        const char *interface;

        if (!dbus_message_has_signature(signal, "sa{sv}as"))
                return;
        (void) dbus_message_iter_init(signal, &iter);
        dbus_message_iter_get_basic(&iter, &interface);
        if (strcmp(interface, SESSION) != 0) {
                /* A user's display session may be another one. */
                forget(login);
                return;
        }
        (void) dbus_message_iter_next(&iter);
        LIST_FOREACH(session, &login->sessions, of_all)
        if (session->state == ATTESTERD_SESSION_KNOWN && dbus_message_has_path(signal, session->path)) {
                dbus_message_iter_recurse(&iter, &entries);
                take_properties(session, &entries);
                session->told_ms = attesterd_bus_service_boottime_ms(&login->service);
        }
}

void attesterd_login_signal(struct attesterd_login *login, DBusMessage *signal)
{
        const char *path = dbus_message_get_path(signal);
        bool started = false;

        if (attesterd_bus_service_owner_changed(&login->service, signal, &started))
                forget(login);
        else if (path == NULL || strncmp(path, PATH, strlen(PATH)) != 0)
                return;
        else if (dbus_message_is_signal(signal, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged"))
                on_properties_changed(login, signal);
        else if (dbus_message_is_signal(signal, MANAGER, "SessionNew") ||
                 dbus_message_is_signal(signal, MANAGER, "SessionRemoved"))
                forget(login);
}

void attesterd_login_down(struct attesterd_login *login)
{
        attesterd_bus_service_down(&login->service);
        forget(login);
}
