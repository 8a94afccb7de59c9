/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/http_auth.h"

#include "token/header.h"

#include <string.h>
#include <strings.h>

struct parser {
        struct base_bytes text;
        size_t position;
        const struct token_auth_visitor *visitor;
        struct base_buffer unescaped; /* of the quoted string that was read last */
        size_t schemes;
        size_t parameters;     /* of the current challenge */
        bool takes_parameters; /* there is a current challenge, and it has no token68 */
};

static bool malformed(const struct parser *parser, const char *what, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "the authentication header is malformed at byte %zu: %s",
                              parser->position + 1, what);
}

static bool at_end(const struct parser *parser)
{
        return parser->position == parser->text.len;
}

static bool next_is(const struct parser *parser, uint8_t c)
{
        return !at_end(parser) && parser->text.data[parser->position] == c;
}

static void skip_white_space(struct parser *parser)
{
        while (next_is(parser, ' ') || next_is(parser, '\t'))
                parser->position++;
}

static bool at_end_of_element(const struct parser *parser)
{
        return at_end(parser) || next_is(parser, ',');
}

static bool is_alphanumeric(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 9110, section 5.6.2 */
static bool is_token_character(uint8_t c)
{
        return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* RFC 9110, section 11.2 */
static bool is_token68_character(uint8_t c)
{
        return is_alphanumeric(c) || (c != '\0' && strchr("-._~+/", c) != NULL);
}

/* RFC 9110, section 5.6.4, before escaping */
static bool is_quotable(uint8_t c)
{
        return c == '\t' || (c >= ' ' && c != 0x7f);
}

static struct base_bytes read_while(struct parser *parser, bool (*is_member)(uint8_t))
{
        size_t start = parser->position;

        while (!at_end(parser) && is_member(parser->text.data[parser->position]))
                parser->position++;
        return BASE_BYTES(parser->text.data + start, parser->position - start);
}

static bool is_unquoted_character(uint8_t c)
{
        return is_token_character(c) || is_token68_character(c);
}

static bool is_padding(uint8_t c)
{
        return c == '=';
}

static bool read_quoted_string(struct parser *parser, struct base_bytes *ret, struct base_error *error)
{
        base_buffer_reset(&parser->unescaped);
        for (parser->position++; !next_is(parser, '"'); parser->position++) {
                if (next_is(parser, '\\'))
                        parser->position++;
                if (at_end(parser) || !is_quotable(parser->text.data[parser->position]))
                        return malformed(parser, "the quoted string has no end or a control character", error);
                base_buffer_put_u8(&parser->unescaped, parser->text.data[parser->position]);
        }
        parser->position++;
        if (!base_buffer_ok(&parser->unescaped))
                return base_error_set_no_memory(error);
        *ret = base_buffer_bytes(&parser->unescaped);
        return true;
}

/* A token, or, more than RFC 9110 allows but less than some origins send, base64 with its padding and no quotes. */
static bool read_unquoted_value(struct parser *parser, struct base_bytes *ret, struct base_error *error)
{
        struct base_bytes value = read_while(parser, is_unquoted_character);

        if (value.len == 0)
                return malformed(parser, "the parameter has no value", error);
        value.len += read_while(parser, is_padding).len;
        *ret = value;
        return true;
}

/* Stands at the equals sign behind `name`. */
static bool read_parameter(struct parser *parser, struct base_bytes name, struct base_error *error)
{
        struct base_bytes value;

        if (!parser->takes_parameters)
                return malformed(parser, "there is no challenge that this parameter could belong to", error);
        if (++parser->parameters > TOKEN_HEADER_PARAMETERS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "a challenge in the authentication header has too many parameters");
        parser->position++;
        skip_white_space(parser);
        if (!(next_is(parser, '"') ? read_quoted_string(parser, &value, error) : read_unquoted_value(parser, &value, error)))
                return false;
        return parser->visitor->parameter(parser->visitor->context, name, value, error);
}

/* Whether a token68 stands here and ends the element; if so it is behind the parser then, otherwise nothing changes. */
static bool skip_token68(struct parser *parser)
{
        size_t start = parser->position;
        bool found = read_while(parser, is_token68_character).len > 0;

        (void) read_while(parser, is_padding);
        skip_white_space(parser);
        if (found && at_end_of_element(parser))
                return true;
        parser->position = start;
        return false;
}

/* Stands behind the scheme's name and `space_len` bytes of white space. */
static bool read_scheme(struct parser *parser, struct base_bytes name, size_t space_len, struct base_error *error)
{
        struct base_bytes parameter;

        if (++parser->schemes > TOKEN_HEADER_CHALLENGES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the authentication header has too many challenges");
        parser->parameters = 0;
        parser->takes_parameters = true;
        if (!parser->visitor->scheme(parser->visitor->context, name, error))
                return false;
        if (at_end_of_element(parser))
                return true;
        if (space_len == 0)
                return malformed(parser, "this character is not allowed in a scheme's name", error);
        if (skip_token68(parser)) {
                parser->takes_parameters = false;
                return true;
        }
        parameter = read_while(parser, is_token_character);
        skip_white_space(parser);
        if (parameter.len == 0 || !next_is(parser, '='))
                return malformed(parser, "neither a parameter nor a token68 stands behind the scheme", error);
        return read_parameter(parser, parameter, error);
}

static bool read_element(struct parser *parser, struct base_error *error)
{
        struct base_bytes name = read_while(parser, is_token_character);
        size_t end_of_name = parser->position;

        if (name.len == 0)
                return malformed(parser, "neither a scheme nor a parameter starts like this", error);
        skip_white_space(parser);
        if (!(next_is(parser, '=') ? read_parameter(parser, name, error)
                                   : read_scheme(parser, name, parser->position - end_of_name, error)))
                return false;
        skip_white_space(parser);
        if (!at_end_of_element(parser))
                return malformed(parser, "a comma is missing", error);
        return true;
}

bool token_auth_parse(struct base_bytes field, const struct token_auth_visitor *visitor, struct base_error *error)
{
        struct parser parser = {
                .text = field,
                .visitor = visitor,
                .unescaped = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX),
        };
        bool ok = true;

        if (field.len > TOKEN_HEADER_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the authentication header is too long");
        while (ok) {
                /* Empty elements of a list mean nothing (RFC 9110, section 5.6.1.2). */
                for (skip_white_space(&parser); next_is(&parser, ','); skip_white_space(&parser))
                        parser.position++;
                if (at_end(&parser))
                        break;
                ok = read_element(&parser, error);
        }
        base_buffer_clear(&parser.unescaped);
        return ok;
}

bool token_auth_name_is(struct base_bytes name, const char *string)
{
        return name.len == strlen(string) && strncasecmp((const char *) name.data, string, name.len) == 0;
}
