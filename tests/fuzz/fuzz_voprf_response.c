/* SPDX-License-Identifier: BSD-2-Clause */
/* As fuzz_token_response.c, for type 0x0001. */
#define FUZZ_TOKEN_TYPE TOKEN_TYPE_VOPRF
#include "tests/fuzz/fuzz_token_response.c"
