/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/request.h"

#include "attesterd/issuance.h"
#include "attesterd/outcome.h"
#include "base/log.h"

#include <string.h>

/*
 * validate → directory → facts → services → policy → nonce → issuance → reply. From DIRECTORY to NONCE, advance() takes one step
 * after another and leaves when one has to wait; it is then called again.
 */
enum state {
        STATE_DIRECTORY,
        STATE_FACTS,
        STATE_SERVICES,
        STATE_POLICY,
        STATE_NONCE,
        STATE_ISSUANCE,
};

struct request {
        struct attesterd_daemon *daemon;
        struct attesterd_call *call;
        struct attesterd_issuer *issuer;
        struct attesterd_request_options options;
        struct attesterd_asker asker;
        enum state state;
        bool attested;
        bool facts_waited;
        sd_event_source *deadline;
        struct attesterd_waiter waiter;
        struct attesterd_issuance issuance;
};

static void advance(struct request *request);

static void request_free(struct request *request)
{
        attesterd_waiter_cancel(&request->waiter);
        attesterd_issuance_clear(&request->issuance);
        (void) sd_event_source_disable_unref(request->deadline);
        attesterd_issuer_unref(request->issuer);
        free(request);
}

static void on_cancel(void *work)
{
        request_free(work);
}

static void log_end(const struct request *request, const struct base_error *error)
{
        const struct attesterd_issuance *issuance = &request->issuance;
        unsigned long long elapsed_ms = attesterd_daemon_now_ms(request->daemon) - request->call->started_ms;
        const char *batch = issuance->batched ? ", as one batch" : "";

        if (error == NULL && request->attested)
                base_log(BASE_LOG_INFO, "uid %u got %zu token(s) of %s in %llu ms%s, by a TPM quote that %zu request(s) shared",
                         (unsigned) request->call->uid, issuance->count, request->issuer->config.name, elapsed_ms, batch,
                         attesterd_issuance_quote_sharers(issuance));
        else if (error == NULL)
                base_log(BASE_LOG_INFO, "uid %u got %zu token(s) of %s in %llu ms%s, without evidence",
                         (unsigned) request->call->uid, issuance->count, request->issuer->config.name, elapsed_ms, batch);
        else
                base_log_error(BASE_LOG_INFO, error, "uid %u got no token of %s after %llu ms", (unsigned) request->call->uid,
                               request->issuer->config.name, elapsed_ms);
}

static void finish(struct request *request, const struct attesterd_denials *denials, const struct base_error *error)
{
        struct attesterd_call *call = request->call;

        log_end(request, error);
        attesterd_outcome_tell(request->issuer, denials, error);
        if (denials != NULL && error->code == BASE_ERROR_POLICY_DENIED)
                attesterd_call_reply(call, attesterd_denials_message(denials, call->message, error));
        else
                attesterd_call_fail(call, error);
        request_free(request);
}

static bool append_info(DBusMessageIter *info, const char *name, int type, const char *signature, const void *value)
{
        DBusMessageIter entry, variant;

        return dbus_message_iter_open_container(info, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name) &&
               dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant) &&
               dbus_message_iter_append_basic(&variant, type, value) && dbus_message_iter_close_container(&entry, &variant) &&
               dbus_message_iter_close_container(info, &entry);
}

static bool append_responses(const struct request *request, DBusMessageIter *array)
{
        for (size_t i = 0; i < request->issuance.count; i++) {
                struct base_bytes response = request->issuance.responses[i];
                DBusMessageIter bytes;

                if (!dbus_message_iter_open_container(array, DBUS_TYPE_ARRAY, "y", &bytes) ||
                    !dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &response.data, (int) response.len) ||
                    !dbus_message_iter_close_container(array, &bytes))
                        return false;
        }
        return true;
}

/* From the call to its last quote; 0 without evidence. */
static uint64_t quote_wait_ms(const struct request *request)
{
        uint64_t quoted_ms = attesterd_issuance_quoted_ms(&request->issuance);

        return quoted_ms == 0 ? 0 : quoted_ms - request->call->started_ms;
}

