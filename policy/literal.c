/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/literal.h"

#include "policy/literal_token.h"
#include "policy/span.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool too_long(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the text is longer than %d bytes", POLICY_FACT_TEXT_BYTES_MAX);
}

/* `source` stands between the quotes. */
static bool unquote(struct base_bytes source, char to[POLICY_FACT_TEXT_BYTES_MAX + 1], size_t *ret_offset,
                    struct base_error *error)
{
        size_t put = 0;

        for (size_t at = 0; at < source.len; at++) {
                if (source.data[at] == '\\') {
                        at++;
                        if (source.data[at] != '"' && source.data[at] != '\\') {
                                *ret_offset += at;
                                return base_error_set(error, BASE_ERROR_MALFORMED,
                                                      "in a quoted text a backslash stands before '\"' or '\\' only");
                        }
                }
                if (put == POLICY_FACT_TEXT_BYTES_MAX)
                        return too_long(error);
                /* A NUL would end the text early and hide what follows it. */
                to[put++] = source.data[at] == '\0' ? '\x01' : (char) source.data[at];
        }
        to[put] = '\0';
        if (!policy_text_valid(to))
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "the quoted text is not UTF-8 text without control characters");
        return true;
}

static bool parse_number(struct policy_literal *literal, struct base_error *error)
{
        const char *digits = literal->text + (literal->text[0] == '-');

        if (policy_span_is(literal->text)) {
                literal->type = POLICY_FACT_INTEGER;
                return policy_span_parse(literal->text, &literal->integer)
                               ? true
                               : base_error_set(error, BASE_ERROR_MALFORMED, "the time does not fit in 64 bits of seconds");
        }
        if (digits[strspn(digits, "0123456789")] != '\0') {
                literal->type = POLICY_FACT_VERSION;
                if (digits != literal->text)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "a version cannot be negative");
                return true;
        }
        literal->type = POLICY_FACT_INTEGER;
        errno = 0;
        literal->integer = strtoimax(literal->text, NULL, 10);
        if (errno != 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the number does not fit in 64 bits");
        return true;
}

static bool parse_word(struct base_bytes text, const struct policy_token *token, struct policy_literal *literal,
                       struct base_error *error)
{
        literal->type = POLICY_FACT_BOOLEAN;
        literal->boolean = policy_token_is_word(text, token, "true");
        if (literal->boolean || policy_token_is_word(text, token, "false"))
                return true;
        literal->type = POLICY_FACT_STRING;
        if (policy_token_is_keyword(text, token))
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "'%s' is a word of the language; as a text it stands in double quotes", literal->text);
        if (strchr(literal->text, '.') != NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "a fact cannot stand here; a text with a dot stands in double quotes");
        return true;
}

bool policy_literal_from_token(struct base_bytes text, const struct policy_token *token, struct policy_literal *ret,
                               size_t *ret_offset, struct base_error *error)
{
        struct policy_literal literal = { .type = POLICY_FACT_STRING };
        const uint8_t *start = text.data + token->offset;
        char found[POLICY_TOKEN_TEXT_BYTES_MAX];
        bool ok;

        *ret_offset = token->offset;
        if (token->kind == POLICY_TOKEN_QUOTED) {
                *ret_offset += 1;
                ok = unquote(BASE_BYTES(start + 1, token->len - 2), literal.text, ret_offset, error);
        } else if (token->kind == POLICY_TOKEN_WORD || token->kind == POLICY_TOKEN_NUMBER) {
                if (token->len > POLICY_FACT_TEXT_BYTES_MAX)
                        return too_long(error);
                memcpy(literal.text, start, token->len);
                literal.text[token->len] = '\0';
                ok = token->kind == POLICY_TOKEN_NUMBER ? parse_number(&literal, error)
                                                        : parse_word(text, token, &literal, error);
        } else {
                policy_token_describe(text, token, found);
                return base_error_set(error, BASE_ERROR_MALFORMED, "expected a value, found %s", found);
        }
        if (ok)
                *ret = literal;
        return ok;
}

bool policy_literal_parse(struct base_bytes text, struct policy_literal *ret, size_t *ret_offset, struct base_error *error)
{
        struct policy_lexer lexer = { .text = text };
        struct policy_literal literal;
        struct policy_token token;
        char found[POLICY_TOKEN_TEXT_BYTES_MAX];

        if (!policy_lexer_next(&lexer, &token, ret_offset, error) ||
            !policy_literal_from_token(text, &token, &literal, ret_offset, error) ||
            !policy_lexer_next(&lexer, &token, ret_offset, error))
                return false;
        if (token.kind != POLICY_TOKEN_END) {
                *ret_offset = token.offset;
                policy_token_describe(text, &token, found);
                return base_error_set(error, BASE_ERROR_MALFORMED, "expected the end after the value, found %s", found);
        }
        *ret = literal;
        return true;
}
