/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the agent's table, a line a row, for check_interface.py. */
#include "client/agent/interface.h"

int main(void)
{
        for (const struct agent_method *method = agent_methods; method->handler != NULL; method++)
                (void) printf("method %s %s [%s] [%s]\n", AGENT_INTERFACE, method->call.member, method->call.in,
                              method->call.out);
        return 0;
}
