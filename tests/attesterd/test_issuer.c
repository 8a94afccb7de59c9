/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's cache, the queue of posts and the meaning of problem documents, over a transport that does as it is told. */
#include "tests/cmocka.h"

#include "attesterd/issuer.h"
#include "attesterd/problem.h"

#include <string.h>

#define FETCHES_MAX 600
#define DIRECTORY                                                                                                                \
        "{\"issuer-request-uri\":\"/r\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"AAAA\"}],"                             \
        "\"attestation\":{\"profile\":\"tag:attesterd.org,2026:evidence-1\",\"nonce-uri\":\"/n\",\"enroll-uri\":\"/e\"}}"

#define KEY(type, key, more) "{\"token-type\":" type ",\"token-key\":\"" key "\"" more "}"
#define KEYS(keys)           "{\"issuer-request-uri\":\"/r\",\"token-keys\":[" keys "]}"

struct fetch {
        net_fetch_callback *callback; /* NULL: cancelled or answered */
        void *context;
};

struct bench {
        sd_event *event;
        uint64_t now_ms;
        struct base_clock clock;
        struct net_transport transport;
        struct fetch fetches[FETCHES_MAX];
        size_t count;
        size_t cancelled;
        bool refuse;
        struct attesterd_issuer *issuer;
        struct attesterd_waiter waiter;
        size_t woken;
        enum base_error_code woken_with;
        struct attesterd_outbox outbox;
        size_t responses;
        char second_url[64];     /* of the second fetch */
        char order[FETCHES_MAX]; /* of users, as their posts were sent */
};

static uint64_t fake_time(void *context)
{
        return *(uint64_t *) context;
}

static bool fake_fetch(void *context, const struct net_request *request, net_fetch_callback *callback, void *callback_context,
                       uint64_t *ret_id, struct base_error *error)
{
        struct bench *bench = context;

        if (bench->refuse)
                return base_error_set(error, BASE_ERROR_ISSUER_UNREACHABLE, "refused");
        assert_true(bench->count < FETCHES_MAX);
        if (bench->count == 1)
                (void) snprintf(bench->second_url, sizeof(bench->second_url), "%s", request->url);
        bench->order[bench->count] = request->body.len > 0 ? (char) request->body.data[0] : '-';
        bench->fetches[bench->count] = (struct fetch){ callback, callback_context };
        *ret_id = ++bench->count;
        return true;
}

static void fake_cancel(void *context, uint64_t id)
{
        struct bench *bench = context;

        bench->fetches[id - 1].callback = NULL;
        bench->cancelled++;
}

static void on_awake(void *context, const struct base_error *error)
{
        struct bench *bench = context;

        bench->woken++;
        bench->woken_with = error == NULL ? BASE_ERROR_NONE : error->code;
}

static int set_up_with(void **state, char *mirror)
{
        static char name[] = "a.example", url[] = "https://a.example/directory";
        const struct attesterd_issuer_config config = { .name = name, .url = url, .mirror = mirror, .attest = true };
        struct bench *bench = calloc(1, sizeof(*bench));

        assert_non_null(bench);
        assert_true(sd_event_new(&bench->event) >= 0);
        bench->now_ms = 1000;
        bench->clock = (struct base_clock){ fake_time, fake_time, &bench->now_ms };
        bench->transport = (struct net_transport){ fake_fetch, fake_cancel, bench };
        bench->waiter.done = on_awake;
        bench->waiter.context = bench;
        assert_true(attesterd_issuer_new(&config, &bench->transport, &bench->clock, &bench->issuer, NULL));
        assert_true(attesterd_outbox_init(&bench->outbox, bench->event, &bench->transport, &bench->clock, NULL));
        *state = bench;
        return 0;
}

static int set_up(void **state)
{
        return set_up_with(state, NULL);
}

static int set_up_mirror(void **state)
{
        static char mirror[] = "https://mirror.example/a";

        return set_up_with(state, mirror);
}

static int tear_down(void **state)
{
        struct bench *bench = *state;

        attesterd_issuer_unref(bench->issuer);
        attesterd_outbox_clear(&bench->outbox);
        (void) sd_event_unref(bench->event);
        free(bench);
        return 0;
}

static struct net_response response_of(const char *body)
{
        return (struct net_response){
                .status = 200,
                .content_type = EVIDENCE_DIRECTORY_MEDIA_TYPE,
                .attestation_nonce = "",
                .etag = "",
                .body = base_bytes_from_string(body),
        };
}

