/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate's configuration: what is accepted is complete and within its limits. */
#include "issuer/gate/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config config;

        if (!gate_config_parse("input", BASE_BYTES(data, size), &config, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        if (config.origin_count == 0 || config.origin_count > GATE_ORIGINS_MAX || config.issuer[0] == '\0' ||
            config.challenges_max == 0 || config.challenges_max > GATE_CHALLENGES_MAX || config.challenge_lifetime_s == 0 ||
            gate_config_find_origin(&config, config.origins[0]) != 0)
                abort();
        return 0;
}
