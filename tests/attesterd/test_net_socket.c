/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's end when attester-net is started by the service manager: one a connection, as attester-net.socket does. */
#include "net_fixture.h"

#include "attesterd/net/process.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define CONNECTIONS_MAX 8

/* Stands for systemd with Accept=yes. */
struct manager {
        char directory[64];
        char path[96];
        const char *program;
        int fd;
        sd_event_source *source;
        pid_t instances[CONNECTIONS_MAX];
        unsigned count;
};

static const struct issuer no_issuer;

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *context)
{
        struct manager *manager = context;
        char name[] = "attester-net";
        char *arguments[] = { name, NULL }, *environment[] = { NULL };
        base_auto_close int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        posix_spawn_file_actions_t actions;

        assert_true(connection >= 0);
        assert_true(manager->count < CONNECTIONS_MAX);
        assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, connection, NET_CHILD_FD), 0);
        assert_int_equal(
                posix_spawn(&manager->instances[manager->count++], manager->program, &actions, NULL, arguments, environment), 0);
        (void) posix_spawn_file_actions_destroy(&actions);
        return 0;
}

static void manager_listen(struct manager *manager, sd_event *event, const char *program)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        manager->program = program;
        assert_non_null(program);
        manager->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(manager->fd >= 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", manager->path);
        assert_int_equal(bind(manager->fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(manager->fd, 4), 0);
        assert_true(sd_event_add_io(event, &manager->source, manager->fd, EPOLLIN, on_connection, manager) >= 0);
}

static void manager_init(struct manager *manager)
{
        *manager = (struct manager){ .directory = "/tmp/attester-net-socket-XXXXXX", .fd = -1 };
        assert_non_null(mkdtemp(manager->directory));
        (void) snprintf(manager->path, sizeof(manager->path), "%s/socket", manager->directory);
}

/* Every instance has ended by itself, since its connection was closed. */
static void manager_clear(struct manager *manager)
{
        (void) sd_event_source_disable_unref(manager->source);
        base_close_p(&manager->fd);
        for (unsigned i = 0; i < manager->count; i++)
                assert_int_equal(waitpid(manager->instances[i], NULL, 0), manager->instances[i]);
        (void) unlink(manager->path);
        assert_int_equal(rmdir(manager->directory), 0);
}

static bool fetch_path(struct loop *loop, const char *path, struct outcome *outcome)
{
        char url[256];
        struct net_request request = request_to(url, &no_issuer, "issuer.example", 443, path);

        fetch(loop, &request, outcome);
        return outcome->ok;
}

static void fetch_before_the_socket_is_there_is_unreachable_and_then_works(void **state)
{
        char url[256];
        struct net_request request = request_to(url, &no_issuer, "issuer.example", 443, "fine");
        struct base_error error = BASE_ERROR_INIT;
        struct manager manager;
        struct outcome outcome;
        struct loop loop;

        manager_init(&manager);
        loop_start_connecting(&loop, manager.path);
        assert_false(net_client_fetch(loop.client, &request, fetch_done, &outcome, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_non_null(strstr(error.message, "attester-net.socket"));
        manager_listen(&manager, loop.event, getenv("ATTESTER_NET_HOSTILE"));
        loop_for(&loop, NET_RESTART_MS_FIRST * 3);
        assert_true(fetch_path(&loop, "fine", &outcome));
        assert_int_equal(net_client_pid(loop.client), 0);
        loop_stop(&loop);
        manager_clear(&manager);
}

static void process_that_ends_or_lies_is_replaced_by_a_new_connection(void **state)
{
        struct manager manager;
        struct outcome outcome;
        struct loop loop;

        manager_init(&manager);
        loop_start_connecting(&loop, manager.path);
        manager_listen(&manager, loop.event, getenv("ATTESTER_NET_HOSTILE"));
        assert_true(fetch_path(&loop, "fine", &outcome));
        assert_false(fetch_path(&loop, "exit", &outcome));
        assert_int_equal(outcome.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_true(fetch_path(&loop, "fine", &outcome));
        assert_false(fetch_path(&loop, "garbage", &outcome));
        assert_non_null(strstr(loop.last_exit.message, "does not parse"));
        assert_true(fetch_path(&loop, "fine", &outcome));
        assert_int_equal(manager.count, 3);
        loop_stop(&loop);
        manager_clear(&manager);
}

/* The real program, with the arguments of its unit: a refused connection is an answer of its own. */
static void real_program_answers_and_ends_with_the_connection(void **state)
{
        char url[256];
        struct net_request request = request_to(url, &no_issuer, "127.0.0.1", 1, "directory");
        struct manager manager;
        struct outcome outcome;
        struct loop loop;

        manager_init(&manager);
        loop_start_connecting(&loop, manager.path);
        manager_listen(&manager, loop.event, getenv("ATTESTER_NET"));
        fetch(&loop, &request, &outcome);
        assert_false(outcome.ok);
        assert_int_equal(outcome.error.code, BASE_ERROR_ISSUER_UNREACHABLE);
        assert_int_equal(loop.exits, 0);
        loop_stop(&loop);
        manager_clear(&manager);
}

static void connect_path_that_is_too_long_is_invalid_argument(void **state)
{
        char path[sizeof(((struct sockaddr_un *) NULL)->sun_path) + 1];
        struct base_error error = BASE_ERROR_INIT;
        struct net_process process;

        memset(path, 'p', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_false(net_process_connect(path, &process, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fetch_before_the_socket_is_there_is_unreachable_and_then_works),
                cmocka_unit_test(process_that_ends_or_lies_is_replaced_by_a_new_connection),
                cmocka_unit_test(real_program_answers_and_ends_with_the_connection),
                cmocka_unit_test(connect_path_that_is_too_long_is_invalid_argument),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