static void answer(struct bench *bench, size_t i, const struct net_response *response, const struct base_error *error)
{
        net_fetch_callback *callback = bench->fetches[i].callback;

        assert_non_null(callback);
        bench->fetches[i].callback = NULL;
        callback(bench->fetches[i].context, response, error);
}

static enum attesterd_issuer_state need(struct bench *bench, struct base_error *error)
{
        return attesterd_issuer_need_directory(bench->issuer, &bench->waiter, error);
}

/* The directory as it comes, with this max-age. */
static void fetch_directory(struct bench *bench, bool has_max_age, uint32_t max_age_seconds)
{
        struct net_response response = response_of(DIRECTORY);

        response.has_max_age = has_max_age;
        response.max_age_seconds = max_age_seconds;
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        answer(bench, bench->count - 1, &response, NULL);
        assert_int_equal(bench->woken_with, BASE_ERROR_NONE);
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
}

static void need_directory_is_fetched_once_for_all(void **state)
{
        struct bench *bench = *state;
        struct attesterd_waiter others[3] = { 0 };
        struct net_response response = response_of(DIRECTORY);

        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        for (size_t i = 0; i < BASE_COUNT(others); i++) {
                others[i] = (struct attesterd_waiter){ .done = on_awake, .context = bench };
                assert_int_equal(attesterd_issuer_need_directory(bench->issuer, &others[i], NULL), ATTESTERD_ISSUER_WAIT);
        }
        attesterd_waiter_cancel(&others[1]);
        assert_int_equal(bench->count, 1);
        answer(bench, 0, &response, NULL);
        assert_int_equal(bench->woken, 3);
        assert_true(attesterd_issuer_attested(bench->issuer));
        assert_string_equal(bench->issuer->directory->request_uri, "https://a.example/r");
}

static void need_directory_keeps_it_as_long_as_it_says_but_a_day_at_most(void **state)
{
        static const struct {
                bool given;
                uint32_t seconds;
                uint64_t kept_ms;
        } cases[] = {
                { false, 0, ATTESTERD_DIRECTORY_AGE_DEFAULT_MS }, { true, 60, 60000 },
                { true, 0, ATTESTERD_DIRECTORY_AGE_MIN_MS },      { true, UINT32_MAX, ATTESTERD_DIRECTORY_AGE_MAX_MS },
                { true, 86400, ATTESTERD_DIRECTORY_AGE_MAX_MS },
        };
        struct bench *bench = *state;

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                fetch_directory(bench, cases[i].given, cases[i].seconds);
                bench->now_ms += cases[i].kept_ms - 1;
                assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
                bench->now_ms += 1;
        }
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
}

static void need_directory_failure_is_the_answer_until_the_back_off_ends(void **state)
{
        struct base_error error = BASE_ERROR_INIT, unreachable = BASE_ERROR_INIT;
        struct bench *bench = *state;

        (void) base_error_set(&unreachable, BASE_ERROR_ISSUER_UNREACHABLE, "gone");
        for (uint64_t backoff_ms = ATTESTERD_FETCH_BACKOFF_MIN_MS; backoff_ms < 4 * ATTESTERD_FETCH_BACKOFF_MAX_MS;
             backoff_ms *= 2) {
                uint64_t bounded_ms = backoff_ms < ATTESTERD_FETCH_BACKOFF_MAX_MS ? backoff_ms : ATTESTERD_FETCH_BACKOFF_MAX_MS;

                assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
                answer(bench, bench->count - 1, NULL, &unreachable);
                assert_int_equal(bench->woken_with, BASE_ERROR_ISSUER_UNREACHABLE);
                bench->now_ms += bounded_ms - 1;
                assert_int_equal(need(bench, &error), ATTESTERD_ISSUER_FAILED);
                assert_int_equal(error.code, BASE_ERROR_ISSUER_UNREACHABLE);
                bench->now_ms += 1;
        }
        fetch_directory(bench, true, 60);
}

