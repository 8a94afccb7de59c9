/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/query.h"

#include "attesterd/denials.h"
#include "attesterd/evaluation.h"
#include "attesterd/explain.h"
#include "base/dbus_text.h"

/* A call that waits for an issuer's directory or for the TPM's state, and is answered then. */
struct query {
        struct attesterd_daemon *daemon;
        struct attesterd_call *call;
        struct attesterd_issuer *issuer; /* NULL: none */
        struct attesterd_request_options options;
        struct attesterd_waiter waiter;
        bool facts_waited;
        void (*answer)(struct query *query);
};

static void query_free(struct query *query)
{
        attesterd_waiter_cancel(&query->waiter);
        attesterd_issuer_unref(query->issuer);
        free(query);
}

static void on_cancel(void *work)
{
        query_free(work);
}

static void fail(struct query *query, const struct base_error *error)
{
        attesterd_call_fail(query->call, error);
        query_free(query);
}

/* Sends `reply` if it is complete. */
static void reply(struct query *query, DBusMessage *message, bool complete)
{
        if (message != NULL && !complete) {
                dbus_message_unref(message);
                message = NULL;
        }
        attesterd_call_reply(query->call, message);
        query_free(query);
}

static void on_awake(void *context, const struct base_error *error)
{
        struct query *query = context;

        if (error != NULL)
                fail(query, error);
        else
                query->answer(query);
}

/* NULL: the call has been answered already. */
static struct query *query_new(struct attesterd_daemon *daemon, struct attesterd_call *call, void (*answer)(struct query *query))
{
        struct query *query = calloc(1, sizeof(*query));

        if (query == NULL) {
                attesterd_call_reply(call, NULL);
                return NULL;
        }
        query->daemon = daemon;
        query->call = call;
        query->answer = answer;
        query->waiter.done = on_awake;
        query->waiter.context = query;
        call->cancel = on_cancel;
        call->work = query;
        return query;
}

static bool find_issuer(struct query *query, const char *name, struct base_error *error)
{
        if (!attesterd_daemon_find_issuer(query->daemon, name, &query->issuer, error))
                return false;
        (void) attesterd_issuer_ref(query->issuer);
        return true;
}

/* Opens {s v} with a variant of `signature`; close_entry() ends it. */
static bool open_entry(DBusMessageIter *dictionary, const char *name, const char *signature, DBusMessageIter *entry,
                       DBusMessageIter *variant)
{
        return dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, entry) &&
               dbus_message_iter_append_basic(entry, DBUS_TYPE_STRING, &name) &&
               dbus_message_iter_open_container(entry, DBUS_TYPE_VARIANT, signature, variant);
}

static bool close_entry(DBusMessageIter *dictionary, DBusMessageIter *entry, DBusMessageIter *variant)
{
        return dbus_message_iter_close_container(entry, variant) && dbus_message_iter_close_container(dictionary, entry);
}

static bool append_entry(DBusMessageIter *dictionary, const char *name, int type, const void *value)
{
        const char signature[] = { (char) type, '\0' };
        DBusMessageIter entry, variant;

        return open_entry(dictionary, name, signature, &entry, &variant) &&
               dbus_message_iter_append_basic(&variant, type, value) && close_entry(dictionary, &entry, &variant);
}

/* As append_entry(), of a text that others had a part in: libdbus ends a program that hands it one that is not UTF-8. */
static bool append_text_entry(DBusMessageIter *dictionary, const char *name, const char *text)
{
        DBusMessageIter entry, variant;

        return open_entry(dictionary, name, DBUS_TYPE_STRING_AS_STRING, &entry, &variant) &&
               base_dbus_text_append(&variant, text) && close_entry(dictionary, &entry, &variant);
}

