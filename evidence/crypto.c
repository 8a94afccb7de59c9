/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/internal.h"

#include "evidence/tpm_numbers.h"

#include <openssl/err.h>

#define REASON_BYTES_MAX 256

bool evidence_crypto_failed(struct base_error *error, const char *what)
{
        char reason[REASON_BYTES_MAX] = "no reason given";
        unsigned long code = ERR_peek_last_error();

        if (code != 0)
                ERR_error_string_n(code, reason, sizeof(reason));
        ERR_clear_error();
        (void) base_error_set(error, BASE_ERROR_CRYPTO, "%s failed.", what);
        base_error_set_detail(error, "OpenSSL: %s", reason);
        return false;
}

const EVP_MD *evidence_tpm_hash(uint16_t algorithm)
{
        switch (algorithm) {
        case EVIDENCE_TPM_ALG_SHA256:
                return EVP_sha256();
        case EVIDENCE_TPM_ALG_SHA384:
                return EVP_sha384();
        default:
                return NULL;
        }
}

const char *evidence_curve_name(uint16_t curve, size_t *ret_coordinate_len)
{
        switch (curve) {
        case EVIDENCE_TPM_ECC_NIST_P256:
                *ret_coordinate_len = 32;
                return "P-256";
        case EVIDENCE_TPM_ECC_NIST_P384:
                *ret_coordinate_len = 48;
                return "P-384";
        default:
                return NULL;
        }
}
