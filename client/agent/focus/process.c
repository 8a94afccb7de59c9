/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/process.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STAT_PARENT  4 /* fields of /proc/PID/stat, counted from 1 */
#define STAT_STARTED 22
#define INIT         1

/* Reads a decimal number that ends at a space or a newline, and steps behind that. */
static bool take_number(const char **at, const char *end, uint64_t *ret)
{
        uint64_t number = 0;
        const char *digit = *at;

        for (; digit < end && *digit >= '0' && *digit <= '9'; digit++)
                if (__builtin_mul_overflow(number, 10, &number) ||
                    __builtin_add_overflow(number, (uint64_t) (*digit - '0'), &number))
                        return false;
        if (digit == *at || digit == end || (*digit != ' ' && *digit != '\n'))
                return false;
        *at = digit + 1;
        *ret = number;
        return true;
}

bool agent_process_parse_stat(struct base_bytes text, struct agent_process *ret)
{
        const char *start = (const char *) text.data, *end = start + text.len, *at = start;
        uint64_t pid, parent = 0, started = 0;

        if (text.len == 0 || !take_number(&at, end, &pid) || pid == 0 || pid > INT32_MAX)
                return false;
        /* "(name)" may hold anything, but what follows holds no parenthesis. */
        at = memrchr(start, ')', text.len);
        if (at == NULL || end - at < 2)
                return false;
        at += 2;
        for (int field = 3; field <= STAT_STARTED; field++) {
                if (at >= end)
                        return false;
                if (field == STAT_PARENT || field == STAT_STARTED) {
                        if (!take_number(&at, end, field == STAT_PARENT ? &parent : &started))
                                return false;
                        continue;
                }
                at = memchr(at, ' ', (size_t) (end - at));
                if (at == NULL)
                        return false;
                at++;
        }
        if (parent > INT32_MAX)
                return false;
        *ret = (struct agent_process){ .pid = (pid_t) pid, .parent = (pid_t) parent, .started = started };
        return true;
}

static bool starts_with(const char *text, size_t len, const char *prefix)
{
        return len >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *text, size_t len, const char *suffix)
{
        return len >= strlen(suffix) && memcmp(text + len - strlen(suffix), suffix, strlen(suffix)) == 0;
}

static bool is_application(const char *part, size_t len)
{
        return (starts_with(part, len, "app-") && (ends_with(part, len, ".scope") || ends_with(part, len, ".service"))) ||
               (starts_with(part, len, "snap.") && ends_with(part, len, ".scope"));
}

/* The bytes of `path` up to the end of its last part that is an application; 0 if there is none. */
static size_t application_len(const char *path, size_t len)
{
        size_t found = 0;

        for (size_t at = 0; at < len;) {
                const char *slash = memchr(path + at, '/', len - at);
                size_t part_len = slash == NULL ? len - at : (size_t) (slash - (path + at));

                if (is_application(path + at, part_len))
                        found = at + part_len;
                at += part_len + 1;
        }
        return found;
}

bool agent_process_parse_application(struct base_bytes text, char ret[AGENT_PROCESS_APPLICATION_BYTES_MAX])
{
        /* The unified hierarchy, which systemd has beside the old ones, too. */
        static const char prefix[] = "0::/";
        const char *at = (const char *) text.data, *end = at + text.len;

        while (at < end) {
                const char *newline = memchr(at, '\n', (size_t) (end - at));
                size_t len = (size_t) ((newline == NULL ? end : newline) - at);

                if (starts_with(at, len, prefix)) {
                        size_t found = application_len(at, len);

                        if (found == 0 || found >= AGENT_PROCESS_APPLICATION_BYTES_MAX || memchr(at, '\0', found) != NULL)
                                return false;
                        memcpy(ret, at, found);
                        ret[found] = '\0';
                        return true;
                }
                at += len + 1;
        }
        return false;
}

/* ---- reading ---- */

static bool read_file(int proc_fd, pid_t pid, const char *name, struct base_buffer *to)
{
        uint8_t bytes[AGENT_PROCESS_FILE_BYTES_MAX];
        char path[64];
        ssize_t len;
        int fd;

        (void) snprintf(path, sizeof(path), "%d/%s", (int) pid, name);
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return false;
        len = read(fd, bytes, sizeof(bytes));
        (void) close(fd);
        if (len <= 0)
                return false;
        base_buffer_put(to, bytes, (size_t) len);
        return base_buffer_ok(to);
}

static bool read_process(int proc_fd, pid_t pid, struct agent_process *ret)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AGENT_PROCESS_FILE_BYTES_MAX);

        return read_file(proc_fd, pid, "stat", &text) && agent_process_parse_stat(base_buffer_bytes(&text), ret) &&
               ret->pid == pid;
}

static bool read_application(int proc_fd, pid_t pid, char ret[AGENT_PROCESS_APPLICATION_BYTES_MAX])
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AGENT_PROCESS_FILE_BYTES_MAX);

        return read_file(proc_fd, pid, "cgroup", &text) && agent_process_parse_application(base_buffer_bytes(&text), ret);
}

/* Whether it is still the process that it was. */
static bool is_same(int proc_fd, const struct agent_process *process)
{
        struct agent_process now;

        return read_process(proc_fd, process->pid, &now) && now.started == process->started;
}

/* A parent is older than its child: a younger one has the number of a parent that ended. */
static bool descends_from(int proc_fd, const struct agent_process *caller, const struct agent_process *window)
{
        struct agent_process child = *caller, parent;

        for (int i = 0; i < AGENT_PROCESS_ANCESTORS_MAX && child.parent > INIT; i++) {
                if (!read_process(proc_fd, child.parent, &parent) || parent.started > child.started)
                        return false;
                if (parent.pid == window->pid)
                        return parent.started == window->started;
                child = parent;
        }
        return false;
}

static bool same_application(int proc_fd, pid_t a, pid_t b)
{
        char of_a[AGENT_PROCESS_APPLICATION_BYTES_MAX], of_b[AGENT_PROCESS_APPLICATION_BYTES_MAX];

        return read_application(proc_fd, a, of_a) && read_application(proc_fd, b, of_b) && strcmp(of_a, of_b) == 0;
}

struct agent_verdict agent_process_judge(int proc_fd, pid_t caller_pid, pid_t window_pid)
{
        struct agent_process caller, window;
        bool related;

        if (!read_process(proc_fd, caller_pid, &caller))
                return agent_verdict_unreadable("the program that asks has ended, or /proc hides it");
        if (!read_process(proc_fd, window_pid, &window))
                return agent_verdict_unreadable("the program of the window in front has ended, or /proc hides it");
        related = window.pid > INIT && (caller.pid == window.pid || descends_from(proc_fd, &caller, &window) ||
                                        same_application(proc_fd, caller.pid, window.pid));
        if (!is_same(proc_fd, &caller) || !is_same(proc_fd, &window))
                return agent_verdict_unreadable("a program ended at that moment");
        return (struct agent_verdict){ .kind = related ? AGENT_VERDICT_FOCUSED : AGENT_VERDICT_ELSEWHERE };
}