static bool append_key(DBusMessageIter *array, const struct evidence_directory_key *key)
{
        dbus_uint16_t type = key->token_type;
        dbus_uint64_t not_before = key->not_before;
        const uint8_t *data = key->bytes;
        DBusMessageIter structure, bytes;

        return dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &structure) &&
               dbus_message_iter_append_basic(&structure, DBUS_TYPE_UINT16, &type) &&
               dbus_message_iter_open_container(&structure, DBUS_TYPE_ARRAY, "y", &bytes) &&
               dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &data, (int) key->len) &&
               dbus_message_iter_close_container(&structure, &bytes) &&
               dbus_message_iter_append_basic(&structure, DBUS_TYPE_UINT64, &not_before) &&
               dbus_message_iter_close_container(array, &structure);
}

static bool append_keys(DBusMessageIter *dictionary, const struct evidence_directory *directory)
{
        DBusMessageIter entry, variant, array;

        if (!open_entry(dictionary, "token-keys", "a(qayt)", &entry, &variant) ||
            !dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "(qayt)", &array))
                return false;
        for (size_t i = 0; i < directory->key_count; i++)
                if (!append_key(&array, &directory->keys[i]))
                        return false;
        return dbus_message_iter_close_container(&variant, &array) && close_entry(dictionary, &entry, &variant);
}

static bool append_issuer(DBusMessage *message, const struct attesterd_issuer *issuer)
{
        const struct evidence_directory *directory = issuer->directory;
        dbus_bool_t attestation = attesterd_issuer_attested(issuer);
        dbus_uint64_t fetched = issuer->fetched_seconds;
        char mirror[ATTESTERD_MIRROR_TEXT_MAX];
        DBusMessageIter top, dictionary;

        attesterd_mirror_text(&issuer->mirror, mirror);
        dbus_message_iter_init_append(message, &top);
        return dbus_message_iter_open_container(&top, DBUS_TYPE_ARRAY, "{sv}", &dictionary) &&
               append_text_entry(&dictionary, "name", issuer->config.name) &&
               append_text_entry(&dictionary, "request-uri", directory->request_uri) && append_keys(&dictionary, directory) &&
               append_entry(&dictionary, "attestation", DBUS_TYPE_BOOLEAN, &attestation) &&
               append_entry(&dictionary, "fetched", DBUS_TYPE_UINT64, &fetched) &&
               (mirror[0] == '\0' || append_text_entry(&dictionary, "mirror", mirror)) &&
               dbus_message_iter_close_container(&top, &dictionary);
}

static void answer_issuer(struct query *query)
{
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *message;

        switch (attesterd_issuer_need_directory(query->issuer, &query->waiter, &error)) {
        case ATTESTERD_ISSUER_WAIT:
                return;
        case ATTESTERD_ISSUER_FAILED:
                fail(query, &error);
                return;
        case ATTESTERD_ISSUER_READY:
                break;
        }
        message = dbus_message_new_method_return(query->call->message);
        reply(query, message, message != NULL && append_issuer(message, query->issuer));
}

void attesterd_query_issuer(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct query *query = query_new(daemon, call, answer_issuer);
        struct base_error error = BASE_ERROR_INIT;
        const char *name = NULL;

        if (query == NULL)
                return;
        (void) dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
        if (find_issuer(query, name, &error))
                answer_issuer(query);
        else
                fail(query, &error);
}

/* Whether all that can be known of the device and the caller is. Else the answer is tried again when more is. */
static bool is_ready(struct query *query, const struct attesterd_needs *needs)
{
        if (!query->facts_waited) {
                query->facts_waited = true;
                if ((needs->services & ATTESTERD_SERVICE_TPM) != 0 &&
                    !attesterd_facts_ready(query->daemon->facts, &query->waiter))
                        return false;
        }
        return attesterd_evaluation_ready(query->daemon, needs, query->call, &query->waiter);
}

static uint64_t now_ms(const struct query *query)
{
        return query->daemon->clock->boottime_ms(query->daemon->clock->context);
}

static bool append_facts(const struct query *query, DBusMessage *message, const struct policy_facts *facts)
{
        DBusMessageIter top;

        dbus_message_iter_init_append(message, &top);
        return attesterd_explain_append_facts(&top, facts, NULL, now_ms(query));
}

