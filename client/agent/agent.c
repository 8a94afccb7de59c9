/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/agent.h"
#include "base/log.h"
#include "client/agent/interface.h"

#include <string.h>

/* What makes kept tokens worthless, and who may say so: the bus holds these rules to their senders. */
#define DAEMON_CHANGED                                                                                                           \
        "type='signal',sender='org.attesterd',path='/org/attesterd',interface='" DBUS_INTERFACE_PROPERTIES                       \
        "',member='PropertiesChanged'"
#define DAEMON_OWNER                                                                                                             \
        "type='signal',sender='" DBUS_SERVICE_DBUS "',interface='" DBUS_INTERFACE_DBUS                                           \
        "',member='NameOwnerChanged',arg0='org.attesterd'"
#define LOGIN_SESSION "org.freedesktop.login1.Session"
#define LOCK_ASKED    "type='signal',sender='org.freedesktop.login1',interface='" LOGIN_SESSION "',member='Lock'"
#define LOCK_TOLD                                                                                                                \
        "type='signal',sender='org.freedesktop.login1',interface='" DBUS_INTERFACE_PROPERTIES                                    \
        "',member='PropertiesChanged',arg0='" LOGIN_SESSION "'"

static const char *const screen_savers[] = { "org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "org.cinnamon.ScreenSaver",
                                             "org.mate.ScreenSaver", "org.xfce.ScreenSaver" };

/* Tokens age while the machine sleeps, too. */
static uint64_t now_ms(const struct agent *agent)
{
        return agent->clock->boottime_ms(agent->clock->context);
}

static void throw_away(struct agent *agent)
{
        if (agent->cache != NULL)
                agent_cache_clear(agent->cache);
}

static bool is_locked_hint(DBusMessageIter *entry, const char *name)
{
        DBusMessageIter value;
        dbus_bool_t locked = FALSE;

        (void) dbus_message_iter_next(entry);
        dbus_message_iter_recurse(entry, &value);
        if (strcmp(name, "LockedHint") != 0 || dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_BOOLEAN)
                return false;
        dbus_message_iter_get_basic(&value, &locked);
        return locked;
}

/* Nobody but attesterd, which has one interface with properties, and logind, of a session, sends the signal. */
static void on_properties_changed(struct agent *agent, DBusMessage *message)
{
        DBusMessageIter iterator, entries;
        const char *interface = NULL;
        bool of_session;

        if (!dbus_message_has_signature(message, "sa{sv}as")) {
                agent_daemon_forget_status(agent->daemon);
                return;
        }
        (void) dbus_message_iter_init(message, &iterator);
        dbus_message_iter_get_basic(&iterator, &interface);
        of_session = strcmp(interface, LOGIN_SESSION) == 0;
        if (!of_session)
                agent_daemon_forget_status(agent->daemon);
        (void) dbus_message_iter_next(&iterator);
        dbus_message_iter_recurse(&iterator, &entries);
        for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY; (void) dbus_message_iter_next(&entries)) {
                DBusMessageIter entry;
                const char *name = NULL;

                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                if (of_session ? is_locked_hint(&entry, name) : strcmp(name, "PolicyVersion") == 0)
                        throw_away(agent);
        }
}

