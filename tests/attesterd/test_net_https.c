/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-net against a real HTTPS server: each answer and each way to fail. */
#include "net_fixture.h"

#include <signal.h>
#include <string.h>

#define CONCURRENT 100

struct fixture {
        struct issuer issuer;
        struct loop loop;
        char url[256];
};

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        issuer_start(&fixture->issuer);
        loop_start(&fixture->loop, NULL);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        loop_stop(&fixture->loop);
        issuer_stop(&fixture->issuer);
        free(fixture);
        return 0;
}

static struct net_request good(struct fixture *fixture, const char *path)
{
        return request_to(fixture->url, &fixture->issuer, "127.0.0.1", fixture->issuer.good, path);
}

/* The request fails with this code and a sentence that names the host and says `words`; the process lives on. */
static void expect_failure(struct fixture *fixture, const struct net_request *request, enum base_error_code code,
                           const char *words)
{
        char path[] = "ok";
        struct outcome outcome;
        struct net_request next;

        fetch(&fixture->loop, request, &outcome);
        assert_false(outcome.ok);
        if (outcome.error.code != code || strstr(outcome.error.message, words) == NULL)
                fail_msg("%s: %s (%s)", base_error_name(outcome.error.code), outcome.error.message, outcome.error.detail);
        next = good(fixture, path);
        fetch(&fixture->loop, &next, &outcome);
        assert_true(outcome.ok);
        assert_int_equal(fixture->loop.exits, 0);
}

static void fetch_ok_gives_every_field(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "ok");
        struct outcome outcome;

        fetch(&fixture->loop, &request, &outcome);
        if (!outcome.ok)
                fail_msg("%s (%s)", outcome.error.message, outcome.error.detail);
        assert_int_equal(outcome.status, 200);
        assert_string_equal(outcome.content_type, "text/plain");
        assert_string_equal(outcome.nonce, ":bm9uY2U=:");
        assert_true(outcome.has_max_age && outcome.has_retry_after);
        assert_int_equal(outcome.max_age, 300);
        assert_int_equal(outcome.retry_after, 7);
        assert_string_equal(outcome.body, "hello");
}

static void fetch_bare_gives_no_field(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "bare");
        struct outcome outcome;

        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_int_equal(outcome.status, 204);
        assert_string_equal(outcome.content_type, "");
        assert_string_equal(outcome.nonce, "");
        assert_false(outcome.has_max_age || outcome.has_retry_after);
        assert_int_equal(outcome.body_len, 0);
}

static void fetch_post_sends_what_was_asked_and_no_more(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "echo");
        struct outcome outcome;

        request.method = NET_METHOD_POST;
        request.content_type = "application/private-token-request";
        request.accept = "application/private-token-response";
        request.headers[0] = (struct net_header){ "Attestation-Evidence", ":AAAA:" };
        request.header_count = 1;
        request.body = base_bytes_from_string("the body");
        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_string_equal(outcome.body, "POST\nContent-Type=application/private-token-request\n"
                                          "Accept=application/private-token-response\nAttestation-Evidence=:AAAA:\n"
                                          "User-Agent=-\nCookie=-\nthe body");
        request.content_type = request.accept = NULL;
        request.header_count = 0;
        request.body = (struct base_bytes){ 0 };
        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_string_equal(outcome.body, "POST\nContent-Type=-\nAccept=-\nAttestation-Evidence=-\nUser-Agent=-\nCookie=-\n");
}

static void fetch_401_is_an_answer_with_its_nonce(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "nonce");
        struct outcome outcome;

        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_int_equal(outcome.status, 401);
        assert_string_equal(outcome.nonce, ":ZnJlc2g=:");
        assert_true(outcome.has_max_age);
        assert_int_equal(outcome.max_age, 0);
}

static void fetch_odd_headers_are_read_as_absent(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "oddheaders");
        struct outcome outcome;

        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_string_equal(outcome.content_type, "");
        assert_string_equal(outcome.nonce, "");
        assert_false(outcome.has_max_age || outcome.has_retry_after);
}

static void fetch_localhost_by_name_resolves(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = request_to(fixture->url, &fixture->issuer, "localhost", fixture->issuer.good, "ok");
        struct outcome outcome;

        fetch(&fixture->loop, &request, &outcome);
        if (!outcome.ok)
                fail_msg("%s (%s)", outcome.error.message, outcome.error.detail);
}