static bool append_reply(const struct request *request, DBusMessage *reply)
{
        dbus_uint32_t shared_by = (dbus_uint32_t) attesterd_issuance_quote_sharers(&request->issuance);
        dbus_uint32_t elapsed_ms = (dbus_uint32_t) (attesterd_daemon_now_ms(request->daemon) - request->call->started_ms);
        dbus_uint32_t waited_ms = (dbus_uint32_t) quote_wait_ms(request);
        dbus_bool_t attested = request->attested;
        DBusMessageIter top, array;

        dbus_message_iter_init_append(reply, &top);
        return dbus_message_iter_open_container(&top, DBUS_TYPE_ARRAY, "ay", &array) && append_responses(request, &array) &&
               dbus_message_iter_close_container(&top, &array) &&
               dbus_message_iter_open_container(&top, DBUS_TYPE_ARRAY, "{sv}", &array) &&
               append_info(&array, "attested", DBUS_TYPE_BOOLEAN, "b", &attested) &&
               append_info(&array, "elapsed-ms", DBUS_TYPE_UINT32, "u", &elapsed_ms) &&
               append_info(&array, "quote-wait-ms", DBUS_TYPE_UINT32, "u", &waited_ms) &&
               append_info(&array, "quote-shared-by", DBUS_TYPE_UINT32, "u", &shared_by) &&
               dbus_message_iter_close_container(&top, &array);
}

static void succeed(struct request *request)
{
        DBusMessage *reply = dbus_message_new_method_return(request->call->message);

        if (reply != NULL && !append_reply(request, reply)) {
                dbus_message_unref(reply);
                reply = NULL;
        }
        log_end(request, NULL);
        attesterd_outcome_tell(request->issuer, NULL, NULL);
        attesterd_call_reply(request->call, reply);
        request_free(request);
}

static void on_issued(void *context, const struct attesterd_denials *denials, const struct base_error *error)
{
        struct request *request = context;

        if (error != NULL)
                finish(request, denials, error);
        else
                succeed(request);
}

/* Refused here, a person learns at once what to mend, and no quote is spent. False when the request is over. */
static bool pass_policy(struct request *request)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        attesterd_auto_denials struct attesterd_denials denials = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        if (attesterd_evaluation_facts(request->daemon, request->issuer->config.name, &request->asker, &facts, &error) &&
            attesterd_evaluation_run(request->daemon, &facts, request->issuer, true, &results, &error)) {
                if (results.pass)
                        return true;
                if (attesterd_denials_add_results(&denials, &results, request->options.locale, &error))
                        (void) attesterd_denials_error(&denials, "this device does not meet the policy.", &error);
        }
        finish(request, &denials, &error);
        return false;
}

static bool check_enrolled(struct request *request, struct base_error *error)
{
        request->attested = attesterd_issuer_attested(request->issuer);
        if (!request->attested || request->issuer->enrolment.enrolled)
                return true;
        return base_error_set(error, BASE_ERROR_NOT_ENROLLED,
                              "this device is not enrolled with the issuer %s; an administrator can do so: attestctl enroll %s",
                              request->issuer->config.name, request->issuer->config.name);
}

/* One step. False: it waits, or it is over. */
static bool step(struct request *request)
{
        enum attesterd_issuer_state ready = ATTESTERD_ISSUER_READY;
        struct base_error error = BASE_ERROR_INIT;

        switch (request->state) {
        case STATE_DIRECTORY:
                ready = attesterd_issuer_need_directory(request->issuer, &request->waiter, &error);
                if (ready == ATTESTERD_ISSUER_READY && !check_enrolled(request, &error))
                        ready = ATTESTERD_ISSUER_FAILED;
                break;
        case STATE_FACTS:
                request->asker.needs = attesterd_evaluation_needs(request->daemon, request->attested);
                if (!request->facts_waited && (request->asker.needs.services & ATTESTERD_SERVICE_TPM) != 0 &&
                    !attesterd_facts_ready(request->daemon->facts, &request->waiter))
                        ready = ATTESTERD_ISSUER_WAIT;
                request->facts_waited = true;
                break;
        case STATE_SERVICES:
                request->asker.needs = attesterd_evaluation_needs(request->daemon, request->attested);
                if (!attesterd_evaluation_ready(request->daemon, &request->asker.needs, request->call, &request->waiter))
                        ready = ATTESTERD_ISSUER_WAIT;
                break;
        case STATE_POLICY:
                if (!pass_policy(request))
                        return false;
                break;
        case STATE_NONCE:
                if (request->attested)
                        ready = attesterd_issuer_need_nonce(request->issuer, &request->waiter, &error);
                break;
        case STATE_ISSUANCE:
                request->issuance.attested = request->attested;
                if (attesterd_issuance_start(&request->issuance, &error))
                        return false;
                ready = ATTESTERD_ISSUER_FAILED;
                break;
        }
        if (ready == ATTESTERD_ISSUER_FAILED)
                finish(request, NULL, &error);
        if (ready != ATTESTERD_ISSUER_READY)
                return false;
        request->state++;
        return true;
}

