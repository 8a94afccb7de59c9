/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The value of the Attestation-Evidence header, through decoding and verification. Evidence that decodes must encode to
 * the bytes it came from. No input verifies: nobody holds the key.
 */
#include "base/encode.h"
#include "evidence/evidence.h"
#include "evidence/header.h"

static const uint8_t nonce_key[32];

/* A key whose shape is that of an attestation key: that of a TPM, captured. */
static const char key_hex[] = "00780023000b000500320020f979594e6fd8074655f06b92e7205db9738297c32599129d0e51971ae0b2456d00100018"
                              "000b000300100020d8b927e93f6146a5534667c467f1990603fc086538de100029e54dc5306614440020948f289cc11f"
                              "9ae0f8139e54e6159a8496fe1f62630ab26056a5090e3cf717c7";

static struct evidence_public *make_key(void)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_PUBLIC_BYTES_MAX);
        struct evidence_public *key = NULL;

        if (!base_hex_decode(&bytes, key_hex, sizeof(key_hex) - 1) || !evidence_public_new(base_buffer_bytes(&bytes), &key, NULL))
                abort();
        return key;
}

static void check_round_trip(const char *text, size_t len, const struct evidence *evidence)
{
        base_auto_buffer struct base_buffer given = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX),
                                            again = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);

        if (!evidence_header_decode(text, len, &given) || !evidence_encode(evidence, &again, NULL) ||
            !base_bytes_equal(base_buffer_bytes(&given), base_buffer_bytes(&again)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct evidence evidence;
        evidence_auto_public struct evidence_public *key = NULL;
        evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = false };
        struct evidence_expectation expectation = { .nonce_key = BASE_BYTES_OF(nonce_key),
                                                    .now = 1,
                                                    .iat_skew_seconds_max = UINT32_MAX };
        struct base_error error = BASE_ERROR_INIT;

        if (!evidence_decode_header((const char *) data, size, &evidence, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        check_round_trip((const char *) data, size, &evidence);
        key = make_key();
        expectation.attestation_key = key;
        if (evidence_verify(&evidence, &expectation, &verdict, &error))
                abort();
        return 0;
}
