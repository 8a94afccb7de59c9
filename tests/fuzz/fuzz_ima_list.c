/* SPDX-License-Identifier: BSD-2-Clause */
/* An IMA list, binary or text; what parses is replayed against a PCR 10 that it cannot come to, and one that it always does. */
#include "evidence/eventlog/ima.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };
        struct evidence_pcrs pcrs = { .bank_count = 1, .banks = { { .algorithm = 0x000b, .mask = 0xfff } } };
        struct evidence_ima_replay replay;
        struct base_error error = BASE_ERROR_INIT;

        if (!evidence_ima_list_parse(BASE_BYTES(data, size), &list, &error))
                return 0;
        if (!evidence_ima_replay(&list, &pcrs, &replay, &error) || !replay.matches || replay.entry_count != 0)
                abort();
        memset(pcrs.banks[0].values[EVIDENCE_IMA_PCR], 0x5a, 32);
        if (!evidence_ima_replay(&list, &pcrs, &replay, &error) || replay.matches)
                abort();
        return 0;
}
