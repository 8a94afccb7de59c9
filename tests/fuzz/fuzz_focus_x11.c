/* SPDX-License-Identifier: BSD-2-Clause */
/* What an X server answers: a property that any client can write (format, value), and the ids of a client (count, list). */
#include "client/agent/focus/x11_values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint32_t window = 0;
        pid_t pid = 0;

        if (size < 1)
                return 0;
        (void) !agent_x11_parse_window(data[0], BASE_BYTES(data + 1, size - 1), &window);
        if (agent_x11_parse_client_pid(data[0], BASE_BYTES(data + 1, size - 1), &pid) && pid <= 0)
                __builtin_trap();
        return 0;
}
