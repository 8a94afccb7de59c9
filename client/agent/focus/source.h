/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the window in front is learned from. Each source blocks as long as its server does: whoever runs it bounds that. Runs
 * in the process that attester-agent starts to look; may be included by client/agent/focus.
 */
#pragma once

#include "client/agent/focus/verdict.h"

#include <stdint.h>
#include <sys/types.h>

enum agent_source_result {
        AGENT_SOURCE_WINDOW,     /* of the process `*ret` */
        AGENT_SOURCE_NO_WINDOW,  /* no window is in front */
        AGENT_SOURCE_X11_WINDOW, /* of an X client, whose process only the X server knows: of the window `*ret_window` */
        AGENT_SOURCE_UNREADABLE, /* see `ret_reason` */
};

/* True if the other end of a Unix socket runs as this user or as root: another user's display tells nothing. */
bool agent_source_peer_is_trusted(int fd) BASE_MUST_CHECK;

/*
 * The process whose window has the keyboard on an X server, if the window manager says the same. `display` is as in $DISPLAY.
 * With `window` not 0, the process of that window.
 */
enum agent_source_result agent_source_x11(const char *display, uint32_t window, pid_t *ret,
                                          char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX]) BASE_MUST_CHECK;

/* The focused container of sway; `path` is as in $SWAYSOCK. Source: sway-ipc(7), GET_TREE. */
enum agent_source_result agent_source_sway(const char *path, pid_t *ret, uint32_t *ret_window,
                                           char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX]) BASE_MUST_CHECK;
