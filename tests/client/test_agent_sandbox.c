/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/sandbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs in a process of its own, since there is no way back; returns the step that went wrong, or 0. */
static int attempt(void)
{
        char program[] = "/bin/true", *arguments[] = { program, NULL };
        struct base_error error = BASE_ERROR_INIT;
        void *memory;

        if (!agent_sandbox_enter(&error))
                return 1;
        if (prctl(PR_GET_DUMPABLE) != 0)
                return 2;
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return 3;
#if AGENT_HAS_SECCOMP
        if (execv(program, arguments) == 0 || errno != EPERM)
                return 4;
        if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
                return 5;
        if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EPERM)
                return 6;
        memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED || errno != EPERM)
                return 7;
#endif
        memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return 8;
        if (AGENT_HAS_SECCOMP && (mprotect(memory, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 || errno != EPERM))
                return 9;
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 10;
}

static void agent_sandbox_enter_refuses_programs_network_and_writable_code(void **state)
{
        pid_t child = fork();
        int status = -1;

        if (child == 0)
                _exit(attempt());
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(agent_sandbox_enter_refuses_programs_network_and_writable_code),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
