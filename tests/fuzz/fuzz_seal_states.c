/* SPDX-License-Identifier: BSD-2-Clause */
/* What "attestctl seal sign" reads: states that parse are within the limits, and each has a policy of its values. */
#include "client/attestctl/seal_states.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        attestctl_auto_states struct attestctl_states states = { .count = 0 };

        if (!attestctl_states_parse("fuzz", BASE_BYTES(data, size), &states, NULL))
                return 0;
        if (states.count > ATTESTCTL_STATES_MAX)
                abort();
        for (size_t i = 0; i < states.count; i++) {
                const struct attestctl_state *state = &states.items[i];

                if (memchr(state->phases, '\0', sizeof(state->phases)) == NULL || state->changed != 0 ||
                    state->pcrs.bank_count != 1 || state->pcrs.banks[0].mask >> EVIDENCE_PCR_COUNT != 0)
                        abort();
        }
        return 0;
}
