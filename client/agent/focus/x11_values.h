/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an X server answers, parsed. Pure. Runs in the process that attester-agent starts to look; may be included by
 * client/agent/focus.
 */
#pragma once

#include "base/buffer.h"

#include <sys/types.h>

#define AGENT_X11_CLIENT_IDS_MAX 64 /* looked at, of one answer */

/*
 * The window in the value of _NET_ACTIVE_WINDOW, which any client can write: one WINDOW of 32 bits in the machine's byte
 * order; 0: none. False if it is something else.
 * Source: Extended Window Manager Hints, "_NET_ACTIVE_WINDOW".
 */
bool agent_x11_parse_window(uint8_t format, struct base_bytes value, uint32_t *ret) BASE_MUST_CHECK;

/*
 * The process in the list of CLIENTIDVALUE of QueryClientIds, each client (4 bytes), mask (4), length in bytes (4) and so many
 * bytes. False if it holds no process, or several, or does not parse: the X server knows none of a client on another machine.
 * Source: X-Resource extension 1.2, "XResQueryClientIds".
 */
bool agent_x11_parse_client_pid(uint32_t count, struct base_bytes ids, pid_t *ret) BASE_MUST_CHECK;

/* Whether a name of a display, as in $DISPLAY, is one of this machine's by a Unix socket: ":0", ":1.0". */
bool agent_x11_display_is_local(const char *name) BASE_MUST_CHECK;
