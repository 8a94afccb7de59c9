/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/evaluation.h"

#include <string.h>

#define SOURCE "the request"

static bool parse_interactive(DBusMessageIter *value, struct attesterd_request_options *options, struct base_error *error)
{
        dbus_bool_t interactive;

        (void) error;
        dbus_message_iter_get_basic(value, &interactive);
        options->interactive = interactive;
        return true;
}

static bool parse_timeout(DBusMessageIter *value, struct attesterd_request_options *options, struct base_error *error)
{
        dbus_uint32_t timeout_ms;

        dbus_message_iter_get_basic(value, &timeout_ms);
        if (timeout_ms < 1 || timeout_ms > ATTESTERD_REQUEST_TIMEOUT_MS)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "option timeout-ms is not from 1 to %d",
                                      ATTESTERD_REQUEST_TIMEOUT_MS);
        options->timeout_ms = timeout_ms;
        return true;
}

static bool parse_locale(DBusMessageIter *value, struct attesterd_request_options *options, struct base_error *error)
{
        const char *locale;

        dbus_message_iter_get_basic(value, &locale);
        if (strlen(locale) > POLICY_LOCALE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "option locale is longer than %d bytes",
                                      POLICY_LOCALE_BYTES_MAX);
        (void) snprintf(options->locale, sizeof(options->locale), "%s", locale);
        return true;
}

static bool parse_window_focused(DBusMessageIter *value, struct attesterd_request_options *options, struct base_error *error)
{
        dbus_bool_t focused;

        (void) error;
        dbus_message_iter_get_basic(value, &focused);
        options->window.said = true;
        options->window.focused = focused;
        return true;
}

static bool parse_window_unreadable(DBusMessageIter *value, struct attesterd_request_options *options, struct base_error *error)
{
        const char *reason;

        (void) error;
        dbus_message_iter_get_basic(value, &reason);
        options->window.said = options->window.unreadable = true;
        (void) snprintf(options->window.reason, sizeof(options->window.reason), "%s", reason);
        return true;
}

static const struct {
        const char *name;
        int type;
        bool (*parse)(DBusMessageIter *value, struct attesterd_request_options *options, struct base_error *error);
} known_options[] = {
        { "interactive", DBUS_TYPE_BOOLEAN, parse_interactive },
        { "locale", DBUS_TYPE_STRING, parse_locale },
        { "timeout-ms", DBUS_TYPE_UINT32, parse_timeout },
        { "window-focused", DBUS_TYPE_BOOLEAN, parse_window_focused },
        { "window-unreadable", DBUS_TYPE_STRING, parse_window_unreadable },
};

/* One {sv}; `seen` has a bit for each option that came before. */
static bool parse_entry(DBusMessageIter *array, unsigned *seen, struct attesterd_request_options *options,
                        struct base_error *error)
{
        DBusMessageIter entry, value;
        const char *name;

        dbus_message_iter_recurse(array, &entry);
        dbus_message_iter_get_basic(&entry, &name);
        (void) dbus_message_iter_next(&entry);
        dbus_message_iter_recurse(&entry, &value);
        for (size_t i = 0; i < BASE_COUNT(known_options); i++) {
                if (strcmp(known_options[i].name, name) != 0)
                        continue;
                if (dbus_message_iter_get_arg_type(&value) != known_options[i].type)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "option %s is not of type '%c'", name,
                                              known_options[i].type);
                if ((*seen & 1u << i) != 0)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "option %s is there twice", name);
                *seen |= 1u << i;
                return known_options[i].parse(&value, options, error);
        }
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "option \"%.64s\" is unknown", name);
}

bool attesterd_request_options_parse(const struct attesterd_call *call, DBusMessageIter *iter,
                                     struct attesterd_request_options *ret, struct base_error *error)
{
        struct attesterd_request_options options = { .timeout_ms = ATTESTERD_REQUEST_TIMEOUT_MS };
        DBusMessageIter array;
        unsigned seen = 0;

        for (dbus_message_iter_recurse(iter, &array); dbus_message_iter_get_arg_type(&array) != DBUS_TYPE_INVALID;
             (void) dbus_message_iter_next(&array))
                if (!parse_entry(&array, &seen, &options, error))
                        return false;
        if (options.window.said && !call->may_tell_focus)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED,
                                      "only attester-agent, as it is installed, may say which window is in front");
        *ret = options;
        return true;
}

struct attesterd_needs attesterd_evaluation_needs(const struct attesterd_daemon *daemon, bool attested)
{
        return attested ? ATTESTERD_NEEDS_ALL : daemon->policy_needs;
}

