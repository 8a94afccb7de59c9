/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/exchange.h"

#include "attesterd/claims.h"
#include "attesterd/event_log.h"
#include "attesterd/problem.h"
#include "evidence/evidence.h"
#include "evidence/header.h"

#include <string.h>

struct media_types {
        const char *request;
        const char *response; /* NULL: the answer has no content */
};

/* RFC 9578, section 8.3; draft-ietf-privacypass-batched-tokens-06, section 6; docs/PROTOCOL.md. */
static const struct media_types media_types[ATTESTERD_EXCHANGE_KIND_COUNT] = {
        [ATTESTERD_EXCHANGE_TOKEN] = { "application/private-token-request", "application/private-token-response" },
        [ATTESTERD_EXCHANGE_BATCH] = { "application/private-token-generic-batch-request",
                                       "application/private-token-generic-batch-response" },
        [ATTESTERD_EXCHANGE_EVENT_LOG] = { "application/vnd.attesterd.event-log", NULL },
};

static void on_share(void *context, const struct attesterd_batch_share *share, const struct base_error *error);
static void on_response(void *context, const struct net_response *response, const struct base_error *error);

static void fail(struct attesterd_exchange *exchange, const struct base_error *error)
{
        exchange->done(exchange->context, exchange, NULL, error);
}

static bool make_claims(struct attesterd_exchange *exchange, const struct policy_facts *facts, struct base_error *error)
{
        evidence_auto_claims struct evidence_claims claims = EVIDENCE_CLAIMS_INIT;
        const struct attesterd_daemon *daemon = exchange->daemon;

        claims.iat = daemon->clock->wall_seconds(daemon->clock->context);
        memcpy(claims.nonce, exchange->issuer->nonce, exchange->issuer->nonce_len);
        claims.nonce_len = exchange->issuer->nonce_len;
        (void) snprintf(claims.software, sizeof(claims.software), "%s", ATTESTERD_VERSION);
        if (daemon->policy != NULL)
                memcpy(claims.policy_digest, daemon->policy->digest, sizeof(claims.policy_digest));
        if (!daemon->random->fill(daemon->random->context, claims.cti, sizeof(claims.cti), error) ||
            !base_sha256(&exchange->body, 1, claims.request_digest, error))
                return false;
        if (!attesterd_claims_add_facts(facts, &claims, error))
                return false;
        memcpy(exchange->nonce, claims.nonce, sizeof(exchange->nonce));
        exchange->nonce_len = claims.nonce_len;
        base_buffer_clear(&exchange->claims);
        base_buffer_init(&exchange->claims, EVIDENCE_CLAIMS_BYTES_MAX);
        return evidence_claims_encode(&claims, &exchange->claims, error);
}

static bool ask_for_quote(struct attesterd_exchange *exchange, const struct policy_facts *facts, struct base_error *error)
{
        exchange->logs_accepted = exchange->issuer->event_log.accepted;
        exchange->item = (struct attesterd_batch_item){ .callback = on_share, .context = exchange };
        return make_claims(exchange, facts, error) &&
               evidence_leaf_hash(base_buffer_bytes(&exchange->claims), exchange->item.leaf, error) &&
               attesterd_batch_submit(exchange->daemon->batcher, &exchange->item, exchange->uid, error);
}

static bool exchange_begins(struct attesterd_exchange *exchange, struct base_error *error)
{
        if (!exchange->attested || exchange->posted)
                return true;
        exchange->posted = attesterd_batch_exchange_begin(exchange->daemon->batcher, exchange->uid, error);
        return exchange->posted;
}

static void exchange_ends(struct attesterd_exchange *exchange)
{
        if (exchange->posted)
                attesterd_batch_exchange_end(exchange->daemon->batcher, exchange->uid);
        exchange->posted = false;
}

