/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What libc, OpenSSL, curl and curl's resolver threads call with any arguments. */
static const int allowed[] = {
        /* sockets that are open */
        SCMP_SYS(connect),
        SCMP_SYS(bind),
        SCMP_SYS(sendto),
        SCMP_SYS(sendmsg),
        SCMP_SYS(sendmmsg),
        SCMP_SYS(recvfrom),
        SCMP_SYS(recvmsg),
        SCMP_SYS(recvmmsg),
        SCMP_SYS(getsockname),
        SCMP_SYS(getpeername),
        SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt),
        SCMP_SYS(shutdown),

        SCMP_SYS(pipe2),
        SCMP_SYS(eventfd2),
        /* descriptors */
        SCMP_SYS(read),
        SCMP_SYS(readv),
        SCMP_SYS(pread64),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(close),
        SCMP_SYS(lseek),
        SCMP_SYS(fcntl),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(select),
        SCMP_SYS(pselect6),
        SCMP_SYS(dup),
        /* looking at files: CA certificates, resolv.conf, hosts */
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(stat),
        SCMP_SYS(lstat),
        SCMP_SYS(statx),
        SCMP_SYS(access),
        SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2),
        SCMP_SYS(readlink),
        SCMP_SYS(readlinkat),
        SCMP_SYS(getdents64),
        SCMP_SYS(getcwd),
        /* memory */
        SCMP_SYS(brk),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        /* threads */
        SCMP_SYS(futex),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(rseq),
        SCMP_SYS(gettid),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(membarrier),
        SCMP_SYS(restart_syscall),
        /* signals */
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        /* clocks, randomness, identity */
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_getres),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),
        SCMP_SYS(getppid),
        SCMP_SYS(getuid),
        SCMP_SYS(geteuid),
        SCMP_SYS(getgid),
        SCMP_SYS(getegid),
        SCMP_SYS(uname),
        SCMP_SYS(sysinfo),
        SCMP_SYS(getrlimit),
        SCMP_SYS(getrusage),
#if NET_SANDBOX_SANITIZED
        SCMP_SYS(clone),
        SCMP_SYS(prctl),
        SCMP_SYS(mprotect),
        SCMP_SYS(mmap),
        SCMP_SYS(open),
        SCMP_SYS(prlimit64),
        SCMP_SYS(kill),
        SCMP_SYS(wait4),
        SCMP_SYS(ptrace),
        SCMP_SYS(set_tid_address),
        SCMP_SYS(setrlimit),
        SCMP_SYS(personality),
#endif
};

/* No library calls these; code that was injected does. The process ends at once, and attesterd logs the signal. */
static const int deadly[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(fork),
        SCMP_SYS(vfork),
        SCMP_SYS(bpf),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(keyctl),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
#if !NET_SANDBOX_SANITIZED
        SCMP_SYS(ptrace),
#endif
};

struct argument_rule {
        uint32_t action;
        int call;
        struct scmp_arg_cmp compare[2];
        unsigned count;
};

#define ALLOW_IF(call, argument, mask, value)                                                                                    \
        {                                                                                                                        \
                SCMP_ACT_ALLOW, SCMP_SYS(call), { { (argument), SCMP_CMP_MASKED_EQ, (mask), (value) } }, 1                       \
        }

#define WRITE_FLAGS       ((scmp_datum_t) (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY)))
#define ALL_BITS          ((scmp_datum_t) 0xffffffffU) /* of an int argument */
#define SOCKET_TYPE_FLAGS ((scmp_datum_t) (SOCK_CLOEXEC | SOCK_NONBLOCK))

#define ALLOW_SOCKET(call, family, type)                                                                                         \
        {                                                                                                                        \
                SCMP_ACT_ALLOW, SCMP_SYS(call),                                                                                  \
                        { { 0, SCMP_CMP_EQ, (family), 0 }, { 1, SCMP_CMP_MASKED_EQ, ALL_BITS & ~SOCKET_TYPE_FLAGS, (type) } }, 2 \
        }

