/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/sandbox.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#if AGENT_HAS_SECCOMP

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

static const int refused[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(bpf),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(keyctl),
        SCMP_SYS(mount),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(userfaultfd),
};

static int add_rules(scmp_filter_ctx filter)
{
        const scmp_datum_t writable_code = PROT_WRITE | PROT_EXEC;
        int status = 0;

        for (size_t i = 0; i < BASE_COUNT(refused) && status == 0; i++)
                status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
        if (status == 0)
                status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
        if (status == 0)
                status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1,
                                          SCMP_A2(SCMP_CMP_MASKED_EQ, writable_code, writable_code));
        if (status == 0)
                status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mprotect), 1,
                                          SCMP_A2(SCMP_CMP_MASKED_EQ, writable_code, writable_code));
        return status == 0 ? seccomp_load(filter) : status;
}

static bool filter_calls(struct base_error *error)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int status;

        if (filter == NULL)
                return base_error_set_no_memory(error);
        status = add_rules(filter);
        seccomp_release(filter);
        return status == 0 || base_error_set_errno(error, -status, "the kernel does not filter system calls");
}

#else

static bool filter_calls(struct base_error *error)
{
        (void) error;
        return true;
}

#endif

bool agent_sandbox_enter(struct base_error *error)
{
        /* Files are opened and made as the user's own: the group that the program was given is for attesterd's eyes only. */
        (void) setfsgid(getgid());
        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                return base_error_set_errno(error, errno, "the kernel does not let this process hide its memory");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return base_error_set_errno(error, errno, "the kernel does not let this process give up privileges");
        return filter_calls(error);
}
