/* SPDX-License-Identifier: BSD-2-Clause */
/* What a compositor answers: a message's header, then the tree of its windows. */
#include "client/agent/focus/sway_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char reason[AGENT_VERDICT_REASON_BYTES_MAX];
        uint32_t len = 0, window = 0;
        pid_t pid = 0;

        if (size < AGENT_SWAY_HEADER_LEN)
                return 0;
        (void) !agent_sway_header_parse(data, AGENT_SWAY_MESSAGE_GET_TREE, &len);
        if (agent_sway_tree_parse(BASE_BYTES(data + AGENT_SWAY_HEADER_LEN, size - AGENT_SWAY_HEADER_LEN), &pid, &window,
                                  reason) == AGENT_SOURCE_WINDOW &&
            pid <= 0)
                __builtin_trap();
        return 0;
}
