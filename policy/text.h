/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts that are shown to people and cross D-Bus and CBOR, both of which take UTF-8 only. Used by every program that
 * handles facts and policies; may be included by the folders that may include policy/.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a text is UTF-8 (RFC 3629) without control characters (U+0000–U+001F, U+007F–U+009F). */
bool policy_text_valid(const char *text);

/*
 * Writes `from` as such a text: what is not becomes '?', and what does not fit in `size` bytes, the NUL included, is cut
 * between characters. `to` and `from` may be the same.
 */
void policy_text_clean(char *to, size_t size, const char *from);

/* A sentence that is put together in an array of fixed size: what does not fit is cut, when it is finished. */
struct policy_sentence {
        char *text;
        size_t size;
        size_t len;
};

struct policy_sentence policy_sentence_over(char *text, size_t size);
void policy_sentence_put(struct policy_sentence *sentence, const char *text);
void policy_sentence_printf(struct policy_sentence *sentence, const char *format, ...) BASE_PRINTF(2, 3);
/* Cleans the text. */
void policy_sentence_finish(struct policy_sentence *sentence);