static void need_directory_unusable_is_rejected(void **state)
{
        static const struct {
                const char *content_type;
                const char *body;
                unsigned status;
                enum base_error_code code;
        } cases[] = {
                { EVIDENCE_DIRECTORY_MEDIA_TYPE, "{", 200, BASE_ERROR_ISSUER_REJECTED },
                { EVIDENCE_DIRECTORY_MEDIA_TYPE "x", DIRECTORY, 200, BASE_ERROR_ISSUER_REJECTED },
                { "", DIRECTORY, 200, BASE_ERROR_ISSUER_REJECTED },
                { EVIDENCE_DIRECTORY_MEDIA_TYPE, DIRECTORY, 404, BASE_ERROR_ISSUER_REJECTED },
                { EVIDENCE_DIRECTORY_MEDIA_TYPE, DIRECTORY, 500, BASE_ERROR_ISSUER_UNREACHABLE },
                { EVIDENCE_DIRECTORY_MEDIA_TYPE, DIRECTORY, 429, BASE_ERROR_ISSUER_UNREACHABLE },
                { EVIDENCE_DIRECTORY_MEDIA_TYPE "; charset=utf-8", DIRECTORY, 200, BASE_ERROR_NONE },
        };
        struct bench *bench = *state;

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct net_response response = response_of(cases[i].body);

                response.content_type = cases[i].content_type;
                response.status = cases[i].status;
                assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
                answer(bench, bench->count - 1, &response, NULL);
                assert_int_equal(bench->woken_with, cases[i].code);
                bench->now_ms += ATTESTERD_FETCH_BACKOFF_MAX_MS;
        }
}

static void doubt_directory_fetches_again_but_not_more_often_than_a_minute(void **state)
{
        struct bench *bench = *state;

        fetch_directory(bench, true, 3600);
        bench->now_ms += 1000;
        attesterd_issuer_doubt_directory(bench->issuer);
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
        bench->now_ms += ATTESTERD_DIRECTORY_AGE_DOUBT_MS - 1000;
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
}

/* The directory comes, then the mirror's copy; returns with what the waiters were told. */
static enum base_error_code fetch_both(struct bench *bench, const char *copy, unsigned status)
{
        struct net_response response = response_of(DIRECTORY), mirrored = response_of(copy);
        size_t woken = bench->woken;

        mirrored.status = status;
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        answer(bench, bench->count - 1, &response, NULL);
        assert_int_equal(bench->woken, woken);
        answer(bench, bench->count - 1, &mirrored, NULL);
        assert_int_equal(bench->woken, woken + 1);
        return bench->woken_with;
}

static void mirror_that_agrees_is_asked_with_each_fetch(void **state)
{
        struct bench *bench = *state;
        char text[ATTESTERD_MIRROR_TEXT_MAX];

        for (unsigned turns = 1; turns <= 2; turns++) {
                assert_int_equal(fetch_both(bench, DIRECTORY, 200), BASE_ERROR_NONE);
                assert_int_equal(bench->count, 2 * turns);
                assert_string_equal(bench->second_url, "https://mirror.example/a");
                assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
                attesterd_mirror_text(&bench->issuer->mirror, text);
                assert_string_equal(text, "agrees");
                /* The copy's references are the issuer's. */
                assert_string_equal(bench->issuer->directory->request_uri, "https://a.example/r");
                bench->now_ms += ATTESTERD_DIRECTORY_AGE_DEFAULT_MS;
        }
}

static void mirror_with_other_keys_makes_the_issuer_rejected_until_they_agree(void **state)
{
        static const char *const others[] = {
                KEYS(KEY("2", "AAAB", "")),
                KEYS(KEY("1", "AAAA", "")),
                KEYS(KEY("2", "AAAA", ",\"not-before\":7")),
                KEYS(KEY("2", "AAAA", "") "," KEY("2", "AAAB", "")),
                KEYS(KEY("2", "AAAAAAAA", "")),
        };
        struct base_error error = BASE_ERROR_INIT;
        struct bench *bench = *state;

        for (size_t i = 0; i < BASE_COUNT(others); i++) {
                assert_int_equal(fetch_both(bench, others[i], 200), BASE_ERROR_ISSUER_REJECTED);
                assert_null(bench->issuer->directory);
                assert_int_equal(need(bench, &error), ATTESTERD_ISSUER_FAILED);
                assert_non_null(strstr(error.message, "other keys than its mirror"));
                bench->now_ms += ATTESTERD_FETCH_BACKOFF_MAX_MS;
        }
        assert_int_equal(fetch_both(bench, KEYS(KEY("2", "AAAA", "")), 200), BASE_ERROR_NONE);
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
}

static void mirror_order_of_keys_does_not_matter(void **state)
{
        static struct evidence_directory a, b;

        (void) state;
        assert_true(evidence_directory_parse(base_bytes_from_string(KEYS(KEY("2", "AAAA", "") "," KEY("2", "AAAB", ""))),
                                             "https://a.example/", &a, NULL));
        assert_true(evidence_directory_parse(base_bytes_from_string(KEYS(KEY("2", "AAAB", "") "," KEY("2", "AAAA", ""))),
                                             "https://a.example/", &b, NULL));
        assert_true(attesterd_mirror_same_keys(&a, &b));
}

