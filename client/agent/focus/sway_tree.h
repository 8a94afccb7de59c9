/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of sway's IPC, parsed. Pure. Runs in the process that attester-agent starts to look; may be included by
 * client/agent/focus.
 */
#pragma once

#include "base/buffer.h"
#include "client/agent/focus/source.h"

#define AGENT_SWAY_HEADER_LEN       14
#define AGENT_SWAY_TREE_BYTES_MAX   (4 * 1024 * 1024) /* about 1.5 KB a window */
#define AGENT_SWAY_TREE_DEPTH_MAX   32                /* of containers within containers */
#define AGENT_SWAY_TREE_NODES_MAX   4096
#define AGENT_SWAY_MESSAGE_GET_TREE 4u

/* Writes the header of a message: "i3-ipc", length and type in the machine's byte order. */
void agent_sway_header_write(uint32_t len, uint32_t type, uint8_t ret[static AGENT_SWAY_HEADER_LEN]);

/* Reads one; false if it is none, of another type, or of more than AGENT_SWAY_TREE_BYTES_MAX. */
bool agent_sway_header_parse(const uint8_t header[static AGENT_SWAY_HEADER_LEN], uint32_t type,
                             uint32_t *ret_len) BASE_MUST_CHECK;

/*
 * The focused container in the JSON of GET_TREE: its process, or, if it is Xwayland's, its X window: some versions
 * of sway have the process of such a one from the client's own claim.
 */
enum agent_source_result agent_sway_tree_parse(struct base_bytes json, pid_t *ret, uint32_t *ret_window,
                                               char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX]) BASE_MUST_CHECK;
