/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/look.h"
#include "client/agent/focus/process.h"
#include "client/agent/focus/source.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

bool agent_source_peer_is_trusted(int fd)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == getuid());
}

#if !AGENT_HAS_X11
enum agent_source_result agent_source_x11(const char *display, uint32_t window, pid_t *ret,
                                          char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        (void) display;
        (void) window;
        (void) ret;
        (void) snprintf(ret_reason, AGENT_VERDICT_REASON_BYTES_MAX, "this attester-agent was built without X11");
        return AGENT_SOURCE_UNREADABLE;
}
#endif

static const char *environment(const char *name)
{
        const char *value = getenv(name);

        return value == NULL || value[0] == '\0' ? NULL : value;
}

/* A compositor's word covers the X clients on it, too; an X server's does not cover the others. */
static enum agent_source_result find_window(pid_t *ret, char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        const char *sway = environment("SWAYSOCK"), *x11 = environment("DISPLAY");
        enum agent_source_result result;
        uint32_t window = 0;

        if (sway != NULL) {
                result = agent_source_sway(sway, ret, &window, ret_reason);
                if (result != AGENT_SOURCE_X11_WINDOW)
                        return result;
                if (x11 != NULL)
                        return agent_source_x11(x11, window, ret, ret_reason);
                (void) snprintf(ret_reason, AGENT_VERDICT_REASON_BYTES_MAX,
                                "an X window is in front, and DISPLAY is not in the agent's environment");
                return AGENT_SOURCE_UNREADABLE;
        }
        if (environment("WAYLAND_DISPLAY") == NULL && x11 != NULL)
                return agent_source_x11(x11, 0, ret, ret_reason);
        (void) snprintf(ret_reason, AGENT_VERDICT_REASON_BYTES_MAX, "%s",
                        environment("WAYLAND_DISPLAY") != NULL
                                ? "this Wayland compositor tells nobody which window is in front; sway and X11 sessions do"
                                : "neither SWAYSOCK nor DISPLAY is in attester-agent's environment");
        return AGENT_SOURCE_UNREADABLE;
}

struct agent_verdict agent_focus_look(pid_t caller)
{
        char reason[AGENT_VERDICT_REASON_BYTES_MAX] = "";
        base_auto_close int proc_fd = -1;
        pid_t window = 0;

        switch (find_window(&window, reason)) {
        case AGENT_SOURCE_WINDOW:
                break;
        case AGENT_SOURCE_NO_WINDOW:
                return (struct agent_verdict){ .kind = AGENT_VERDICT_ELSEWHERE };
        case AGENT_SOURCE_X11_WINDOW:
        case AGENT_SOURCE_UNREADABLE:
                return agent_verdict_unreadable(reason);
        }
        proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return agent_verdict_unreadable("/proc is not there");
        return agent_process_judge(proc_fd, caller, window);
}