static void mirror_that_gives_no_directory_is_told_and_asked_again_soon(void **state)
{
        struct base_error unreachable = BASE_ERROR_INIT;
        struct net_response response = response_of(DIRECTORY);
        char text[ATTESTERD_MIRROR_TEXT_MAX];
        struct bench *bench = *state;

        assert_int_equal(fetch_both(bench, DIRECTORY, 404), BASE_ERROR_NONE);
        attesterd_mirror_text(&bench->issuer->mirror, text);
        assert_string_equal(text, "unreachable: https://mirror.example/a answers 404");
        bench->now_ms += ATTESTERD_MIRROR_AGAIN_MS - 1;
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
        bench->now_ms += 1;
        assert_int_equal(fetch_both(bench, "{", 200), BASE_ERROR_NONE);
        attesterd_mirror_text(&bench->issuer->mirror, text);
        assert_non_null(strstr(text, "has no usable directory"));
        bench->now_ms += ATTESTERD_MIRROR_AGAIN_MS;
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        answer(bench, bench->count - 1, &response, NULL);
        (void) base_error_set(&unreachable, BASE_ERROR_ISSUER_UNREACHABLE, "gone");
        answer(bench, bench->count - 1, NULL, &unreachable);
        attesterd_mirror_text(&bench->issuer->mirror, text);
        assert_string_equal(text, "unreachable: gone");
        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_READY);
}

static void mirror_is_not_asked_about_a_directory_that_did_not_come(void **state)
{
        struct bench *bench = *state;
        struct net_response response = response_of("{");

        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        answer(bench, 0, &response, NULL);
        assert_int_equal(bench->woken_with, BASE_ERROR_ISSUER_REJECTED);
        assert_int_equal(bench->count, 1);
}

static void mirror_fetch_under_way_is_cancelled_with_the_issuer(void **state)
{
        struct bench *bench = *state;
        struct net_response response = response_of(DIRECTORY);

        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        answer(bench, 0, &response, NULL);
        attesterd_waiter_cancel(&bench->waiter);
        attesterd_issuer_unref(bench->issuer);
        bench->issuer = NULL;
        assert_int_equal(bench->cancelled, 1);
}

static void need_nonce_is_fetched_when_old(void **state)
{
        struct net_response response = response_of("");
        struct bench *bench = *state;

        fetch_directory(bench, true, 3600);
        assert_int_equal(attesterd_issuer_need_nonce(bench->issuer, &bench->waiter, NULL), ATTESTERD_ISSUER_WAIT);
        response.status = 204;
        response.attestation_nonce = ":AAAAAAAAAAAAAAAA:";
        answer(bench, bench->count - 1, &response, NULL);
        assert_int_equal(attesterd_issuer_need_nonce(bench->issuer, &bench->waiter, NULL), ATTESTERD_ISSUER_READY);
        assert_int_equal(bench->issuer->nonce_len, 12);
        bench->now_ms += ATTESTERD_NONCE_FRESH_MS - 1;
        attesterd_issuer_note_nonce(bench->issuer, &response);
        bench->now_ms += ATTESTERD_NONCE_FRESH_MS - 1;
        assert_int_equal(attesterd_issuer_need_nonce(bench->issuer, &bench->waiter, NULL), ATTESTERD_ISSUER_READY);
        bench->now_ms += 1;
        assert_int_equal(attesterd_issuer_need_nonce(bench->issuer, &bench->waiter, NULL), ATTESTERD_ISSUER_WAIT);
}

static void note_nonce_that_is_none_keeps_the_old_one(void **state)
{
        static const char *const texts[] = { "", "AAAAAAAAAAAAAAAA", ":AAAA:", ":****************:" };
        struct bench *bench = *state;
        struct net_response response = response_of("");

        response.attestation_nonce = ":AAAAAAAAAAAAAAAA:";
        attesterd_issuer_note_nonce(bench->issuer, &response);
        for (size_t i = 0; i < BASE_COUNT(texts); i++) {
                response.attestation_nonce = texts[i];
                attesterd_issuer_note_nonce(bench->issuer, &response);
                assert_int_equal(bench->issuer->nonce_len, 12);
        }
}