static void answer_facts(struct query *query)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        const struct attesterd_needs needs = ATTESTERD_NEEDS_ALL;
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *message;

        if (!is_ready(query, &needs))
                return;
        if (!attesterd_evaluation_device_facts(query->daemon, &needs, attesterd_call_session(query->call), &facts, &error)) {
                fail(query, &error);
                return;
        }
        message = dbus_message_new_method_return(query->call->message);
        reply(query, message, message != NULL && append_facts(query, message, &facts));
}

void attesterd_query_facts(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct query *query = query_new(daemon, call, answer_facts);

        if (query != NULL)
                answer_facts(query);
}

/* What Evaluate and Explain say of one snapshot of the facts. */
typedef bool append_verdict(const struct query *query, DBusMessageIter *to, const struct policy_facts *facts,
                            const struct policy_results *results);

static bool append_results(const struct query *query, DBusMessageIter *to, const struct policy_facts *facts,
                           const struct policy_results *results)
{
        DBusMessageIter array;

        (void) facts;
        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "(ssss)", &array))
                return false;
        for (size_t i = 0; i < results->count; i++) {
                const struct policy_result *result = &results->items[i];

                if (!attesterd_rule_append(&array, result->rule->name, policy_outcome_name(result->outcome),
                                           result->reason == NULL ? "" : result->reason,
                                           policy_rule_remedy(result->rule, query->options.locale)))
                        return false;
        }
        return dbus_message_iter_close_container(to, &array);
}

static bool append_explanation(const struct query *query, DBusMessageIter *to, const struct policy_facts *facts,
                               const struct policy_results *results)
{
        return attesterd_explain_append_rules(to, results, query->options.locale) &&
               attesterd_explain_append_facts(to, facts, results, now_ms(query));
}

static bool append_judged(const struct query *query, DBusMessage *message, const struct policy_facts *facts,
                          const struct policy_results *results, append_verdict *append)
{
        dbus_bool_t pass = results->pass;
        DBusMessageIter top;

        dbus_message_iter_init_append(message, &top);
        return dbus_message_iter_append_basic(&top, DBUS_TYPE_BOOLEAN, &pass) && append(query, &top, facts, results);
}

static void judge(struct query *query, append_verdict *append)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        const char *issuer = query->issuer == NULL ? "" : query->issuer->config.name;
        const struct attesterd_asker asker = {
                .session = attesterd_call_session(query->call),
                .options = &query->options,
                .needs = attesterd_evaluation_needs(query->daemon, false),
        };
        struct base_error error = BASE_ERROR_INIT;
        DBusMessage *message;

        if (!is_ready(query, &asker.needs))
                return;
        if (!attesterd_evaluation_facts(query->daemon, issuer, &asker, &facts, &error) ||
            !attesterd_evaluation_run(query->daemon, &facts, query->issuer, false, &results, &error)) {
                fail(query, &error);
                return;
        }
        message = dbus_message_new_method_return(query->call->message);
        reply(query, message, message != NULL && append_judged(query, message, &facts, &results, append));
}

static void answer_evaluate(struct query *query)
{
        judge(query, append_results);
}

static void answer_explain(struct query *query)
{
        judge(query, append_explanation);
}

static void ask_judgement(struct attesterd_daemon *daemon, struct attesterd_call *call, void (*answer)(struct query *query))
{
        struct query *query = query_new(daemon, call, answer);
        struct base_error error = BASE_ERROR_INIT;
        DBusMessageIter iter;
        const char *name;

        if (query == NULL)
                return;
        (void) dbus_message_iter_init(call->message, &iter);
        dbus_message_iter_get_basic(&iter, &name);
        (void) dbus_message_iter_next(&iter);
        if (!attesterd_request_options_parse(query->call, &iter, &query->options, &error) ||
            (name[0] != '\0' && !find_issuer(query, name, &error)))
                fail(query, &error);
        else
                answer(query);
}

void attesterd_query_evaluate(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        ask_judgement(daemon, call, answer_evaluate);
}

void attesterd_query_explain(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        ask_judgement(daemon, call, answer_explain);
}