bool attesterd_evaluation_ready(struct attesterd_daemon *daemon, const struct attesterd_needs *needs, struct attesterd_call *call,
                                struct attesterd_waiter *waiter)
{
        bool session = (needs->services & ATTESTERD_SERVICE_SESSION) != 0;
        bool fwupd = (needs->services & ATTESTERD_SERVICE_FWUPD) != 0;
        bool lid = (needs->services & ATTESTERD_SERVICE_LID) != 0;

        /* All are asked at once. */
        if (fwupd)
                (void) attesterd_fwupd_ready(daemon->fwupd, NULL);
        if (lid)
                (void) attesterd_lid_ready(daemon->lid, NULL);
        if ((needs->services & ATTESTERD_SERVICE_PACKAGEKIT) != 0)
                attesterd_packagekit_ask(daemon->packagekit);
        return (!session || attesterd_login_ready(daemon->login, attesterd_call_session(call), call->uid, call->pid, waiter)) &&
               (!fwupd || attesterd_fwupd_ready(daemon->fwupd, waiter)) && (!lid || attesterd_lid_ready(daemon->lid, waiter));
}

/* What the services that are needed have said. */
static bool set_services(const struct attesterd_daemon *daemon, uint32_t services, const struct attesterd_session *session,
                         struct policy_facts *to, struct base_error *error)
{
        const struct attesterd_window unsaid = { .said = false };

        return ((services & ATTESTERD_SERVICE_PACKAGEKIT) == 0 ||
                attesterd_packagekit_set_facts(daemon->packagekit, to, error)) &&
               ((services & ATTESTERD_SERVICE_FWUPD) == 0 || attesterd_fwupd_set_facts(daemon->fwupd, to, error)) &&
               ((services & ATTESTERD_SERVICE_LID) == 0 || attesterd_lid_set_facts(daemon->lid, to, error)) &&
               ((services & ATTESTERD_SERVICE_SESSION) == 0 ||
                (attesterd_session_set_facts(session, to, error) && attesterd_window_set_fact(&unsaid, session, to, error)));
}

bool attesterd_evaluation_device_facts(struct attesterd_daemon *daemon, const struct attesterd_needs *needs,
                                       const struct attesterd_session *session, struct policy_facts *ret,
                                       struct base_error *error)
{
        const struct policy_facts *measured;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        if (!attesterd_facts_get(daemon->facts, needs->collectors, &measured, error) ||
            !policy_facts_merge(&facts, measured, error) || !set_services(daemon, needs->services, session, &facts, error))
                return false;
        policy_facts_stamp(&facts, daemon->clock->boottime_ms(daemon->clock->context));
        *ret = facts;
        policy_facts_init(&facts);
        return true;
}

bool attesterd_evaluation_facts(struct attesterd_daemon *daemon, const char *issuer, const struct attesterd_asker *asker,
                                struct policy_facts *ret, struct base_error *error)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = SOURCE };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        uint64_t now_ms = daemon->clock->boottime_ms(daemon->clock->context);

        if (!attesterd_evaluation_device_facts(daemon, &asker->needs, asker->session, &facts, error) ||
            ((asker->needs.services & ATTESTERD_SERVICE_SESSION) != 0 &&
             !attesterd_window_set_fact(&asker->options->window, asker->session, &facts, error)) ||
            !policy_facts_set_boolean(&facts, "request.interactive", asker->options->interactive, origin, error) ||
            !policy_facts_set_string(&facts, "request.issuer", issuer, origin, error))
                return false;
        policy_facts_stamp(&facts, now_ms);
        *ret = facts;
        policy_facts_init(&facts);
        return true;
}

/* The name that the issuer's verifier knows the device by, so that a rollout means the same devices on both sides. */
static struct base_bytes device_of(const struct attesterd_daemon *daemon, const struct attesterd_issuer *issuer)
{
        return issuer != NULL && issuer->enrolment.enrolled ? base_bytes_from_string(issuer->enrolment.device)
                                                            : attesterd_grace_device(daemon->grace);
}

bool attesterd_evaluation_run(struct attesterd_daemon *daemon, const struct policy_facts *facts,
                              const struct attesterd_issuer *issuer, bool counts, struct policy_results *ret,
                              struct base_error *error)
{
        policy_auto_graces struct policy_graces copy = POLICY_GRACES_INIT;
        struct policy_context context = {
                .issuer = issuer == NULL ? NULL : issuer->config.name,
                .device = device_of(daemon, issuer),
        };

        if (daemon->policy == NULL)
                return base_error_copy(error, &daemon->policy_error);
        context.graces = attesterd_grace_at(daemon->grace, &context.now);
        if (!counts) {
                if (!policy_graces_copy(context.graces, &copy, error))
                        return false;
                context.graces = &copy;
        }
        if (!policy_evaluate(daemon->policy, facts, &context, ret, error))
                return false;
        if (counts)
                attesterd_grace_save(daemon->grace);
        return true;
}