static void unref_cancels_what_is_under_way(void **state)
{
        struct bench *bench = *state;

        assert_int_equal(need(bench, NULL), ATTESTERD_ISSUER_WAIT);
        attesterd_waiter_cancel(&bench->waiter);
        attesterd_issuer_unref(bench->issuer);
        bench->issuer = NULL;
        assert_int_equal(bench->cancelled, 1);
}

static void on_response(void *context, const struct net_response *response, const struct base_error *error)
{
        struct bench *bench = context;

        bench->responses++;
}

static void post(struct bench *bench, struct attesterd_lane *lane, struct attesterd_post *to, const char *body, uid_t uid)
{
        *to = (struct attesterd_post){
                .request = { .body = base_bytes_from_string(body) },
                .deadline_ms = bench->now_ms + 1000,
                .callback = on_response,
                .context = bench,
        };
        assert_true(attesterd_outbox_post(&bench->outbox, lane, to, uid, NULL));
}

static void turn(struct bench *bench)
{
        while (sd_event_run(bench->event, 0) > 0)
                continue;
}

static void outbox_full_lane_leaves_room_and_is_fair(void **state)
{
        static struct attesterd_post flood[400], others[4];
        struct bench *bench = *state;
        struct attesterd_lane other;
        size_t sent;

        attesterd_lane_init(&other);
        for (size_t i = 0; i < BASE_COUNT(flood); i++)
                post(bench, &bench->issuer->lane, &flood[i], "f", 1);
        sent = bench->count;
        assert_int_equal(sent, ATTESTERD_POSTS_PER_ISSUER_MAX);
        post(bench, &other, &others[0], "o", 1);
        assert_int_equal(bench->count, sent + 1);
        post(bench, &bench->issuer->lane, &others[1], "v", 2);
        assert_int_equal(bench->count, sent + 1);
        for (size_t i = 0; i < 3; i++)
                answer(bench, i, NULL, &(struct base_error){ .code = BASE_ERROR_TIMEOUT });
        turn(bench);
        assert_int_equal(bench->responses, 3);
        assert_non_null(memchr(&bench->order[sent + 1], 'v', 3));
        for (size_t i = 0; i < BASE_COUNT(flood); i++)
                attesterd_outbox_cancel(&flood[i]);
        attesterd_outbox_cancel(&others[0]);
        attesterd_outbox_cancel(&others[1]);
        turn(bench);
        assert_int_equal(bench->outbox.in_flight, 0);
        assert_int_equal(bench->responses, 3);
}

static void outbox_queued_post_that_cannot_be_sent_fails_by_callback(void **state)
{
        static struct attesterd_post flood[300];
        struct bench *bench = *state;

        for (size_t i = 0; i < BASE_COUNT(flood); i++)
                post(bench, &bench->issuer->lane, &flood[i], "f", 1);
        bench->refuse = true;
        answer(bench, 0, NULL, &(struct base_error){ .code = BASE_ERROR_TIMEOUT });
        turn(bench);
        assert_int_equal(bench->responses, 1 + BASE_COUNT(flood) - bench->count);
        for (size_t i = 0; i < BASE_COUNT(flood); i++)
                attesterd_outbox_cancel(&flood[i]);
}

