/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/notice_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct agent_notice_memory memory = { .count = 0 };

        if (!agent_notice_memory_parse(&memory, BASE_BYTES(data, size)) && memory.count != 0)
                abort();
        if (memory.count > AGENT_NOTICE_CAUSES_MAX)
                abort();
        return 0;
}