static void on_system_signal(void *context, DBusMessage *message)
{
        struct agent *agent = context;

        if (dbus_message_is_signal(message, LOGIN_SESSION, "Lock")) {
                throw_away(agent);
        } else if (dbus_message_is_signal(message, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged")) {
                on_properties_changed(agent, message);
        } else if (dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged")) {
                agent_daemon_forget(agent->daemon);
                throw_away(agent);
        }
}

static void on_session_signal(void *context, DBusMessage *message)
{
        dbus_bool_t active = FALSE;

        for (size_t i = 0; i < BASE_COUNT(screen_savers); i++)
                if (dbus_message_is_signal(message, screen_savers[i], "ActiveChanged") &&
                    dbus_message_get_args(message, NULL, DBUS_TYPE_BOOLEAN, &active, DBUS_TYPE_INVALID) && active)
                        throw_away(context);
}

static void on_session_up(void *context)
{
        struct agent *agent = context;

        for (size_t i = 0; i < BASE_COUNT(screen_savers); i++) {
                char rule[256];

                (void) snprintf(rule, sizeof(rule), "type='signal',interface='%s',member='ActiveChanged'", screen_savers[i]);
                base_bus_subscribe(agent->session, rule);
        }
}

static void leave(struct agent *agent, int status)
{
        agent->exit_status = status;
        (void) sd_event_exit(agent->event, 0);
}

/* The session is over. */
static void on_session_down(void *context)
{
        leave(context, 0);
}

static void on_session_refused(void *context, const struct base_error *error)
{
        base_log_error(BASE_LOG_ERROR, error, "no place on the session bus");
        leave(context, base_error_exit_status(error->code));
}

static void on_call(void *context, DBusMessage *message)
{
        agent_interface_dispatch(context, message);
}

static void on_peer_gone(void *context, const char *unique_name)
{
        struct agent *agent = context;

        agent_callers_peer_gone(agent->callers, unique_name);
}

static bool session_start(struct agent *agent, struct base_error *error)
{
        struct base_bus_events events = {
                .call = on_call,
                .peer_gone = on_peer_gone,
                .signal = on_session_signal,
                .up = on_session_up,
                .down = on_session_down,
                .refused = on_session_refused,
                .failed = on_session_refused,
                .context = agent,
        };

        if (!base_bus_new(agent->event, agent->options.session_address, AGENT_BUS_NAME, &events, &agent->session, error))
                return false;
        agent->focus = (struct agent_focus){ .event = agent->event,
                                             .session = agent->session,
                                             .believed = agent_focus_is_believed() };
        return agent_outbox_new(agent->session, &agent->outbox, error) &&
               agent_callers_new(agent->session, agent->outbox, &agent->callers, error);
}

/* The system bus was tried: now calls can be answered, be it with a refusal. */
static void system_tried(struct agent *agent)
{
        struct base_error error = BASE_ERROR_INIT;

        if (agent->session == NULL && !session_start(agent, &error))
                on_session_refused(agent, &error);
}

static void on_system_up(void *context)
{
        struct agent *agent = context;

        base_bus_subscribe(agent->system, DAEMON_CHANGED);
        base_bus_subscribe(agent->system, DAEMON_OWNER);
        base_bus_subscribe(agent->system, LOCK_ASKED);
        base_bus_subscribe(agent->system, LOCK_TOLD);
        system_tried(agent);
}

static void on_system_down(void *context)
{
        struct agent *agent = context;

        agent_daemon_forget(agent->daemon);
        throw_away(agent);
}

static void on_system_failed(void *context, const struct base_error *error)
{
        base_log_error(BASE_LOG_INFO, error, "no place on the system bus");
        system_tried(context);
}

static void ignore_call(void *context, DBusMessage *message)
{
        (void) context;
        (void) message;
}

static void ignore_peer(void *context, const char *unique_name)
{
        (void) context;
        (void) unique_name;
}

static void on_directory(void *context, const struct attester_issuer *directory)
{
        struct agent *agent = context;

        if (agent->cache != NULL)
                agent_cache_retain(agent->cache, directory);
}

static void on_refused(void *context, const struct base_error *error, DBusMessage *reply, bool interactive)
{
        struct agent *agent = context;

        agent->last_refusal = *error;
        if (interactive)
                agent_notices_refused(&agent->notices, agent->session, reply);
}

void agent_plan_ahead(struct agent *agent, struct agent_cache_entry *entry)
{
        uint64_t span_ms = 0;
        uint32_t drawn = 0;

        if (entry->ahead_ms != 0 || entry->meetings < AGENT_FETCH_MEETINGS || entry->token_count >= AGENT_FETCH_AHEAD_BELOW ||
            !agent->random->fill(agent->random->context, &drawn, sizeof(drawn), NULL))
                return;
        if (agent->options.ahead_delay_max_s > AGENT_AHEAD_DELAY_MIN_S)
                span_ms = ((uint64_t) agent->options.ahead_delay_max_s - AGENT_AHEAD_DELAY_MIN_S) * 1000;
        entry->ahead_ms = now_ms(agent) + AGENT_AHEAD_DELAY_MIN_S * 1000 + span_ms * drawn / UINT32_MAX;
}

static bool is_idle(const struct agent *agent)
{
        return agent->session != NULL && agent_callers_in_flight(agent->callers) == 0 && agent_outbox_is_empty(agent->outbox) &&
               agent_fetches_count(agent->fetches) == 0 && (agent->cache == NULL || agent_cache_is_idle(agent->cache));
}

static void on_released(void *context, DBusMessage *reply)
{
        struct agent *agent = context;

        (void) reply;
        base_bus_call_drop(&agent->release);
        agent->leaving = true;
}

static void on_idle(struct agent *agent)
{
        struct base_error error = BASE_ERROR_INIT;

        if (agent->release == NULL && !agent->leaving &&
            !base_bus_release_name(agent->session, on_released, agent, &agent->release, &error))
                on_session_refused(agent, &error);
}

/* Sets the timer to what comes next: an expiry, a fetch ahead, or the end. */
static void timer_arm(struct agent *agent)
{
        uint64_t idle_ms = agent->active_ms + (uint64_t) agent->options.idle_s * 1000;
        uint64_t next_ms = agent->cache == NULL ? UINT64_MAX : agent_cache_next_ms(agent->cache);

        if (is_idle(agent) && idle_ms < next_ms)
                next_ms = idle_ms;
        if (next_ms == UINT64_MAX) {
                (void) sd_event_source_set_enabled(agent->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(agent->timer, next_ms * 1000);
        (void) sd_event_source_set_enabled(agent->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct agent *agent = userdata;
        struct agent_cache_entry *entry;

        (void) source;
        (void) usec;
        if (agent->cache != NULL) {
                agent_cache_expire(agent->cache);
                while ((entry = agent_cache_due(agent->cache)) != NULL)
                        agent_fetch_ahead(agent->fetches, entry, agent->focus.believed);
        }
        if (is_idle(agent) && now_ms(agent) >= agent->active_ms + (uint64_t) agent->options.idle_s * 1000)
                on_idle(agent);
        return 0;
}

/* Runs after each turn of the loop in which something happened. */
static int on_turn(sd_event_source *source, void *userdata)
{
        struct agent *agent = userdata;

        (void) source;
        if (agent->session == NULL)
                return 0;
        agent_outbox_sweep(agent->outbox);
        if (agent->leaving && agent_callers_in_flight(agent->callers) == 0 && agent_outbox_is_empty(agent->outbox))
                leave(agent, 0);
        else if (agent->release == NULL && !agent->leaving)
                timer_arm(agent);
        return 0;
}

static bool parts_new(struct agent *agent, struct base_error *error)
{
        struct base_bus_events events = {
                .call = ignore_call,
                .peer_gone = ignore_peer,
                .signal = on_system_signal,
                .up = on_system_up,
                .down = on_system_down,
                .refused = on_system_failed,
                .failed = on_system_failed,
                .context = agent,
        };
        struct agent_daemon_events daemon_events = { .directory = on_directory, .context = agent };
        struct agent_fetches_events fetches_events = { .refused = on_refused, .context = agent };
        struct base_error unlocked = BASE_ERROR_INIT;

        if (!agent_cache_new(agent->clock, &agent->cache, &unlocked))
                base_log_error(BASE_LOG_WARNING, &unlocked, "tokens are not kept");
        return base_bus_new(agent->event, agent->options.system_address, NULL, &events, &agent->system, error) &&
               agent_daemon_new(agent->system, agent->clock, &daemon_events, &agent->daemon, error) &&
               agent_fetches_new(agent->system, agent->cache, &fetches_events, &agent->fetches, error);
}

bool agent_new(sd_event *event, const struct agent_options *options, const struct base_clock *clock,
               const struct base_random *random, struct agent **ret, struct base_error *error)
{
        struct agent *agent = calloc(1, sizeof(*agent));

        if (agent == NULL)
                return base_error_set_no_memory(error);
        agent->event = sd_event_ref(event);
        agent->options = *options;
        agent->clock = clock;
        agent->random = random;
        agent->active_ms = now_ms(agent);
        agent->notices = (struct agent_notices){ .clock = clock, .on = options->notices, .locale = client_bus_locale() };
        if (options->notices)
                agent_notice_memory_load(&agent->notices.memory, options->state_home, options->home);
        if (!parts_new(agent, error)) {
                agent_free(agent);
                return false;
        }
        if (sd_event_add_post(event, &agent->post, on_turn, agent) < 0 ||
            sd_event_add_time(event, &agent->timer, CLOCK_BOOTTIME, UINT64_MAX, 0, on_timer, agent) < 0) {
                agent_free(agent);
                return base_error_set_no_memory(error);
        }
        *ret = agent;
        return true;
}

void agent_free(struct agent *agent)
{
        if (agent == NULL)
                return;
        (void) sd_event_source_disable_unref(agent->post);
        (void) sd_event_source_disable_unref(agent->timer);
        base_bus_call_drop(&agent->release);
        agent_notices_clear(&agent->notices);
        agent_callers_free(agent->callers);
        agent_fetches_free(agent->fetches);
        agent_daemon_free(agent->daemon);
        base_bus_free(agent->session);
        agent_outbox_free(agent->outbox);
        base_bus_free(agent->system);
        agent_cache_free(agent->cache);
        (void) sd_event_unref(agent->event);
        free(agent);
}
