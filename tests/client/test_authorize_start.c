/* SPDX-License-Identifier: BSD-2-Clause */
/* attester_authorize_start() in loops of a caller's own, with a stand-in for the daemon that answers as it is directed. */
#include "tests/client/authorize_fixture.h"
#include "tests/cmocka.h"

#include <dbus/dbus.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#define WAIT_MS      30000
#define IDLE_MS      300
#define WAKE_UPS_MAX 60 /* of a whole operation; a busy loop has thousands within IDLE_MS */

/* What became of one operation. */
struct outcome {
        struct fixture *fixture;
        struct attester_operation *operation;
        uint8_t digest[TOKEN_DIGEST_LEN];
        unsigned calls;
        int code;
        unsigned order; /* 1: the first that ended */
        struct attester_operation *cancels;
        bool frees;
        struct outcome *starts;
        const char *starts_issuer;
        unsigned steps; /* that the trace function saw */
        unsigned *ended;
};

static void on_end(void *context, const char *authorization, const struct attester_info *info,
                   const struct attester_error *error);

static void on_step(enum attester_step step, const char *text, void *context)
{
        struct outcome *outcome = context;

        assert_true(text[0] != '\0');
        outcome->steps |= 1u << step;
}

/* Starts an operation about a challenge of `issuer`. */
static void start(struct fixture *fixture, const char *issuer, uint32_t timeout_ms, struct outcome *outcome)
{
        struct attester_options options = ATTESTER_OPTIONS_INIT;
        struct attester_error error = ATTESTER_ERROR_INIT;

        options.timeout_ms = timeout_ms;
        options.trace = on_step;
        options.trace_context = outcome;
        outcome->fixture = fixture;
        base_buffer_reset(&fixture->header);
        challenge_add(fixture, issuer, ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        memcpy(outcome->digest, fixture->digest, sizeof(outcome->digest));
        if (attester_authorize_start(fixture->attester, base_buffer_c_string(&fixture->header), ORIGIN, &options, on_end, outcome,
                                     &outcome->operation, &error) < 0)
                fail_msg("%s: %s", issuer, error.message);
}

static void on_end(void *context, const char *authorization, const struct attester_info *info, const struct attester_error *error)
{
        struct outcome *outcome = context;

        outcome->calls++;
        outcome->code = error != NULL ? error->code : ATTESTER_ERROR_NONE;
        if (outcome->ended != NULL)
                outcome->order = ++*outcome->ended;
        if (error == NULL) {
                memcpy(outcome->fixture->digest, outcome->digest, sizeof(outcome->digest));
                assert_token_valid(outcome->fixture, authorization);
                assert_true(info->attested);
        } else {
                assert_null(authorization);
                assert_null(info);
                assert_true(error->message[0] != '\0');
        }
        attester_operation_cancel(outcome->cancels);
        if (outcome->starts != NULL)
                start(outcome->fixture, outcome->starts_issuer, 0, outcome->starts);
        if (outcome->frees) {
                attester_free(outcome->fixture->attester);
                outcome->fixture->attester = NULL;
        }
}

/* Polls once, for so long at most, and lets the library work. Returns whether it had something to do. */
static bool turn(struct fixture *fixture, int timeout_ms)
{
        struct pollfd ready = { .fd = attester_get_fd(fixture->attester), .events = POLLIN };
        int count = poll(&ready, 1, timeout_ms);

        assert_true(count >= 0);
        if (count > 0)
                attester_process(fixture->attester);
        return count > 0;
}

/* Runs a loop until the operation ended. Returns the number of wake-ups that took. */
static unsigned finish(struct fixture *fixture, const struct outcome *outcome)
{
        unsigned wake_ups = 0;

        for (; outcome->calls == 0; wake_ups++)
                if (!turn(fixture, WAIT_MS))
                        fail_msg("nothing happens after %u wake-ups", wake_ups);
        assert_int_equal(outcome->calls, 1);
        return wake_ups;
}

/* Runs a loop until the trace function saw `step`. */
static void advance(struct fixture *fixture, const struct outcome *outcome, enum attester_step step)
{
        while ((outcome->steps & 1u << step) == 0)
                assert_true(turn(fixture, WAIT_MS));
}

static void assert_idle(struct fixture *fixture)
{
        unsigned wake_ups = 0;

        while (turn(fixture, IDLE_MS))
                if (++wake_ups > WAKE_UPS_MAX)
                        fail_msg("a busy loop");
}

static void direct(struct fixture *fixture, const char *member)
{
        DBusError reason = DBUS_ERROR_INIT;
        DBusConnection *connection = dbus_connection_open_private(fixture->bus.address, &reason);
        DBusMessage *message = dbus_message_new_method_call("org.attesterd", "/org/attesterd", "com.example.Director", member);
        DBusMessage *reply;

        assert_non_null(connection);
        assert_non_null(message);
        assert_true(dbus_bus_register(connection, &reason));
        reply = dbus_connection_send_with_reply_and_block(connection, message, WAIT_MS, &reason);
        assert_non_null(reply);
        dbus_message_unref(reply);
        dbus_message_unref(message);
        dbus_connection_close(connection);
        dbus_connection_unref(connection);
}

static void authorize_start_two_at_once_end_out_of_order(void **state)
{
        struct fixture *fixture = *state;
        unsigned ended = 0;
        struct outcome held = { .ended = &ended }, good = { .ended = &ended };

        start(fixture, "held.example", 0, &held);
        advance(fixture, &held, ATTESTER_STEP_BLINDED);
        start(fixture, "good.example", 0, &good);
        (void) finish(fixture, &good);
        assert_int_equal(held.calls, 0);
        direct(fixture, "Release");
        (void) finish(fixture, &held);
        assert_int_equal(good.order, 1);
        assert_int_equal(held.order, 2);
        assert_int_equal(good.code, ATTESTER_ERROR_NONE);
        assert_int_equal(held.code, ATTESTER_ERROR_NONE);
        assert_int_equal(held.steps, (1u << (ATTESTER_STEP_TOKEN + 1)) - 1);
        assert_idle(fixture);
}

static void authorize_start_many_at_once_all_end_and_one_more_is_busy(void **state)
{
        struct fixture *fixture = *state;
        struct outcome outcomes[ATTESTER_OPERATIONS_MAX] = { { .calls = 0 } };
        struct attester_error error = ATTESTER_ERROR_INIT;

        for (size_t i = 0; i < BASE_COUNT(outcomes); i++)
                start(fixture, "good.example", 0, &outcomes[i]);
        assert_int_equal(attester_authorize_start(fixture->attester, base_buffer_c_string(&fixture->header), ORIGIN, NULL, on_end,
                                                  &outcomes[0], NULL, &error),
                         -1);
        assert_int_equal(error.code, ATTESTER_ERROR_BUSY);
        for (size_t i = 0; i < BASE_COUNT(outcomes); i++)
                (void) finish(fixture, &outcomes[i]);
        for (size_t i = 0; i < BASE_COUNT(outcomes); i++)
                assert_int_equal(outcomes[i].code, ATTESTER_ERROR_NONE);
}

static void authorize_start_does_not_spin(void **state)
{
        struct fixture *fixture = *state;
        struct outcome outcome = { .calls = 0 };
        unsigned wake_ups;

        assert_false(turn(fixture, 0));
        start(fixture, "slow.example", 2 * IDLE_MS, &outcome);
        wake_ups = finish(fixture, &outcome);
        assert_int_equal(outcome.code, ATTESTER_ERROR_TIMEOUT);
        if (wake_ups > WAKE_UPS_MAX)
                fail_msg("%u wake-ups for one operation", wake_ups);
        assert_idle(fixture);
}

static void authorize_start_deadline_holds_in_each_state(void **state)
{
        static const char *const issuers[] = { "slow-directory.example", "slow.example" };
        struct fixture *fixture = *state;

        for (size_t i = 0; i < BASE_COUNT(issuers); i++) {
                struct outcome outcome = { .calls = 0 };

                start(fixture, issuers[i], IDLE_MS, &outcome);
                (void) finish(fixture, &outcome);
                assert_int_equal(outcome.code, ATTESTER_ERROR_TIMEOUT);
        }
}

/* A bus that takes connections and says nothing. */
static void authorize_start_silent_bus_times_out(void **state)
{
        struct fixture *fixture = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_status *status = NULL;
        struct attester_options options = ATTESTER_OPTIONS_INIT;
        struct outcome outcome = { .calls = 0 };
        base_auto_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char text[160];

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/dump", fixture->bus.directory);
        (void) snprintf(text, sizeof(text), "unix:path=%s", address.sun_path);
        (void) unlink(address.sun_path);
        assert_int_equal(bind(listener, (const struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 4), 0);
        attester_free(fixture->attester);
        assert_int_equal(attester_new(text, &fixture->attester, NULL), 0);
        start(fixture, "good.example", IDLE_MS, &outcome);
        assert_true(finish(fixture, &outcome) <= WAKE_UPS_MAX);
        assert_int_equal(outcome.code, ATTESTER_ERROR_TIMEOUT);
        options.timeout_ms = IDLE_MS;
        assert_int_equal(attester_get_status(fixture->attester, &options, &status, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_TIMEOUT);
}

static void operation_cancel_in_each_state_ends_it_without_a_callback(void **state)
{
        struct fixture *fixture = *state;
        struct attester_status *status = NULL;
        struct outcome fresh = { .calls = 0 }, directory = { .calls = 0 }, tokens = { .calls = 0 }, ended = { .calls = 0 };
        struct outcome good = { .calls = 0 };

        start(fixture, "good.example", 0, &fresh);
        attester_operation_cancel(fresh.operation);
        start(fixture, "slow-directory.example", 0, &directory);
        advance(fixture, &directory, ATTESTER_STEP_CHALLENGE);
        attester_operation_cancel(directory.operation);
        start(fixture, "slow.example", 0, &tokens);
        advance(fixture, &tokens, ATTESTER_STEP_BLINDED);
        attester_operation_cancel(tokens.operation);
        /* One that has ended, of which attester_process() had no chance to tell. */
        start(fixture, "good.example", 0, &ended);
        while ((ended.steps & 1u << ATTESTER_STEP_TOKEN) == 0) {
                assert_int_equal(attester_get_status(fixture->attester, NULL, &status, NULL), 0);
                attester_status_free(status);
        }
        attester_operation_cancel(ended.operation);
        attester_operation_cancel(NULL);
        assert_idle(fixture);
        start(fixture, "good.example", 0, &good);
        (void) finish(fixture, &good);
        assert_int_equal(good.code, ATTESTER_ERROR_NONE);
        assert_int_equal(fresh.calls + directory.calls + tokens.calls + ended.calls, 0);
}

static void callbacks_wait_for_process_while_another_call_blocks(void **state)
{
        struct fixture *fixture = *state;
        struct outcome outcome = { .calls = 0 };
        char *authorization = NULL;

        start(fixture, "good.example", 0, &outcome);
        /* Both go on at once, and the one that blocks does not spin for the other's sake. */
        for (unsigned i = 0; (outcome.steps & 1u << ATTESTER_STEP_TOKEN) == 0; i++) {
                assert_true(i < WAKE_UPS_MAX);
                assert_int_equal(attester_authorize(fixture->attester, base_buffer_c_string(&fixture->header), ORIGIN, NULL,
                                                    &authorization, NULL, NULL),
                                 0);
                assert_token_valid(fixture, authorization);
                attester_string_free(authorization);
        }
        assert_int_equal(outcome.calls, 0);
        assert_true(turn(fixture, 0));
        assert_int_equal(outcome.calls, 1);
}

static void callback_may_start_and_cancel(void **state)
{
        struct fixture *fixture = *state;
        struct outcome next = { .calls = 0 }, doomed = { .calls = 0 };
        struct outcome first = { .starts = &next, .starts_issuer = "good.example" };

        start(fixture, "slow.example", 0, &doomed);
        first.cancels = doomed.operation;
        start(fixture, "good.example", 0, &first);
        (void) finish(fixture, &first);
        (void) finish(fixture, &next);
        assert_int_equal(next.code, ATTESTER_ERROR_NONE);
        assert_int_equal(doomed.calls, 0);
}

static void free_cancels_what_is_under_way(void **state)
{
        struct fixture *fixture = *state;
        struct outcome outcomes[3] = { { .calls = 0 } };

        start(fixture, "slow-directory.example", 0, &outcomes[0]);
        advance(fixture, &outcomes[0], ATTESTER_STEP_CHALLENGE);
        start(fixture, "slow.example", 0, &outcomes[1]);
        start(fixture, "good.example", 0, &outcomes[2]);
        advance(fixture, &outcomes[1], ATTESTER_STEP_BLINDED);
        attester_free(fixture->attester);
        fixture->attester = NULL;
        assert_int_equal(outcomes[0].calls + outcomes[1].calls, 0);
}

static void callback_may_free_the_object(void **state)
{
        struct fixture *fixture = *state;
        struct outcome other = { .calls = 0 }, outcome = { .frees = true };

        start(fixture, "slow.example", 0, &other);
        start(fixture, "good.example", 0, &outcome);
        (void) finish(fixture, &outcome);
        assert_null(fixture->attester);
        assert_int_equal(other.calls, 0);
}

static void authorize_start_bad_arguments_are_refused_at_once(void **state)
{
        static const struct {
                const char *header, *origin;
                int code;
        } cases[] = {
                { "PrivateToken challenge=\"", ORIGIN, ATTESTER_ERROR_MALFORMED },
                { "Basic realm=\"x\"", "https://" ORIGIN, ATTESTER_ERROR_INVALID_ARGUMENT },
        };
        struct fixture *fixture = *state;
        struct outcome outcome = { .calls = 0 };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct attester_error error = ATTESTER_ERROR_INIT;

                assert_int_equal(attester_authorize_start(fixture->attester, cases[i].header, cases[i].origin, NULL, on_end,
                                                          &outcome, &outcome.operation, &error),
                                 -1);
                assert_int_equal(error.code, cases[i].code);
        }
        assert_idle(fixture);
        assert_int_equal(outcome.calls, 0);
        assert_null(outcome.operation);
}

static void authorize_start_daemon_that_dies_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct outcome waits = { .calls = 0 }, kills = { .calls = 0 }, late = { .calls = 0 };

        start(fixture, "slow.example", 0, &waits);
        advance(fixture, &waits, ATTESTER_STEP_BLINDED);
        start(fixture, "dies.example", 0, &kills);
        (void) finish(fixture, &waits);
        (void) finish(fixture, &kills);
        assert_int_equal(waits.code, ATTESTER_ERROR_DAEMON_UNREACHABLE);
        assert_int_equal(kills.code, ATTESTER_ERROR_DAEMON_UNREACHABLE);
        start(fixture, "good.example", 0, &late);
        (void) finish(fixture, &late);
        assert_int_equal(late.code, ATTESTER_ERROR_DAEMON_UNREACHABLE);
}

static void authorize_start_bus_that_goes_ends_all_and_comes_back(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct outcome fresh = { .calls = 0 }, waits = { .calls = 0 }, after = { .calls = 0 };

        start(fixture, "slow.example", 0, &waits);
        advance(fixture, &waits, ATTESTER_STEP_BLINDED);
        start(fixture, "good.example", 0, &fresh);
        test_bus_kill_daemon(&fixture->bus);
        (void) finish(fixture, &waits);
        assert_int_equal(waits.code, ATTESTER_ERROR_DAEMON_UNREACHABLE);
        (void) finish(fixture, &fresh);
        assert_idle(fixture);
        assert_int_equal(attester_authorize_start(fixture->attester, base_buffer_c_string(&fixture->header), ORIGIN, NULL, on_end,
                                                  &after, NULL, &error),
                         -1);
        assert_int_equal(error.code, ATTESTER_ERROR_DAEMON_UNREACHABLE);
        test_bus_restart(&fixture->bus);
        start(fixture, "good.example", 0, &after);
        (void) finish(fixture, &after);
        assert_int_equal(after.code, 0);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void) source;
        (void) fd;
        (void) revents;
        attester_process(userdata);
        return 0;
}

