/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/address.h"
#include "issuer/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        issuer_auto_config struct issuer_config config = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        struct issuer_address address;

        if (!issuer_config_parse("input", BASE_BYTES(data, size), &config, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        /* What was accepted holds what the program relies on. */
        if (config.name == NULL || config.state_directory == NULL || config.ek_requirement == ISSUER_EK_UNSET ||
            config.threads == 0 || !issuer_address_parse(config.listen, &address, &error) ||
            (!config.tls && !issuer_address_is_local(&address)))
                abort();
        return 0;
}
