/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/client/bus.h"
#include "base/file.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define START_TIMEOUT_MS 30000
#define LINE_BYTES_MAX   256

extern char **environ;

static const char configuration[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
        "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig><type>custom</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth><policy context=\"default\">"
        "<allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n";

/* Starts a program and waits for the first line of its output. */
static pid_t start(char *const *arguments, char *ret_line)
{
        posix_spawn_file_actions_t actions;
        struct pollfd wait;
        int ends[2];
        size_t len = 0;
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
        assert_int_equal(posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ), 0);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) close(ends[1]);
        wait = (struct pollfd){ .fd = ends[0], .events = POLLIN };
        do {
                assert_int_equal(poll(&wait, 1, START_TIMEOUT_MS), 1);
                assert_true(len < LINE_BYTES_MAX - 1 && read(ends[0], ret_line + len, 1) == 1);
        } while (ret_line[len++] != '\n');
        ret_line[len - 1] = '\0';
        (void) close(ends[0]);
        return pid;
}

static void end(pid_t *pid)
{
        if (*pid <= 0)
                return;
        (void) kill(*pid, SIGTERM);
        (void) waitpid(*pid, NULL, 0);
        *pid = 0;
}

static void fake_start(struct test_bus *bus)
{
        char *program = getenv("ATTESTER_TEST_FAKE");
        char line[LINE_BYTES_MAX];

        assert_non_null(program);
        bus->fake = start((char *const[]){ program, bus->address, bus->directory, NULL }, line);
        assert_string_equal(line, "ready");
}

static void daemon_start(struct test_bus *bus)
{
        char option[128], line[LINE_BYTES_MAX];

        (void) snprintf(option, sizeof(option), "--config-file=%s/bus.conf", bus->directory);
        bus->daemon = start(
                (char *const[]){ (char *) "dbus-daemon", option, (char *) "--nofork", (char *) "--print-address", NULL }, line);
}

void test_bus_start(struct test_bus *bus, bool with_fake)
{
        struct base_error error = BASE_ERROR_INIT;
        char text[1024];
        base_auto_close int directory = -1;

        *bus = (struct test_bus){ .directory = "/tmp/attester-client-XXXXXX" };
        assert_non_null(mkdtemp(bus->directory));
        (void) snprintf(text, sizeof(text), configuration, bus->directory);
        assert_true((directory = open(bus->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
        assert_true(base_file_replace_at(directory, "bus.conf", base_bytes_from_string(text), 0600, &error));
        (void) snprintf(bus->address, sizeof(bus->address), "unix:path=%s/bus", bus->directory);
        daemon_start(bus);
        if (with_fake)
                fake_start(bus);
}

void test_bus_kill_daemon(struct test_bus *bus)
{
        end(&bus->daemon);
        end(&bus->fake);
}

void test_bus_restart(struct test_bus *bus)
{
        daemon_start(bus);
        fake_start(bus);
}

void test_bus_stop(struct test_bus *bus)
{
        static const char *const names[] = { "bus", "bus.conf", "a.spki", "b.spki", "c.point", "c.pem", "dump" };
        char path[128];

        end(&bus->fake);
        end(&bus->daemon);
        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", bus->directory, names[i]);
                (void) unlink(path);
        }
        assert_int_equal(rmdir(bus->directory), 0);
}

void test_bus_read(const struct test_bus *bus, const char *name, struct base_buffer *to)
{
        struct base_error error = BASE_ERROR_INIT;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/%s", bus->directory, name);
        assert_true(base_file_read(path, to, &error));
}