static void fetch_untrusted_certificate_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "ok");
        struct outcome outcome;

        /* Also over a connection that the right bundle has opened just before. */
        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        request.ca_bundle = base_buffer_bytes(&fixture->issuer.other_ca);
        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "is not trusted: no authority");
        request = good(fixture, "ok");
        request.ca_bundle = (struct base_bytes){ 0 };
        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "is not trusted: no authority");
}

static void fetch_wrong_name_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = request_to(fixture->url, &fixture->issuer, "127.0.0.1", fixture->issuer.wrong_name, "ok");

        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "is not trusted: it was issued for another name");
}

static void fetch_expired_certificate_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = request_to(fixture->url, &fixture->issuer, "127.0.0.1", fixture->issuer.expired, "ok");

        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "is not trusted: it has expired");
}

static void fetch_bad_bundle_is_config_invalid(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "ok");

        request.ca_bundle = base_bytes_from_string("this is no PEM");
        expect_failure(fixture, &request, BASE_ERROR_CONFIG_INVALID, "has no usable certificate");
}

static void fetch_old_tls_or_none_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = request_to(fixture->url, &fixture->issuer, "127.0.0.1", fixture->issuer.old_tls, "ok");

        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "no TLS connection to 127.0.0.1");
        request = request_to(fixture->url, &fixture->issuer, "127.0.0.1", fixture->issuer.plain, "ok");
        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "no TLS connection to 127.0.0.1");
}

static void fetch_closed_port_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = request_to(fixture->url, &fixture->issuer, "127.0.0.1", 1, "ok");

        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "no connection to 127.0.0.1:1:");
}

static void fetch_unknown_name_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = request_to(fixture->url, &fixture->issuer, "issuer.invalid", 443, "ok");

        expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "the name issuer.invalid:443 cannot be resolved");
}

static void fetch_slow_or_dripping_answer_is_timeout(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "slow");

        request.timeout_ms = 300;
        expect_failure(fixture, &request, BASE_ERROR_TIMEOUT, "did not answer in time");
        request = good(fixture, "drip");
        request.timeout_ms = 300;
        expect_failure(fixture, &request, BASE_ERROR_TIMEOUT, "did not answer in time");
}

static void fetch_too_large_answer_is_rejected(void **state)
{
        static const char *const paths[] = { "endless", "bigheaders", "hugeheader" };
        struct fixture *fixture = *state;
        struct net_request request;

        for (size_t i = 0; i < BASE_COUNT(paths); i++) {
                request = good(fixture, paths[i]);
                expect_failure(fixture, &request, BASE_ERROR_ISSUER_REJECTED, "more than is accepted");
        }
        request = good(fixture, "ok");
        request.response_bytes_max = 4;
        expect_failure(fixture, &request, BASE_ERROR_ISSUER_REJECTED, "more than is accepted");
}

static void fetch_answer_that_breaks_off_is_unreachable(void **state)
{
        static const char *const paths[] = { "wronglength", "middle", "nothing" };
        struct fixture *fixture = *state;

        for (size_t i = 0; i < BASE_COUNT(paths); i++) {
                struct net_request request = good(fixture, paths[i]);

                expect_failure(fixture, &request, BASE_ERROR_ISSUER_UNREACHABLE, "broke before its answer was whole");
        }
}

static void fetch_garbage_is_rejected(void **state)
{
        static const char *const paths[] = { "garbage", "status", "negative" };
        struct fixture *fixture = *state;

        for (size_t i = 0; i < BASE_COUNT(paths); i++) {
                struct net_request request = good(fixture, paths[i]);

                expect_failure(fixture, &request, BASE_ERROR_ISSUER_REJECTED, "not HTTP");
        }
}

static void fetch_redirect_is_rejected(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "redirect");

        expect_failure(fixture, &request, BASE_ERROR_ISSUER_REJECTED, "answered with a redirect, which is not followed");
}

static void fetch_100_at_once_all_answered(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "short");
        struct outcome *outcomes = calloc(CONCURRENT, sizeof(*outcomes));

        assert_non_null(outcomes);
        request.timeout_ms = 19000;
        for (size_t i = 0; i < CONCURRENT; i++)
                fetch_start(&fixture->loop, &request, &outcomes[i], NULL);
        for (size_t i = 0; i < CONCURRENT; i++) {
                loop_until(&fixture->loop, &outcomes[i].done);
                if (!outcomes[i].ok)
                        fail_msg("%s (%s)", outcomes[i].error.message, outcomes[i].error.detail);
                assert_string_equal(outcomes[i].body, "short");
                assert_int_equal(outcomes[i].calls, 1);
        }
        free(outcomes);
}