static bool post(struct attesterd_exchange *exchange, struct base_error *error)
{
        struct net_request request = attesterd_issuer_request(exchange->issuer, NET_METHOD_POST, exchange->request_uri);

        request.content_type = media_types[exchange->kind].request;
        request.accept = media_types[exchange->kind].response;
        request.body = exchange->body;
        if (exchange->attested) {
                request.headers[0] = (struct net_header){ EVIDENCE_HEADER_NAME, base_buffer_c_string(&exchange->header) };
                request.header_count = 1;
                if (request.headers[0].value == NULL)
                        return base_error_set_no_memory(error);
        }
        exchange->post = (struct attesterd_post){
                .request = request,
                .deadline_ms = exchange->deadline_ms,
                .callback = on_response,
                .context = exchange,
        };
        if (!exchange_begins(exchange, error))
                return false;
        if (attesterd_outbox_post(&exchange->daemon->outbox, &exchange->issuer->lane, &exchange->post, exchange->uid, error))
                return true;
        exchange_ends(exchange);
        return false;
}

bool attesterd_exchange_start(struct attesterd_exchange *exchange, const struct policy_facts *facts, struct base_error *error)
{
        base_buffer_init(&exchange->response, NET_RESPONSE_BODY_MAX);
        base_buffer_init(&exchange->claims, EVIDENCE_CLAIMS_BYTES_MAX);
        base_buffer_init(&exchange->header, NET_HEADER_VALUE_BYTES_MAX);
        return exchange->attested ? ask_for_quote(exchange, facts, error) : post(exchange, error);
}

static bool make_header(struct attesterd_exchange *exchange, const struct attesterd_batch_share *share, struct base_error *error)
{
        base_auto_free struct evidence *evidence = calloc(1, sizeof(*evidence));

        if (evidence == NULL)
                return base_error_set_no_memory(error);
        memcpy(evidence->claims, exchange->claims.data, exchange->claims.len);
        evidence->claims_len = exchange->claims.len;
        evidence->proof = share->proof;
        evidence->quote = share->quote->evidence;
        evidence->seal = share->quote->seal;
        memcpy(evidence->key_id, share->quote->key_name, sizeof(evidence->key_id));
        base_buffer_clear(&exchange->claims);
        base_buffer_reset(&exchange->header);
        return evidence_encode_header(evidence, &exchange->header, error);
}

/* An enrolment holds for the key that was enrolled; a new key file is a new device to the issuer. */
static bool check_key(const struct attesterd_exchange *exchange, const struct tpm_quote *quote, struct base_error *error)
{
        if (memcmp(exchange->issuer->enrolment.key_name, quote->key_name, sizeof(quote->key_name)) == 0)
                return true;
        return base_error_set(error, BASE_ERROR_NOT_ENROLLED,
                              "this device has a new key since it was enrolled with %s; an administrator can enrol it again",
                              exchange->issuer->config.name);
}

static void on_share(void *context, const struct attesterd_batch_share *share, const struct base_error *error)
{
        struct attesterd_exchange *exchange = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (error != NULL) {
                fail(exchange, error);
                return;
        }
        exchange->sharers = share->sharers;
        exchange->quoted_ms = attesterd_daemon_now_ms(exchange->daemon);
        if (!check_key(exchange, share->quote, &problem) || !make_header(exchange, share, &problem) || !post(exchange, &problem))
                fail(exchange, &problem);
}

static bool take_response(struct attesterd_exchange *exchange, const struct net_response *response, struct base_error *error)
{
        const char *name = exchange->issuer->config.name;

        if (!attesterd_media_type_is(response->content_type, media_types[exchange->kind].response) || response->body.len == 0)
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "the issuer %s answers with something else than a token",
                                      name);
        base_buffer_put_bytes(&exchange->response, response->body);
        return base_buffer_ok(&exchange->response) || base_error_set_no_memory(error);
}

/* A stale nonce is made good once, with another that has come since. */
static bool may_retry(const struct attesterd_exchange *exchange, const struct net_response *response)
{
        const struct attesterd_issuer *issuer = exchange->issuer;

        return response->status == 401 && exchange->attested && !exchange->retried &&
               !base_bytes_equal(BASE_BYTES(issuer->nonce, issuer->nonce_len), BASE_BYTES(exchange->nonce, exchange->nonce_len));
}

static bool retry(struct attesterd_exchange *exchange, struct base_error *error)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        return (exchange->kind == ATTESTERD_EXCHANGE_EVENT_LOG ||
                attesterd_evaluation_facts(exchange->daemon, exchange->issuer->config.name, exchange->asker, &facts, error)) &&
               ask_for_quote(exchange, &facts, error);
}

