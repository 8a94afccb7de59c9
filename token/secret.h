/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How token type 0x0001 treats what depends on a private key, a blind or a proof's randomness: hidden from the compiler's
 * cleverness, marked where it stops being secret, and wiped. Private to token/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Keeps the compiler from seeing that a mask is all ones or 0, and from making a branch of it. */
static inline uint64_t token_secret_opaque(uint64_t value)
{
        __asm__("" : "+r"(value));
        return value;
}

/*
 * Says that these bytes are public although they were computed from secrets; each call says why. It does nothing but in the
 * build of token/ that tests/token/constant_time.c makes for valgrind: there everything else that was computed from a secret is
 * undefined memory, and a branch or an index that depends on it an error.
 */
#ifdef TOKEN_SECRET_CHECK
#include <valgrind/memcheck.h>
static inline void token_secret_declassify(const void *bytes, size_t len)
{
        (void) VALGRIND_MAKE_MEM_DEFINED(bytes, len);
}
#else
static inline void token_secret_declassify(const void *bytes, size_t len)
{
        (void) bytes;
        (void) len;
}
#endif

/*
 * Wipes what functions that have returned left on the stack: the arithmetic's intermediate values, and what the compiler
 * spilled. To be called by the outermost function that has a secret, which wipes its own variables itself.
 */
void token_secret_wipe_stack(void);