static const struct argument_rule argument_rules[] = {
        ALLOW_IF(openat, 2, WRITE_FLAGS, O_RDONLY),
        /* TCP and UDP. No AF_UNIX: there is the bus, and what else listens on this machine. */
        ALLOW_SOCKET(socket, AF_INET, SOCK_STREAM),
        ALLOW_SOCKET(socket, AF_INET, SOCK_DGRAM),
        ALLOW_SOCKET(socket, AF_INET6, SOCK_STREAM),
        ALLOW_SOCKET(socket, AF_INET6, SOCK_DGRAM),
        /* To wake a thread. A datagram pair could be pointed at somebody else's socket afterwards. */
        ALLOW_SOCKET(socketpair, AF_UNIX, SOCK_STREAM),
        /* getaddrinfo() asks the kernel for this machine's addresses (RFC 6724); 0 is NETLINK_ROUTE. */
        { SCMP_ACT_ALLOW, SCMP_SYS(socket), { { 0, SCMP_CMP_EQ, AF_NETLINK, 0 }, { 2, SCMP_CMP_EQ, 0, 0 } }, 2 },
        ALLOW_IF(ioctl, 1, ALL_BITS, FIONREAD), /* libc's resolver */
#if !NET_SANDBOX_SANITIZED
        /* A thread, and no process. Of libc's flags this one tells the two apart. */
        ALLOW_IF(clone, 0, CLONE_THREAD, CLONE_THREAD),
        /* Never both writable and executable; an NSS module is mapped executable from its file. */
        ALLOW_IF(mmap, 2, PROT_EXEC, 0),
        ALLOW_IF(mmap, 2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
        ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
        /* Reading a limit. */
        { SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), { { 2, SCMP_CMP_EQ, 0, 0 } }, 1 },
#endif
        /* Its flags are in memory, where no filter sees them: libc then takes clone(). */
        { SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), { { 0 } }, 0 },
};

static bool limit(int resource, rlim_t value, const char *name, struct base_error *error)
{
        struct rlimit limits = { .rlim_cur = value, .rlim_max = value };

        if (setrlimit((__rlimit_resource_t) resource, &limits) < 0)
                return base_error_set_errno(error, errno, "the limit of %s cannot be set", name);
        return true;
}

/* The files limit may already be lower, and then stays. */
static bool limit_files(struct base_error *error)
{
        struct rlimit limits;

        if (getrlimit(RLIMIT_NOFILE, &limits) < 0)
                return base_error_set_errno(error, errno, "the limit of open files cannot be read");
        return limit(RLIMIT_NOFILE, limits.rlim_max < NET_SANDBOX_FILES_MAX ? limits.rlim_max : NET_SANDBOX_FILES_MAX,
                     "open files", error);
}

static bool close_files(int socket_fd, struct base_error *error)
{
        base_auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
                return base_error_set_errno(error, errno, "/dev/null cannot be opened");
        base_close_p(&null);
        if (socket_fd > 3 && close_range(3, (unsigned) socket_fd - 1, 0) < 0)
                return base_error_set_errno(error, errno, "inherited files cannot be closed");
        if (close_range((unsigned) socket_fd + 1, ~0U, 0) < 0)
                return base_error_set_errno(error, errno, "inherited files cannot be closed");
        return true;
}

bool net_sandbox_prepare(int socket_fd, struct base_error *error)
{
        pid_t parent = getppid();

        if (!close_files(socket_fd, error))
                return false;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return base_error_set_errno(error, errno, "PR_SET_PDEATHSIG");
        if (getppid() != parent)
                return base_error_set(error, BASE_ERROR_CANCELLED, "attesterd has ended");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return base_error_set_errno(error, errno, "PR_SET_NO_NEW_PRIVS");
        if (!NET_SANDBOX_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return base_error_set_errno(error, errno, "PR_SET_DUMPABLE");
        /* The number of processes is the filter's matter: RLIMIT_NPROC counts those of all programs of the user. */
        return limit(RLIMIT_CORE, 0, "core files", error) && limit(RLIMIT_FSIZE, 0, "file sizes", error) && limit_files(error);
}

static int add_rules(scmp_filter_ctx filter)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < BASE_COUNT(allowed); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        for (size_t i = 0; r == 0 && i < BASE_COUNT(deadly); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
        for (size_t i = 0; r == 0 && i < BASE_COUNT(argument_rules); i++)
                r = seccomp_rule_add_array(filter, argument_rules[i].action, argument_rules[i].call, argument_rules[i].count,
                                           argument_rules[i].compare);
        /* abort() of this process. */
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid()));
        return r;
}

bool net_sandbox_enter(struct base_error *error)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r;

        if (filter == NULL)
                return base_error_set_no_memory(error);
        r = add_rules(filter);
        if (r == 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        if (r == 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        if (r < 0)
                return base_error_set_errno(error, -r, "the system call filter cannot be installed");
        return true;
}