static void problem_says_what_it_may_and_no_more(void **state)
{
        static const struct {
                unsigned status;
                const char *body;
                enum base_error_code code;
                const char *part;
        } cases[] = {
                { 403, "{\"type\":\"urn:attesterd:error:NotEnrolled\"}", BASE_ERROR_NOT_ENROLLED, "enrol" },
                { 400, "{\"type\":\"urn:attesterd:error:NotEnrolled\"}", BASE_ERROR_ISSUER_REJECTED, "400" },
                { 403, "{\"type\":\"urn:attesterd:error:TpmFailed\"}", BASE_ERROR_ISSUER_REJECTED, "403" },
                { 403, "{\"type\":\"urn:attesterd:error:PolicyDenied\"}", BASE_ERROR_POLICY_DENIED, "a.example" },
                { 403, "{\"detail\":\"because\"}", BASE_ERROR_ISSUER_REJECTED, "because" },
                { 403, "{\"detail\":\"be\\ncause\"}", BASE_ERROR_ISSUER_REJECTED, "403" },
                { 403, "{\"detail\":7,\"type\":[]}", BASE_ERROR_ISSUER_REJECTED, "403" },
                { 403, "[]", BASE_ERROR_ISSUER_REJECTED, "403" },
                { 403, "", BASE_ERROR_ISSUER_REJECTED, "403" },
                { 503, "{\"detail\":\"later\"}", BASE_ERROR_ISSUER_UNREACHABLE, "later" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                attesterd_auto_denials struct attesterd_denials denials = { 0 };
                struct net_response response = response_of(cases[i].body);
                struct base_error error = BASE_ERROR_INIT;

                response.status = cases[i].status;
                response.content_type = "application/problem+json";
                assert_false(attesterd_problem_error("a.example", &response, &denials, &error));
                assert_int_equal(error.code, cases[i].code);
                assert_non_null(strstr(error.message, cases[i].part));
        }
}

static void problem_with_many_rules_is_bounded(void **state)
{
        attesterd_auto_denials struct attesterd_denials denials = { 0 };
        base_auto_buffer struct base_buffer body = BASE_BUFFER_INIT(8192);
        struct net_response response = response_of("");
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_put_string(&body, "{\"type\":\"urn:attesterd:error:PolicyDenied\",\"rules\":[7");
        for (size_t i = 0; i < 100; i++)
                base_buffer_printf(&body, ",{\"rule\":\"r%zu\",\"reason\":\"so\",\"remedy\":\"mend it\"}", i);
        base_buffer_put_string(&body, "]}");
        response.status = 403;
        response.content_type = "application/problem+json";
        response.body = base_buffer_bytes(&body);
        assert_false(attesterd_problem_error("a.example", &response, &denials, &error));
        assert_int_equal(error.code, BASE_ERROR_POLICY_DENIED);
        assert_int_equal(denials.count, ATTESTERD_DENIALS_MAX);
        assert_string_equal(denials.items[0].rule, "");
        assert_string_equal(denials.items[1].rule, "r0");
        assert_string_equal(denials.items[1].remedy, "mend it");
        assert_non_null(strstr(error.message, "r0: so. mend it."));
}

static void takes_batches_again_an_hour_after_it_took_none(void **state)
{
        struct bench *bench = *state;

        assert_true(attesterd_issuer_takes_batches(bench->issuer));
        attesterd_issuer_note_batches_refused(bench->issuer);
        assert_false(attesterd_issuer_takes_batches(bench->issuer));
        bench->now_ms += ATTESTERD_BATCHES_REFUSED_MS - 1;
        assert_false(attesterd_issuer_takes_batches(bench->issuer));
        bench->now_ms++;
        assert_true(attesterd_issuer_takes_batches(bench->issuer));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(need_directory_is_fetched_once_for_all, set_up, tear_down),
                cmocka_unit_test_setup_teardown(need_directory_keeps_it_as_long_as_it_says_but_a_day_at_most, set_up, tear_down),
                cmocka_unit_test_setup_teardown(need_directory_failure_is_the_answer_until_the_back_off_ends, set_up, tear_down),
                cmocka_unit_test_setup_teardown(need_directory_unusable_is_rejected, set_up, tear_down),
                cmocka_unit_test_setup_teardown(doubt_directory_fetches_again_but_not_more_often_than_a_minute, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(mirror_that_agrees_is_asked_with_each_fetch, set_up_mirror, tear_down),
                cmocka_unit_test_setup_teardown(mirror_with_other_keys_makes_the_issuer_rejected_until_they_agree, set_up_mirror,
                                                tear_down),
                cmocka_unit_test(mirror_order_of_keys_does_not_matter),
                cmocka_unit_test_setup_teardown(mirror_that_gives_no_directory_is_told_and_asked_again_soon, set_up_mirror,
                                                tear_down),
                cmocka_unit_test_setup_teardown(mirror_is_not_asked_about_a_directory_that_did_not_come, set_up_mirror,
                                                tear_down),
                cmocka_unit_test_setup_teardown(mirror_fetch_under_way_is_cancelled_with_the_issuer, set_up_mirror, tear_down),
                cmocka_unit_test_setup_teardown(need_nonce_is_fetched_when_old, set_up, tear_down),
                cmocka_unit_test_setup_teardown(note_nonce_that_is_none_keeps_the_old_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(takes_batches_again_an_hour_after_it_took_none, set_up, tear_down),
                cmocka_unit_test_setup_teardown(unref_cancels_what_is_under_way, set_up, tear_down),
                cmocka_unit_test_setup_teardown(outbox_full_lane_leaves_room_and_is_fair, set_up, tear_down),
                cmocka_unit_test_setup_teardown(outbox_queued_post_that_cannot_be_sent_fails_by_callback, set_up, tear_down),
                cmocka_unit_test(problem_says_what_it_may_and_no_more),
                cmocka_unit_test(problem_with_many_rules_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
