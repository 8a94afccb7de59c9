/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/login.h"

#include <string.h>

#define NAME    "org.freedesktop.login1"
#define PATH    "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"
#define SESSION "org.freedesktop.login1.Session"
#define USER    "org.freedesktop.login1.User"
#define SOURCE  "logind"
#define NO_PATH "/"

#define NO_SESSION "the program that asks belongs to no session"

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
        attesterd_bus_question_clear(&session->question);
        LIST_REMOVE(session, of_all);
        session->login = NULL;
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

        if (!attesterd_bus_question_check(&session->question, reply, "a{sv}"))
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
                attesterd_bus_question_fail(&session->question, "the session of the program that asks is another user's");
        else
                attesterd_bus_question_answered(&session->question);
}

static void ask_properties(struct attesterd_session *session, const char *path)
{
        const char *interface = SESSION;

        if (strlen(path) >= sizeof(session->path) || strcmp(path, NO_PATH) == 0) {
                attesterd_bus_question_fail(&session->question, NO_SESSION);
                return;
        }
        (void) snprintf(session->path, sizeof(session->path), "%s", path);
        (void) attesterd_bus_question_call(&session->question, path, DBUS_INTERFACE_PROPERTIES, "GetAll", on_properties,
                                           DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID);
}

/* (so): the display session's name and object. */
static void on_display(void *context, DBusMessage *reply)
{
        struct attesterd_session *session = context;
        DBusMessageIter iter, value, member;
        const char *path = NO_PATH;

        if (!attesterd_bus_question_check(&session->question, reply, "v"))
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
                attesterd_bus_question_fail(&session->question, NO_SESSION);
                return;
        }
        if (!attesterd_bus_question_check(&session->question, reply, "o"))
                return;
        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
        (void) attesterd_bus_question_call(&session->question, path, DBUS_INTERFACE_PROPERTIES, "Get", on_display,
                                           DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &property, DBUS_TYPE_INVALID);
}

static void on_session(void *context, DBusMessage *reply)
{
        struct attesterd_session *session = context;
        dbus_uint32_t uid = session->uid;
        const char *path = NULL;

        if (dbus_message_is_error(reply, NAME ".NoSessionForPID")) {
                (void) attesterd_bus_question_call(&session->question, PATH, MANAGER, "GetUser", on_user, DBUS_TYPE_UINT32, &uid,
                                                   DBUS_TYPE_INVALID);
                return;
        }
        if (!attesterd_bus_question_check(&session->question, reply, "o"))
                return;
        (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
        ask_properties(session, path);
}

static void ask(void *context)
{
        struct attesterd_session *session = context;
        dbus_uint32_t number = (dbus_uint32_t) session->pid;

        /* To logind 0 is who asks: attesterd. */
        if (session->pid <= 0)
                attesterd_bus_question_fail(&session->question, "the message bus does not say which process asks");
        else
                (void) attesterd_bus_question_call(&session->question, PATH, MANAGER, "GetSessionByPID", on_session,
                                                   DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
}

bool attesterd_login_ready(struct attesterd_login *login, struct attesterd_session *session, uid_t uid, pid_t pid,
                           struct attesterd_waiter *waiter)
{
        if (session->login == NULL) {
                session->login = login;
                session->uid = uid;
                session->pid = pid;
                session->question = (struct attesterd_bus_question){
                        .service = &login->service,
                        .ask = ask,
                        .context = session,
                        .wait_max_ms = ATTESTERD_BUS_SERVICE_WAIT_MAX_MS,
                };
                LIST_INSERT_HEAD(&login->sessions, session, of_all);
        }
        return attesterd_bus_question_ready(&session->question, waiter);
}

/* ---- what is known ---- */

bool attesterd_session_is_in_front(const struct attesterd_session *session, const char **ret_reason)
{
        *ret_reason = attesterd_bus_question_reason(&session->question);
        if (session->question.state != ATTESTERD_BUS_ANSWER_KNOWN)
                return false;
        *ret_reason = session->remote                         ? "the session is a remote one"
                      : !session->active || !session->on_seat ? "the session is not in front"
                      : session->locked                       ? "the screen is locked"
                                                              : NULL;
        return *ret_reason == NULL;
}

bool attesterd_session_set_facts(const struct attesterd_session *session, struct policy_facts *to, struct base_error *error)
{
        const struct policy_origin origin = attesterd_bus_question_origin(&session->question);
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
        bool known = session->question.state == ATTESTERD_BUS_ANSWER_KNOWN;

        for (size_t i = 0; i < BASE_COUNT(facts); i++)
                if (known ? !policy_facts_set_boolean(to, facts[i].name, facts[i].value, origin, error)
                          : !policy_facts_set_unreadable(to, facts[i].name, attesterd_bus_question_reason(&session->question),
                                                         origin, error))
                        return false;
        if (known && session->type[0] != '\0' && policy_text_valid(session->type))
                return policy_facts_set_string(to, "session.type", session->type, origin, error);
        return policy_facts_set_unreadable(to, "session.type",
                                           known ? "logind does not say" : attesterd_bus_question_reason(&session->question),
                                           origin, error);
}

/* ---- signals ---- */

static void forget(struct attesterd_login *login)
{
        struct attesterd_session *session;

        LIST_FOREACH(session, &login->sessions, of_all)
        session->question.stale = true;
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
        if (session->question.state == ATTESTERD_BUS_ANSWER_KNOWN && dbus_message_has_path(signal, session->path)) {
                dbus_message_iter_recurse(&iter, &entries);
                take_properties(session, &entries);
                session->question.told_ms = login->service.clock->boottime_ms(login->service.clock->context);
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
