/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/request.h"
#include "client/agent/answer.h"
#include "client/library/choose.h"

#include <string.h>

struct request {
        struct agent *agent;
        struct agent_call *call;
        struct client_call limits;
        char *origin;
        struct token_offers offers;
        size_t from;             /* the offer to try next */
        bool directory_asked;    /* for the offer that is tried */
        bool status_asked;       /* what is waited for, if anything, are the properties */
        size_t asked;            /* the offer whose directory was asked for */
        struct base_error first; /* why the first offer could not be served */
        struct agent_answer answer;
        struct agent_waiter waiter;
        struct agent_fetch_waiter token;
        struct agent_focus_question focus;
        bool focus_asked;
        bool focus_known;
        bool focus_awaited; /* nothing else is missing */
        bool cache_tried;
        sd_event_source *deadline;
};

static void request_free(struct request *request)
{
        agent_waiter_cancel(&request->waiter);
        agent_fetch_leave(&request->token);
        agent_focus_drop(&request->focus);
        (void) sd_event_source_disable_unref(request->deadline);
        token_offers_clear(&request->offers);
        free(request->origin);
        free(request);
}

static void on_cancel(void *work)
{
        request_free(work);
}

static void request_fail(struct request *request, const struct base_error *error)
{
        agent_call_fail(request->call, error);
        request_free(request);
}

/* The last step: a token that nobody else gets. */
static void request_succeed(struct request *request, struct base_bytes token)
{
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *reply = NULL;

        if (!agent_answer_message(&request->answer, request->call->message, token, &reply, &error)) {
                request_fail(request, &error);
                return;
        }
        agent_call_reply_secret(request->call, reply);
        request_free(request);
}

static void on_token(void *context, struct base_bytes token, const struct attester_info *info, const struct base_error *error)
{
        struct request *request = context;

        if (error != NULL) {
                request_fail(request, error);
                return;
        }
        request->answer.quote_shared_by = info->quote_shared_by;
        request_succeed(request, token);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct request *request = userdata;
        struct base_error error = BASE_ERROR_INIT;

        (void) source;
        (void) usec;
        (void) base_error_set(&error, BASE_ERROR_TIMEOUT, "there was no token within %u ms; try again",
                              (unsigned) request->limits.options.timeout_ms);
        request_fail(request, &error);
        return 0;
}

static void request_step(struct request *request);

static void on_focus(void *context, const struct agent_verdict *verdict)
{
        struct request *request = context;

        (void) verdict;
        request->focus_known = true;
        if (request->focus_awaited)
                request_step(request);
}

/* Which window is in front counts as of when the request came: before anything is waited for. */
static void focus_ask(struct request *request)
{
        if (!request->agent->focus.believed || request->focus_asked)
                return;
        request->focus_asked = true;
        agent_focus_ask(&request->agent->focus, &request->focus, dbus_message_get_sender(request->call->message));
}

/* The request goes on when attesterd answers, or ends when its time is up or its caller leaves. */
static void request_wait(struct request *request)
{
        struct base_error error = BASE_ERROR_INIT;

        focus_ask(request);
        agent_call_keep(request->call, on_cancel, request);
        if (request->deadline == NULL &&
            sd_event_add_time_relative(request->agent->event, &request->deadline, CLOCK_MONOTONIC,
                                       (uint64_t) client_call_left_ms(&request->limits) * 1000, 0, on_deadline, request) < 0) {
                (void) base_error_set_no_memory(&error);
                request_fail(request, &error);
        }
}

/* Looks into the cache, or has a token fetched. */
static void request_serve(struct request *request, const struct client_choice *choice, const struct attester_key *key)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct agent *agent = request->agent;
        struct agent_fetch_order order = { .issuer = choice->issuer, .key = key, .limits = request->limits };
        struct agent_cache_entry *entry = NULL;
        struct base_error error = BASE_ERROR_INIT;
        uint8_t digest[TOKEN_DIGEST_LEN];

        if (!token_challenge_digest(base_buffer_bytes(&choice->offer->encoded), digest, &error)) {
                request_fail(request, &error);
                return;
        }
        agent_cache_id_set(&order.id, digest, key);
        agent_answer_set(&request->answer, choice->issuer, key->token_type);
        order.cacheable = agent->cache != NULL && choice->offer->challenge.redemption_context.len == 0;
        /* A second time when the window is known: tokens fetched for a program in focus are for such ones. */
        if (order.cacheable)
                entry = request->cache_tried ? agent_cache_find(agent->cache, &order.id)
                                             : agent_cache_meet(agent->cache, &order.id, choice->issuer, key);
        if (entry != NULL &&
            agent_cache_take(agent->cache, entry, request->focus.verdict.kind == AGENT_VERDICT_FOCUSED, &token)) {
                agent_plan_ahead(agent, entry);
                request->answer.from_cache = true;
                request_succeed(request, base_buffer_bytes(&token));
                return;
        }
        if (entry != NULL)
                agent_plan_ahead(agent, entry);
        request->cache_tried = true;
        focus_ask(request);
        request->focus_awaited = agent->focus.believed && !request->focus_known;
        if (request->focus_awaited) {
                request_wait(request);
                return;
        }
        order.window = request->focus.verdict;
        if (agent_fetch_join(agent->fetches, &order, &request->token, &error))
                request_wait(request);
        else
                request_fail(request, &error);
}

enum outcome { FOUND, ASK_STATUS, ASK_DIRECTORY, FAILED };

/*
 * The first offer that can be served. An offer without a usable key gives way to the next one; a key that a known directory
 * lacks may be new, so that the directory is asked again first.
 */
