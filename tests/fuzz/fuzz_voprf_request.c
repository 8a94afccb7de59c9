/* SPDX-License-Identifier: BSD-2-Clause */
/* As fuzz_token_request.c, for type 0x0001. */
#define FUZZ_TOKEN_TYPE TOKEN_TYPE_VOPRF
#include "tests/fuzz/fuzz_token_request.c"
