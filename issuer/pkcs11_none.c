/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of pkcs11.c where p11-kit is not there. */
#include "issuer/pkcs11.h"

bool issuer_pkcs11_open(const char *uri, const char *pin_file, struct pkcs11_source **source, struct token_issuer_key **ret,
                        struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_UNSUPPORTED, "this attester-issuer was built without PKCS #11");
}

void issuer_pkcs11_close_source(struct pkcs11_source *source)
{
}