static void on_log(void *context, const struct base_error *error)
{
        struct attesterd_exchange *exchange = context;
        struct base_error problem = BASE_ERROR_INIT;

        (void) error; /* without the log the issuer says once more what it lacks */
        if (!retry(exchange, &problem))
                fail(exchange, &problem);
}

/* A refusal may come from what the issuer could not derive: it is asked once more when it has the event log. */
static bool wait_for_log(struct attesterd_exchange *exchange)
{
        struct attesterd_log_state *log = &exchange->issuer->event_log;

        if (exchange->log_waited || exchange->kind == ATTESTERD_EXCHANGE_EVENT_LOG ||
            (!log->sending && log->accepted == exchange->logs_accepted))
                return false;
        exchange->log_waited = true;
        exchange->log_waiter = (struct attesterd_waiter){ .done = on_log, .context = exchange };
        if (log->sending)
                attesterd_waiter_add(&log->waiters, &exchange->log_waiter);
        else
                on_log(exchange, NULL);
        return true;
}

/*
 * An issuer that does not know batches says that it does not know the media type, or takes the batch for a damaged or too large
 * TokenRequest.
 * One that does may answer 400 or 422 too; then the requests are refused one by one as well.
 */
static bool is_refusal_of_batch(const struct attesterd_exchange *exchange, const struct net_response *response)
{
        static const unsigned statuses[] = { 400, 404, 413, 415, 422 };

        for (size_t i = 0; i < BASE_COUNT(statuses); i++)
                if (response->status == statuses[i])
                        return exchange->kind == ATTESTERD_EXCHANGE_BATCH;
        return false;
}

static void refuse(struct attesterd_exchange *exchange, const struct net_response *response)
{
        attesterd_auto_denials struct attesterd_denials denials = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        if (is_refusal_of_batch(exchange, response)) {
                (void) base_error_set(&error, BASE_ERROR_UNSUPPORTED, "the issuer %s answers %u to a batch of token requests",
                                      exchange->issuer->config.name, response->status);
                fail(exchange, &error);
                return;
        }
        if (response->status == 422)
                attesterd_issuer_doubt_directory(exchange->issuer);
        (void) attesterd_problem_error(exchange->issuer->config.name, response, &denials, &error);
        exchange->done(exchange->context, exchange, &denials, &error);
}

/* 206: of a batch, some requests were not answered; which ones is in the content. */
static bool is_answered(const struct attesterd_exchange *exchange, const struct net_response *response)
{
        switch (exchange->kind) {
        case ATTESTERD_EXCHANGE_EVENT_LOG:
                return response->status == 204;
        case ATTESTERD_EXCHANGE_BATCH:
                return response->status == 200 || response->status == 206;
        default:
                return response->status == 200;
        }
}

static void on_response(void *context, const struct net_response *response, const struct base_error *error)
{
        struct attesterd_exchange *exchange = context;
        bool is_event_log = exchange->kind == ATTESTERD_EXCHANGE_EVENT_LOG;
        struct base_error problem = BASE_ERROR_INIT;

        exchange_ends(exchange);
        if (error != NULL) {
                fail(exchange, error);
                return;
        }
        attesterd_issuer_note_nonce(exchange->issuer, response);
        if (response->event_log_wanted && !is_event_log)
                attesterd_event_log_send(exchange->daemon, exchange->issuer);
        if (may_retry(exchange, response)) {
                exchange->retried = true;
                if (!retry(exchange, &problem))
                        fail(exchange, &problem);
        } else if (response->status == 403 && response->event_log_wanted && wait_for_log(exchange)) {
                return;
        } else if (!is_answered(exchange, response)) {
                refuse(exchange, response);
        } else if (is_event_log || take_response(exchange, response, &problem)) {
                exchange->done(exchange->context, exchange, NULL, NULL);
        } else {
                fail(exchange, &problem);
        }
}

void attesterd_exchange_clear(struct attesterd_exchange *exchange)
{
        if (exchange->daemon == NULL)
                return;
        attesterd_batch_cancel(exchange->daemon->batcher, &exchange->item);
        attesterd_outbox_cancel(&exchange->post);
        attesterd_waiter_cancel(&exchange->log_waiter);
        exchange_ends(exchange);
        base_buffer_clear(&exchange->response);
        base_buffer_clear(&exchange->claims);
        base_buffer_clear(&exchange->header);
}
