/* SPDX-License-Identifier: BSD-2-Clause */
/* Each enrolment message that decodes must encode to the same bytes. */
#include "evidence/enrollment.h"

static void check(const struct base_buffer *again, bool encoded, struct base_bytes given)
{
        if (!encoded || !base_bytes_equal(base_buffer_bytes(again), given))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        struct base_bytes given = BASE_BYTES(data, size);
        struct evidence_enrollment_request request;
        struct evidence_enrollment_challenge challenge;
        struct evidence_enrollment_result result;
        struct base_error error;

        if (evidence_enrollment_request_decode(given, &request, &error))
                check(&again, evidence_enrollment_request_encode(&request, &again, &error), given);
        base_buffer_reset(&again);
        if (evidence_enrollment_challenge_decode(given, &challenge, &error))
                check(&again, evidence_enrollment_challenge_encode(&challenge, &again, &error), given);
        base_buffer_reset(&again);
        if (evidence_enrollment_result_decode(given, &result, &error))
                check(&again, evidence_enrollment_result_encode(&result, &again, &error), given);
        return 0;
}