static enum outcome search(struct request *request, struct client_choice *ret_choice, const struct attester_key **ret_key,
                           struct base_error *error)
{
        uint64_t now_s = request->agent->clock->wall_seconds(request->agent->clock->context);
        const struct attester_status *status = agent_daemon_status(request->agent->daemon);
        const struct attester_issuer *directory;
        struct base_error next = BASE_ERROR_INIT;

        if (status == NULL)
                return ASK_STATUS;
        while (client_choose_offer(&request->offers, request->from, base_bytes_from_string(request->origin), status, ret_choice,
                                   &next)) {
                directory = agent_daemon_directory(request->agent->daemon, ret_choice->issuer);
                if (directory != NULL && client_choose_key(ret_choice->offer, directory, now_s, ret_key, &next))
                        return FOUND;
                if (!request->directory_asked)
                        return ASK_DIRECTORY;
                if (directory == NULL)
                        (void) base_error_set(&next, BASE_ERROR_DAEMON_UNREACHABLE, "attesterd changed meanwhile; try again");
                if (request->first.code == BASE_ERROR_NONE)
                        request->first = next;
                request->from = (size_t) (ret_choice->offer - request->offers.items) + 1;
                request->directory_asked = false;
        }
        (void) base_error_copy(error, request->first.code == BASE_ERROR_NONE ? &next : &request->first);
        return FAILED;
}

static void request_step(struct request *request)
{
        struct client_choice choice = { .offer = NULL };
        const struct attester_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;
        bool asked = false;

        switch (search(request, &choice, &key, &error)) {
        case FOUND:
                request_serve(request, &choice, key);
                return;
        case ASK_STATUS:
                request->status_asked = true;
                asked = agent_daemon_ask_status(request->agent->daemon, &request->waiter, &error);
                break;
        case ASK_DIRECTORY:
                request->directory_asked = true;
                request->asked = (size_t) (choice.offer - request->offers.items);
                asked = agent_daemon_ask_directory(request->agent->daemon, choice.issuer, &request->waiter, &error);
                break;
        case FAILED:
                break;
        }
        if (asked)
                request_wait(request);
        else
                request_fail(request, &error);
}

/* attesterd answered. A directory that it cannot get is this offer's failure, and not yet the request's. */
static void on_answer(void *context, const struct base_error *error)
{
        struct request *request = context;

        if (error != NULL && request->status_asked) {
                request_fail(request, error);
                return;
        }
        request->status_asked = false;
        if (error != NULL) {
                if (request->first.code == BASE_ERROR_NONE)
                        request->first = *error;
                request->from = request->asked + 1;
                request->directory_asked = false;
        }
        request_step(request);
}

/* Reads the a{sv}; names that are not known are skipped. */
static bool options_read(DBusMessageIter *from, struct attester_options *ret, struct base_error *error)
{
        DBusMessageIter entries;

        dbus_message_iter_recurse(from, &entries);
        for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY; (void) dbus_message_iter_next(&entries)) {
                DBusMessageIter entry, value;
                const char *name = NULL;
                dbus_bool_t interactive = FALSE;
                int type;

                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                (void) dbus_message_iter_next(&entry);
                dbus_message_iter_recurse(&entry, &value);
                type = dbus_message_iter_get_arg_type(&value);
                if (strcmp(name, "interactive") == 0) {
                        if (type != DBUS_TYPE_BOOLEAN)
                                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                                      "the option \"interactive\" is a boolean");
                        dbus_message_iter_get_basic(&value, &interactive);
                        ret->interactive = interactive;
                } else if (strcmp(name, "timeout-ms") == 0) {
                        if (type != DBUS_TYPE_UINT32)
                                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                                      "the option \"timeout-ms\" is a uint32");
                        dbus_message_iter_get_basic(&value, &ret->timeout_ms);
                }
        }
        return true;
}

static bool arguments_read(struct request *request, struct base_error *error)
{
        struct attester_options options = ATTESTER_OPTIONS_INIT;
        const char *www_authenticate = NULL, *origin = NULL;
        DBusMessageIter iterator;

        (void) dbus_message_iter_init(request->call->message, &iterator);
        dbus_message_iter_get_basic(&iterator, &www_authenticate);
        (void) dbus_message_iter_next(&iterator);
        dbus_message_iter_get_basic(&iterator, &origin);
        (void) dbus_message_iter_next(&iterator);
        if (!options_read(&iterator, &options, error))
                return false;
        request->limits = client_call_start(&options);
        if (!token_server_name_valid(base_bytes_from_string(origin)))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "the origin is not a host name, with or without a port");
        request->origin = strdup(origin);
        if (request->origin == NULL)
                return base_error_set_no_memory(error);
        return token_www_authenticate_parse(base_bytes_from_string(www_authenticate), &request->offers, error) ||
               base_error_prefix(error, "the website's WWW-Authenticate");
}

void agent_request_start(struct agent *agent, struct agent_call *call)
{
        struct request *request = calloc(1, sizeof(*request));
        struct base_error error = BASE_ERROR_INIT;

        if (request == NULL) {
                (void) base_error_set_no_memory(&error);
                agent_call_fail(call, &error);
                return;
        }
        request->agent = agent;
        request->call = call;
        request->waiter = (struct agent_waiter){ .done = on_answer, .context = request };
        request->focus = (struct agent_focus_question){ .done = on_focus, .context = request };
        request->token = (struct agent_fetch_waiter){ .done = on_token, .context = request };
        if (arguments_read(request, &error))
                request_step(request);
        else
                request_fail(request, &error);
}
