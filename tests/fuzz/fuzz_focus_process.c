/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of /proc whose contents another program chose in part: its name, its control group. */
#include "client/agent/focus/process.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char application[AGENT_PROCESS_APPLICATION_BYTES_MAX];
        struct agent_process process;

        if (agent_process_parse_stat(BASE_BYTES(data, size), &process) && (process.pid <= 0 || process.parent < 0))
                __builtin_trap();
        if (agent_process_parse_application(BASE_BYTES(data, size), application) && strlen(application) > size)
                __builtin_trap();
        return 0;
}
