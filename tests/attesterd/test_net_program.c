/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-net itself: what it does with bytes that no honest attesterd sends, and how it ends. */
#include "attesterd/net/answer.h"
#include "attesterd/net/process.h"
#include "attesterd/net/server.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define WAIT_MS 20000

static struct net_process start(void)
{
        struct net_process process;
        struct base_error error;

        if (!net_process_spawn(getenv("ATTESTER_NET"), false, &process, &error))
                fail_msg("%s", error.message);
        return process;
}

static void put(const struct net_process *process, struct base_bytes bytes)
{
        struct pollfd writable = { .fd = process->fd, .events = POLLOUT };

        assert_int_equal(poll(&writable, 1, WAIT_MS), 1);
        assert_int_equal(send(process->fd, bytes.data, bytes.len, MSG_NOSIGNAL), bytes.len);
}

/* The length of what attester-net says next; 0 when it has closed. */
static ssize_t get(const struct net_process *process, uint8_t packet[static NET_MESSAGE_BYTES_MAX])
{
        struct pollfd readable = { .fd = process->fd, .events = POLLIN };
        ssize_t len;

        assert_int_equal(poll(&readable, 1, WAIT_MS), 1);
        len = recv(process->fd, packet, NET_MESSAGE_BYTES_MAX, 0);
        return len < 0 ? 0 : len;
}

/* It closes without a word and exits with this code's status. */
static void expect_end(struct net_process *process, enum base_error_code code)
{
        static uint8_t packet[NET_MESSAGE_BYTES_MAX];
        int status = 0;

        assert_int_equal(get(process, packet), 0);
        base_close_p(&process->fd);
        assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), base_error_exit_status(code));
}

/* A request to a port that takes connections and says nothing. */
static void put_request(const struct net_process *process, uint64_t id, unsigned slot, unsigned port)
{
        base_auto_buffer struct base_buffer out = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        struct net_request request = { .timeout_ms = NET_TIMEOUT_MS_MAX, .response_bytes_max = 1 };
        char url[64];

        (void) snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
        request.url = url;
        assert_true(net_message_put_request(&out, id, slot, &request, NULL));
        put(process, base_buffer_bytes(&out));
}

static int silent_listener(unsigned *ret_port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *) &address, len), 0);
        assert_int_equal(listen(fd, 64), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &len), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static void run_until_closed_ends_well(void **state)
{
        struct net_process process = start();

        assert_int_equal(shutdown(process.fd, SHUT_WR), 0);
        expect_end(&process, BASE_ERROR_NONE);
}

static void run_garbage_ends_malformed(void **state)
{
        static const uint8_t answer[] = { NET_MESSAGE_FAILURE, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 };
        static const uint8_t garbage[] = { 0xff, 1, 2, 3 };
        struct net_process process = start();

        put(&process, BASE_BYTES_OF(garbage));
        expect_end(&process, BASE_ERROR_MALFORMED);
        process = start();
        put(&process, BASE_BYTES_OF(answer));
        expect_end(&process, BASE_ERROR_MALFORMED);
}

static void run_oversized_message_ends_limit_exceeded(void **state)
{
        static const uint8_t huge[NET_MESSAGE_BYTES_MAX + 1];
        struct net_process process = start();

        put(&process, BASE_BYTES_OF(huge));
        expect_end(&process, BASE_ERROR_LIMIT_EXCEEDED);
}

static void run_unknown_bundle_or_id_twice_ends_malformed(void **state)
{
        struct net_process process = start();
        unsigned port;
        base_auto_close int listener = silent_listener(&port);

        assert_true(listener >= 0);
        put_request(&process, 1, 5, port);
        expect_end(&process, BASE_ERROR_MALFORMED);
        process = start();
        put_request(&process, 1, 0, port);
        put_request(&process, 1, 0, port);
        expect_end(&process, BASE_ERROR_MALFORMED);
}

static void put_piece(const struct net_process *process, uint64_t id)
{
        static const uint8_t piece[NET_PIECE_BYTES_MAX];
        base_auto_buffer struct base_buffer out = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);

        assert_true(net_message_put_body(&out, id, BASE_BYTES_OF(piece), NULL));
        put(process, base_buffer_bytes(&out));
}

/* Pieces belong to the request that comes next, a POST, and add up to no more than a body may have. */
static void run_pieces_that_do_not_go_together_end_it(void **state)
{
        struct net_process process = start();
        unsigned port;
        base_auto_close int listener = silent_listener(&port);

        put_piece(&process, 1);
        put_piece(&process, 2);
        expect_end(&process, BASE_ERROR_MALFORMED);
        process = start();
        put_piece(&process, 1);
        put_request(&process, 2, 0, port);
        expect_end(&process, BASE_ERROR_MALFORMED);
        process = start();
        put_piece(&process, 1);
        put_request(&process, 1, 0, port); /* a GET */
        expect_end(&process, BASE_ERROR_INVALID_ARGUMENT);
        process = start();
        for (size_t sent = 0; sent <= NET_REQUEST_BODY_MAX; sent += NET_PIECE_BYTES_MAX)
                put_piece(&process, 1);
        expect_end(&process, BASE_ERROR_LIMIT_EXCEEDED);
        assert_true(listener >= 0);
}

