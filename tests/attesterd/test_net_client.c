/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's end against an attester-net that is compromised, hung, dead or missing. */
#include "attesterd/net/message.h"
#include "net_fixture.h"

#include <string.h>

static const struct issuer no_issuer;

static int set_up(void **state)
{
        struct loop *loop = calloc(1, sizeof(*loop));

        assert_non_null(loop);
        loop_start(loop, getenv("ATTESTER_NET_HOSTILE"));
        *state = loop;
        return 0;
}

static int tear_down(void **state)
{
        struct loop *loop = *state;

        loop_stop(loop);
        free(loop);
        return 0;
}

static struct net_request request_of(char url[static 256], const char *path)
{
        return request_to(url, &no_issuer, "issuer.example", 443, path);
}

/* The client still serves. */
static void expect_alive(struct loop *loop)
{
        char url[256];
        struct net_request request = request_of(url, "fine");
        struct outcome outcome;

        fetch(loop, &request, &outcome);
        assert_true(outcome.ok);
}

static void messages_that_do_not_parse_fail_named(void **state)
{
        static const char *const paths[] = { "garbage", "truncated", "trailing", "huge", "redirect", "request" };
        struct loop *loop = *state;

        for (size_t i = 0; i < BASE_COUNT(paths); i++) {
                char url[256];
                struct net_request request = request_of(url, paths[i]);
                struct outcome outcome;

                expect_alive(loop);
                fetch(loop, &request, &outcome);
                assert_int_equal(outcome.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
                assert_int_equal(outcome.calls, 1);
                assert_int_equal(loop->exits, i + 1);
                assert_non_null(strstr(loop->last_exit.message, "does not parse"));
        }
        expect_alive(loop);
}

static void pieces_are_one_body_and_more_than_was_asked_for_ends_it(void **state)
{
        struct loop *loop = *state;
        char url[256];
        struct net_request request = request_of(url, "pieces");
        struct outcome outcome;

        request.response_bytes_max = 3 * NET_PIECE_BYTES_MAX;
        fetch(loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_int_equal(outcome.body_len, 3 * NET_PIECE_BYTES_MAX);
        request = request_of(url, "stray");
        fetch(loop, &request, &outcome);
        assert_true(outcome.ok);
        assert_int_equal(outcome.body_len, 0);
        request = request_of(url, "flood");
        request.response_bytes_max = 3 * NET_PIECE_BYTES_MAX;
        fetch(loop, &request, &outcome);
        assert_int_equal(outcome.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_int_equal(loop->exits, 1);
        assert_non_null(strstr(loop->last_exit.message, "more than was asked for"));
        expect_alive(loop);
}

static void answers_nobody_asked_for_are_ignored(void **state)
{
        struct loop *loop = *state;
        char url[256];
        struct net_request request = request_of(url, "unknown");
        struct outcome outcome;

        fetch(loop, &request, &outcome);
        expect_alive(loop);
        assert_true(outcome.ok);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(loop->exits, 0);
}

static void child_that_exits_fails_all_in_flight(void **state)
{
        struct loop *loop = *state;
        char url[256], silent_url[256];
        struct net_request request = request_of(url, "exit"), silent = request_of(silent_url, "silent");
        struct outcome first, second;

        expect_alive(loop);
        fetch_start(loop, &silent, &first, NULL);
        fetch_start(loop, &request, &second, NULL);
        loop_until(loop, &second.done);
        assert_true(first.done);
        assert_int_equal(first.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_int_equal(second.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_string_equal(loop->last_exit.detail, "exit status 3");
        expect_alive(loop);
}

static void child_that_hangs_is_timeout_and_replaced(void **state)
{
        struct loop *loop = *state;
        char url[256];
        struct net_request request = request_of(url, "deaf");
        struct outcome hung, other;
        pid_t first;

        expect_alive(loop);
        first = net_client_pid(loop->client);
        request.timeout_ms = 50;
        fetch_start(loop, &request, &hung, NULL);
        request.timeout_ms = NET_TIMEOUT_MS_MAX;
        fetch_start(loop, &request, &other, NULL);
        loop_until(loop, &other.done);
        assert_int_equal(hung.error.code, BASE_ERROR_TIMEOUT);
        assert_int_equal(other.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_non_null(strstr(loop->last_exit.message, "hung"));
        expect_alive(loop);
        assert_int_not_equal(net_client_pid(loop->client), first);
}

static void fetch_over_the_limit_is_busy(void **state)
{
        struct loop *loop = *state;
        struct outcome *outcomes = calloc(NET_IN_FLIGHT_MAX, sizeof(*outcomes)), more;
        struct base_error error = BASE_ERROR_INIT;
        char url[256];
        struct net_request request = request_of(url, "silent");
        uint64_t ids[NET_IN_FLIGHT_MAX];

        assert_non_null(outcomes);
        for (size_t i = 0; i < NET_IN_FLIGHT_MAX; i++)
                fetch_start(loop, &request, &outcomes[i], &ids[i]);
        assert_false(net_client_fetch(loop->client, &request, fetch_done, &more, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_BUSY);
        for (size_t i = 0; i < NET_IN_FLIGHT_MAX; i++)
                net_client_cancel(loop->client, ids[i]);
        expect_alive(loop);
        for (size_t i = 0; i < NET_IN_FLIGHT_MAX; i++)
                assert_int_equal(outcomes[i].calls, 0);
        free(outcomes);
}

/* A child that reads nothing makes the queue full, and not the daemon's memory. */
static void fetch_with_a_full_queue_is_busy(void **state)
{
        struct loop *loop = *state;
        static char value[NET_HEADER_VALUE_BYTES_MAX + 1];
        static struct outcome outcomes[NET_IN_FLIGHT_MAX];
        struct base_error error = BASE_ERROR_INIT;
        char url[256];
        struct net_request request = request_of(url, "deaf");
        size_t accepted = 0;

        memset(value, 'v', sizeof(value) - 1);
        for (size_t i = 0; i < NET_REQUEST_HEADERS_MAX; i++)
                request.headers[request.header_count++] = (struct net_header){ "X-Large", value };
        while (accepted < NET_IN_FLIGHT_MAX &&
               net_client_fetch(loop->client, &request, fetch_done, &outcomes[accepted], NULL, &error))
                accepted++;
        assert_int_equal(error.code, BASE_ERROR_BUSY);
        assert_in_range(accepted, NET_QUEUE_BYTES_MAX / (5 * NET_HEADER_VALUE_BYTES_MAX), NET_IN_FLIGHT_MAX - 1);
}

static void free_in_flight_is_cancelled(void **state)
{
        struct loop loop;
        struct outcome outcome;
        char url[256];
        struct net_request request = request_of(url, "silent");

        loop_start(&loop, getenv("ATTESTER_NET_HOSTILE"));
        fetch_start(&loop, &request, &outcome, NULL);
        loop_stop(&loop);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.error.code, BASE_ERROR_CANCELLED);
}

static void fetch_bad_request_is_refused_at_once(void **state)
{
        struct loop *loop = *state;
        struct base_error error = BASE_ERROR_INIT;
        struct net_request request = { .url = "http://issuer.example/", .timeout_ms = 1000, .response_bytes_max = 1 };
        struct outcome outcome = { 0 };

        assert_false(net_client_fetch(loop->client, &request, fetch_done, &outcome, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_int_equal(outcome.calls, 0);
}

static void new_without_program_is_not_found(void **state)
{
        struct net_client_options options = { .program = "/nonexistent/attester-net" };
        struct base_error error = BASE_ERROR_INIT;
        struct net_client *client = NULL;
        struct loop *loop = *state;

        assert_false(net_client_new(loop->event, &options, &client, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
        assert_null(client);
}

/* /bin/false: each process ends without an answer. */
static void child_that_keeps_ending_is_not_restarted_at_once(void **state)
{
        char url[256];
        struct net_request request = request_of(url, "fine");
        struct base_error error = BASE_ERROR_INIT;
        struct outcome outcome;
        struct loop loop;
        bool refused = false;

        loop_start(&loop, "/bin/false");
        for (unsigned i = 0; i < 8 && !refused; i++) {
                outcome = (struct outcome){ 0 };
                refused = !net_client_fetch(loop.client, &request, fetch_done, &outcome, NULL, &error);
                if (!refused)
                        loop_until(&loop, &outcome.done);
        }
        assert_true(refused);
        assert_int_equal(error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_non_null(strstr(error.message, "keeps ending"));
        loop_stop(&loop);
}

static void fetch_again(void *context, const struct net_response *response, const struct base_error *error)
{
        struct loop *loop = ((void **) context)[0];
        struct outcome *outcome = ((void **) context)[1];
        char url[256];
        struct net_request request = request_of(url, "fine");

        assert_null(response);
        fetch_start(loop, &request, outcome, NULL);
}

static void fetch_from_the_callback_goes_to_the_next_child(void **state)
{
        struct loop *loop = *state;
        char url[256];
        struct net_request request = request_of(url, "exit");
        struct outcome outcome = { 0 };
        void *context[] = { loop, &outcome };

        expect_alive(loop);
        assert_true(net_client_fetch(loop->client, &request, fetch_again, context, NULL, NULL));
        loop_until(loop, &outcome.done);
        assert_true(outcome.ok);
}

static void transport_is_the_client(void **state)
{
        struct loop *loop = *state;
        struct net_transport transport = net_client_transport(loop->client);
        char url[256];
        struct net_request request = request_of(url, "fine");
        struct outcome first = { 0 }, second = { 0 };
        uint64_t id = 0;

        assert_true(transport.fetch(transport.context, &request, fetch_done, &first, &id, NULL));
        transport.cancel(transport.context, id);
        assert_true(transport.fetch(transport.context, &request, fetch_done, &second, NULL, NULL));
        loop_until(loop, &second.done);
        assert_true(second.ok);
        assert_int_equal(first.calls, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(messages_that_do_not_parse_fail_named),
                CASE(pieces_are_one_body_and_more_than_was_asked_for_ends_it),
                CASE(answers_nobody_asked_for_are_ignored),
                CASE(child_that_exits_fails_all_in_flight),
                CASE(child_that_hangs_is_timeout_and_replaced),
                CASE(fetch_over_the_limit_is_busy),
                CASE(fetch_with_a_full_queue_is_busy),
                CASE(free_in_flight_is_cancelled),
                CASE(fetch_bad_request_is_refused_at_once),
                CASE(new_without_program_is_not_found),
                CASE(child_that_keeps_ending_is_not_restarted_at_once),
                CASE(fetch_from_the_callback_goes_to_the_next_child),
                CASE(transport_is_the_client),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
