/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of the expression language. Used by the parsers of expressions and literals only.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

enum policy_token_kind {
        POLICY_TOKEN_END,
        POLICY_TOKEN_WORD,   /* a keyword, a fact's name or a bare text */
        POLICY_TOKEN_NUMBER, /* an integer or a version */
        POLICY_TOKEN_QUOTED, /* with its quotes */
        POLICY_TOKEN_EQUAL,
        POLICY_TOKEN_NOT_EQUAL,
        POLICY_TOKEN_LESS,
        POLICY_TOKEN_LESS_OR_EQUAL,
        POLICY_TOKEN_GREATER,
        POLICY_TOKEN_GREATER_OR_EQUAL,
        POLICY_TOKEN_OPEN,
        POLICY_TOKEN_CLOSE,
        POLICY_TOKEN_OPEN_SET,
        POLICY_TOKEN_CLOSE_SET,
        POLICY_TOKEN_AT,
};

struct policy_token {
        enum policy_token_kind kind;
        size_t offset; /* where it starts in the text */
        size_t len;
};

struct policy_lexer {
        struct base_bytes text;
        size_t position;
};

/*
 * Takes the next token; at the end of the text that is an END token, each time.
 * Errors: MALFORMED, with `ret_offset`, the byte that it is about.
 */
bool policy_lexer_next(struct policy_lexer *lexer, struct policy_token *ret, size_t *ret_offset,
                       struct base_error *error) BASE_MUST_CHECK;

/* Whether a token is the word `word`. */
bool policy_token_is_word(struct base_bytes text, const struct policy_token *token, const char *word);

/* Whether a token is one of the language's own words: and or not in true false known unreadable. */
bool policy_token_is_keyword(struct base_bytes text, const struct policy_token *token);

#define POLICY_TOKEN_TEXT_BYTES_MAX 48

/* Writes the token for a message: 'os.id', a quoted text, the end. */
void policy_token_describe(struct base_bytes text, const struct policy_token *token, char ret[POLICY_TOKEN_TEXT_BYTES_MAX]);