static void advance(struct request *request)
{
        while (step(request))
                continue;
}

static void on_awake(void *context, const struct base_error *error)
{
        struct request *request = context;

        if (error != NULL)
                finish(request, NULL, error);
        else
                advance(request);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct request *request = userdata;
        struct base_error error = BASE_ERROR_INIT;

        (void) source;
        (void) usec;
        (void) base_error_set(&error, BASE_ERROR_TIMEOUT, "there was no token within %u ms; retry later",
                              (unsigned) request->options.timeout_ms);
        finish(request, NULL, &error);
        return 0;
}

static bool parse_token_requests(DBusMessageIter *iter, struct attesterd_issuance *issuance, struct base_error *error)
{
        int count = dbus_message_iter_get_element_count(iter);
        DBusMessageIter array;

        if (count < 1 || count > ATTESTERD_TOKEN_REQUESTS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a call has 1 to %d token requests, not %d",
                                      ATTESTERD_TOKEN_REQUESTS_MAX, count);
        issuance->count = (size_t) count;
        dbus_message_iter_recurse(iter, &array);
        for (size_t i = 0; i < issuance->count; i++, (void) dbus_message_iter_next(&array)) {
                DBusMessageIter bytes;
                const uint8_t *data = NULL;
                int len = 0;

                dbus_message_iter_recurse(&array, &bytes);
                dbus_message_iter_get_fixed_array(&bytes, &data, &len);
                if (len < 1 || len > ATTESTERD_TOKEN_REQUEST_BYTES_MAX)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "token request %zu is not 1 to %d bytes long",
                                              i, ATTESTERD_TOKEN_REQUEST_BYTES_MAX);
                issuance->requests[i] = BASE_BYTES(data, (size_t) len);
        }
        return true;
}

static bool parse(struct request *request, struct base_error *error)
{
        DBusMessageIter iter;
        const char *name;

        (void) dbus_message_iter_init(request->call->message, &iter);
        dbus_message_iter_get_basic(&iter, &name);
        (void) dbus_message_iter_next(&iter);
        if (!parse_token_requests(&iter, &request->issuance, error))
                return false;
        (void) dbus_message_iter_next(&iter);
        if (!attesterd_request_options_parse(request->call, &iter, &request->options, error) ||
            !attesterd_daemon_find_issuer(request->daemon, name, &request->issuer, error))
                return false;
        (void) attesterd_issuer_ref(request->issuer);
        return request->issuance.count == 1 || attesterd_call_weigh(request->call, (unsigned) request->issuance.count - 1, error);
}

void attesterd_request_tokens(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct request *request = calloc(1, sizeof(*request));
        struct base_error error = BASE_ERROR_INIT;

        if (request == NULL) {
                attesterd_call_reply(call, NULL);
                return;
        }
        request->daemon = daemon;
        request->call = call;
        request->waiter.done = on_awake;
        request->waiter.context = request;
        if (!parse(request, &error)) {
                attesterd_call_fail(call, &error);
                request_free(request);
                return;
        }
        request->asker = (struct attesterd_asker){
                .session = attesterd_call_session(call),
                .options = &request->options,
        };
        request->issuance.daemon = daemon;
        request->issuance.issuer = request->issuer;
        request->issuance.asker = &request->asker;
        request->issuance.uid = call->uid;
        request->issuance.deadline_ms = call->started_ms + request->options.timeout_ms;
        request->issuance.done = on_issued;
        request->issuance.context = request;
        if (sd_event_add_time_relative(daemon->event, &request->deadline, CLOCK_MONOTONIC,
                                       (uint64_t) request->options.timeout_ms * 1000, 0, on_deadline, request) < 0) {
                attesterd_call_reply(call, NULL);
                request_free(request);
                return;
        }
        call->cancel = on_cancel;
        call->work = request;
        advance(request);
}