static void cancel_in_flight_calls_nobody(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "short");
        struct outcome cancelled, outcome;
        uint64_t id = 0;

        fetch_start(&fixture->loop, &request, &cancelled, &id);
        assert_int_not_equal(id, 0);
        net_client_cancel(fixture->loop.client, id);
        net_client_cancel(fixture->loop.client, id);
        fetch(&fixture->loop, &request, &outcome);
        loop_for(&fixture->loop, 200);
        assert_true(outcome.ok);
        assert_int_equal(cancelled.calls, 0);
}

static void kill_in_flight_fails_named_and_next_works(void **state)
{
        struct fixture *fixture = *state;
        struct net_request request = good(fixture, "ok");
        struct outcome outcome;
        pid_t first = net_client_pid(fixture->loop.client);

        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        request = good(fixture, "slow");
        fetch_start(&fixture->loop, &request, &outcome, NULL);
        assert_int_equal(kill(first, SIGKILL), 0);
        loop_until(&fixture->loop, &outcome.done);
        assert_int_equal(outcome.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_non_null(strstr(outcome.error.message, "attester-net ended"));
        assert_int_equal(fixture->loop.exits, 1);
        assert_non_null(strstr(fixture->loop.last_exit.detail, "killed by signal 9"));
        assert_int_equal(net_client_pid(fixture->loop.client), 0);
        request = good(fixture, "ok");
        fetch(&fixture->loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_int_not_equal(net_client_pid(fixture->loop.client), first);
}

static void many_bundles_each_request_keeps_its_own(void **state)
{
        struct fixture *fixture = *state;
        struct outcome outcome;

        /* More bundles than slots: each is the good CA with different trailing text. */
        for (unsigned i = 0; i < 40; i++) {
                base_auto_buffer struct base_buffer bundle = BASE_BUFFER_INIT(NET_CA_BUNDLE_BYTES_MAX);
                struct net_request request = good(fixture, "bare");

                base_buffer_put_bytes(&bundle, base_buffer_bytes(i % 5 == 4 ? &fixture->issuer.other_ca : &fixture->issuer.ca));
                base_buffer_printf(&bundle, "# %u\n", i % 20);
                request.ca_bundle = base_buffer_bytes(&bundle);
                fetch(&fixture->loop, &request, &outcome);
                assert_int_equal(outcome.ok, i % 5 != 4);
        }
        assert_int_equal(fixture->loop.exits, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fetch_ok_gives_every_field),
                cmocka_unit_test(fetch_bare_gives_no_field),
                cmocka_unit_test(fetch_post_sends_what_was_asked_and_no_more),
                cmocka_unit_test(fetch_401_is_an_answer_with_its_nonce),
                cmocka_unit_test(fetch_odd_headers_are_read_as_absent),
                cmocka_unit_test(fetch_localhost_by_name_resolves),
                cmocka_unit_test(fetch_untrusted_certificate_is_unreachable),
                cmocka_unit_test(fetch_wrong_name_is_unreachable),
                cmocka_unit_test(fetch_expired_certificate_is_unreachable),
                cmocka_unit_test(fetch_bad_bundle_is_config_invalid),
                cmocka_unit_test(fetch_old_tls_or_none_is_unreachable),
                cmocka_unit_test(fetch_closed_port_is_unreachable),
                cmocka_unit_test(fetch_unknown_name_is_unreachable),
                cmocka_unit_test(fetch_slow_or_dripping_answer_is_timeout),
                cmocka_unit_test(fetch_too_large_answer_is_rejected),
                cmocka_unit_test(fetch_answer_that_breaks_off_is_unreachable),
                cmocka_unit_test(fetch_garbage_is_rejected),
                cmocka_unit_test(fetch_redirect_is_rejected),
                cmocka_unit_test(fetch_100_at_once_all_answered),
                cmocka_unit_test(cancel_in_flight_calls_nobody),
                cmocka_unit_test(many_bundles_each_request_keeps_its_own),
                cmocka_unit_test(kill_in_flight_fails_named_and_next_works),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
