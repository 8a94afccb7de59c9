/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/lexer.h"

#include <string.h>

static bool is_letter(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
        return c >= '0' && c <= '9';
}

static bool is_member(uint8_t c, const char *more)
{
        return is_letter(c) || is_digit(c) || (c != '\0' && strchr(more, c) != NULL);
}

static size_t run_len(struct base_bytes text, size_t from, const char *more)
{
        size_t at = from;

        while (at < text.len && is_member(text.data[at], more))
                at++;
        return at - from;
}

/* With its quotes; 0 if the closing one is missing. */
static size_t quoted_len(struct base_bytes text, size_t from)
{
        for (size_t at = from + 1; at < text.len; at++) {
                if (text.data[at] == '"')
                        return at + 1 - from;
                if (text.data[at] == '\\')
                        at++;
        }
        return 0;
}

static bool starts_number(struct base_bytes rest)
{
        return is_digit(rest.data[0]) || (rest.len > 1 && rest.data[0] == '-' && is_digit(rest.data[1]));
}

static const struct {
        const char *text;
        enum policy_token_kind kind;
} marks[] = {
        { "==", POLICY_TOKEN_EQUAL },
        { "!=", POLICY_TOKEN_NOT_EQUAL },
        { "<=", POLICY_TOKEN_LESS_OR_EQUAL },
        { ">=", POLICY_TOKEN_GREATER_OR_EQUAL },
        { "<", POLICY_TOKEN_LESS },
        { ">", POLICY_TOKEN_GREATER },
        { "(", POLICY_TOKEN_OPEN },
        { ")", POLICY_TOKEN_CLOSE },
        { "{", POLICY_TOKEN_OPEN_SET },
        { "}", POLICY_TOKEN_CLOSE_SET },
        { "@", POLICY_TOKEN_AT },
};

static bool take_mark(struct base_bytes rest, struct policy_token *token)
{
        for (size_t i = 0; i < BASE_COUNT(marks); i++) {
                size_t len = strlen(marks[i].text);

                if (rest.len >= len && memcmp(rest.data, marks[i].text, len) == 0) {
                        token->kind = marks[i].kind;
                        token->len = len;
                        return true;
                }
        }
        return false;
}

static bool refuse_character(uint8_t c, struct base_error *error)
{
        static const char *const hints[] = {
                ['='] = "; \"is equal\" is '=='",
                ['!'] = "; write 'not', or '!='",
                ['&'] = "; write 'and'",
                ['|'] = "; write 'or'",
                [','] = "; a space separates the elements of a set",
                ['\''] = "; texts stand in double quotes",
        };
        const char *hint = c < BASE_COUNT(hints) && hints[c] != NULL ? hints[c] : "";

        if (c < 0x20 || c >= 0x7f)
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "unexpected byte 0x%02x; other texts than ASCII words stand in double quotes", c);
        return base_error_set(error, BASE_ERROR_MALFORMED, "unexpected character '%c'%s", c, hint);
}

bool policy_lexer_next(struct policy_lexer *lexer, struct policy_token *ret, size_t *ret_offset, struct base_error *error)
{
        struct base_bytes text = lexer->text;
        struct policy_token token = { .kind = POLICY_TOKEN_END };
        struct base_bytes rest;

        while (lexer->position < text.len && text.data[lexer->position] != '\0' &&
               strchr(" \t\r\n", text.data[lexer->position]) != NULL)
                lexer->position++;
        token.offset = lexer->position;
        rest = BASE_BYTES(text.data + token.offset, text.len - token.offset);
        if (rest.len == 0) {
                *ret = token;
                return true;
        }
        if (is_letter(rest.data[0])) {
                token.kind = POLICY_TOKEN_WORD;
                token.len = run_len(text, token.offset, "_.-");
        } else if (starts_number(rest)) {
                token.kind = POLICY_TOKEN_NUMBER;
                token.len = 1 + run_len(text, token.offset + 1, "_.-+~^:");
        } else if (rest.data[0] == '"') {
                token.kind = POLICY_TOKEN_QUOTED;
                token.len = quoted_len(text, token.offset);
        }
        if (token.kind == POLICY_TOKEN_END && !take_mark(rest, &token)) {
                *ret_offset = token.offset;
                return refuse_character(rest.data[0], error);
        }
        if (token.len == 0) {
                *ret_offset = token.offset;
                return base_error_set(error, BASE_ERROR_MALFORMED, "the text that starts here has no closing double quote");
        }
        lexer->position += token.len;
        *ret = token;
        return true;
}

bool policy_token_is_word(struct base_bytes text, const struct policy_token *token, const char *word)
{
        return token->kind == POLICY_TOKEN_WORD && token->len == strlen(word) &&
               memcmp(text.data + token->offset, word, token->len) == 0;
}

bool policy_token_is_keyword(struct base_bytes text, const struct policy_token *token)
{
        static const char *const keywords[] = { "and", "or", "not", "in", "true", "false", "known", "unreadable" };

        for (size_t i = 0; i < BASE_COUNT(keywords); i++)
                if (policy_token_is_word(text, token, keywords[i]))
                        return true;
        return false;
}

void policy_token_describe(struct base_bytes text, const struct policy_token *token, char ret[POLICY_TOKEN_TEXT_BYTES_MAX])
{
        int shown = token->len > POLICY_TOKEN_TEXT_BYTES_MAX - 6 ? POLICY_TOKEN_TEXT_BYTES_MAX - 6 : (int) token->len;

        if (token->kind == POLICY_TOKEN_END)
                (void) snprintf(ret, POLICY_TOKEN_TEXT_BYTES_MAX, "the end");
        else if (token->kind == POLICY_TOKEN_QUOTED)
                (void) snprintf(ret, POLICY_TOKEN_TEXT_BYTES_MAX, "a quoted text");
        else
                (void) snprintf(ret, POLICY_TOKEN_TEXT_BYTES_MAX, "'%.*s%s'", shown, (const char *) text.data + token->offset,
                                shown < (int) token->len ? "…" : "");
}
