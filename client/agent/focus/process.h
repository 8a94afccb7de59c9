/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which programs belong together: a process, its ancestors, and its application's control group. Runs in the process that
 * attester-agent starts to look; may be included by client/agent/focus.
 */
#pragma once

#include "base/buffer.h"
#include "client/agent/focus/verdict.h"

#include <sys/types.h>

#define AGENT_PROCESS_ANCESTORS_MAX         64
#define AGENT_PROCESS_FILE_BYTES_MAX        4096
#define AGENT_PROCESS_APPLICATION_BYTES_MAX 512 /* with the NUL */

/* A number alone does not name a process: the kernel uses it again. */
struct agent_process {
        pid_t pid;
        pid_t parent;
        uint64_t started; /* clock ticks since the boot */
};

/* Parses /proc/PID/stat; the program's name in it is its own choice. Source: proc(5). */
bool agent_process_parse_stat(struct base_bytes text, struct agent_process *ret) BASE_MUST_CHECK;

/*
 * Parses /proc/PID/cgroup into the control group of the application: up to the innermost part that is app-NAME.scope,
 * app-NAME.service or snap.NAME.scope. False if there is none.
 * Source: systemd's "Desktop Environment Integration", "XDG standardization for applications".
 */
bool agent_process_parse_application(struct base_bytes text, char ret[AGENT_PROCESS_APPLICATION_BYTES_MAX]) BASE_MUST_CHECK;

/*
 * Whether the process with the window in front, `window`, is `caller`, an ancestor of it, or of the same application. `proc_fd`
 * is /proc. Processes that end or change meanwhile make it unreadable.
 */
struct agent_verdict agent_process_judge(int proc_fd, pid_t caller, pid_t window);