static void authorize_start_runs_in_sd_event(void **state)
{
        struct fixture *fixture = *state;
        struct outcome slow = { .calls = 0 }, good = { .calls = 0 };
        sd_event_source *source = NULL;
        sd_event *event = NULL;
        unsigned wake_ups = 0;

        assert_true(sd_event_new(&event) >= 0);
        assert_true(sd_event_add_io(event, &source, attester_get_fd(fixture->attester), POLLIN, on_ready, fixture->attester) >=
                    0);
        start(fixture, "slow.example", IDLE_MS, &slow);
        start(fixture, "good.example", 0, &good);
        for (; slow.calls == 0 || good.calls == 0; wake_ups++)
                assert_true(sd_event_run(event, WAIT_MS * 1000ull) > 0);
        assert_int_equal(good.code, ATTESTER_ERROR_NONE);
        assert_int_equal(slow.code, ATTESTER_ERROR_TIMEOUT);
        assert_true(wake_ups <= 2 * WAKE_UPS_MAX);
        (void) sd_event_source_unref(source);
        (void) sd_event_unref(event);
}

static void authorize_start_leaves_signals_and_descriptors_alone(void **state)
{
        struct fixture *fixture = *state;
        struct outcome outcome = { .calls = 0 };
        struct sigaction before, after;
        int lowest;

        start(fixture, "good.example", 0, &outcome);
        (void) finish(fixture, &outcome);
        assert_int_equal(sigaction(SIGPIPE, NULL, &after), 0);
        assert_true(after.sa_handler == SIG_DFL);
        before = after;
        attester_free(fixture->attester);
        lowest = dup(STDOUT_FILENO);
        assert_true(lowest >= 0);
        (void) close(lowest);
        assert_int_equal(attester_new(fixture->bus.address, &fixture->attester, NULL), 0);
        outcome = (struct outcome){ .calls = 0 };
        start(fixture, "good.example", 0, &outcome);
        (void) finish(fixture, &outcome);
        attester_free(fixture->attester);
        fixture->attester = NULL;
        assert_int_equal(dup(STDOUT_FILENO), lowest);
        (void) close(lowest);
        assert_int_equal(sigaction(SIGPIPE, NULL, &after), 0);
        assert_true(after.sa_handler == before.sa_handler);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(authorize_start_two_at_once_end_out_of_order),
                CASE(authorize_start_many_at_once_all_end_and_one_more_is_busy),
                CASE(authorize_start_does_not_spin),
                CASE(authorize_start_deadline_holds_in_each_state),
                CASE(authorize_start_silent_bus_times_out),
                CASE(operation_cancel_in_each_state_ends_it_without_a_callback),
                CASE(callbacks_wait_for_process_while_another_call_blocks),
                CASE(callback_may_start_and_cancel),
                CASE(free_cancels_what_is_under_way),
                CASE(callback_may_free_the_object),
                CASE(authorize_start_bad_arguments_are_refused_at_once),
                CASE(authorize_start_daemon_that_dies_is_unreachable),
                CASE(authorize_start_bus_that_goes_ends_all_and_comes_back),
                CASE(authorize_start_runs_in_sd_event),
                CASE(authorize_start_leaves_signals_and_descriptors_alone),
        };

        return cmocka_run_group_tests_name("authorize_start", tests, NULL, NULL);
}
