/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the daemon's tables, a line a row, for check_interface.py. */
#include "attesterd/interface.h"

#include <stdio.h>

int main(void)
{
        for (const struct attesterd_method *method = attesterd_methods; method->handler != NULL; method++)
                (void) printf("method %s %s [%s] [%s]\n", method->call.interface, method->call.member, method->call.in,
                              method->call.out);
        for (const struct attesterd_property *property = attesterd_property_table; property->name != NULL; property++)
                (void) printf("property %s %s [%s]\n", ATTESTERD_INTERFACE, property->name, property->signature);
        return 0;
}
