/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/focus.h"
#include "client/agent/focus/look.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool agent_focus_is_believed(void)
{
        return getauxval(AT_SECURE) != 0 && getegid() != getgid();
}

void agent_focus_drop(struct agent_focus_question *question)
{
        if (question->focus == NULL)
                return;
        base_bus_call_drop(&question->pending);
        question->answer = sd_event_source_disable_unref(question->answer);
        question->deadline = sd_event_source_disable_unref(question->deadline);
        if (question->child > 0) {
                base_close_p(&question->answer_fd);
                (void) kill(question->child, SIGKILL);
                (void) waitpid(question->child, NULL, 0);
                question->child = 0;
        }
        question->focus->count--;
        question->focus = NULL;
}

static void settle(struct agent_focus_question *question, struct agent_verdict verdict)
{
        agent_focus_drop(question);
        question->verdict = verdict;
        question->done(question->context, &question->verdict);
}

/* ---- the process that looks ---- */

/* Has what the user has, and nothing of the agent's. */
static void look_and_exit(pid_t caller, pid_t parent, int answer_fd)
{
        struct agent_verdict verdict;
        gid_t group = getgid();
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        /* A change of groups resets both, in some kernels. */
        if (dup2(answer_fd, STDIN_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) < 0 ||
            setresgid(group, group, group) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
            getppid() != parent)
                _exit(EXIT_FAILURE);
        verdict = agent_focus_look(caller);
        _exit(write(STDIN_FILENO, &verdict, sizeof(verdict)) == sizeof(verdict) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* One write of less than PIPE_BUF comes whole or not at all. */
static int on_answer(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct agent_focus_question *question = userdata;
        struct agent_verdict verdict;

        (void) source;
        (void) revents;
        if (read(fd, &verdict, sizeof(verdict)) != sizeof(verdict) ||
            (verdict.kind != AGENT_VERDICT_FOCUSED && verdict.kind != AGENT_VERDICT_ELSEWHERE &&
             verdict.kind != AGENT_VERDICT_UNREADABLE))
                verdict = agent_verdict_unreadable("looking at the display failed");
        verdict.reason[sizeof(verdict.reason) - 1] = '\0';
        /* libdbus ends a program that hands it anything else. */
        if (!dbus_validate_utf8(verdict.reason, NULL))
                verdict = agent_verdict_unreadable("looking at the display failed");
        settle(question, verdict);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;
        settle(userdata, agent_verdict_unreadable("the display did not answer"));
        return 0;
}

static bool start_looking(struct agent_focus_question *question, pid_t caller)
{
        sd_event *event = question->focus->event;
        pid_t parent = getpid();
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return false;
        question->child = fork();
        if (question->child == 0)
                look_and_exit(caller, parent, fds[1]);
        (void) close(fds[1]);
        if (question->child < 0) {
                (void) close(fds[0]);
                return false;
        }
        question->answer_fd = fds[0];
        return sd_event_add_io(event, &question->answer, fds[0], EPOLLIN, on_answer, question) >= 0 &&
               sd_event_add_time_relative(event, &question->deadline, CLOCK_MONOTONIC, AGENT_FOCUS_WAIT_MAX_MS * 1000, 0,
                                          on_deadline, question) >= 0;
}

/* ---- the caller ---- */

static void on_process(void *context, DBusMessage *reply)
{
        struct agent_focus_question *question = context;
        dbus_uint32_t pid = 0;

        base_bus_call_drop(&question->pending);
        if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &pid, DBUS_TYPE_INVALID) || pid == 0 || pid > INT32_MAX)
                settle(question, agent_verdict_unreadable("the session bus does not say which process asks"));
        else if (!start_looking(question, (pid_t) pid))
                settle(question, agent_verdict_unreadable("no process could be started to look at the display"));
}

void agent_focus_ask(struct agent_focus *focus, struct agent_focus_question *question, const char *unique_name)
{
        DBusMessage *message;

        question->focus = focus;
        question->answer_fd = -1;
        if (focus->count++ >= AGENT_FOCUS_QUESTIONS_MAX) {
                settle(question, agent_verdict_unreadable("too many programs ask at once"));
                return;
        }
        message = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                               "GetConnectionUnixProcessID");
        if (message == NULL || !dbus_message_append_args(message, DBUS_TYPE_STRING, &unique_name, DBUS_TYPE_INVALID) ||
            !base_bus_call(focus->session, message, AGENT_FOCUS_WAIT_MAX_MS, on_process, question, &question->pending, NULL))
                settle(question, agent_verdict_unreadable("the session bus cannot be asked"));
        if (message != NULL)
                dbus_message_unref(message);
}