static void run_cancel_amid_pieces_forgets_them(void **state)
{
        base_auto_buffer struct base_buffer cancel = BASE_BUFFER_INIT(64);
        struct net_process process = start();
        unsigned port;
        base_auto_close int listener = silent_listener(&port);

        assert_true(listener >= 0);
        put_piece(&process, 1);
        assert_true(net_message_put_cancel(&cancel, 1, NULL));
        put(&process, base_buffer_bytes(&cancel));
        put_request(&process, 2, 0, port);
        put_piece(&process, 3);
        assert_int_equal(shutdown(process.fd, SHUT_WR), 0);
        expect_end(&process, BASE_ERROR_NONE);
}

static void run_more_than_the_limit_is_overloaded(void **state)
{
        static uint8_t packet[NET_MESSAGE_BYTES_MAX];
        base_auto_buffer struct base_buffer cancel = BASE_BUFFER_INIT(64);
        struct net_process process = start();
        struct net_message message;
        char why[128];
        unsigned port;
        base_auto_close int listener = silent_listener(&port);
        ssize_t len;

        assert_true(listener >= 0);
        for (uint64_t id = 1; id <= NET_SERVER_EXCHANGES_MAX + 1; id++)
                put_request(&process, id, 0, port);
        len = get(&process, packet);
        assert_true(net_message_decode(BASE_BYTES(packet, len), NET_FROM_CHILD, &message, NULL));
        assert_int_equal(message.kind, NET_MESSAGE_FAILURE);
        assert_int_equal(message.id, NET_SERVER_EXCHANGES_MAX + 1);
        assert_int_equal(message.failure, NET_FAILURE_OVERLOADED);
        /* A cancel makes room; one for a request that is not there does nothing. */
        assert_true(net_message_put_cancel(&cancel, 9, NULL));
        put(&process, base_buffer_bytes(&cancel));
        put(&process, base_buffer_bytes(&cancel));
        put_request(&process, 9, 0, port);
        put_request(&process, 1000, 0, port);
        len = get(&process, packet);
        assert_true(net_message_decode(BASE_BYTES(packet, len), NET_FROM_CHILD, &message, NULL));
        assert_int_equal(message.id, 1000);
        net_process_kill(&process, why, sizeof(why));
}

static void new_without_a_socket_is_invalid(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct net_server *server = NULL;

        assert_false(net_server_new(STDERR_FILENO, false, &server, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_null(server);
}

static void parse_max_age_reads_the_smallest(void **state)
{
        static const struct {
                const char *value;
                bool found;
                uint32_t seconds;
        } cases[] = {
                { "max-age=60", true, 60 },
                { "public, MAX-AGE=\"60\" , max-age=30", true, 30 },
                { "no-store", true, 0 },
                { "max-age=60,no-cache", true, 0 },
                { "max-age=99999999999999999999999", true, UINT32_MAX },
                { "", false, 0 },
                { ",,, ,", false, 0 },
                { "max-age", false, 0 },
                { "max-age=", false, 0 },
                { "max-age=-1", false, 0 },
                { "max-age=\"", false, 0 },
                { "s-maxage=60", false, 0 },
                { "x-max-age=60", false, 0 },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                uint32_t seconds = 0;

                assert_int_equal(net_answer_parse_max_age(cases[i].value, &seconds), cases[i].found);
                assert_int_equal(seconds, cases[i].seconds);
        }
}

static void parse_retry_after_takes_seconds_only(void **state)
{
        uint32_t seconds = 0;

        assert_true(net_answer_parse_retry_after("120", &seconds));
        assert_int_equal(seconds, 120);
        assert_false(net_answer_parse_retry_after("", &seconds));
        assert_false(net_answer_parse_retry_after("12 ", &seconds));
        assert_false(net_answer_parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", &seconds));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(run_until_closed_ends_well),
                cmocka_unit_test(run_garbage_ends_malformed),
                cmocka_unit_test(run_oversized_message_ends_limit_exceeded),
                cmocka_unit_test(run_unknown_bundle_or_id_twice_ends_malformed),
                cmocka_unit_test(run_pieces_that_do_not_go_together_end_it),
                cmocka_unit_test(run_cancel_amid_pieces_forgets_them),
                cmocka_unit_test(run_more_than_the_limit_is_overloaded),
                cmocka_unit_test(new_without_a_socket_is_invalid),
                cmocka_unit_test(parse_max_age_reads_the_smallest),
                cmocka_unit_test(parse_retry_after_takes_seconds_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
