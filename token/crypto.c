/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/crypto.h"

#include <openssl/err.h>

bool token_crypto_error(struct base_error *error, const char *message)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        (void) base_error_set(error, BASE_ERROR_CRYPTO, "%s", message);
        if (reason != NULL)
                base_error_set_detail(error, "OpenSSL: %s", reason);
        ERR_clear_error();
        return false;
}
