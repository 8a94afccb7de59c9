/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/secret.h"

#include <string.h>

/* Below token_voprf_evaluate() are some 11 KiB, most of them a comb in the making. */
#define DEPTH_BYTES 16384

__attribute__((noinline)) void token_secret_wipe_stack(void)
{
        uint8_t below[DEPTH_BYTES];

        explicit_bzero(below, sizeof(below));
}
