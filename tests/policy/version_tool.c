/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads lines "ORDER A B" and writes -1, 0 or 1 for each, or "invalid". */
#include "policy/version.h"

#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>

static enum policy_version_order order_of(const char *name)
{
        int order = POLICY_VERSION_ORDER_COUNT - 1;

        while (order > 0 && strcmp(name, policy_version_order_name((enum policy_version_order) order)) != 0)
                order--;
        return (enum policy_version_order) order;
}

int main(void)
{
        char name[16], a[300], b[300];

        while (scanf("%15s %299s %299s", name, a, b) == 3) {
                enum policy_version_order order = order_of(name);
                int result;

                if (!policy_version_valid(order, a) || !policy_version_valid(order, b)) {
                        (void) puts("invalid");
                        continue;
                }
                result = policy_version_compare_in(order, a, b);
                (void) printf("%d\n", (result > 0) - (result < 0));
        }
        return 0;
}
