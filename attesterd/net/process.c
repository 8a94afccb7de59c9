/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define VARIABLE_BYTES_MAX 1024

static const char *const proxy_variables[] = {
        "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
};

struct environment {
        char text[BASE_COUNT(proxy_variables)][VARIABLE_BYTES_MAX];
        char *list[BASE_COUNT(proxy_variables) + 1];
};

static bool collect_proxies(struct environment *environment, struct base_error *error)
{
        size_t count = 0;

        for (size_t i = 0; i < BASE_COUNT(proxy_variables); i++) {
                const char *value = getenv(proxy_variables[i]);
                int len;

                if (value == NULL)
                        continue;
                len = snprintf(environment->text[count], VARIABLE_BYTES_MAX, "%s=%s", proxy_variables[i], value);
                if (len < 0 || len >= VARIABLE_BYTES_MAX)
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the variable %s is too long",
                                              proxy_variables[i]);
                environment->list[count] = environment->text[count];
                count++;
        }
        return true;
}

/* Signals as a program expects them, and the socket where attester-net looks for it. Returns an errno. */
static int prepare(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, int fd)
{
        sigset_t none, all;
        int r;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        if ((r = posix_spawnattr_setsigmask(attributes, &none)) != 0 ||
            (r = posix_spawnattr_setsigdefault(attributes, &all)) != 0)
                return r;
        if ((r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) != 0)
                return r;
        return posix_spawn_file_actions_adddup2(actions, fd, NET_CHILD_FD);
}

static int spawn(const char *program, char *const *arguments, char *const *environment, int fd, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int r;

        if ((r = posix_spawnattr_init(&attributes)) != 0)
                return r;
        if ((r = posix_spawn_file_actions_init(&actions)) == 0) {
                if ((r = prepare(&attributes, &actions, fd)) == 0)
                        r = posix_spawn(ret, program, &actions, &attributes, arguments, environment);
                (void) posix_spawn_file_actions_destroy(&actions);
        }
        (void) posix_spawnattr_destroy(&attributes);
        return r;
}

bool net_process_spawn(const char *program, bool proxy_from_environment, struct net_process *ret, struct base_error *error)
{
        char name[] = "attester-net", proxy[] = "--proxy-from-environment";
        char *arguments[] = { name, proxy_from_environment ? proxy : NULL, NULL };
        struct environment environment = { .list = { NULL } };
        base_auto_close int ours = -1;
        base_auto_close int theirs = -1;
        int fds[2];
        pid_t pid;
        int r;

        if (proxy_from_environment && !collect_proxies(&environment, error))
                return false;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return base_error_set_errno(error, errno, "no socket for attester-net");
        ours = fds[0];
        theirs = fds[1];
        if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
                return base_error_set_errno(error, errno, "the socket for attester-net cannot be made non-blocking");
        r = spawn(program, arguments, environment.list, theirs, &pid);
        if (r == ENOENT)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "%s is not there: attesterd is not installed completely",
                                      program);
        if (r != 0)
                return base_error_set_errno(error, r, "%s cannot be started", program);
        *ret = (struct net_process){ .pid = pid, .fd = base_steal_fd(&ours) };
        return true;
}

bool net_process_connect(const char *path, struct net_process *ret, struct base_error *error)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        base_auto_close int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "%s is too long for a socket's path", path);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return base_error_set_errno(error, errno, "no socket for attester-net");
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                if (errno == ENOENT)
                        return base_error_set(error, BASE_ERROR_NOT_FOUND, "%s is not there: start attester-net.socket", path);
                return base_error_set_errno(error, errno, "cannot connect to attester-net at %s", path);
        }
        *ret = (struct net_process){ .fd = base_steal_fd(&fd) };
        return true;
}

void net_process_kill(struct net_process *process, char *why, size_t why_bytes)
{
        int status = 0;
        pid_t pid;

        base_close_p(&process->fd);
        if (process->pid == 0) {
                (void) snprintf(why, why_bytes, "the connection ended");
                return;
        }
        /* A process that has already ended keeps its own status. */
        (void) kill(process->pid, SIGKILL);
        while ((pid = waitpid(process->pid, &status, 0)) < 0 && errno == EINTR)
                ;
        process->pid = 0;
        if (pid < 0)
                (void) snprintf(why, why_bytes, "it ended unseen");
        else if (WIFSIGNALED(status))
                (void) snprintf(why, why_bytes, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        else
                (void) snprintf(why, why_bytes, "exit status %d", WEXITSTATUS(status));
}
