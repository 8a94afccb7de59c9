/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TPMS_ATTEST and a TPMT_SIGNATURE, split at the length that the first two bytes say. The quote is by nobody, so the
 * first bytes of attest are parsed on their own as well.
 */
#include "base/encode.h"
#include "evidence/quote.h"

#include <string.h>

static const char key_hex[] = "00780023000b000500320020f979594e6fd8074655f06b92e7205db9738297c32599129d0e51971ae0b2456d00100018"
                              "000b000300100020d8b927e93f6146a5534667c467f1990603fc086538de100029e54dc5306614440020948f289cc11f"
                              "9ae0f8139e54e6159a8496fe1f62630ab26056a5090e3cf717c7";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct evidence_quote quote;
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_PUBLIC_BYTES_MAX);
        evidence_auto_public struct evidence_public *key = NULL;
        struct base_reader reader = base_reader_over(BASE_BYTES(data, size));
        struct base_error error = BASE_ERROR_INIT;
        struct evidence_attest attest;
        struct base_bytes first;
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];

        if (!base_reader_get_u16_prefixed(&reader, &first) || first.len > sizeof(quote.attest) ||
            base_reader_left(&reader) > sizeof(quote.signature))
                return 0;
        /* What parses is a selection that can be digested. */
        if (evidence_attest_parse(first, &attest, &error) && !evidence_pcr_policy_digest(&attest.pcrs, digest, &error))
                abort();
        if (!base_hex_decode(&bytes, key_hex, sizeof(key_hex) - 1) || !evidence_public_new(base_buffer_bytes(&bytes), &key, NULL))
                abort();
        if (first.len > 0)
                memcpy(quote.attest, first.data, first.len);
        quote.attest_len = first.len;
        quote.signature_len = base_reader_left(&reader);
        if (!base_reader_copy(&reader, quote.signature, quote.signature_len))
                abort();
        /* Without the quoted values even the captured quote does not verify. */
        if (evidence_quote_verify(&quote, key, BASE_BYTES(NULL, 0), &attest, &error))
                abort();
        return 0;
}
